/* Cron expressions: what they are, and when they are due by the clocks of their zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "master_stub/marathon/definition/cron.h"
#include "master_stub/marathon/definition/zone.h"

static struct time_zone *zone(const char *name)
{
	struct time_zone *opened = NULL;
	struct err e = { 0 };

	assert_int_equal(zone_open(name, &opened, &e), 0);
	return opened;
}

static struct cron cron(const char *text)
{
	struct cron parsed;
	struct err e = { 0 };

	if (cron_parse(text, &parsed, &e) < 0)
		fail_msg("%s", e.msg);
	return parsed;
}

static int64_t seconds(const char *text)
{
	int64_t ms;

	assert_int_equal(clock_parse(text, &ms), 0);
	return ms / 1000;
}

/* Made by another program, which walks through the minutes one by one. */
static const struct {
	const char *cron, *zone, *after, *due[6];
} cases[] = {
	{ "30 2 * * *", "Europe/Berlin", "2025-03-29T00:00:00Z",
	  { "2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z" } },
	{ "30 2 * * *", "Europe/Berlin", "2025-10-25T00:00:00Z",
	  { "2025-10-25T00:30:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z" } },
	{ "0 * * * *", "Europe/Berlin", "2025-03-29T23:30:00Z",
	  { "2025-03-30T00:00:00Z", "2025-03-30T01:00:00Z", "2025-03-30T02:00:00Z",
	    "2025-03-30T03:00:00Z" } },
	{ "0 * * * *", "Europe/Berlin", "2025-10-25T23:30:00Z",
	  { "2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z", "2025-10-26T03:00:00Z",
	    "2025-10-26T04:00:00Z" } },
	{ "*/30 2-3 * * *", "Europe/Berlin", "2025-10-26T00:00:00Z",
	  { "2025-10-26T00:30:00Z", "2025-10-26T02:00:00Z", "2025-10-26T02:30:00Z",
	    "2025-10-27T01:00:00Z",
	    "2025-10-27T01:30:00Z" } },
	{ "15 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
	  { "2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z", "2026-03-10T06:15:00Z" } },
	{ "30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z",
	  { "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z", "2026-11-03T06:30:00Z" } },
	{ "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z",
	  { "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z", "2026-04-06T15:15:00Z" } },
	{ "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
	  { "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z", "2026-10-05T15:15:00Z" } },
	{ "0 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
	  { "2026-10-03T15:30:00Z", "2026-10-04T15:00:00Z", "2026-10-05T15:00:00Z" } },
	{ "0 12 30 * *", "Pacific/Apia", "2011-12-28T00:00:00Z",
	  { "2011-12-30T10:00:00Z" } },
	{ "0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z",
	  { "2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z" } },
	{ "0 2 13 * 5", "UTC", "2026-02-01T00:00:00Z",
	  { "2026-02-06T02:00:00Z", "2026-02-13T02:00:00Z", "2026-02-20T02:00:00Z",
	    "2026-02-27T02:00:00Z",
	    "2026-03-06T02:00:00Z",
	    "2026-03-13T02:00:00Z" } },
	{ "0 2 */2 * 5", "UTC", "2026-02-01T00:00:00Z",
	  { "2026-02-13T02:00:00Z", "2026-02-27T02:00:00Z", "2026-03-13T02:00:00Z" } },
	{ "59 23 31 * *", "UTC", "2026-01-31T23:59:00Z",
	  { "2026-03-31T23:59:00Z", "2026-05-31T23:59:00Z" } },
	{ "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z",
	  { "2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z" } },
	{ "1-59/29 5 * jan,JUL mon-Wed", "UTC", "2026-06-30T00:00:00Z",
	  { "2026-07-01T05:01:00Z", "2026-07-01T05:30:00Z", "2026-07-01T05:59:00Z",
	    "2026-07-06T05:01:00Z" } },
	{ "50/5 5 1 1 7", "UTC", "2026-01-01T00:00:00Z",
	  { "2026-01-01T05:50:00Z", "2026-01-01T05:55:00Z", "2026-01-04T05:50:00Z" } },
};

static void test_due_times_are_those_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cron c = cron(cases[i].cron);
		struct time_zone *z = zone(cases[i].zone);
		int64_t at = seconds(cases[i].after);

		for (size_t n = 0; n < ARRAY_SIZE(cases[i].due) && cases[i].due[n]; n++) {
			at = cron_next(&c, z, at);
			if (at != seconds(cases[i].due[n])) {
				char text[CLOCK_TEXT_SIZE];

				clock_format(at * 1000, text);
				fail_msg("'%s' in %s: %s instead of %s", cases[i].cron,
					 cases[i].zone, text, cases[i].due[n]);
			}
		}
		zone_close(z);
	}
}

