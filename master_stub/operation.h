/* CREATE and DESTROY: reserved disk of an agent becomes a persistent volume, and the reverse. */
#ifndef MASTER_STUB_OPERATION_H
#define MASTER_STUB_OPERATION_H

#include <stdbool.h>

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct resources;

/* Is OPERATION one of them, with a body that fits? */
bool operation_is_volume(const Mesos__V1__Offer__Operation *operation);

/*
 * Apply it to LEFT, what a framework in ROLE has of AGENT at hand and nobody else is charged with, and
 * to the agent, which is told.  CONVERTED becomes what LEFT has got by it, in addition to what that
 * held.  -EINVAL with the reason: nothing is changed then.
 */
int operation_apply(struct agent *agent, const char *role,
		    const Mesos__V1__Offer__Operation *operation, struct resources *left,
		    struct resources *converted, struct err *e);

#endif
