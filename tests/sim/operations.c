#include "tests/sim/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/id.h"
#include "lib/pb_json.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "tests/sim/agent.h"
#include "tests/sim/framework.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum { FIRST_RESEND_MS = 10 * 1000, LAST_RESEND_MS = 10 * 60 * 1000, UUID_BYTES = 16 };

/* The truth about an operation. */
struct deed {
	UT_hash_handle hh;
	bool is_made, is_acknowledged;
	bool is_said_undone;		/* by the master, which has to be right */
	uint8_t uuid[UUID_BYTES];	/* of its status */
	char key[];
};

/* ---- the ledger ---- */

static struct deed *find_deed(struct sim *sim, const char *framework_id, const char *id)
{
	struct deed *deed = NULL;
	char key[300];

	(void)snprintf(key, sizeof(key), "%s/%s", framework_id, id);
	HASH_FIND_STR(sim->deeds, key, deed);
	if (deed)
		return deed;
	deed = sim_alloc(sizeof(*deed) + strlen(key) + 1);
	strcpy(deed->key, key);
	HASH_ADD_KEYPTR(hh, sim->deeds, deed->key, strlen(deed->key), deed);
	return deed;
}

void deeds_free(struct sim *sim)
{
	struct deed *deed, *next;

	HASH_ITER(hh, sim->deeds, deed, next) {
		HASH_DEL(sim->deeds, deed);
		free(deed);
	}
}

static void make(struct sim *sim, struct deed *deed, const uint8_t uuid[UUID_BYTES])
{
	if (deed->is_made)
		sim_fail(sim, "P4 operations", "operation '%s' is applied twice", deed->key);
	if (deed->is_said_undone)
		sim_fail(sim, "P2 operations", "operation '%s' is applied after the master said that"
			 " it was not", deed->key);
	deed->is_made = true;
	memcpy(deed->uuid, uuid, UUID_BYTES);
}

void deed_acknowledged(struct sim *sim, const char *framework_id, const char *id)
{
	find_deed(sim, framework_id, id)->is_acknowledged = true;
}

static void told_by_agent(struct sim *sim, const struct deed *deed,
			  const Mesos__V1__OperationStatus *status)
{
	if (!deed->is_made || memcmp(deed->uuid, status->uuid->value.data, UUID_BYTES) != 0)
		sim_fail(sim, "P2 operations", "no agent has said this of operation '%s'", deed->key);
	if (status->state != MESOS__V1__OPERATION_STATE__OPERATION_FINISHED)
		sim_fail(sim, "P2 operations", "operation '%s' is finished and said to be %d",
			 deed->key, (int)status->state);
}

/* What an operator has declared gone is his to answer for. */
static void told_by_master(struct sim *sim, struct deed *deed, Mesos__V1__OperationState state)
{
	/* Who has acknowledged it knows better: asked again, or given the same ACCEPT twice, the master does not. */
	bool is_forgotten = deed->is_acknowledged &&
			    state != MESOS__V1__OPERATION_STATE__OPERATION_DROPPED;

	switch ((int)state) {
	case MESOS__V1__OPERATION_STATE__OPERATION_FINISHED:
		if (!deed->is_made)
			sim_fail(sim, "P2 operations", "operation '%s' is said to be finished",
				 deed->key);
		break;
	case MESOS__V1__OPERATION_STATE__OPERATION_ERROR:
	case MESOS__V1__OPERATION_STATE__OPERATION_DROPPED:
	case MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN:
		if (deed->is_made && !is_forgotten)
			sim_fail(sim, "P2 operations", "operation '%s' is made and said to be %d",
				 deed->key, (int)state);
		deed->is_said_undone = !deed->is_made;
		break;
	default:
		break;
	}
}

bool deeds_are_healed(const struct sim *sim, char *text, size_t size)
{
	const struct ask *ask;

	for (size_t i = 0; i < sim->n_agents; i++)
		UNLESS(TAILQ_EMPTY(&sim->agents[i]->operations),
		       "what became of an operation on %s is not acknowledged",
		       sim->agents[i]->hostname);
	for (size_t i = 0; i < sim->n_frameworks; i++) {
		TAILQ_FOREACH(ask, &sim->frameworks[i]->asks, next)
			UNLESS(ask_is_over(ask), "%s does not know what became of operation '%s'",
			       sim->frameworks[i]->name, ask->id);
	}
	return true;
}

