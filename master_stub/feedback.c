#include "master_stub/feedback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/operation_change.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/listing.h"
#include "master_stub/registry.h"

enum { UUID_BYTES = 16 };

typedef Mesos__V1__OperationStatus Status;
typedef Mesos__V1__OperationState State;

static State state_of(const struct operation *operation)
{
	return operation->message->latest_status->state;
}

static bool is_over(State state)
{
	static const bool over[N_OPERATION_STATES] = {
		[MESOS__V1__OPERATION_STATE__OPERATION_FINISHED] = true,
		[MESOS__V1__OPERATION_STATE__OPERATION_FAILED] = true,
		[MESOS__V1__OPERATION_STATE__OPERATION_ERROR] = true,
		[MESOS__V1__OPERATION_STATE__OPERATION_DROPPED] = true,
		[MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR] = true,
	};

	return (unsigned)state < N_OPERATION_STATES && over[state];
}

static void count_new(struct master *master, const Mesos__V1__Offer__Operation *info)
{
	master->counters.operations_known[info->type]++;
}

static void count_end(struct master *master, const Mesos__V1__Offer__Operation *info, State state)
{
	master->counters.operations_ended[info->type][state]++;
}

bool feedback_is_told(const struct operation *operation)
{
	return operation->message->latest_status->uuid;
}

static struct operation *find(const struct framework *framework, const char *id)
{
	struct operation *operation = NULL;

	HASH_FIND_STR(framework->operations, id, operation);
	return operation;
}

/* ---- what frameworks are told ---- */

/* STATUS is copied.  One of the old form knows no stack of reservations. */
static void tell(struct framework *framework, const Status *status)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__UpdateOperationStatus body =
		MESOS__V1__SCHEDULER__EVENT__UPDATE_OPERATION_STATUS__INIT;
	AUTO(pb_freep) ProtobufCMessage *copy = pb_copy(&status->base);

	body.status = (Status *)copy;
	if (!copy ||
	    (!framework_is_capable(framework,
			MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT) &&
	     resources_messages_downgrade(body.status->converted_resources,
					  body.status->n_converted_resources) < 0))
		return;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE_OPERATION_STATUS;
	event.update_operation_status = &body;
	(void)framework_send(framework, &event);
}

/* By the master itself: no uuid, so nothing to acknowledge.  AGENT_ID may be NULL. */
static void tell_own(struct framework *framework, Mesos__V1__OperationID *id,
		     Mesos__V1__AgentID *agent_id, State state, const char *message)
{
	Status status = MESOS__V1__OPERATION_STATUS__INIT;

	status.operation_id = id;
	status.agent_id = agent_id;
	status.state = state;
	status.message = (char *)(uintptr_t)message;
	tell(framework, &status);
}

/* No agent will say any more what became of it. */
static void give_up(struct operation *operation, State state, const char *message)
{
	/* Each has one end in the metrics: what the agent has told of it counts. */
	if (!feedback_is_told(operation))
		count_end(operation->framework->master, operation->message->info, state);
	tell_own(operation->framework, operation->message->info->id, operation->agent->info->id,
		 state, message);
}

void feedback_refuse(struct framework *framework, const struct agent *agent,
		     const Mesos__V1__Offer__Operation *info, const char *why)
{
	static const State state = MESOS__V1__OPERATION_STATE__OPERATION_ERROR;

	if (!info->id)
		return;
	count_new(framework->master, info);
	count_end(framework->master, info, state);
	tell_own(framework, info->id, agent ? agent->info->id : NULL, state, why);
}

static void tell_known(const struct operation *operation)
{
	Status status = *operation->message->latest_status;

	status.uuid = NULL;
	tell(operation->framework, &status);
}

bool feedback_tell_latest(struct framework *framework, const char *id)
{
	const struct operation *operation = find(framework, id);

	if (operation)
		tell_known(operation);
	return operation;
}

/* ---- rows ---- */

/* Its only status is STATUS now.  -ENOMEM: it stays as it was. */
static int set_status(struct operation *operation, const Status *status)
{
	Mesos__V1__Operation message = *operation->message;
	Status *latest = (Status *)(uintptr_t)status;
	ProtobufCMessage *copy;

	message.latest_status = latest;
	message.n_statuses = 1;
	message.statuses = &latest;
	copy = pb_copy(&message.base);
	if (!copy)
		return -ENOMEM;
	mesos__v1__operation__free_unpacked(operation->message, NULL);
	operation->message = (Mesos__V1__Operation *)copy;
	return 0;
}

