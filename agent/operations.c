#include "agent/operations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/dynamic_reservations.h"
#include "agent/master_link.h"
#include "agent/persistent.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/operation_change.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/store.h"

static const char store_kind[] = "operation";

enum { UUID_BYTES = 16 };

typedef Tepui__AgentEvent__Apply Apply;

static const Mesos__V1__OperationStatus *status_of(const struct operation *operation)
{
	return operation->record->operation->latest_status;
}

/* ---- life in memory ---- */

static void operation_free(struct operation *operation)
{
	operation->agent->descriptions -= operation->description;
	todo_remove(&operation->agent->todo, &operation->todo);
	HASH_DEL(operation->agent->operations, operation);
	resend_done(&operation->resend);
	tepui__applied_operation__free_unpacked(operation->record, NULL);
	free(operation->key);
	free(operation);
}

void operations_free(struct agent *agent)
{
	struct operation *operation, *next;

	HASH_ITER(hh, agent->operations, operation, next)
		operation_free(operation);
}

static void forward(void *arg, bool is_safe)
{
	struct operation *operation = arg;
	struct agent *agent = operation->agent;
	struct err e = { 0 };

	if (!is_safe || operation->resend.is_in_flight || !master_link_is_up(agent->link))
		return;
	if (master_link_operation(agent->link, operation->record, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "send what became of operation '%s'",
			      operation->key);
	resend_sent(&operation->resend, agent->loop);
}

static void mark(void *arg)
{
	struct operation *operation = arg;

	todo_add(&operation->agent->todo, &operation->todo);
}

static struct operation *find(const struct agent *agent, const char *framework_id, const char *id)
{
	AUTO_FREE char *key = id_pair(framework_id, id);
	struct operation *operation = NULL;

	if (key)
		HASH_FIND_STR(agent->operations, key, operation);
	return operation;
}

/* RECORD is taken, also on failure. */
static int adopt(struct agent *agent, Tepui__AppliedOperation *record_take, struct operation **ret,
		 struct err *e)
{
	struct operation *operation = calloc(1, sizeof(*operation));

	if (operation)
		operation->key = id_pair(record_take->framework->id->value,
					record_take->operation->info->id->value);
	if (operation && operation->key)
		HASH_ADD_KEYPTR(hh, agent->operations, operation->key, strlen(operation->key),
				operation);
	if (!operation || !operation->hh.tbl) {
		tepui__applied_operation__free_unpacked(record_take, NULL);
		if (operation)
			free(operation->key);
		free(operation);
		return err_set(e, ENOMEM, "read an operation");
	}
	operation->agent = agent;
	operation->record = record_take;
	operation->description = tepui__applied_operation__get_packed_size(record_take);
	agent->descriptions += operation->description;
	operation->todo.proceed = forward;
	operation->todo.arg = operation;
	resend_init(&operation->resend, mark, operation);
	*ret = operation;
	return 0;
}

/* ---- at start ---- */

static bool is_complete(const Tepui__AppliedOperation *record)
{
	return record->framework->id && record->operation->info->id;
}

static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct agent *agent = arg;
	Tepui__AppliedOperation *record = tepui__applied_operation__unpack(NULL, size, data);
	struct operation *operation;
	struct err why = { 0 };
	int r;

	(void)e;
	if (record && is_complete(record)) {
		r = adopt(agent, record, &operation, &why);
	} else {
		if (record)
			tepui__applied_operation__free_unpacked(record, NULL);
		r = err_set(&why, EINVAL, "read the record");
	}
	if (r < 0) {
		agent->counters.recovery_errors++;
		log_write_err(LOG_LEVEL_ERROR, &why, "skip operation '%s'", key);
	}
	return 0;
}

int operations_load(struct agent *agent, struct err *e)
{
	return store_each(agent->store, store_kind, load, agent, e);
}

/* ---- APPLY ---- */

static int change(struct agent *agent, const Mesos__V1__Offer__Operation *operation, struct err *e)
{
	return operation->reserve || operation->unreserve ?
	       dynamic_reservations_apply(agent, operation, e) :
	       persistent_apply(agent, operation, e);
}

/* Before anything is changed: what could not be told of is not done. */
static int check_room(const struct agent *agent, const Apply *apply, struct err *e)
{
	const char *id = apply->operation->id->value;

	if (!apply->framework->id || !apply->uuid)
		return err_set(e, EINVAL, "apply operation '%.255s': nobody is to be told of it", id);
	if (find(agent, apply->framework->id->value, id))
		return err_set(e, EEXIST, "apply operation '%.255s': it has not been acknowledged"
			       " since it was applied", id);
	if (HASH_COUNT(agent->operations) >= OPERATIONS_MAX_KEPT ||
	    agent->descriptions + protobuf_c_message_get_packed_size(&apply->base) >
		    AGENT_MAX_DESCRIPTIONS)
		return err_set(e, ENOBUFS, "apply operation '%.255s': too many wait to be"
			       " acknowledged", id);
	return 0;
}

