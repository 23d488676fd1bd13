/* RESERVE, UNRESERVE, CREATE and DESTROY: what an agent has is divided in another way. */
#ifndef MASTER_STUB_OPERATION_H
#define MASTER_STUB_OPERATION_H

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct framework;
struct resources;

const char *operation_name(const Mesos__V1__Offer__Operation *operation);

/* Does it have the body of its type, and no other?  -EINVAL. */
int operation_check(const Mesos__V1__Offer__Operation *operation, struct err *e);

/* Who asks: a framework in ROLE, or an operator (NULL).  PRINCIPAL is NULL where nobody says so. */
struct operation_asker {
	struct framework *framework;
	const char *role, *principal;
};

/*
 * Apply it to LEFT, what ASKER has of AGENT at hand and nobody else is charged with, and to the agent,
 * which is told.  To CONVERTED is added what LEFT has got by it; what becomes of one with an id the
 * framework hears.  -EINVAL with the reason, also for a type that this version does not know; -EBUSY:
 * LEFT has not so much.  Nothing is changed then, and nobody told.
 */
int operation_apply(struct agent *agent, const struct operation_asker *asker,
		    const Mesos__V1__Offer__Operation *operation, struct resources *left,
		    struct resources *converted, struct err *e);

#endif
