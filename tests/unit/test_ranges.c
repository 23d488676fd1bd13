#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ranges.h"
#include "lib/rng.h"

static void assert_set(const struct ranges *set, const char *expected)
{
	char *text = ranges_format(set);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void parse(const char *text, struct ranges *set)
{
	*set = (struct ranges){ 0 };
	assert_int_equal(ranges_parse(text, set), 0);
}

static void test_parse_and_format(void **state)
{
	static const struct {
		const char *text, *expected;
	} good[] = {
		{ "", "" }, { "[]", "" }, { " [ ] ", "" }, { "5", "5" }, { "[5]", "5" },
		{ "31000-31004,31010", "31000-31004,31010" },
		{ "[31000-32000]", "31000-32000" },
		{ " [ 1 - 3 , 5 ] ", "1-3,5" },
		{ "3,2,1", "1-3" },
		{ "1-5,3-9", "1-9" },
		{ "0-4294967295", "0-4294967295" },
		{ "4294967295,0", "0,4294967295" },
		{ "10-20,1-2,15-30,3", "1-3,10-30" },
		{ "007", "7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct ranges set;

		parse(good[i].text, &set);
		assert_set(&set, good[i].expected);
		ranges_done(&set);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"x",
		"1-",
		"-1",
		"1,",
		",1",
		"1,,2",
		"2-1",
		"[1",
		"1]",
		"[",
		"]",
		"1 2",
		"1-2-3",
		"4294967296",
		"1-4294967296",
		"99999999999999999999999",
		"+1",
		"0x1",
		"[[1]]",
		"[1]]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ranges set = { .n = 77 };

		assert_int_equal(ranges_parse(bad[i], &set), -EINVAL);
		assert_int_equal(set.n, 77);
	}
}

static void test_remove(void **state)
{
	static const struct {
		const char *set;
		uint32_t first, last;
		const char *expected;
	} rows[] = {
		{ "1-9", 4, 6, "1-3,7-9" }, { "1-9", 1, 1, "2-9" }, { "1-9", 9, 9, "1-8" },
		{ "1-9", 0, 20, "" }, { "1-9", 10, 12, "1-9" }, { "", 1, 2, "" },
		{ "1-3,5-7,9-11", 2, 10, "1,11" }, { "1-3,5-7,9-11", 4, 8, "1-3,9-11" },
		{ "0-4294967295", 0, 0, "1-4294967295" },
		{ "0-4294967295", 4294967295, 4294967295, "0-4294967294" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ranges set;

		parse(rows[i].set, &set);
		assert_int_equal(ranges_remove(&set, rows[i].first, rows[i].last), 0);
		assert_set(&set, rows[i].expected);
		ranges_done(&set);
	}
}

static void test_questions(void **state)
{
	struct ranges set, part, copy = { 0 };

	(void)state;
	parse("10-19,30-39", &set);
	assert_true(ranges_contains(&set, 10, 19));
	assert_true(ranges_contains(&set, 35, 35));
	assert_false(ranges_contains(&set, 19, 30));
	assert_false(ranges_contains(&set, 9, 10));
	assert_false(ranges_contains(&set, 40, 40));
	assert_int_equal(ranges_count(&set), 20);
	assert_int_equal(ranges_at(&set, 0), 10);
	assert_int_equal(ranges_at(&set, 9), 19);
	assert_int_equal(ranges_at(&set, 10), 30);
	assert_int_equal(ranges_at(&set, 19), 39);
	assert_int_equal(ranges_copy(&set, &copy), 0);
	assert_true(ranges_equal(&set, &copy));

	parse("12-13,39", &part);
	assert_true(ranges_contains_all(&set, &part));
	assert_int_equal(ranges_remove_all(&copy, &part), 0);
	assert_set(&copy, "10-11,14-19,30-38");
	assert_false(ranges_contains_all(&copy, &part));
	assert_false(ranges_equal(&set, &copy));
	assert_int_equal(ranges_add_all(&copy, &part), 0);
	assert_true(ranges_equal(&set, &copy));
	ranges_done(&set);
	ranges_done(&part);
	ranges_done(&copy);
}

static void test_whole_space(void **state)
{
	struct ranges set = { 0 };

	(void)state;
	assert_int_equal(ranges_add(&set, 0, UINT32_MAX), 0);
	assert_true(ranges_count(&set) == 1ULL << 32);
	assert_int_equal(ranges_at(&set, UINT32_MAX), UINT32_MAX);
	assert_int_equal(ranges_add(&set, UINT32_MAX, UINT32_MAX), 0);
	assert_int_equal(set.n, 1);
	assert_int_equal(ranges_add(&set, 5, 4), -EINVAL);
	assert_int_equal(ranges_remove(&set, 5, 4), -EINVAL);
	ranges_done(&set);
}

/* The same random steps on a set and on a plain array of booleans. */
static void test_against_a_plain_array(void **state)
{
	enum { SPACE = 64 };
	bool plain[SPACE] = { false };
	struct ranges set = { 0 };
	struct rng rng;

	(void)state;
	rng_seed(&rng, 2021);
	for (int step = 0; step < 20000; step++) {
		uint32_t first = (uint32_t)rng_below(&rng, SPACE);
		uint32_t last = first + (uint32_t)rng_below(&rng, SPACE - first);
		bool is_add = rng_below(&rng, 2);
		uint64_t count = 0;

		assert_int_equal(is_add ? ranges_add(&set, first, last)
					: ranges_remove(&set, first, last), 0);
		for (uint32_t i = first; i <= last; i++)
			plain[i] = is_add;
		for (uint32_t i = 0; i < SPACE; i++) {
			assert_int_equal(ranges_contains(&set, i, i), plain[i]);
			if (plain[i])
				assert_int_equal(ranges_at(&set, count++), i);
		}
		assert_int_equal(ranges_count(&set), count);
		for (size_t i = 1; i < set.n; i++)
			assert_true(set.items[i].first > set.items[i - 1].last + 1);
	}
	ranges_done(&set);
}

enum { SETS_SPACE = 40 };

/* As a set of bits, of which some are random and the last one stands for the end of the space. */
static struct ranges from_bits(uint64_t bits)
{
	struct ranges set = { 0 };

	for (uint32_t i = 0; i < SETS_SPACE; i++) {
		uint32_t value = i + 1 < SETS_SPACE ? i : UINT32_MAX;

		if (bits >> i & 1)
			assert_int_equal(ranges_add(&set, value, value), 0);
	}
	return set;
}

/* Whole sets at once, against the same as bits. */
static void test_many_at_once_are_the_same_as_one_by_one(void **state)
{
	enum { N = 40, SPACE = 200 };
	struct ranges wrong = { 0 };
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7);
	for (int round = 0; round < 500; round++) {
		struct ranges one_by_one = { 0 }, at_once = { 0 };
		struct range items[N];
		size_t n = rng_below(&rng, N + 1);

		assert_int_equal(ranges_add(&one_by_one, 90, 110), 0);
		assert_int_equal(ranges_add(&at_once, 90, 110), 0);
		for (size_t i = 0; i < n; i++) {
			items[i].first = (uint32_t)rng_below(&rng, SPACE);
			items[i].last = items[i].first + (uint32_t)rng_below(&rng, 5);
			assert_int_equal(ranges_add(&one_by_one, items[i].first, items[i].last), 0);
		}
		assert_int_equal(ranges_add_many(&at_once, items, n), 0);
		assert_true(ranges_equal(&one_by_one, &at_once));
		ranges_done(&one_by_one);
		ranges_done(&at_once);
	}
	assert_int_equal(ranges_add_many(&wrong, &(struct range){ 2, 1 }, 1), -EINVAL);
	assert_int_equal(wrong.n, 0);
}

static void test_sets_against_bits(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 5050);
	for (int step = 0; step < 5000; step++) {
		uint64_t a = rng_next(&rng) & rng_next(&rng), b = rng_next(&rng);
		uint64_t space = (UINT64_C(1) << SETS_SPACE) - 1;
		struct ranges set, other, sum, rest;

		b &= step % 2 ? rng_next(&rng) : a;
		set = from_bits(a);
		other = from_bits(b);
		sum = from_bits(a | b);
		rest = from_bits(a & ~b);
		assert_int_equal(ranges_contains_all(&set, &other), (b & space & ~a) == 0);
		assert_int_equal(ranges_add_all(&set, &other), 0);
		assert_true(ranges_equal(&set, &sum));
		ranges_done(&set);
		set = from_bits(a);
		assert_int_equal(ranges_remove_all(&set, &other), 0);
		assert_true(ranges_equal(&set, &rest));
		ranges_done(&set);
		ranges_done(&other);
		ranges_done(&sum);
		ranges_done(&rest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_whole_space),
		cmocka_unit_test(test_against_a_plain_array),
		cmocka_unit_test(test_many_at_once_are_the_same_as_one_by_one),
		cmocka_unit_test(test_sets_against_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
