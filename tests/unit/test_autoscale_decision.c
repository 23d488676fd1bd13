/* Autoscaling's decisions: rows of what is to happen, a plain model beside it, and what never may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/rng.h"
#include "master_stub/marathon/autoscale/autoscale_decision.h"
#include "master_stub/marathon/definition/autoscale.h"
#include "master_stub/marathon/definition/zone.h"

enum { MAX_SAMPLES = 512, SECOND = 1000, LONG_AGO = -100000000 };

/* Nothing holds it back but what a test asks for. */
static struct autoscale free_policy(double target)
{
	return (struct autoscale){
		.min = 1, .max = 100, .n_targets = 1, .targets = { { .value = target } },
		.tolerance = 0.1,
		.up = { .period_ms = 15 * SECOND, .max_instances = 1000 },
		.down = { .period_ms = 15 * SECOND, .max_percent = 100 },
	};
}

static struct autoscale_history old_history(unsigned instances)
{
	struct autoscale_history history;

	autoscale_history_begin(&history, instances, LONG_AGO);
	return history;
}

/* ---- One decision ---- */

#define X NAN	/* not known */

static void test_what_is_wished(void **state)
{
	static const struct {
		double samples[8];
		unsigned instances, wished;
		enum autoscale_reason reason;
	} rows[] = {
		/* The mean against a target of 10. */
		{ { 10 }, 1, 1, AUTOSCALE_STEADY },
		{ { 20 }, 1, 2, AUTOSCALE_LOAD },
		{ { 21 }, 1, 3, AUTOSCALE_LOAD },
		{ { 5, 5, 5, 5 }, 4, 2, AUTOSCALE_LOAD },
		{ { 0, 0, 0, 0 }, 4, 1, AUTOSCALE_BOUNDS },
		{ { 5000 }, 1, 100, AUTOSCALE_BOUNDS },
		{ { -5, -5 }, 2, 1, AUTOSCALE_BOUNDS },
		{ { 30, 0, 0 }, 3, 3, AUTOSCALE_STEADY },
		/* A tenth is tolerated. */
		{ { 11, 11, 11 }, 3, 3, AUTOSCALE_STEADY },
		{ { 11.01, 11, 11 }, 3, 4, AUTOSCALE_LOAD },
		{ { 9, 9, 9, 9 }, 4, 4, AUTOSCALE_STEADY },
		{ { 7, 7, 7, 7 }, 4, 3, AUTOSCALE_LOAD },
		/* Rounding up is not flapping: one of two would be above the target. */
		{ { 6, 6 }, 2, 2, AUTOSCALE_STEADY },
		/* Unknown ones are idle when it is to be more ... */
		{ { 20, X }, 2, 2, AUTOSCALE_STEADY },
		{ { 40, X }, 2, 4, AUTOSCALE_LOAD },
		{ { 15, X, X }, 3, 3, AUTOSCALE_STEADY },
		/* ... and at the target when it is to be less. */
		{ { 0, X, X }, 3, 2, AUTOSCALE_LOAD },
		{ { 8, X, X, X }, 4, 4, AUTOSCALE_STEADY },
		{ { X, X }, 2, 2, AUTOSCALE_NO_SAMPLES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct autoscale policy = free_policy(10);
		struct autoscale_history history = old_history(rows[i].instances);
		struct autoscale_sample samples[8];
		struct autoscale_decision decision;

		for (unsigned j = 0; j < 8; j++)
			samples[j] = (struct autoscale_sample){ !isnan(rows[i].samples[j]),
								rows[i].samples[j] };
		decision = autoscale_decide(&policy, 1, 100, rows[i].instances, samples, &history,
					    0);
		if (decision.instances != rows[i].wished)
			fail_msg("row %zu: %u, %s", i, decision.instances,
				 autoscale_reason_name(decision.reason));
		if (decision.reason != rows[i].reason)
			fail_msg("row %zu: %s", i, autoscale_reason_name(decision.reason));
	}
}

static struct autoscale_decision decide_two(double a, double b, unsigned instances)
{
	struct autoscale policy = free_policy(10);
	struct autoscale_history history = old_history(instances);
	struct autoscale_sample samples[2 * MAX_SAMPLES];

	policy.n_targets = 2;
	policy.targets[1].value = 1;
	for (unsigned i = 0; i < instances; i++) {
		samples[i] = (struct autoscale_sample){ !isnan(a), a };
		samples[instances + i] = (struct autoscale_sample){ !isnan(b), b };
	}
	return autoscale_decide(&policy, 1, 100, instances, samples, &history, 0);
}

static void test_of_several_targets_the_one_that_wants_most_counts(void **state)
{
	struct autoscale_decision decision = decide_two(20, 4, 2);

	(void)state;
	assert_int_equal(decision.instances, 8);
	assert_int_equal(decision.target, 1);
	decision = decide_two(5, 0.9, 10);
	assert_int_equal(decision.instances, 10);
	assert_int_equal(decision.reason, AUTOSCALE_STEADY);
	/* More by the one that is known; never fewer while the other is not. */
	decision = decide_two(20, X, 2);
	assert_int_equal(decision.instances, 4);
	decision = decide_two(1, X, 2);
	assert_int_equal(decision.instances, 2);
	assert_int_equal(decision.reason, AUTOSCALE_UNKNOWN);
}

/* ---- Over time ---- */

static struct autoscale_decision decide(const struct autoscale *policy, unsigned instances,
					double load, struct autoscale_history *history,
					int64_t now_ms)
{
	struct autoscale_sample samples[MAX_SAMPLES];
	struct autoscale_decision decision;

	for (unsigned i = 0; i < instances; i++)
		samples[i] = (struct autoscale_sample){ true, load / instances };
	decision = autoscale_decide(policy, policy->min, policy->max, instances, samples, history,
				    now_ms);
	if (decision.instances != instances)
		autoscale_history_step(history, instances, decision.instances, now_ms);
	return decision;
}

static void test_down_waits_for_its_window(void **state)
{
	struct autoscale policy = free_policy(10);
	struct autoscale_history history = old_history(2);
	unsigned n;

	(void)state;
	policy.down.stabilization_ms = 300 * SECOND;
	n = decide(&policy, 2, 80, &history, 0).instances;
	assert_int_equal(n, 8);
	for (int64_t now = 15 * SECOND; now < 300 * SECOND; now += 15 * SECOND) {
		struct autoscale_decision decision = decide(&policy, n, 20, &history, now);

		assert_int_equal(decision.instances, 8);
		assert_int_equal(decision.wanted, 2);
		assert_int_equal(decision.reason, AUTOSCALE_STABILIZING);
	}
	/* To the most that was wished meanwhile, not to the last wish. */
	(void)decide(&policy, n, 50, &history, 299 * SECOND);
	assert_int_equal(decide(&policy, n, 20, &history, 300 * SECOND).instances, 5);
}

static void test_up_waits_for_its_window(void **state)
{
	struct autoscale policy = free_policy(10);
	struct autoscale_history history = old_history(2);

	(void)state;
	policy.up.stabilization_ms = 60 * SECOND;
	assert_int_equal(decide(&policy, 2, 20, &history, 0).instances, 2);
	assert_int_equal(decide(&policy, 2, 80, &history, 30 * SECOND).instances, 2);
	assert_int_equal(decide(&policy, 2, 50, &history, 59 * SECOND).instances, 2);
	assert_int_equal(decide(&policy, 2, 80, &history, 60 * SECOND).instances, 5);
}

static void test_steps_are_limited(void **state)
{
	struct autoscale policy = free_policy(10);
	struct autoscale_history history = old_history(1);
	struct autoscale_decision decision;

	(void)state;
	policy.up = (struct autoscale_pace){ .period_ms = 15 * SECOND, .max_instances = 4,
					     .max_percent = 100 };
	/* The larger of four and the double. */
	assert_int_equal(decide(&policy, 1, 900, &history, 0).instances, 5);
	decision = decide(&policy, 5, 900, &history, 14 * SECOND);
	assert_int_equal(decision.instances, 5);
	assert_int_equal(decision.reason, AUTOSCALE_LIMITED);
	assert_int_equal(decide(&policy, 5, 900, &history, 15 * SECOND).instances, 10);
	assert_int_equal(decide(&policy, 10, 900, &history, 30 * SECOND).instances, 20);

	policy.down = (struct autoscale_pace){ .period_ms = 60 * SECOND, .max_percent = 10 };
	assert_int_equal(decide(&policy, 20, 0, &history, 31 * SECOND).instances, 18);
	assert_int_equal(decide(&policy, 18, 0, &history, 90 * SECOND).instances, 18);
	assert_int_equal(decide(&policy, 18, 0, &history, 91 * SECOND).instances, 16);
	/* Neither instances nor percent: never. */
	policy.down.max_percent = 0;
	assert_int_equal(decide(&policy, 16, 0, &history, 999 * SECOND).instances, 16);
}

/* Up and down and up again is no way around it. */
static void test_steps_back_do_not_make_room_for_others(void **state)
{
	struct autoscale policy = free_policy(10);
	struct autoscale_history history = old_history(1);

	(void)state;
	policy.up = (struct autoscale_pace){ .period_ms = 60 * SECOND, .max_instances = 2 };
	assert_int_equal(decide(&policy, 1, 900, &history, 0).instances, 3);
	assert_int_equal(decide(&policy, 3, 0, &history, 10 * SECOND).instances, 1);
	assert_int_equal(decide(&policy, 1, 900, &history, 20 * SECOND).instances, 1);
	assert_int_equal(decide(&policy, 1, 900, &history, 60 * SECOND).instances, 3);
}

/* A process that has just started, or somebody who has just scaled by hand. */
static void test_a_new_beginning_is_waited_for(void **state)
{
	struct autoscale policy = free_policy(10);
	struct autoscale_history history;

	(void)state;
	policy.down.stabilization_ms = 300 * SECOND;
	autoscale_history_begin(&history, 4, 0);
	assert_int_equal(decide(&policy, 4, 80, &history, 14 * SECOND).instances, 4);
	assert_int_equal(decide(&policy, 4, 80, &history, 15 * SECOND).instances, 8);
	autoscale_history_begin(&history, 4, 0);
	assert_int_equal(decide(&policy, 4, 10, &history, 299 * SECOND).instances, 4);
	assert_int_equal(decide(&policy, 4, 10, &history, 300 * SECOND).instances, 1);
}

static void test_bounds_hold_at_once(void **state)
{
	struct autoscale policy = free_policy(10);
	struct autoscale_history history;

	(void)state;
	policy.min = 3;
	policy.max = 5;
	policy.up.max_instances = 0;
	autoscale_history_begin(&history, 1, 0);
	assert_int_equal(decide(&policy, 1, 10, &history, 0).instances, 3);
	autoscale_history_begin(&history, 9, 0);
	assert_int_equal(decide(&policy, 9, 90, &history, 0).instances, 5);
	assert_int_equal(decide(&policy, 9, 90, &history, 0).reason, AUTOSCALE_BOUNDS);
}

/* ---- A model: Kubernetes's formulas, word for word, with all of the history ---- */

struct model {
	int64_t since_ms;
	struct {
		int64_t ms;
		unsigned wished, before, after;
	} past[1024];
	unsigned n;
};

static unsigned model_want(const struct autoscale *p, double target,
			   const struct autoscale_sample *s, unsigned n, bool *known)
{
	double sum = 0, count = 0, ratio, again;

	for (unsigned i = 0; i < n; i++) {
		sum += s[i].is_known ? s[i].value : 0;
		count += s[i].is_known;
	}
	*known = count > 0;
	if (!*known)
		return n;
	ratio = sum / count / target;
	if (fabs(ratio - 1) <= p->tolerance)
		return n;
	again = (sum + (ratio < 1 ? (n - count) * target : 0)) / n / target;
	if (fabs(again - 1) <= p->tolerance || (ratio > 1) != (again > 1))
		return n;
	return (unsigned)fmax(0, fmin(ceil(again * n * (1 - 1e-9)), p->max));
}

static unsigned model_decide(const struct autoscale *p, struct model *m,
			     const struct autoscale_sample *s, unsigned n, int64_t now)
{
	unsigned wished = 0, low, high, result = n;
	bool all_known = true, any_known = false;
	double up = 0, down = 0;

	for (unsigned t = 0; t < p->n_targets; t++) {
		bool known;
		unsigned want = model_want(p, p->targets[t].value, s + t * n, n, &known);

		all_known &= known;
		any_known |= known;
		if (known && want > wished)
			wished = want;
	}
	if (!any_known || (!all_known && wished < n))
		wished = n;
	wished = wished < p->min ? p->min : wished > p->max ? p->max : wished;
	low = high = wished;
	for (unsigned i = 0; i < m->n; i++) {
		if (now - m->past[i].ms < p->up.stabilization_ms && m->past[i].wished < low)
			low = m->past[i].wished;
		if (now - m->past[i].ms < p->down.stabilization_ms && m->past[i].wished > high)
			high = m->past[i].wished;
		if (now - m->past[i].ms < p->up.period_ms)
			up += m->past[i].after > m->past[i].before
				      ? m->past[i].after - m->past[i].before
				      : 0;
		if (now - m->past[i].ms < p->down.period_ms)
			down += m->past[i].before > m->past[i].after
					? m->past[i].before - m->past[i].after
					: 0;
	}
	if (low > n) {
		double limit = fmax(n - up + p->up.max_instances,
				    ceil((n - up) * (1 + p->up.max_percent / 100) * (1 - 1e-9)));

		limit = now - m->since_ms < p->up.period_ms ? n : fmax(limit, n);
		result = (unsigned)fmin(low, limit);
	} else if (high < n) {
		double limit = n + down - fmax(p->down.max_instances,
					       ceil((n + down) * p->down.max_percent / 100 - 1e-9));

		limit = now - m->since_ms < p->down.period_ms ? n : fmin(fmax(limit, 0), n);
		result = (unsigned)fmax(high, limit);
	}
	result = result < p->min ? p->min : result > p->max ? p->max : result;
	m->past[m->n].ms = now;
	m->past[m->n].wished = wished;
	m->past[m->n].before = n;
	m->past[m->n++].after = result;
	return result;
}

static struct autoscale random_policy(struct rng *rng, int64_t window_ms)
{
	struct autoscale policy = {
		.min = 1 + (unsigned)rng_below(rng, 5), .n_targets = 1 + (unsigned)rng_below(rng, 3),
		/* No share of a load is exactly on the edge, where rounding decides. */
		.tolerance = (double)rng_below(rng, 30) / 100 + 0.0033337,
	};
	struct autoscale_pace *paces[] = { &policy.up, &policy.down };

	policy.max = policy.min + (unsigned)rng_below(rng, 40);
	for (unsigned i = 0; i < policy.n_targets; i++)
		policy.targets[i].value = (double)(1 + rng_below(rng, 1000)) / 10;
	for (unsigned i = 0; i < 2; i++)
		*paces[i] = (struct autoscale_pace){
			.stabilization_ms = (int64_t)rng_below(rng, 4) * window_ms,
			.period_ms = (int64_t)(1 + rng_below(rng, 6)) * 10 * SECOND,
			.max_instances = (unsigned)rng_below(rng, 6),
			.max_percent = (double)rng_below(rng, 150),
		};
	return policy;
}

/* LOADS, of all instances together and in targets, go on for a while, then are others. */
static void random_samples(struct rng *rng, const struct autoscale *policy, unsigned n,
			   double loads[3], struct autoscale_sample *samples)
{
	for (unsigned t = 0; t < policy->n_targets; t++) {
		unsigned known = (unsigned)rng_below(rng, 30);
		double level;

		if (rng_below(rng, 25) == 0)
			loads[t] = (double)rng_below(rng, 50);
		level = loads[t] * policy->targets[t].value / n;

		for (unsigned i = 0; i < n; i++)
			samples[t * n + i] = (struct autoscale_sample){
				.is_known = rng_below(rng, 12) <= known,
				.value = level * (double)(90 + rng_below(rng, 20)) / 100,
			};
	}
}

/* As far as the history goes the same; beyond, at least as careful. */
static void test_against_a_model(void **state)
{
	struct autoscale_sample samples[3 * MAX_SAMPLES];
	unsigned n_changes = 0, n_joined = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct rng rng;
		struct autoscale policy;
		struct autoscale_history history;
		struct model model = { 0 };
		double loads[3] = { 10, 10, 10 };
		unsigned n, steps;
		int64_t now = 0;

		rng_seed(&rng, seed);
		policy = random_policy(&rng, seed % 2 ? 20 * SECOND : 400 * SECOND);
		n = 1 + (unsigned)rng_below(&rng, 50);
		steps = seed % 2 ? AUTOSCALE_SLOTS - 1 : 200;
		autoscale_history_begin(&history, n, 0);
		model.past[0].wished = model.past[0].before = model.past[0].after = n;
		model.n = 1;
		for (unsigned i = 0; i < steps; i++) {
			struct autoscale_decision decision;
			unsigned expected;

			now += (int64_t)(1 + rng_below(&rng, 15)) * SECOND;
			random_samples(&rng, &policy, n, loads, samples);
			decision = autoscale_decide(&policy, policy.min, policy.max, n, samples,
						    &history, now);
			expected = model_decide(&policy, &model, samples, n, now);
			assert_in_range(decision.instances, policy.min, policy.max);
			if (i < AUTOSCALE_SLOTS - 2 && decision.instances != expected)
				fail_msg("seed %llu, step %u: %u of %u instead of %u",
					 (unsigned long long)seed, i, decision.instances, n,
					 expected);
			/* Never further than the model from where it is. */
			if (expected >= n)
				assert_in_range(decision.instances, n, expected);
			else
				assert_in_range(decision.instances, expected, n);
			n_joined += decision.instances != expected;
			if (decision.instances != n)
				autoscale_history_step(&history, n, decision.instances, now);
			/* From here on both go the real one's way. */
			model.past[model.n - 1].after = decision.instances;
			n_changes += decision.instances != n;
			n = decision.instances;
		}
	}
	print_message("%u changes; %u decisions were more careful than the model's\n", n_changes,
		      n_joined);
	assert_true(n_changes > 5000);
}