bool deeds_are_settled(const struct sim *sim, char *text, size_t size)
{
	const struct master *master = sim->host->master;

	for (size_t i = 0; i < sim->n_agents; i++)
		UNLESS(TAILQ_EMPTY(&sim->agents[i]->operations), "%s still has operations",
		       sim->agents[i]->hostname);
	for (const struct framework *f = master->frameworks; f; f = f->hh.next)
		UNLESS(!f->operations, "framework '%s' has operations", f->id);
	for (const struct agent *agent = master->agents; agent; agent = agent->hh.next)
		UNLESS(LIST_EMPTY(&agent->operations), "agent '%s' has operations", agent->id);
	return true;
}

/* ---- agents ---- */

static void on_resend(void *arg, uint64_t tag);

static void forward(struct sim_agent *agent, struct agent_operation *operation)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__OperationUpdate update = TEPUI__AGENT_CALL__OPERATION_UPDATE__INIT;

	if (operation->is_in_flight || agent->state != LINK_UP)
		return;
	update.framework_id = operation->applied->framework->id;
	update.status = operation->applied->operation->latest_status;
	call.operation = &update;
	sim_agent_send(agent, TEPUI__AGENT_CALL__TYPE__OPERATION, &call);
	operation->is_in_flight = true;
	operation->resend_tag = ++agent->sim->n_tags;
	sim_in(agent->sim, operation->resend_ms, on_resend, agent, operation->resend_tag);
}

static void on_resend(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	struct agent_operation *operation;

	TAILQ_FOREACH(operation, &agent->operations, next) {
		if (operation->resend_tag != tag || !operation->is_in_flight)
			continue;
		operation->is_in_flight = false;
		operation->resend_ms *= 2;
		if (operation->resend_ms > LAST_RESEND_MS)
			operation->resend_ms = LAST_RESEND_MS;
		forward(agent, operation);
		return;
	}
}

static Tepui__AppliedOperation *describe(struct sim_agent *agent, const Tepui__AgentEvent__Apply *apply)
{
	Tepui__AppliedOperation applied = TEPUI__APPLIED_OPERATION__INIT;
	Mesos__V1__Operation operation = MESOS__V1__OPERATION__INIT;
	Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT;
	Mesos__V1__UUID uuid = MESOS__V1__UUID__INIT;
	Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
	uint8_t bytes[UUID_BYTES];

	id_uuid_bytes(&agent->sim->rng, bytes);
	uuid.value = (ProtobufCBinaryData){ sizeof(bytes), bytes };
	agent_id.value = agent->id;
	status.operation_id = apply->operation->id;
	status.state = MESOS__V1__OPERATION_STATE__OPERATION_FINISHED;
	status.uuid = &uuid;
	status.agent_id = &agent_id;
	operation.info = apply->operation;
	operation.latest_status = &status;
	operation.uuid = apply->uuid;
	applied.framework = apply->framework;
	applied.operation = &operation;
	return (Tepui__AppliedOperation *)pb_copy(&applied.base);
}

void operation_applied(struct sim_agent *agent, const Tepui__AgentEvent__Apply *apply)
{
	struct agent_operation *operation;
	const char *id;

	if (!apply->operation->id)
		return;
	id = apply->operation->id->value;
	operation = sim_alloc(sizeof(*operation));
	operation->applied = describe(agent, apply);
	operation->resend_ms = FIRST_RESEND_MS;
	TAILQ_INSERT_TAIL(&agent->operations, operation, next);
	sim_trace(agent->sim, "%s: operation %s is applied", agent->hostname, id);
	make(agent->sim, find_deed(agent->sim, apply->framework->id->value, id),
	     operation->applied->operation->latest_status->uuid->value.data);
	forward(agent, operation);
}

static void drop(struct sim_agent *agent, struct agent_operation *operation)
{
	TAILQ_REMOVE(&agent->operations, operation, next);
	tepui__applied_operation__free_unpacked(operation->applied, NULL);
	free(operation);
}