static void set_state(struct operation *operation, State state)
{
	operation->message->latest_status->state = state;
	operation->message->statuses[0]->state = state;
}

/* MESSAGE is copied, as PENDING. */
static int add(struct framework *framework, struct agent *agent, const Mesos__V1__Operation *message,
	       struct operation **ret)
{
	struct operation *operation = calloc(1, sizeof(*operation));
	Mesos__V1__Operation pending = *message;
	Status status = MESOS__V1__OPERATION_STATUS__INIT, *statuses = &status;

	if (!operation)
		return -ENOMEM;
	status.operation_id = message->info->id;
	status.state = MESOS__V1__OPERATION_STATE__OPERATION_PENDING;
	status.agent_id = agent->info->id;
	pending.latest_status = &status;
	pending.n_statuses = 1;
	pending.statuses = &statuses;
	operation->framework = framework;
	operation->agent = agent;
	operation->id = strdup(message->info->id->value);
	operation->message = (Mesos__V1__Operation *)pb_copy(&pending.base);
	if (operation->id && operation->message)
		HASH_ADD_KEYPTR(hh, framework->operations, operation->id, strlen(operation->id),
				operation);
	if (!operation->hh.tbl) {
		if (operation->message)
			mesos__v1__operation__free_unpacked(operation->message, NULL);
		free(operation->id);
		free(operation);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&agent->operations, operation, on_agent);
	agent->n_operations++;
	count_new(agent->master, message->info);
	*ret = operation;
	return 0;
}

void feedback_free(struct operation *operation)
{
	listings_forget(operation->framework->master, operation);
	HASH_DEL(operation->framework->operations, operation);
	LIST_REMOVE(operation, on_agent);
	operation->agent->n_operations--;
	mesos__v1__operation__free_unpacked(operation->message, NULL);
	free(operation->id);
	free(operation);
}

static int check_new(const struct framework *framework, const struct agent *agent, const char *id,
		     struct err *e)
{
	if (!id_is_valid(id))
		return err_set(e, EINVAL, "The id of an operation must be a valid one");
	if (find(framework, id))
		return err_set(e, EINVAL, "Operation ID '%s' is in use: what became of it was not"
			       " acknowledged", id);
	if (!agent->gives_feedback)
		return err_set(e, EINVAL, "Agent '%s' is of a version that does not tell what"
			       " becomes of operations", agent->id);
	if (agent->n_operations >= OPERATIONS_MAX_KEPT)
		return err_set(e, EINVAL, "Agent '%s' has %d operations that were not"
			       " acknowledged", agent->id, OPERATIONS_MAX_KEPT);
	return 0;
}

int feedback_new(struct framework *framework, struct agent *agent,
		 const Mesos__V1__Offer__Operation *info, struct operation **ret, struct err *e)
{
	Mesos__V1__Operation message = MESOS__V1__OPERATION__INIT;
	Mesos__V1__UUID uuid = MESOS__V1__UUID__INIT;
	uint8_t bytes[UUID_BYTES];
	int r = check_new(framework, agent, info->id->value, e);

	if (r < 0)
		return r;
	id_uuid_bytes(framework->master->rng, bytes);
	uuid.value = (ProtobufCBinaryData){ UUID_BYTES, bytes };
	message.framework_id = framework->info->id;
	message.agent_id = agent->info->id;
	message.info = (Mesos__V1__Offer__Operation *)(uintptr_t)info;
	message.uuid = &uuid;
	if (add(framework, agent, &message, ret) < 0)
		return err_set(e, ENOMEM, "The master is out of memory");
	return 0;
}

/* ---- what the agent tells ---- */

static struct operation *find_on(const struct framework *framework, const struct agent *agent,
				 const char *id)
{
	struct operation *operation = find(framework, id);

	return operation && operation->agent == agent ? operation : NULL;
}

