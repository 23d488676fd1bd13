/* Launch backoff: the figures of the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/instance/backoff.h"

static const struct app standard = {
	.backoff_ms = 1000, .backoff_factor = 1.15, .max_delay_ms = 300000,
};

static void test_delays_grow_by_the_factor(void **state)
{
	static const int64_t expected[] = { 1000, 1150, 1322, 1520, 1749 };
	struct backoff backoff = { 0 };

	(void)state;
	assert_false(backoff_is_waiting(&backoff, 0));
	for (int i = 0; i < 5; i++) {
		backoff_failed(&backoff, &standard, 50000);
		assert_int_equal(backoff_deadline(&backoff), 50000 + expected[i]);
	}
}

static void test_the_largest_delay_is_reached_after_42_failures(void **state)
{
	struct backoff backoff = { 0 };
	int n = 0;

	(void)state;
	while (backoff.delay_ms < 300000) {
		backoff_failed(&backoff, &standard, 0);
		n++;
	}
	assert_int_equal(n, 42);
	backoff_failed(&backoff, &standard, 0);
	assert_true(backoff.delay_ms == 300000);
}

static void test_launches_are_spaced_while_there_is_a_delay(void **state)
{
	struct backoff backoff = { 0 };

	(void)state;
	backoff_failed(&backoff, &standard, 0);
	assert_true(backoff_is_waiting(&backoff, 999));
	assert_false(backoff_is_waiting(&backoff, 1000));
	backoff_moved(&backoff, 1000);
	assert_true(backoff_is_waiting(&backoff, 1999));
	assert_false(backoff_is_waiting(&backoff, 2000));
}

static void test_delay_is_forgotten_after_a_quiet_time(void **state)
{
	struct backoff backoff = { 0 };

	(void)state;
	backoff_failed(&backoff, &standard, 0);
	backoff_moved(&backoff, 1000);
	assert_false(backoff_expire(&backoff, &standard, 301000));
	assert_true(backoff_expire(&backoff, &standard, 301001));
	assert_int_equal(backoff_deadline(&backoff), 0);
	assert_false(backoff_expire(&backoff, &standard, 900000));
}

static void test_zero_stays_zero(void **state)
{
	const struct app app = { .backoff_factor = 2, .max_delay_ms = 1000 };
	struct backoff backoff = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++)
		backoff_failed(&backoff, &app, 5);
	assert_false(backoff_is_waiting(&backoff, 5));
}

static void test_first_delay_keeps_to_the_largest(void **state)
{
	const struct app app = { .backoff_ms = 60000, .backoff_factor = 2, .max_delay_ms = 10000 };
	struct backoff backoff = { 0 };

	(void)state;
	backoff_failed(&backoff, &app, 0);
	assert_int_equal(backoff_deadline(&backoff), 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays_grow_by_the_factor),
		cmocka_unit_test(test_the_largest_delay_is_reached_after_42_failures),
		cmocka_unit_test(test_launches_are_spaced_while_there_is_a_delay),
		cmocka_unit_test(test_delay_is_forgotten_after_a_quiet_time),
		cmocka_unit_test(test_zero_stays_zero),
		cmocka_unit_test(test_first_delay_keeps_to_the_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