void operation_acknowledged(struct sim_agent *agent,
			    const Tepui__AgentEvent__AcknowledgeOperation *ack)
{
	struct agent_operation *operation;

	TAILQ_FOREACH(operation, &agent->operations, next) {
		const Tepui__AppliedOperation *applied = operation->applied;

		if (strcmp(applied->framework->id->value, ack->framework_id->value) == 0 &&
		    strcmp(applied->operation->info->id->value, ack->operation_id->value) == 0 &&
		    memcmp(applied->operation->latest_status->uuid->value.data, ack->uuid.data,
			   UUID_BYTES) == 0) {
			drop(agent, operation);
			return;
		}
	}
}

Tepui__AppliedOperation **operations_list(const struct sim_agent *agent, size_t *ret_n)
{
	const struct agent_operation *operation;
	Tepui__AppliedOperation **list;
	size_t n = 0;

	TAILQ_FOREACH(operation, &agent->operations, next)
		n++;
	list = sim_alloc((n + 1) * sizeof(Tepui__AppliedOperation *));
	*ret_n = 0;
	TAILQ_FOREACH(operation, &agent->operations, next)
		list[(*ret_n)++] = operation->applied;
	return list;
}

void operations_down(struct sim_agent *agent)
{
	struct agent_operation *operation;

	TAILQ_FOREACH(operation, &agent->operations, next) {
		operation->is_in_flight = false;
		operation->resend_ms = FIRST_RESEND_MS;
		operation->resend_tag = 0;
	}
}

void operations_up(struct sim_agent *agent)
{
	struct agent_operation *operation;

	operations_down(agent);
	TAILQ_FOREACH(operation, &agent->operations, next)
		forward(agent, operation);
}

void operations_drop(struct sim_agent *agent)
{
	while (!TAILQ_EMPTY(&agent->operations))
		drop(agent, TAILQ_FIRST(&agent->operations));
}

/* ---- frameworks ---- */

void ask_new(struct sim_framework *framework, const char *agent_id,
	     Mesos__V1__Offer__Operation *operation)
{
	struct ask *ask = sim_alloc(sizeof(*ask));

	(void)snprintf(ask->id, sizeof(ask->id), "o%u", framework->n_named++);
	(void)snprintf(ask->agent_id, sizeof(ask->agent_id), "%s", agent_id);
	ask->state = MESOS__V1__OPERATION_STATE__OPERATION_PENDING;
	ask->deed = find_deed(framework->sim, framework->id, ask->id);
	TAILQ_INSERT_TAIL(&framework->asks, ask, next);
	operation->id = sim_alloc(sizeof(*operation->id));
	mesos__v1__operation_id__init(operation->id);
	operation->id->value = strdup(ask->id);
}

bool ask_is_over(const struct ask *ask)
{
	switch ((int)ask->state) {
	case MESOS__V1__OPERATION_STATE__OPERATION_PENDING:
	case MESOS__V1__OPERATION_STATE__OPERATION_UNREACHABLE:
	case MESOS__V1__OPERATION_STATE__OPERATION_RECOVERING:
		return false;
	default:
		return true;
	}
}

bool ask_told(struct sim_framework *framework, const Mesos__V1__OperationStatus *status)
{
	struct sim *sim = framework->sim;
	struct ask *ask;

	sim_trace(sim, "%s <- operation %s is %d%s", framework->name, status->operation_id->value,
		  (int)status->state, status->uuid ? "" : " (master)");
	TAILQ_FOREACH(ask, &framework->asks, next) {
		if (strcmp(ask->id, status->operation_id->value) == 0)
			break;
	}
	if (!ask) {
		sim_fail(sim, "P2 unknown", "%s is told of operation '%s', which it never asked for",
			 framework->name, status->operation_id->value);
		return false;
	}
	if (status->uuid)
		told_by_agent(sim, ask->deed, status);
	else
		told_by_master(sim, ask->deed, status->state);
	if (!ask_is_over(ask))
		ask->state = status->state;
	return status->uuid;
}

void asks_drop(struct sim_framework *framework)
{
	struct ask *ask;

	while ((ask = TAILQ_FIRST(&framework->asks))) {
		TAILQ_REMOVE(&framework->asks, ask, next);
		free(ask);
	}
}