static void acknowledge(struct agent *agent, struct framework *framework, const char *id,
			const ProtobufCBinaryData *uuid)
{
	struct operation *operation = find_on(framework, agent, id);
	const Mesos__V1__UUID *last = operation ? operation->message->latest_status->uuid : NULL;

	registry_send_acknowledge_operation(agent, framework->id, id, uuid);
	if (last && memcmp(last->value.data, uuid->data, UUID_BYTES) == 0)
		feedback_free(operation);
}

static const char *check_update(const struct framework *framework, const Status *status)
{
	if (!framework)
		return "its framework is not known";
	if (!status->operation_id || !is_over(status->state))
		return "it has no id, or is not over";
	return status->uuid && status->uuid->value.len == UUID_BYTES ? NULL : "it has no uuid";
}

static void take_status(struct operation *operation, const Status *status)
{
	bool was_told = feedback_is_told(operation);

	/* Without memory it is taken when the agent repeats it. */
	if (set_status(operation, status) == 0 && !was_told)
		count_end(operation->framework->master, operation->message->info, status->state);
}

void feedback_update(struct agent *agent, const Tepui__AgentCall__OperationUpdate *update)
{
	struct master *master = agent->master;
	const Status *status = update->status;
	struct framework *framework = framework_find(master, update->framework_id->value);
	const char *why = check_update(framework, status);
	struct operation *operation;

	if (why) {
		master->counters.invalid_operation_updates++;
		master_explain(master, "what agent '%s' tells of an operation is not taken: %s",
			       agent->id, why);
		return;
	}
	master->counters.valid_operation_updates++;
	operation = find_on(framework, agent, status->operation_id->value);
	if (operation)
		take_status(operation, status);
	/* Whoever is not there is told again by the agent. */
	if (framework->is_removed)
		acknowledge(agent, framework, status->operation_id->value, &status->uuid->value);
	else
		tell(framework, status);
}

static int admit(struct agent *agent, const Tepui__AppliedOperation *applied, struct err *e)
{
	const Mesos__V1__Offer__Operation *info = applied->operation->info;
	const Mesos__V1__OperationID *id = info->id;
	struct framework *framework;
	struct operation *operation;
	int r;

	if (!id || !id_is_valid(id->value) || !operation_is_change(info))
		return err_set(e, EINVAL, "it has no valid id, or is none that an agent applies");
	r = framework_find_or_recover(agent->master, applied->framework, &framework, e);
	if (r < 0)
		return r;
	operation = find(framework, id->value);
	if (operation && operation->agent != agent)
		return err_set(e, EEXIST, "operation '%s' is agent '%s''s", id->value,
			       operation->agent->id);
	if (!operation && add(framework, agent, applied->operation, &operation) < 0)
		return err_set(e, ENOMEM, "admit operation '%s'", id->value);
	operation->is_seen = true;
	if (state_of(operation) == MESOS__V1__OPERATION_STATE__OPERATION_UNREACHABLE)
		set_state(operation, MESOS__V1__OPERATION_STATE__OPERATION_PENDING);
	return 0;
}

/* Told of and not brought along: the agent has seen its acknowledgement. */
static void drop_unseen(struct agent *agent)
{
	struct operation *operation, *next;

	for (operation = LIST_FIRST(&agent->operations); operation; operation = next) {
		next = LIST_NEXT(operation, on_agent);
		if (operation->is_seen)
			continue;
		if (!feedback_is_told(operation))
			give_up(operation, MESOS__V1__OPERATION_STATE__OPERATION_DROPPED,
				"The agent was disconnected before it got the operation");
		feedback_free(operation);
	}
}

void feedback_bring(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe)
{
	struct operation *operation;
	struct err first = { 0 };
	size_t n_bad = 0;

	agent->gives_feedback = subscribe->gives_feedback;
	LIST_FOREACH(operation, &agent->operations, on_agent)
		operation->is_seen = false;
	for (size_t i = 0; i < subscribe->n_operations; i++) {
		struct err e = { 0 };

		if (admit(agent, subscribe->operations[i], &e) < 0 && n_bad++ == 0)
			first = e;
	}
	if (n_bad > 0)
		master_explain(agent->master, "agent '%s': %zu operations it brings are not taken;"
			       " the first: %s", agent->id, n_bad, first.msg);
	drop_unseen(agent);
}

/* ---- agents and frameworks that are not there ---- */