/* Whatever a load within the tolerance does, nothing moves; and what goes up stays its time. */
static void test_it_does_not_flap(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct autoscale policy = free_policy(10);
		struct autoscale_history history;
		struct rng rng;
		unsigned n, before;
		int64_t now = 0, changed = LONG_AGO;
		int direction = 0;

		rng_seed(&rng, seed);
		policy.down.stabilization_ms = 120 * SECOND;
		n = 1 + (unsigned)rng_below(&rng, 30);
		before = n;
		history = old_history(n);
		for (unsigned i = 0; i < 200; i++, now += 15 * SECOND) {
			double noise = 0.905 + (double)rng_below(&rng, 190) / 1000;

			assert_int_equal(decide(&policy, n, 10 * n * noise, &history, now).instances,
					 n);
		}
		/* Now anything: a step down comes at least a window after the last step up. */
		for (unsigned i = 0; i < 400; i++, now += 15 * SECOND) {
			n = decide(&policy, n, (double)rng_below(&rng, 500), &history, now).instances;
			if (n < before && direction > 0)
				assert_true(now - changed >= policy.down.stabilization_ms);
			if (n != before) {
				direction = n > before ? 1 : -1;
				changed = now;
			}
			before = n;
		}
	}
}

/* ---- Schedules ---- */

