#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/timings.h"

static void test_of_none_there_is_nothing_to_say(void **state)
{
	struct timings timings = { .n = 0 };
	struct timings_summary summary;

	(void)state;
	timings_summarize(&timings, &summary);
	assert_int_equal(summary.n, 0);
	assert_float_equal(summary.max_ms, 0, 0);
}

static void test_parts_of_the_last_thousand(void **state)
{
	struct timings timings = { .n = 0 };
	struct timings_summary summary;

	(void)state;
	timings_add(&timings, 3000000);
	timings_summarize(&timings, &summary);
	assert_int_equal(summary.n, 1);
	assert_float_equal(summary.part_ms[0], 3, 0);
	assert_float_equal(summary.part_ms[N_TIMINGS_PARTS - 1], 3, 0);
	/* Downwards, so that the last is not the longest; the first is forgotten. */
	for (int64_t ms = MAX_TIMINGS; ms > 0; ms--)
		timings_add(&timings, ms * 1000000);
	timings_summarize(&timings, &summary);
	assert_int_equal(summary.n, MAX_TIMINGS);
	assert_float_equal(summary.last_ms, 1, 0);
	assert_float_equal(summary.min_ms, 1, 0);
	assert_float_equal(summary.max_ms, 1000, 0);
	assert_float_equal(summary.part_ms[0], 500, 0);
	assert_float_equal(summary.part_ms[1], 900, 0);
	assert_float_equal(summary.part_ms[3], 990, 0);
	assert_float_equal(summary.part_ms[N_TIMINGS_PARTS - 1], 1000, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_none_there_is_nothing_to_say),
		cmocka_unit_test(test_parts_of_the_last_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
