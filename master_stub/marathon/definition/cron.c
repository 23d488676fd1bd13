#include "master_stub/marathon/definition/cron.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/definition/zone.h"

enum { MINUTE_S = 60, HOUR_MINUTES = 60, DAY_MINUTES = 1440 };

/* Longer than any pair of a date and a weekday takes to come again. */
enum { SEARCH_DAYS = 41 * 366 };

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
					   "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat",
					     NULL };

struct field {
	const char *what;
	unsigned min, max;
	const char *const *names;	/* of the values from MIN on */
};

static const struct field fields[] = {
	{ "minute", 0, 59, NULL },
	{ "hour", 0, 23, NULL },
	{ "day of month", 1, 31, NULL },
	{ "month", 1, 12, month_names },
	{ "day of week", 0, 7, weekday_names },
};

/* ---- Reading ---- */

/* A number or a name at *TEXT, which is moved behind it. */
static int read_value(const struct field *field, const char **text, unsigned *ret)
{
	size_t digits = strspn(*text, "0123456789");

	if (digits > 0 && digits <= 3) {
		*ret = (unsigned)strtoul(*text, NULL, 10);
		*text += digits;
		return 0;
	}
	for (unsigned i = 0; digits == 0 && field->names && field->names[i]; i++) {
		if (strncasecmp(*text, field->names[i], 3) == 0) {
			*ret = field->min + i;
			*text += 3;
			return 0;
		}
	}
	return -EINVAL;
}

/* "*", "5", "1-5", each with "/STEP" or without; a step after one value goes on to the end. */
static int read_item(const struct field *field, const char **text, uint64_t *set)
{
	unsigned first = field->min, last = field->max, step = 1;

	if (**text == '*') {
		++*text;
	} else {
		if (read_value(field, text, &first) < 0)
			return -EINVAL;
		if (**text != '/')
			last = first;
		if (**text == '-') {
			++*text;
			if (read_value(field, text, &last) < 0)
				return -EINVAL;
		}
	}
	if (**text == '/') {
		static const struct field steps = { "step", 1, 999, NULL };

		++*text;
		if (read_value(&steps, text, &step) < 0 || step == 0)
			return -EINVAL;
	}
	if (first < field->min || last > field->max || first > last)
		return -ERANGE;
	for (unsigned value = first; value <= last; value += step)
		*set |= UINT64_C(1) << value;
	return 0;
}

static int read_field(const struct field *field, const char *text, uint64_t *set, struct err *e)
{
	const char *at = text;
	int r;

	for (;;) {
		r = read_item(field, &at, set);
		if (r < 0 || *at != ',')
			break;
		at++;
	}
	if (r == -ERANGE)
		return err_set(e, EINVAL, "%s '%s' is not within %u-%u", field->what, text,
			       field->min, field->max);
	if (r < 0 || *at)
		return err_set(e, EINVAL, "%s '%s' is no value, list, range or step", field->what,
			       text);
	return 0;
}

/* ---- Due times ---- */

static bool is_due_day(const struct cron *cron, const struct tm *date)
{
	bool is_day = cron->days >> date->tm_mday & 1;
	bool is_weekday = cron->weekdays >> date->tm_wday & 1;

	if (!(cron->months >> (date->tm_mon + 1) & 1))
		return false;
	if (cron->is_any_day || cron->is_any_weekday)
		return is_day && is_weekday;
	return is_day || is_weekday;
}

/* The first due minute of the day from FROM on; -1: none. */
static int due_minute(const struct cron *cron, int from)
{
	for (int hour = from / HOUR_MINUTES; hour < DAY_MINUTES / HOUR_MINUTES; hour++) {
		int first = hour == from / HOUR_MINUTES ? from % HOUR_MINUTES : 0;
		uint64_t left = cron->minutes >> first;

		if ((cron->hours >> hour & 1) && left != 0)
			return hour * HOUR_MINUTES + first + __builtin_ctzll(left);
	}
	return -1;
}

/* The first due minute of the calendar from FROM on; -1: none for decades. */
static int64_t next_minute(const struct cron *cron, int64_t from)
{
	int64_t day = from / DAY_MINUTES;
	int start = (int)(from % DAY_MINUTES);

	for (int i = 0; i < SEARCH_DAYS; i++, day++, start = 0) {
		time_t at = (time_t)(day * DAY_MINUTES * MINUTE_S);
		struct tm date;
		int minute;

		if (!gmtime_r(&at, &date) || !is_due_day(cron, &date))
			continue;
		minute = due_minute(cron, start);
		if (minute >= 0)
			return day * DAY_MINUTES + minute;
	}
	return -1;
}

int64_t cron_next(const struct cron *cron, const struct time_zone *zone, int64_t after_s)
{
	int64_t minute = zone_local(zone, after_s) / MINUTE_S, at;

	if (minute < 0)
		minute = 0;
	/* Hours that come twice are passed over the second time. */
	do {
		minute = next_minute(cron, minute + 1);
		at = zone_instant(zone, minute * MINUTE_S);
	} while (at <= after_s);
	return at;
}

int cron_parse(const char *text, struct cron *ret, struct err *e)
{
	struct cron cron = { 0 };
	uint64_t *const sets[] = { &cron.minutes, &cron.hours, &cron.days, &cron.months,
				   &cron.weekdays };
	AUTO_FREE char *copy = strdup(text);
	char *rest = NULL, *word = copy ? strtok_r(copy, " \t", &rest) : NULL;
	size_t n = 0;

	if (!copy)
		return err_set(e, ENOMEM, "read cron '%s'", text);
	for (; word && n < ARRAY_SIZE(fields); word = strtok_r(NULL, " \t", &rest), n++) {
		if (read_field(&fields[n], word, sets[n], e) < 0)
			return err_wrap(e, "cron '%s'", text);
		cron.is_any_day |= sets[n] == &cron.days && *word == '*';
		cron.is_any_weekday |= sets[n] == &cron.weekdays && *word == '*';
	}
	if (word || n < ARRAY_SIZE(fields))
		return err_set(e, EINVAL, "cron '%s' has not five fields: minute, hour, day of "
			       "month, month, day of week", text);
	cron.weekdays |= cron.weekdays >> 7 & 1;
	if (next_minute(&cron, 0) < 0)
		return err_set(e, EINVAL, "cron '%s' never fires: no month of it has such a day",
			       text);
	*ret = cron;
	return 0;
}
