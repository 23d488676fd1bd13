#include "master_stub/marathon/autoscale/autoscale_decision.h"

#include <math.h>
#include <string.h>

#include "master_stub/marathon/definition/autoscale.h"

enum { MANY = 1000000 };	/* more than any app may have */

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static unsigned within(unsigned value, unsigned min, unsigned max)
{
	return larger(min, smaller(value, max));
}

/* ---- History ---- */

void autoscale_history_begin(struct autoscale_history *history, unsigned instances, int64_t now_ms)
{
	*history = (struct autoscale_history){
		.since_ms = now_ms,
		.n_wishes = 1,
		.wishes = { { .ms = now_ms, .low = instances, .high = instances } },
	};
}

static void wish(struct autoscale_history *history, unsigned instances, int64_t now_ms)
{
	struct autoscale_wish *wishes = history->wishes;

	if (history->n_wishes == AUTOSCALE_SLOTS) {
		/* The oldest two become one, as old as the newer of them. */
		wishes[1].low = smaller(wishes[0].low, wishes[1].low);
		wishes[1].high = larger(wishes[0].high, wishes[1].high);
		memmove(&wishes[0], &wishes[1], --history->n_wishes * sizeof(*wishes));
	}
	wishes[history->n_wishes++] =
		(struct autoscale_wish){ .ms = now_ms, .low = instances, .high = instances };
}

void autoscale_history_step(struct autoscale_history *history, unsigned from, unsigned to,
			    int64_t now_ms)
{
	struct autoscale_step *steps = history->steps;

	if (history->n_steps == AUTOSCALE_SLOTS) {
		steps[1].up += steps[0].up;
		steps[1].down += steps[0].down;
		memmove(&steps[0], &steps[1], --history->n_steps * sizeof(*steps));
	}
	steps[history->n_steps++] = (struct autoscale_step){
		.ms = now_ms, .up = to > from ? to - from : 0, .down = from > to ? from - to : 0,
	};
}

/* ---- Wishes ---- */

bool autoscale_mean(const struct autoscale_sample *samples, size_t n, double *ret_mean,
		    unsigned *ret_known)
{
	double sum = 0;

	*ret_known = 0;
	for (size_t i = 0; i < n; i++) {
		if (!samples[i].is_known)
			continue;
		sum += samples[i].value;
		(*ret_known)++;
	}
	if (*ret_known > 0)
		*ret_mean = sum / *ret_known;
	return *ret_known > 0;
}

/* Of NEEDED instances; a rounding error is not one more. */
static unsigned count_of(double needed)
{
	double count = ceil(needed * (1 - 1e-9));

	return count < 0 ? 0 : count > MANY ? MANY : (unsigned)count;
}

/*
 * As many as bring the mean to TARGET.  Unknown instances count as idle where it is to be more and
 * as at the target where it is to be fewer: when that changes the answer there is none.  False:
 * nothing is known.
 */
static bool want_of(const struct autoscale *policy, double target, unsigned instances,
		    const struct autoscale_sample *samples, unsigned *ret)
{
	double mean, needed, all = instances;
	unsigned known, unknown;

	if (!autoscale_mean(samples, instances, &mean, &known))
		return false;
	*ret = instances;
	unknown = instances - known;
	if (mean / target > 1 + policy->tolerance) {
		needed = mean * known / target;
		if (needed / all > 1 + policy->tolerance)
			*ret = larger(instances, count_of(needed));
	} else if (mean / target < 1 - policy->tolerance) {
		needed = mean * known / target + unknown;
		if (needed / all < 1 - policy->tolerance)
			*ret = smaller(instances, count_of(needed));
	}
	return true;
}

/* Over all targets the most; fewer than there are only where all of them are known. */
static void want(const struct autoscale *policy, unsigned instances,
		 const struct autoscale_sample *samples, struct autoscale_decision *decision)
{
	bool is_any_unknown = false;

	decision->target = -1;
	decision->wanted = 0;
	for (unsigned i = 0; i < policy->n_targets; i++) {
		unsigned wanted;

		if (!want_of(policy, policy->targets[i].value, instances,
			     samples + (size_t)i * instances, &wanted)) {
			is_any_unknown = true;
			continue;
		}
		if (decision->target >= 0 && wanted <= decision->wanted)
			continue;
		decision->target = (int)i;
		decision->wanted = wanted;
	}
	decision->reason = AUTOSCALE_STEADY;
	if (decision->target >= 0 && !(is_any_unknown && decision->wanted < instances))
		return;
	decision->reason = decision->target < 0 ? AUTOSCALE_NO_SAMPLES : AUTOSCALE_UNKNOWN;
	decision->wanted = instances;
}

