/* Cron expressions of five fields: "minute hour day-of-month month day-of-week". */
#ifndef MASTER_STUB_MARATHON_DEFINITION_CRON_H
#define MASTER_STUB_MARATHON_DEFINITION_CRON_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct time_zone;

/* Bit N of a set: the value N is in it. */
struct cron {
	uint64_t minutes, hours, days, months, weekdays;
	/* The field begins with '*': alone it restricts nothing, and the other day field counts. */
	bool is_any_day, is_any_weekday;
};

/*
 * Lists, ranges, steps, names of months and days; 0 and 7 are Sunday.  When both day fields restrict,
 * a day that either of them allows is due.  -EINVAL; also when no day there is can be due.
 */
int cron_parse(const char *text, struct cron *ret, struct err *e);

/*
 * The first time after AFTER_S that CRON is due by the clocks of ZONE.  A time that the clocks leave
 * out is due at the moment they are set forward, one that they show twice only the first time.
 */
int64_t cron_next(const struct cron *cron, const struct time_zone *zone, int64_t after_s);

#endif
