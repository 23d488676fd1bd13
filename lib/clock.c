#include "lib/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Years 1 to 9999: what four digits can say. */
#define CLOCK_MIN_MS (-62135596800000LL)
#define CLOCK_MAX_MS 253402300799999LL

static int64_t read_ns(clockid_t id)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

int64_t clock_boot_ms(void)
{
	return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t clock_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000;
}

/*
 * Days since the epoch to a date (proleptic Gregorian; years begin in March, so that the leap day
 * is their last).  gmtime_r(3) would do, but reads the host's time zone first.
 */
static void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = days + 719468;		/* since 0000-03-01 */
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;	/* 0 is March */

	*ret_day = (int)(of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (int)(month < 10 ? month + 3 : month - 9);
	*ret_year = (int)(year + era * 400 + (*ret_month <= 2));
}

void clock_format(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE])
{
	int64_t secs, days;
	int ms, year, month, day, second;
	char text[64];

	if (wall_ms < CLOCK_MIN_MS)
		wall_ms = CLOCK_MIN_MS;
	if (wall_ms > CLOCK_MAX_MS)
		wall_ms = CLOCK_MAX_MS;
	ms = (int)(wall_ms % 1000);
	if (ms < 0)
		ms += 1000;
	secs = (wall_ms - ms) / 1000;
	days = (secs >= 0 ? secs : secs - 86399) / 86400;
	second = (int)(secs - days * 86400);
	civil_from_days(days, &year, &month, &day);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
		       second / 3600, second / 60 % 60, second % 60, ms);
	memcpy(ret_text, text, CLOCK_TEXT_SIZE - 1);
	ret_text[CLOCK_TEXT_SIZE - 1] = '\0';
}

/* Does TEXT have the shape PATTERN, in which '0' stands for any digit? */
static bool has_shape(const char *text, const char *pattern)
{
	for (; *pattern; text++, pattern++) {
		if (*pattern == '0' ? *text < '0' || *text > '9' : *text != *pattern)
			return false;
	}
	return *text == '\0';
}

static int digits(const char *text, int n)
{
	int value = 0;

	while (n-- > 0)
		value = value * 10 + (*text++ - '0');
	return value;
}

int clock_parse(const char *text, int64_t *ret_wall_ms)
{
	bool has_fraction = has_shape(text, "0000-00-00T00:00:00.000Z");
	char again[CLOCK_TEXT_SIZE];
	struct tm tm = { 0 };
	int64_t ms;

	if (!has_fraction && !has_shape(text, "0000-00-00T00:00:00Z"))
		return -EINVAL;
	tm.tm_year = digits(text, 4) - 1900;
	tm.tm_mon = digits(text + 5, 2) - 1;
	tm.tm_mday = digits(text + 8, 2);
	tm.tm_hour = digits(text + 11, 2);
	tm.tm_min = digits(text + 14, 2);
	tm.tm_sec = digits(text + 17, 2);
	ms = (int64_t)timegm(&tm) * 1000 + (has_fraction ? digits(text + 20, 3) : 0);

	/* timegm() carries the 31st of February over; the text must come back as it was. */
	clock_format(ms, again);
	if (strncmp(again, text, sizeof("0000-00-00T00:00:00") - 1) != 0)
		return -EINVAL;
	*ret_wall_ms = ms;
	return 0;
}
