/* Time zones by the names of the Olson database, whatever zone the process itself is in. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_ZONE_H
#define MASTER_STUB_MARATHON_DEFINITION_ZONE_H

#include <stdint.h>

struct err;
struct time_zone;

/* The zone NAME ("Europe/Berlin", "UTC").  -EINVAL: there is none of that name. */
int zone_open(const char *name, struct time_zone **ret, struct err *e);
void zone_close(struct time_zone *zone);

/* What the clocks on the wall show at UTC_S, as if they were seconds of UTC. */
int64_t zone_local(const struct time_zone *zone, int64_t utc_s);

/*
 * When the clocks show LOCAL_S.  A time that comes twice, because the clocks are set back, is the
 * first of the two; one that is left out, because they are set forward, is the moment of that.
 */
int64_t zone_instant(const struct time_zone *zone, int64_t local_s);

#endif
