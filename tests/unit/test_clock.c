#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

static const struct {
	int64_t ms;
	const char *text;
} times[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ 1609552921678, "2021-01-02T02:02:01.678Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	{ -62135596800000, "0001-01-01T00:00:00.000Z" },
};

static void test_format_and_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		char text[CLOCK_TEXT_SIZE];
		int64_t ms = 5;

		clock_format(times[i].ms, text);
		assert_string_equal(text, times[i].text);
		assert_int_equal(clock_parse(text, &ms), 0);
		assert_true(ms == times[i].ms);
	}
}

static void test_format_is_bounded(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	clock_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	clock_format(INT64_MIN, text);
	assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

static void test_parse_without_fraction(void **state)
{
	int64_t ms = 5;

	(void)state;
	assert_int_equal(clock_parse("2021-01-02T02:02:01Z", &ms), 0);
	assert_true(ms == 1609552921000);
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"", "2021", "2021-01-02", "2021-01-02T02:02:01", "2021-01-02T02:02:01.67Z",
		"2021-01-02T02:02:01.6789Z", "2021-01-02 02:02:01Z", "2021-01-02T02:02:01.678Zx",
		"2021-02-30T00:00:00.000Z", "2021-13-01T00:00:00Z", "2021-00-01T00:00:00Z",
		"2021-01-01T24:00:00Z", "2021-01-01T00:60:00Z", "2021-01-01T00:00:60Z",
		"2021-01-00T00:00:00Z", "-021-01-01T00:00:00Z", "2021-01-01t00:00:00z",
		"0000-01-01T00:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t ms = 5;

		assert_int_equal(clock_parse(bad[i], &ms), -EINVAL);
		assert_true(ms == 5);
	}
}

static void test_clocks_run(void **state)
{
	int64_t before = clock_boot_ns(), now;

	(void)state;
	assert_true(before > 0);
	assert_true(clock_boot_ns() >= before);
	assert_true(clock_boot_ms() - before / 1000000 < 10000);
	now = (int64_t)time(NULL) * 1000;
	assert_true(clock_wall_ms() >= now - 1000 && clock_wall_ms() < now + 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format_and_parse),
		cmocka_unit_test(test_format_is_bounded),
		cmocka_unit_test(test_parse_without_fraction),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
