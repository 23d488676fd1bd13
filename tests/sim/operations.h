/* Operations with an id: what agents keep of them, frameworks ask of them, and the ledger knows. */
#ifndef TESTS_SIM_OPERATIONS_H
#define TESTS_SIM_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/scheduler.pb-c.h"
#include "proto/tepui.pb-c.h"

struct deed;
struct sim;
struct sim_agent;
struct sim_framework;

/* ---- agents: agent/operations.c ---- */

/* A record, until it is acknowledged. */
struct agent_operation {
	TAILQ_ENTRY(agent_operation) next;
	Tepui__AppliedOperation *applied;	/* owned */
	bool is_in_flight;
	int64_t resend_ms;
	uint64_t resend_tag;
};

/* It is applied: if somebody is to be told of it, that begins. */
void operation_applied(struct sim_agent *agent, const Tepui__AgentEvent__Apply *apply);
void operation_acknowledged(struct sim_agent *agent,
			    const Tepui__AgentEvent__AcknowledgeOperation *ack);
/* The list is to be freed, what is in it is the agent's. */
Tepui__AppliedOperation **operations_list(const struct sim_agent *agent, size_t *ret_n);
void operations_up(struct sim_agent *agent);
void operations_down(struct sim_agent *agent);
void operations_drop(struct sim_agent *agent);

/* ---- frameworks ---- */

/* On its disk. */
struct ask {
	TAILQ_ENTRY(ask) next;
	struct deed *deed;
	char id[32], agent_id[128];
	Mesos__V1__OperationState state;	/* last heard; PENDING before */
};

/* OPERATION gets an id, and is on the disk of FRAMEWORK. */
void ask_new(struct sim_framework *framework, const char *agent_id,
	     Mesos__V1__Offer__Operation *operation);
/* True: it is to be acknowledged. */
bool ask_told(struct sim_framework *framework, const Mesos__V1__OperationStatus *status);
bool ask_is_over(const struct ask *ask);
void asks_drop(struct sim_framework *framework);

/* ---- the ledger: one end each, and none is lost ---- */

void deeds_free(struct sim *sim);
void deed_acknowledged(struct sim *sim, const char *framework_id, const char *id);
/* Everybody knows what became of what he asked for; nobody keeps anything. */
bool deeds_are_healed(const struct sim *sim, char *text, size_t size);
bool deeds_are_settled(const struct sim *sim, char *text, size_t size);

#endif
