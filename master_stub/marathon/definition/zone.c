#include "master_stub/marathon/definition/zone.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"

/* No zone is further from UTC than this, nor changes twice within two days. */
enum { AHEAD_MAX_S = 15 * 3600, BEHIND_MAX_S = 13 * 3600 };

/* GLib's zone itself: of this type only pointers exist. */
static GTimeZone *glib_zone(const struct time_zone *zone)
{
	return (GTimeZone *)(uintptr_t)zone;
}

/* Asked for before GLib is: it would also take rules ("CET-1CEST") and warn of other files. */
static int is_in_database(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+-_/";
	char path[128];

	if (name[0] < 'A' || name[0] > 'Z' || strspn(name, letters) != strlen(name))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name) >= sizeof(path))
		return 0;
	return access(path, R_OK) == 0;
}

int zone_open(const char *name, struct time_zone **ret, struct err *e)
{
	GTimeZone *zone = NULL;

	if (strcmp(name, "UTC") == 0)
		zone = g_time_zone_new_utc();
	else if (is_in_database(name))
		zone = g_time_zone_new_identifier(name);
	if (!zone)
		return err_set(e, EINVAL, "No time zone found with this id: %s", name);
	*ret = (struct time_zone *)zone;
	return 0;
}

void zone_close(struct time_zone *zone)
{
	if (zone)
		g_time_zone_unref(glib_zone(zone));
}

static int64_t offset_at(const struct time_zone *zone, int64_t utc_s)
{
	gint interval = g_time_zone_find_interval(glib_zone(zone), G_TIME_TYPE_UNIVERSAL, utc_s);

	return interval < 0 ? 0 : g_time_zone_get_offset(glib_zone(zone), interval);
}

int64_t zone_local(const struct time_zone *zone, int64_t utc_s)
{
	return utc_s + offset_at(zone, utc_s);
}

/* The second from which on another offset than OFFSET is in force, between LOW and HIGH. */
static int64_t find_change(const struct time_zone *zone, int64_t low, int64_t high, int64_t offset)
{
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (offset_at(zone, middle) == offset)
			low = middle;
		else
			high = middle;
	}
	return high;
}

int64_t zone_instant(const struct time_zone *zone, int64_t local_s)
{
	int64_t low = local_s - AHEAD_MAX_S, high = local_s + BEHIND_MAX_S;
	int64_t before = offset_at(zone, low), after = offset_at(zone, high);

	if (zone_local(zone, local_s - before) == local_s)
		return local_s - before;
	if (zone_local(zone, local_s - after) == local_s)
		return local_s - after;
	return find_change(zone, low, high, before);
}