/* ---- What holds it back ---- */

/* Upward the least that was wished in the window counts, downward the most. */
static unsigned stabilize(const struct autoscale *policy, const struct autoscale_history *history,
			  unsigned instances, unsigned wanted, int64_t now_ms)
{
	unsigned low = wanted, high = wanted;

	for (unsigned i = 0; i < history->n_wishes; i++) {
		const struct autoscale_wish *old = &history->wishes[i];

		if (old->ms > now_ms - policy->up.stabilization_ms)
			low = smaller(low, old->low);
		if (old->ms > now_ms - policy->down.stabilization_ms)
			high = larger(high, old->high);
	}
	return instances < low ? low : instances > high ? high : instances;
}

static unsigned limit_up(const struct autoscale_pace *pace, const struct autoscale_history *history,
			 unsigned instances, int64_t now_ms)
{
	unsigned added = 0;
	double start, limit;

	/* What was done just before we began is not known: it may have been all that is allowed. */
	if (history->since_ms > now_ms - pace->period_ms)
		return instances;
	for (unsigned i = 0; i < history->n_steps; i++)
		added += history->steps[i].ms > now_ms - pace->period_ms ? history->steps[i].up : 0;
	/* Less than none, where some were taken away again: no room for others in their place. */
	start = (double)instances - added;
	limit = fmax(start + pace->max_instances, start * (1 + pace->max_percent / 100));
	return larger(count_of(limit), instances);
}

static unsigned limit_down(const struct autoscale_pace *pace,
			   const struct autoscale_history *history, unsigned instances,
			   int64_t now_ms)
{
	unsigned removed = 0, start;
	double share, count;

	if (history->since_ms > now_ms - pace->period_ms)
		return instances;
	for (unsigned i = 0; i < history->n_steps; i++)
		removed += history->steps[i].ms > now_ms - pace->period_ms ? history->steps[i].down
									  : 0;
	start = instances + removed;
	share = start * pace->max_percent / 100;
	count = share > pace->max_instances ? share : pace->max_instances;
	return smaller(instances, count >= start ? 0 : start - (unsigned)ceil(count - 1e-9));
}

struct autoscale_decision autoscale_decide(const struct autoscale *policy, unsigned min,
					   unsigned max, unsigned instances,
					   const struct autoscale_sample *samples,
					   struct autoscale_history *history, int64_t now_ms)
{
	struct autoscale_decision decision;
	unsigned load, stable, paced;

	want(policy, instances, samples, &decision);
	load = decision.wanted;
	decision.wanted = within(load, min, max);
	stable = stabilize(policy, history, instances, decision.wanted, now_ms);
	wish(history, decision.wanted, now_ms);
	paced = stable > instances ? smaller(stable, limit_up(&policy->up, history, instances, now_ms))
				   : larger(stable, limit_down(&policy->down, history, instances,
							       now_ms));
	decision.instances = within(paced, min, max);
	if (decision.instances != instances)
		decision.reason = decision.instances == paced &&
						  (load == decision.wanted || paced != decision.wanted) ?
					  AUTOSCALE_LOAD :
					  AUTOSCALE_BOUNDS;
	else if (stable != instances)
		decision.reason = AUTOSCALE_LIMITED;
	else if (decision.wanted != instances)
		decision.reason = AUTOSCALE_STABILIZING;
	return decision;
}

const char *autoscale_reason_name(enum autoscale_reason reason)
{
	static const char *const names[] = {
		[AUTOSCALE_NO_SAMPLES] = "noSamples",	  [AUTOSCALE_STEADY] = "steady",
		[AUTOSCALE_UNKNOWN] = "unknownMetric",	  [AUTOSCALE_STABILIZING] = "stabilizing",
		[AUTOSCALE_LIMITED] = "limited",	  [AUTOSCALE_LOAD] = "load",
		[AUTOSCALE_BOUNDS] = "bounds",
	};

	return names[reason];
}
