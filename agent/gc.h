/* Removal of what is no longer needed: sandboxes of tasks that ended long ago. */
#ifndef AGENT_GC_H
#define AGENT_GC_H

#include <stdint.h>

struct agent;
struct err;
struct gc;

int gc_new(struct agent *agent, struct gc **ret, struct err *e);
void gc_free(struct gc *gc);

/* What is older goes. */
int64_t gc_present_max_age(const struct gc *gc);

/*
 * How old a sandbox may get while USED of the disk (0..1) is in use: DELAY_MS * max(0, 1 - headroom
 * - USED), as in Mesos.
 */
int64_t gc_max_age(int64_t delay_ms, double used);

#endif
