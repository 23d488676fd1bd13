/* RESERVE, UNRESERVE, CREATE and DESTROY: what frameworks, operators and agents do with them. */
#ifndef TESTS_SIM_CHANGES_H
#define TESTS_SIM_CHANGES_H

#include <stdbool.h>

#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

struct sim;
struct sim_agent;

/*
 * One by chance that can be made of LEFT, on the agent called AGENT_ID, for ROLE; LEFT is what there
 * is after it, and that somebody has asked for it is told to the ledger.  Owned; NULL: none.
 */
Mesos__V1__Offer__Operation *change_ask(struct sim *sim, const char *agent_id, const char *role,
					struct resources *left);
void change_free(Mesos__V1__Offer__Operation *operation);

/* The agent is told. */
void change_apply(struct sim_agent *agent, const Mesos__V1__Offer__Operation *operation);

/* Part of it, by chance: one that is reserved for ROLE is added to TASK, all of it. */
void change_use(struct sim *sim, const char *role, const struct resources *left,
		struct resources *task);

#endif