/* As in Mesos also of what the agent has told: nobody has acknowledged it, so it may not have been heard. */
void feedback_mark_unreachable(struct agent *agent)
{
	static const State state = MESOS__V1__OPERATION_STATE__OPERATION_UNREACHABLE;
	struct operation *operation, *next;

	for (operation = LIST_FIRST(&agent->operations); operation; operation = next) {
		next = LIST_NEXT(operation, on_agent);
		if (operation->framework->is_removed) {
			feedback_free(operation);
			continue;
		}
		set_state(operation, state);
		tell_own(operation->framework, operation->message->info->id, agent->info->id, state,
			 "Agent is unreachable");
	}
}

void feedback_mark_gone(struct agent *agent)
{
	struct operation *operation;

	while ((operation = LIST_FIRST(&agent->operations))) {
		give_up(operation, MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR,
			"Agent is gone: an operator declared it");
		feedback_free(operation);
	}
}

void feedback_settle(struct framework *framework)
{
	struct operation *operation, *next;

	HASH_ITER(hh, framework->operations, operation, next) {
		const Mesos__V1__UUID *uuid = operation->message->latest_status->uuid;

		/* Its agent will bring it along, and be told then. */
		if (operation->agent->state == AGENT_UNREACHABLE)
			feedback_free(operation);
		else if (uuid)
			acknowledge(operation->agent, framework, operation->id, &uuid->value);
	}
}

/* ---- calls ---- */

void feedback_acknowledge(struct framework *framework,
			  const Mesos__V1__Scheduler__Call__AcknowledgeOperationStatus *call)
{
	struct master *master = framework->master;
	struct agent *agent = registry_find(master, call->agent_id->value);

	if (!agent || agent->state != AGENT_CONNECTED) {
		/* Back again, the agent tells once more. */
		master->counters.invalid_operation_acknowledgements++;
		return;
	}
	master->counters.valid_operation_acknowledgements++;
	acknowledge(agent, framework, call->operation_id->value, &call->uuid);
}

struct answer {
	State state;
	const char *message;
};

/* By what is known of the agent that the framework names, if it does. */
static struct answer answer_unknown(const struct master *master, const struct agent *agent,
				    bool is_named)
{
	static const struct answer by_agent[N_AGENT_STATES] = {
		[AGENT_RECOVERING] = { MESOS__V1__OPERATION_STATE__OPERATION_RECOVERING,
			"Reconciliation: Agent is recovered but has not re-registered" },
		[AGENT_CONNECTED] = { MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN,
			"Reconciliation: Operation is unknown" },
		[AGENT_DISCONNECTED] = { MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN,
			"Reconciliation: Operation is unknown" },
		[AGENT_UNREACHABLE] = { MESOS__V1__OPERATION_STATE__OPERATION_UNREACHABLE,
			"Reconciliation: Agent is unreachable" },
		[AGENT_GONE] = { MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR,
			"Reconciliation: Agent marked gone by operator" },
	};
	static const struct answer unknown = { MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN,
		"Reconciliation: Both operation and agent are unknown" };

	if (agent)
		return by_agent[agent->state];
	/* An agent that may still come back may bring it along. */
	return !is_named && registry_is_recovering(master) ? by_agent[AGENT_RECOVERING] : unknown;
}

static void reconcile_one(struct framework *framework,
			  const Mesos__V1__Scheduler__Call__ReconcileOperations__Operation *asked)
{
	const struct agent *agent = asked->agent_id ?
		registry_find(framework->master, asked->agent_id->value) : NULL;
	struct answer answer;

	if (feedback_tell_latest(framework, asked->operation_id->value))
		return;
	answer = answer_unknown(framework->master, agent, asked->agent_id);
	tell_own(framework, asked->operation_id, asked->agent_id, answer.state, answer.message);
}

void feedback_reconcile(struct framework *framework,
			const Mesos__V1__Scheduler__Call__ReconcileOperations *call)
{
	struct operation *operation, *next;

	if (call->n_operations == 0) {
		HASH_ITER(hh, framework->operations, operation, next)
			tell_known(operation);
		return;
	}
	for (size_t i = 0; i < call->n_operations; i++)
		reconcile_one(framework, call->operations[i]);
}
