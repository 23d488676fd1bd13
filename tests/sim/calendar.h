/* When jobs are due, found minute by minute: nothing of what the controller reckons with but its clocks. */
#ifndef TESTS_SIM_CALENDAR_H
#define TESTS_SIM_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

struct time_zone;

enum { N_CRONS = 6, N_ZONES = 5 };

/* Every STEP minutes of the hours from FIRST to LAST, from minute OFFSET on. */
struct calendar_cron {
	const char *text;
	int step, offset, first_hour, last_hour;
};
extern const struct calendar_cron calendar_crons[N_CRONS];
extern const char *const calendar_zones[N_ZONES];

struct calendar;
struct calendar *calendar_new(void);
void calendar_free(struct calendar *calendar);

/* Is a job due in that minute since the epoch?  By texts as in the tables above. */
bool calendar_is_due(const struct calendar *calendar, const char *cron, const char *zone,
		     int64_t minute);

#endif
