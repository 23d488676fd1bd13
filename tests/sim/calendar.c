#include "tests/sim/calendar.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "master_stub/marathon/definition/zone.h"
#include "tests/sim/sim.h"

enum { HOUR = 60, DAY = 24 * 60, LONGEST_SHIFT = 60 };

const struct calendar_cron calendar_crons[N_CRONS] = {
	{ "* * * * *", 1, 0, 0, 23 },	  { "*/2 * * * *", 2, 0, 0, 23 },
	{ "*/5 * * * *", 5, 0, 0, 23 },	  { "17 * * * *", HOUR, 17, 0, 23 },
	{ "15 2 * * *", HOUR, 15, 2, 2 }, { "*/10 1-3 * * *", 10, 0, 1, 3 },
};

const char *const calendar_zones[N_ZONES] = {
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
};

struct calendar {
	struct time_zone *zones[N_ZONES];
};

struct calendar *calendar_new(void)
{
	struct calendar *calendar = sim_alloc(sizeof(*calendar));
	struct err e = { 0 };

	for (int i = 0; i < N_ZONES; i++) {
		if (zone_open(calendar_zones[i], &calendar->zones[i], &e) < 0)
			abort();
	}
	return calendar;
}

void calendar_free(struct calendar *calendar)
{
	for (int i = 0; i < N_ZONES; i++)
		zone_close(calendar->zones[i]);
	free(calendar);
}

static const struct calendar_cron *find_cron(const char *text)
{
	for (int i = 0; i < N_CRONS; i++) {
		if (strcmp(calendar_crons[i].text, text) == 0)
			return &calendar_crons[i];
	}
	abort();
}

static const struct time_zone *find_zone(const struct calendar *calendar, const char *name)
{
	for (int i = 0; i < N_ZONES; i++) {
		if (strcmp(calendar_zones[i], name) == 0)
			return calendar->zones[i];
	}
	abort();
}

static int64_t shown_at(const struct time_zone *zone, int64_t minute)
{
	return zone_local(zone, minute * 60) / 60;
}

static bool names(const struct calendar_cron *cron, int64_t shown)
{
	int hour = (int)(shown % DAY / HOUR), minute = (int)(shown % HOUR);

	return hour >= cron->first_hour && hour <= cron->last_hour &&
	       minute % cron->step == cron->offset;
}

/*
 * What the clock shows for the first time in that minute: one minute as a rule; all that it leaves out
 * when it is set forward; nothing while it shows once more what it has shown.
 */
bool calendar_is_due(const struct calendar *calendar, const char *cron_text, const char *zone_name,
		     int64_t minute)
{
	const struct calendar_cron *cron = find_cron(cron_text);
	const struct time_zone *zone = find_zone(calendar, zone_name);
	int64_t now = shown_at(zone, minute), before = 0;

	for (int64_t i = 1; i <= LONGEST_SHIFT; i++) {
		int64_t shown = shown_at(zone, minute - i);

		before = shown > before ? shown : before;
	}
	for (int64_t shown = before + 1; shown <= now; shown++) {
		if (names(cron, shown))
			return true;
	}
	return false;
}