/* What it has made; nothing when memory is out: that is for convenience. */
static void list_converted(const Mesos__V1__Offer__Operation *operation,
			   Mesos__V1__OperationStatus *status)
{
	struct operation_change converted;
	struct err ignored = { 0 };

	if (operation_change_read(operation, &converted, &ignored) < 0)
		return;
	if (resources_to_messages(&converted.to, NULL, &status->converted_resources,
				  &status->n_converted_resources) < 0)
		status->n_converted_resources = 0;
	operation_change_done(&converted);
}

/* Owned; WHY it failed, or that is not set. */
static Tepui__AppliedOperation *describe(struct agent *agent, const Apply *apply, struct err *why)
{
	Tepui__AppliedOperation record = TEPUI__APPLIED_OPERATION__INIT;
	Mesos__V1__Operation operation = MESOS__V1__OPERATION__INIT;
	Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT, *statuses = &status;
	Mesos__V1__UUID uuid = MESOS__V1__UUID__INIT;
	uint8_t bytes[UUID_BYTES];
	ProtobufCMessage *copy;

	id_uuid_bytes(&agent->rng, bytes);
	uuid.value = (ProtobufCBinaryData){ UUID_BYTES, bytes };
	status.operation_id = apply->operation->id;
	status.state = why->code ? MESOS__V1__OPERATION_STATE__OPERATION_FAILED :
				   MESOS__V1__OPERATION_STATE__OPERATION_FINISHED;
	status.message = why->code ? why->msg : NULL;
	status.uuid = &uuid;
	status.agent_id = agent->info->id;
	if (!why->code)
		list_converted(apply->operation, &status);
	operation.framework_id = apply->framework->id;
	operation.agent_id = agent->info->id;
	operation.info = apply->operation;
	operation.latest_status = &status;
	operation.n_statuses = 1;
	operation.statuses = &statuses;
	operation.uuid = apply->uuid;
	record.framework = apply->framework;
	record.operation = &operation;
	copy = pb_copy(&record.base);
	resources_messages_free(status.converted_resources, status.n_converted_resources);
	return (Tepui__AppliedOperation *)copy;
}

static int put(struct operation *operation, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = pb_pack(&operation->record->base, &data, &size, e);

	if (r >= 0)
		r = store_put(operation->agent->store, store_kind, operation->key, data, size, e);
	mark(operation);
	return r;
}

int operations_apply(struct agent *agent, const Apply *apply, struct err *e)
{
	Tepui__AppliedOperation *record;
	struct operation *operation;
	struct err why = { 0 };
	int r;

	if (!apply->operation->id || !apply->framework)
		return change(agent, apply->operation, e);
	r = check_room(agent, apply, e);
	if (r < 0)
		return r;
	/* In the same commit as what it changes. */
	(void)change(agent, apply->operation, &why);
	record = describe(agent, apply, &why);
	r = record ? adopt(agent, record, &operation, e) : err_set(e, ENOMEM, "apply an operation");
	if (r >= 0)
		r = put(operation, e);
	if (r >= 0 && why.code) {
		*e = why;
		r = -why.code;
	}
	return r;
}

/* ---- acknowledgements ---- */

static void forget(struct operation *operation)
{
	struct err e = { 0 };

	if (store_delete(operation->agent->store, store_kind, operation->key, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "forget operation '%s'", operation->key);
	operation_free(operation);
}

void operations_acknowledge(struct agent *agent,
			    const Tepui__AgentEvent__AcknowledgeOperation *ack)
{
	struct operation *operation = find(agent, ack->framework_id->value,
					   ack->operation_id->value);
	const Mesos__V1__UUID *uuid = operation ? status_of(operation)->uuid : NULL;

	if (uuid && uuid->value.len == ack->uuid.len &&
	    memcmp(uuid->value.data, ack->uuid.data, ack->uuid.len) == 0)
		forget(operation);
	else
		log_debug("ignore an acknowledgement of operation '%s'", ack->operation_id->value);
}

void operations_forget(struct agent *agent)
{
	struct operation *operation, *next;

	HASH_ITER(hh, agent->operations, operation, next)
		forget(operation);
}

void operations_resume(struct agent *agent)
{
	for (struct operation *operation = agent->operations; operation;
	     operation = operation->hh.next) {
		resend_reset(&operation->resend);
		mark(operation);
	}
}

void operations_pause(struct agent *agent)
{
	for (struct operation *operation = agent->operations; operation;
	     operation = operation->hh.next)
		resend_reset(&operation->resend);
}