/* One due time for every day there is, whatever the clocks do on it; and by those clocks. */
static void test_daily_is_due_once_a_day_over_decades(void **state)
{
	static const struct {
		const char *zone, *cron;
		int64_t minute;
		unsigned n_left_out;	/* days on which the clocks pass over it */
	} rows[] = {
		{ "UTC", "30 2 * * *", 150, 0 },
		{ "Europe/Berlin", "30 2 * * *", 150, 36 },
		{ "America/New_York", "30 2 * * *", 150, 36 },
		{ "Australia/Lord_Howe", "15 2 * * *", 135, 36 },
		{ "Australia/Lord_Howe", "45 1 * * *", 105, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct time_zone *z = zone(rows[i].zone);
		struct cron c = cron(rows[i].cron);
		int64_t at = seconds("2001-01-01T12:00:00Z"), end = seconds("2037-01-01T12:00:00Z");
		int64_t day = zone_local(z, at) / 86400;
		unsigned n_left_out = 0;

		while ((at = cron_next(&c, z, at)) < end) {
			int64_t local = zone_local(z, at);

			assert_int_equal(local / 86400, ++day);
			if (local % 86400 != rows[i].minute * 60)
				n_left_out++;
		}
		assert_int_equal(day, seconds("2036-12-31T12:00:00Z") / 86400 +
					      (zone_local(z, end) / 86400 - end / 86400) +
					      (rows[i].minute * 60 < zone_local(z, end) % 86400));
		assert_int_equal(n_left_out, rows[i].n_left_out);
		zone_close(z);
	}
}

static void test_wrong_expressions_are_refused(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "",
		  "cron '' has not five fields: minute, hour, day of month, month, day of week" },
		{ "* * * *",
		  "cron '* * * *' has not five fields: minute, hour, day of month, month, "
			     "day of week" },
		{ "* * * * * *",
		  "cron '* * * * * *' has not five fields: minute, hour, day of month, "
				 "month, day of week" },
		{ "60 * * * *", "cron '60 * * * *': minute '60' is not within 0-59" },
		{ "* 24 * * *", "cron '* 24 * * *': hour '24' is not within 0-23" },
		{ "* * 0 * *",
		  "cron '* * 0 * *': day of month '0' is not within 1-31" },
		{ "* * * 13 *", "cron '* * * 13 *': month '13' is not within 1-12" },
		{ "* * * * 8",
		  "cron '* * * * 8': day of week '8' is not within 0-7" },
		{ "30-10 * * * *",
		  "cron '30-10 * * * *': minute '30-10' is not within 0-59" },
		{ "*/0 * * * *",
		  "cron '*/0 * * * *': minute '*/0' is no value, list, range or step" },
		{ "1,,2 * * * *",
		  "cron '1,,2 * * * *': minute '1,,2' is no value, list, range or step" },
		{ "1- * * * *",
		  "cron '1- * * * *': minute '1-' is no value, list, range or step" },
		{ "-1 * * * *",
		  "cron '-1 * * * *': minute '-1' is no value, list, range or step" },
		{ "* * * foo *",
		  "cron '* * * foo *': month 'foo' is no value, list, range or step" },
		{ "* * * january *",
		  "cron '* * * january *': month 'january' is no value, list, range or step" },
		{ "mon * * * *",
		  "cron 'mon * * * *': minute 'mon' is no value, list, range or step" },
		{ "* * L * *",
		  "cron '* * L * *': day of month 'L' is no value, list, range or step" },
		{ "99999999999999999999 * * * *",
		  "cron '99999999999999999999 * * * *': minute '99999999999999999999' is no value, list, range or step" },
		{ "0 0 30 2 *",
		  "cron '0 0 30 2 *' never fires: no month of it has such a day" },
		{ "0 0 31 4,6,9,11 *",
		  "cron '0 0 31 4,6,9,11 *' never fires: no month of it has such a day" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };
		struct cron c;

		assert_int_equal(cron_parse(rows[i].text, &c, &e), -EINVAL);
		assert_string_equal(e.msg, rows[i].sentence);
	}
	/* With a weekday there is always a day. */
	(void)cron("0 0 30 2 1");
}

static void test_zones_are_those_of_the_database(void **state)
{
	static const char *const wrong[] = {
		"", "Mars/Olympus", "../../etc/passwd", "/usr/share/zoneinfo/UTC", "+05:00",
		"CET-1CEST", "Europe", "zone.tab", "leapseconds", "posix/Europe/Berlin",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct time_zone *z = NULL;
		struct err e = { 0 };

		assert_int_equal(zone_open(wrong[i], &z, &e), -EINVAL);
		assert_null(z);
	}
	setenv("TZ", "Asia/Tokyo", 1);
	zone_close(zone("Etc/GMT+5"));
	struct time_zone *utc = zone("UTC");
	assert_int_equal(zone_local(utc, 1000), 1000);
	zone_close(utc);
	unsetenv("TZ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due_times_are_those_of_the_table),
		cmocka_unit_test(test_daily_is_due_once_a_day_over_decades),
		cmocka_unit_test(test_wrong_expressions_are_refused),
		cmocka_unit_test(test_zones_are_those_of_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