/* The clocks of New York are set back on the Sunday whose second 02:00 this window ends at. */
static void test_bounds_follow_the_clocks_of_the_zone(void **state)
{
	static const struct {
		int64_t utc_s;
		unsigned min;
	} rows[] = {
		{ 1604203199, 1 },	/* 2020-11-01 00:00 by them is 04:00 UTC */
		{ 1604203200, 7 },
		{ 1604206800, 7 },	/* 01:00 */
		{ 1604210400, 7 },	/* 01:00 again */
		{ 1604213999, 7 },
		{ 1604214000, 1 },	/* 02:00 */
	};
	struct autoscale_window window = { .from = 6 * 1440, .to = 6 * 1440 + 120, .min = 7, .max = 9 };
	struct autoscale policy = { .min = 1, .max = 10, .windows = &window, .n_windows = 1 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(zone_open("America/New_York", &policy.zone, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned min, max;

		autoscale_bounds(&policy, rows[i].utc_s, &min, &max);
		if (min != rows[i].min)
			fail_msg("row %zu: %u", i, min);
	}
	zone_close(policy.zone);
}

static void test_bounds_by_the_time_of_the_week(void **state)
{
	static struct autoscale_window windows[] = {
		{ .from = 8 * 60, .to = 18 * 60, .min = 5, .max = 50 },		/* Monday */
		{ .from = 6 * 1440 + 22 * 60, .to = 7 * 1440 + 4 * 60, .min = 2, .max = 3 },
		{ .from = 0, .to = 7 * 1440, .min = 4, .max = 40 },
	};
	static const struct {
		int day, hour, minute;		/* since Thursday, 1970-01-01 */
		unsigned n_windows, min;
	} rows[] = {
		{ 4, 8, 0, 1, 5 },    { 4, 7, 59, 1, 1 },  { 4, 17, 59, 1, 5 }, { 4, 18, 0, 1, 1 },
		{ 5, 9, 0, 1, 1 },    { 3, 22, 0, 2, 2 },  { 3, 21, 59, 2, 1 }, { 4, 3, 59, 2, 2 },
		{ 4, 4, 0, 2, 1 },    { 18, 3, 0, 2, 2 },  { 4, 9, 0, 3, 5 },   { 0, 0, 0, 3, 4 },
		{ 20000, 12, 0, 0, 1 },
	};

	struct time_zone *zone = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(zone_open("UTC", &zone, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct autoscale policy = { .min = 1, .max = 10, .windows = windows, .zone = zone,
					    .n_windows = rows[i].n_windows };
		unsigned min, max;

		autoscale_bounds(&policy, (rows[i].day * 24 + rows[i].hour) * 3600LL +
						  rows[i].minute * 60 + 30, &min, &max);
		if (min != rows[i].min)
			fail_msg("row %zu: %u", i, min);
	}
	zone_close(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_wished),
		cmocka_unit_test(test_of_several_targets_the_one_that_wants_most_counts),
		cmocka_unit_test(test_down_waits_for_its_window),
		cmocka_unit_test(test_up_waits_for_its_window),
		cmocka_unit_test(test_steps_are_limited),
		cmocka_unit_test(test_steps_back_do_not_make_room_for_others),
		cmocka_unit_test(test_a_new_beginning_is_waited_for),
		cmocka_unit_test(test_bounds_hold_at_once),
		cmocka_unit_test(test_against_a_model),
		cmocka_unit_test(test_it_does_not_flap),
		cmocka_unit_test(test_bounds_by_the_time_of_the_week),
		cmocka_unit_test(test_bounds_follow_the_clocks_of_the_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
