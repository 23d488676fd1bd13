/* Which agents the roles of a framework may be offered at all, by the agents' attributes. */
#ifndef MASTER_STUB_OFFER_CONSTRAINTS_H
#define MASTER_STUB_OFFER_CONSTRAINTS_H

#include <stdbool.h>

#include "proto/scheduler.pb-c.h"

struct err;
struct offer_constraints;

/* -EINVAL in the words of Mesos; -ENOMEM.  *ret is owned. */
int offer_constraints_new(const Mesos__V1__Scheduler__OfferConstraints *message,
			  struct offer_constraints **ret, struct err *e);
void offer_constraints_free(struct offer_constraints *constraints);

/*
 * Any group of ROLE's suffices, all constraints of a group must hold; a role without groups takes
 * every agent.  CONSTRAINTS may be NULL: none.
 */
bool offer_constraints_admit(const struct offer_constraints *constraints, const char *role,
			     const Mesos__V1__AgentInfo *agent);

/* As the framework gave them; borrowed. */
const Mesos__V1__Scheduler__OfferConstraints *
offer_constraints_message(const struct offer_constraints *constraints);

#endif
