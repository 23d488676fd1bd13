/* Whose turn it is among a service's backends: exact shares, spread evenly, and few changes of hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/ruleset_slots.h"
#include "lib/cleanup.h"

enum { MANY = 4096 };

static uint16_t slots[RULESET_MAX_SLOTS];

static size_t count(size_t n_slots, uint16_t backend)
{
	size_t n = 0;

	for (size_t i = 0; i < n_slots; i++)
		n += slots[i] == backend;
	return n;
}

static const struct {
	const char *name;
	unsigned weights[6];
	size_t n;
	const char *turns;	/* 'a' is the first backend */
} exact[] = {
	{ "none", { 0 }, 0, "" },
	{ "no weight", { 0, 0 }, 2, "" },
	{ "one", { 5 }, 1, "a" },
	{ "equals", { 3, 3, 3 }, 3, "abc" },
	{ "lowest terms", { 100, 50 }, 2, "aba" },
	{ "out of service", { 1, 0, 1 }, 3, "ac" },
	{ "canary", { 7, 2, 1 }, 3, "aabaacabaa" },
};

static void test_turns_are_exact_and_spread(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exact); i++) {
		size_t n = ruleset_slots_by_turn(exact[i].weights, exact[i].n, slots);
		char turns[64] = "";

		assert_int_equal(n, strlen(exact[i].turns));
		for (size_t at = 0; at < n; at++)
			turns[at] = (char)('a' + slots[at]);
		assert_string_equal(turns, exact[i].turns);
	}
}

/* Whatever the weights: each has what is due to it, and between two of its turns never twice the way. */
static void test_any_weights_are_exact(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 300; round++) {
		unsigned weights[4], sum = 0;
		size_t n;

		for (size_t i = 0; i < ARRAY_SIZE(weights); i++)
			sum += weights[i] = 1 + (unsigned)(random() % 1000);
		n = ruleset_slots_by_turn(weights, ARRAY_SIZE(weights), slots);
		assert_int_equal(sum % n, 0);
		for (uint16_t i = 0; i < ARRAY_SIZE(weights); i++) {
			size_t share = count(n, i), best = n / share + 1, last = 0;
			bool is_seen = false;

			assert_int_equal(share * (sum / n), weights[i]);
			for (size_t at = 0; at < n; at++) {
				if (slots[at] != i)
					continue;
				if (is_seen)
					assert_true(at - last <= best + ARRAY_SIZE(weights));
				is_seen = true;
				last = at;
			}
		}
	}
}

static void test_too_fine_shares_are_rounded_and_nobody_is_left_out(void **state)
{
	static unsigned weights[MANY];
	size_t n, total = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		total += weights[i] = i ? 997 : 1;
	n = ruleset_slots_by_turn(weights, 100, slots);
	assert_int_equal(n, RULESET_MAX_SLOTS);
	for (uint16_t i = 0; i < 100; i++) {
		double due = (double)weights[i] * RULESET_MAX_SLOTS / (double)total;
		double share = (double)count(n, i);

		assert_true(share >= 1 && share > due - 2 && share < due + 2);
	}
	for (size_t i = 0; i < MANY; i++)
		weights[i] = 1 + i % 1000;
	assert_int_equal(ruleset_slots_by_turn(weights, MANY, slots), RULESET_MAX_SLOTS);
	for (uint16_t i = 0; i < MANY; i++)
		assert_int_equal(count(RULESET_MAX_SLOTS, i), 1);
}

/* ---- by source ---- */

static void test_sources_are_shared_by_weight(void **state)
{
	const unsigned weights[] = { 7, 0, 2, 1 };
	const uint64_t identities[] = { 11, 22, 33, 44 };

	(void)state;
	assert_int_equal(ruleset_slots_by_source(weights, identities, 4, slots), RULESET_SOURCE_SLOTS);
	assert_int_equal(count(RULESET_SOURCE_SLOTS, 1), 0);
	assert_in_range(count(RULESET_SOURCE_SLOTS, 0), 650, 780);
	assert_in_range(count(RULESET_SOURCE_SLOTS, 2), 160, 250);
	assert_in_range(count(RULESET_SOURCE_SLOTS, 3), 70, 140);
	assert_int_equal(ruleset_slots_by_source((const unsigned[]){ 0, 0 }, identities, 2, slots), 0);
}

static void test_only_the_slots_of_who_goes_change_hands(void **state)
{
	unsigned weights[] = { 1, 1, 1, 1, 1 };
	const uint64_t identities[] = { 11, 22, 33, 44, 55 };
	uint16_t before[RULESET_MAX_SLOTS];

	(void)state;
	(void)ruleset_slots_by_source(weights, identities, 5, before);
	weights[2] = 0;
	(void)ruleset_slots_by_source(weights, identities, 5, slots);
	for (size_t i = 0; i < RULESET_SOURCE_SLOTS; i++) {
		if (before[i] == 2)
			assert_int_not_equal(slots[i], 2);
		else
			assert_int_equal(slots[i], before[i]);
	}
	/* The same however they are ordered. */
	(void)ruleset_slots_by_source((const unsigned[]){ 1, 1, 1, 1 },
				      (const uint64_t[]){ 55, 44, 22, 11 }, 4, before);
	for (size_t i = 0; i < RULESET_SOURCE_SLOTS; i++)
		assert_int_equal(identities[slots[i]], ((const uint64_t[]){ 55, 44, 22, 11 })[before[i]]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns_are_exact_and_spread),
		cmocka_unit_test(test_any_weights_are_exact),
		cmocka_unit_test(test_too_fine_shares_are_rounded_and_nobody_is_left_out),
		cmocka_unit_test(test_sources_are_shared_by_weight),
		cmocka_unit_test(test_only_the_slots_of_who_goes_change_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
