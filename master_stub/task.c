#include "master_stub/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/endpoint.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/history.h"
#include "master_stub/listing.h"
#include "master_stub/observe.h"
#include "master_stub/inverse_offer.h"
#include "master_stub/leave.h"
#include "master_stub/reconcile.h"
#include "master_stub/registry.h"

bool master_task_is_ended(Mesos__V1__TaskState state)
{
	static const bool terminal[N_TASK_STATES] = {
		[MESOS__V1__TASK_STATE__TASK_FINISHED] = true,
		[MESOS__V1__TASK_STATE__TASK_FAILED] = true,
		[MESOS__V1__TASK_STATE__TASK_KILLED] = true,
		[MESOS__V1__TASK_STATE__TASK_ERROR] = true,
		[MESOS__V1__TASK_STATE__TASK_LOST] = true,
		[MESOS__V1__TASK_STATE__TASK_DROPPED] = true,
		[MESOS__V1__TASK_STATE__TASK_GONE] = true,
		[MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR] = true,
	};

	return (unsigned)state < N_TASK_STATES && terminal[state];
}

const char *master_task_state_name(Mesos__V1__TaskState state)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&mesos__v1__task_state__descriptor, (int)state);

	return value ? value->name : "TASK_UNKNOWN";
}

/* ---- the record ---- */

static int packed_set(struct packed *packed, const ProtobufCMessage *message)
{
	struct err e = { 0 };
	size_t size = 0;
	void *data = NULL;
	int r = pb_pack(message, &data, &size, &e);

	if (r < 0)
		return r;
	free(packed->data);
	packed->data = data;
	packed->size = size;
	return 0;
}

/* An owned copy; NULL when there is none or memory is out. */
static Mesos__V1__TaskStatus *latest_status(const struct task *task)
{
	if (!task->status.data)
		return NULL;
	return mesos__v1__task_status__unpack(NULL, task->status.size, task->status.data);
}

struct task *master_task_find(const struct framework *framework, const char *id)
{
	struct task *task = NULL;

	HASH_FIND_STR(framework->tasks, id, task);
	return task;
}

static void task_free_fields(struct task *task)
{
	resources_done(&task->resources);
	free(task->info.data);
	free(task->status.data);
	free(task->id);
	free(task);
}

/* Among those in its state, or no more. */
static void count(const struct task *task, int sign)
{
	struct framework *framework = task->framework;
	Mesos__V1__TaskState state = task->is_unreachable ?
		MESOS__V1__TASK_STATE__TASK_UNREACHABLE : task->state;

	framework->master->n_tasks[state] += (size_t)sign;
	framework->counters.n_tasks[state] += (uint64_t)sign;
}

int master_task_new(struct framework *framework, struct agent *agent, struct framework_role *role,
	     const Mesos__V1__TaskInfo *info, bool is_launched, struct resources *resources,
	     struct task **ret)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return -ENOMEM;
	task->framework = framework;
	task->agent = agent;
	task->role = role;
	task->state = MESOS__V1__TASK_STATE__TASK_STAGING;
	task->kill_grace_ns = -1;
	task->id = strdup(info->task_id->value);
	if (task->id && packed_set(&task->info, &info->base) == 0)
		HASH_ADD_KEYPTR(hh, framework->tasks, task->id, strlen(task->id), task);
	if (!task->info.data || !task->hh.tbl) {
		task_free_fields(task);
		return -ENOMEM;
	}
	task->resources = TAKE_VAL(*resources, (struct resources){ 0 });
	TAILQ_INSERT_TAIL(&agent->tasks, task, on_agent);
	TAILQ_INSERT_TAIL(&framework->master->tasks, task, in_order);
	count(task, 1);
	if (agent->unavailability.is_planned)
		inverse_offers_wake(agent->master);
	if (endpoint_new(task, info, is_launched) < 0) {
		*resources = TAKE_VAL(task->resources, (struct resources){ 0 });
		master_task_free(task);
		return -ENOMEM;
	}
	*ret = task;
	return 0;
}

void master_task_free(struct task *task)
{
	if (master_task_is_ended(task->state))
		history_add_task(task);
	listings_forget(task->framework->master, task);
	endpoint_free(task->endpoint);
	master_task_release(task);
	count(task, -1);
	HASH_DEL(task->framework->tasks, task);
	TAILQ_REMOVE(&task->agent->tasks, task, on_agent);
	TAILQ_REMOVE(&task->framework->master->tasks, task, in_order);
	task_free_fields(task);
}

void master_task_charge(struct task *task)
{
	if (task->is_charged || !task->agent->node || task->is_unreachable ||
	    master_task_is_ended(task->state))
		return;
	task->is_charged = allocator_charge(task->agent->node, task->role->client,
					    &task->resources) == 0;
}

void master_task_release(struct task *task)
{
	if (task->is_charged)
		allocator_release(task->agent->node, task->role->client, &task->resources);
	task->is_charged = false;
}

void master_task_count_end(struct framework *framework, Mesos__V1__TaskState state, int source,
			   int reason)
{
	struct counters *counters = &framework->master->counters;

	counters->tasks_ended[state]++;
	framework->counters.tasks_ended[state]++;
	if ((unsigned)source < N_TASK_SOURCES && (unsigned)reason < N_TASK_REASONS)
		counters->tasks_ended_by[state][source][reason]++;
}

enum { NO_REASON = -1, SOURCE_MASTER = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER };

/* SOURCE and REASON count if it has ended. */
static void set_state(struct task *task, Mesos__V1__TaskState state, int source, int reason)
{
	if (master_task_is_ended(task->state))
		return;
	count(task, -1);
	task->state = state;
	count(task, 1);
	if (master_task_is_ended(state)) {
		endpoint_free(task->endpoint);
		master_task_count_end(task->framework, state, source, reason);
		master_task_release(task);
	}
}

/* ---- what the master itself tells ---- */

static Mesos__V1__TaskState state_for(const struct framework *framework, Mesos__V1__TaskState state)
{
	static const bool is_fine[N_TASK_STATES] = {
		[MESOS__V1__TASK_STATE__TASK_DROPPED] = true,
		[MESOS__V1__TASK_STATE__TASK_UNREACHABLE] = true,
		[MESOS__V1__TASK_STATE__TASK_GONE] = true,
		[MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR] = true,
		[MESOS__V1__TASK_STATE__TASK_UNKNOWN] = true,
	};

	if (is_fine[state] &&
	    !framework_is_capable(framework,
				  MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE))
		return MESOS__V1__TASK_STATE__TASK_LOST;
	return state;
}

/* Source and time of what the master says. */
static void sign(struct master *master, Mesos__V1__TaskStatus *status)
{
	status->has_source = true;
	status->source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER;
	status->has_timestamp = true;
	status->timestamp = (double)master_wall_ms(master) / 1000;
}

void master_task_tell(struct framework *framework, const struct status_from_master *from)
{
	Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__TimeInfo unreachable = MESOS__V1__TIME_INFO__INIT;

	task_id.value = (char *)(uintptr_t)from->task_id;
	agent_id.value = (char *)(uintptr_t)from->agent_id;
	status.task_id = &task_id;
	status.agent_id = from->agent_id ? &agent_id : NULL;
	status.state = state_for(framework, from->state);
	status.message = (char *)(uintptr_t)from->message;
	status.has_reason = true;
	status.reason = from->reason;
	if (from->unreachable_wall_ms > 0) {
		unreachable.nanoseconds = from->unreachable_wall_ms * 1000000;
		status.unreachable_time = &unreachable;
	}
	sign(framework->master, &status);
	(void)framework_send_status(framework, &status);
}

void master_task_tell_latest(struct task *task, Mesos__V1__TaskStatus__Reason reason,
			     const char *message)
{
	Mesos__V1__TaskStatus *latest = latest_status(task);
	Mesos__V1__TaskStatus told = MESOS__V1__TASK_STATUS__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;

	if (latest)
		told = *latest;
	task_id.value = task->id;
	told.task_id = &task_id;
	told.agent_id = task->agent->info->id;
	told.state = task->state;
	told.message = (char *)(uintptr_t)message;
	told.has_reason = true;
	told.reason = reason;
	/* Nothing to acknowledge: it is not an update of the agent's. */
	told.has_uuid = false;
	sign(task->framework->master, &told);
	(void)framework_send_status(task->framework, &told);
	if (latest)
		mesos__v1__task_status__free_unpacked(latest, NULL);
}

static void tell_task(struct task *task, Mesos__V1__TaskState state,
		      Mesos__V1__TaskStatus__Reason reason, const char *message)
{
	struct status_from_master status = {
		.task_id = task->id,
		.agent_id = task->agent->id,
		.message = message,
		.state = state,
		.reason = reason,
	};

	if (state == MESOS__V1__TASK_STATE__TASK_UNREACHABLE)
		status.unreachable_wall_ms = task->agent->unreachable_wall_ms;
	master_task_tell(task->framework, &status);
	observe_task_updated(task);
}

/* ---- updates ---- */

static bool has_uuid(const Mesos__V1__TaskStatus *status)
{
	return status->has_uuid && status->uuid.len == 16;
}

/* As its first update says: also when its end is the first that its executor says of it. */
static bool has_begun(const Mesos__V1__TaskStatus *status, Mesos__V1__TaskState latest)
{
	return !master_task_is_ended(latest) ||
	       (status->has_source &&
		status->source == MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
}

/* What the update says of the task; an older one than what is known changes nothing. */
static void take_status(struct task *task, const Mesos__V1__TaskStatus *status,
			Mesos__V1__TaskState latest)
{
	bool is_changed = latest != task->state && !master_task_is_ended(task->state);
	bool is_first;

	if (!master_task_is_ended(task->state) && master_task_is_ended(latest))
		master_explain(task->framework->master,
			       "task '%s' on agent '%s' has ended: %s%s%.300s", task->id,
			       task->agent->id, master_task_state_name(latest),
			       status->message ? ": " : "", status->message ? status->message : "");
	set_state(task, latest, status->has_source ? (int)status->source : NO_REASON,
		  status->has_reason ? (int)status->reason : NO_REASON);
	is_first = !task->is_confirmed;
	task->is_confirmed = true;
	if (task->executor && (is_first || master_task_is_ended(latest)))
		master_executor_heard(task, is_first && has_begun(status, latest));
	if (status->state == task->state || !task->status.data) {
		(void)packed_set(&task->status, &status->base);
		endpoint_heard(task, status);
	}
	if (has_uuid(status)) {
		task->has_update = true;
		task->update_state = status->state;
		memcpy(task->update_uuid, status->uuid.data, sizeof(task->update_uuid));
	}
	if (is_changed)
		observe_task_updated(task);
}

static void acknowledge_for_removed(struct agent *agent, struct framework *framework,
				    struct task *task, const Mesos__V1__TaskStatus *status)
{
	if (has_uuid(status))
		registry_send_acknowledge(agent, framework->id, status->task_id->value,
					  &status->uuid);
	if (task && master_task_is_ended(status->state))
		master_task_free(task);
}

void master_task_update(struct agent *agent, const Tepui__AgentCall__Update *update)
{
	struct master *master = agent->master;
	const Mesos__V1__TaskStatus *status = update->status;
	struct framework *framework = framework_find(master, update->framework_id->value);
	struct task *task = framework ? master_task_find(framework, status->task_id->value) : NULL;

	if (!framework || (task && task->agent != agent) ||
	    (unsigned)status->state >= N_TASK_STATES ||
	    (update->has_latest_state && (unsigned)update->latest_state >= N_TASK_STATES)) {
		master->counters.invalid_status_updates++;
		master_explain(master, "update of task '%.255s' from agent '%s' is not taken: %s",
			       status->task_id->value, agent->id,
			       framework ? "the task is not this agent's, or its state unknown" :
			       "its framework is not known");
		return;
	}
	master->counters.valid_status_updates++;
	if (task)
		take_status(task, status,
			    update->has_latest_state ? update->latest_state : status->state);
	if (framework->is_removed) {
		acknowledge_for_removed(agent, framework, task, status);
		return;
	}
	/* Whoever is not there is sent it again by the agent. */
	(void)framework_send_status(framework, status);
	if (task && !has_uuid(status) && master_task_is_ended(status->state))
		master_task_free(task);
}

void master_task_acknowledge(struct framework *framework,
			     const Mesos__V1__Scheduler__Call__Acknowledge *call)
{
	struct master *master = framework->master;
	struct agent *agent = registry_find(master, call->agent_id->value);
	struct task *task = master_task_find(framework, call->task_id->value);

	if (!agent || agent->state != AGENT_CONNECTED) {
		/* Back again, the agent sends its update once more. */
		master->counters.invalid_acknowledgements++;
		return;
	}
	master->counters.valid_acknowledgements++;
	registry_send_acknowledge(agent, framework->id, call->task_id->value, &call->uuid);
	if (task && task->agent == agent && task->has_update &&
	    memcmp(task->update_uuid, call->uuid.data, 16) == 0 &&
	    master_task_is_ended(task->update_state))
		master_task_free(task);
}

void master_task_kill(struct framework *framework, const Mesos__V1__Scheduler__Call__Kill *call)
{
	const char *id = call->task_id->value;
	const char *agent_id = call->agent_id ? call->agent_id->value : NULL;
	const Mesos__V1__DurationInfo *grace =
		call->kill_policy ? call->kill_policy->grace_period : NULL;
	struct task *task = master_task_find(framework, id);

	if (!task && registry_is_recovering(framework->master))
		framework_keep_kill(framework, id, grace ? grace->nanoseconds : -1);
	if (!task || (agent_id && strcmp(agent_id, task->agent->id) != 0)) {
		reconcile_task(framework, id, agent_id);
		return;
	}
	if (master_task_is_ended(task->state))
		return;
	/* Remembered, so that an agent that is away is told when it is back. */
	task->is_kill_requested = true;
	if (grace)
		task->kill_grace_ns = grace->nanoseconds;
	if (task->is_unreachable)
		reconcile_task(framework, id, agent_id);
	else
		leave_kill(task);
}

void master_task_weigh(struct framework *framework, const Mesos__V1__Scheduler__Call__Weigh *call)
{
	struct task *task = master_task_find(framework, call->task_id->value);

	if (task)
		endpoint_weigh(task, (uint16_t)call->weight);
	else
		master_explain(framework->master, "WEIGH of framework '%s' is dropped: task"
			       " '%.255s' is not known", framework->id, call->task_id->value);
}

/* ---- agents that come and go ---- */

static const char *role_of(const struct framework *framework, const Mesos__V1__TaskInfo *info)
{
	for (size_t i = 0; i < info->n_resources; i++) {
		const Mesos__V1__Resource *resource = info->resources[i];

		if (resource->allocation_info && resource->allocation_info->role)
			return resource->allocation_info->role;
	}
	if (framework->info->n_roles > 0)
		return framework->info->roles[0];
	return framework->info->role ? framework->info->role : "*";
}

static int admit_new(struct framework *framework, struct agent *agent,
		     const Tepui__RunningTask *running, struct task **ret, struct err *e)
{
	const Mesos__V1__TaskInfo *info = running->task;
	struct framework_role *role = framework_role_get(framework, role_of(framework, info));
	struct resources resources = { 0 };
	int r;

	if (!role)
		return err_set(e, ENOMEM, "admit task '%s'", info->task_id->value);
	r = resources_from_messages(info->resources, info->n_resources, &resources, e);
	if (r < 0)
		return err_wrap(e, "admit task '%s'", info->task_id->value);
	r = master_task_new(framework, agent, role, info, false, &resources, ret);
	resources_done(&resources);
	if (r < 0)
		return err_set(e, -r, "admit task '%s'", info->task_id->value);
	(*ret)->is_kill_requested =
		framework_take_kill(framework, (*ret)->id, &(*ret)->kill_grace_ns);
	return 0;
}

/* The agent may have resized it: what it uses is what the agent says. */
static int take_resources(struct task *task, const Mesos__V1__TaskInfo *info, struct err *e)
{
	struct resources resources = { 0 };
	int r = resources_from_messages(info->resources, info->n_resources, &resources, e);

	if (r >= 0 && !resources_equal(&resources, &task->resources)) {
		r = packed_set(&task->info, &info->base);
		if (r < 0)
			(void)err_set(e, -r, "admit task '%s'", task->id);
		else {
			master_task_release(task);
			resources_done(&task->resources);
			task->resources = TAKE_VAL(resources, (struct resources){ 0 });
		}
	}
	resources_done(&resources);
	return r;
}

int master_task_admit(struct agent *agent, const Tepui__RunningTask *running, struct err *e)
{
	const char *id = running->task->task_id->value;
	struct framework *framework;
	bool is_new, is_changed;
	struct task *task;
	int r;

	if (!id_is_valid(id) || (unsigned)running->state >= N_TASK_STATES)
		return err_set(e, EINVAL, "admit task '%.255s': its id or state is not valid", id);
	r = framework_find_or_recover(agent->master, running->framework, &framework, e);
	if (r < 0)
		return r;
	task = master_task_find(framework, id);
	if (task && task->agent != agent)
		return err_set(e, EEXIST, "admit task '%s': agent '%s' has it", id,
			       task->agent->id);
	is_new = !task;
	r = is_new ? admit_new(framework, agent, running, &task, e) :
		     take_resources(task, running->task, e);
	if (r < 0)
		return r;
	is_changed = task->is_unreachable || task->state != running->state;
	count(task, -1);
	task->is_unreachable = false;
	count(task, 1);
	task->is_seen = task->is_confirmed = true;
	if (running->task->executor)
		task->executor = master_executor_find(agent, framework,
					running->task->executor->executor_id->value);
	set_state(task, running->state, NO_REASON, NO_REASON);
	if (running->status) {
		(void)packed_set(&task->status, &running->status->base);
		endpoint_heard(task, running->status);
	}
	endpoint_update(task);
	master_task_charge(task);
	if (is_new)
		observe_task_added(task);
	else if (is_changed)
		observe_task_updated(task);
	return 0;
}

void master_tasks_tell_returned(struct agent *agent)
{
	struct task *task;

	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (!master_task_is_ended(task->state))
			master_task_tell_latest(
				task, MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REREGISTERED,
				"Agent is back: the task was not disturbed");
	}
}

static void drop_unseen(struct task *task)
{
	static const struct {
		Mesos__V1__TaskState state;
		Mesos__V1__TaskStatus__Reason reason;
		const char *message;
	} fates[] = {
		[false] = { MESOS__V1__TASK_STATE__TASK_DROPPED,
			    MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DISCONNECTED,
			    "The agent was disconnected before it got the task" },
		[true] = { MESOS__V1__TASK_STATE__TASK_GONE,
			   MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION,
			   "The agent is back and does not have the task" },
	};

	/* Terminal and not brought along: the agent has seen its acknowledgement. */
	if (!master_task_is_ended(task->state)) {
		set_state(task, fates[task->is_confirmed].state, SOURCE_MASTER,
			  (int)fates[task->is_confirmed].reason);
		tell_task(task, task->state, fates[task->is_confirmed].reason,
			  fates[task->is_confirmed].message);
	}
	master_task_free(task);
}

void master_tasks_drop_unseen(struct agent *agent)
{
	struct task *task, *next;

	for (task = TAILQ_FIRST(&agent->tasks); task; task = next) {
		next = TAILQ_NEXT(task, on_agent);
		if (!task->is_seen)
			drop_unseen(task);
	}
}

void master_tasks_mark_unreachable(struct agent *agent)
{
	struct task *task, *next;

	for (task = TAILQ_FIRST(&agent->tasks); task; task = next) {
		next = TAILQ_NEXT(task, on_agent);
		master_task_release(task);
		if (task->framework->is_removed) {
			master_task_free(task);
			continue;
		}
		if (master_task_is_ended(task->state))
			continue;
		count(task, -1);
		task->is_unreachable = true;
		count(task, 1);
		endpoint_update(task);
		tell_task(task, MESOS__V1__TASK_STATE__TASK_UNREACHABLE,
			  MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED,
			  "Agent is unreachable");
	}
}

void master_tasks_mark_gone(struct agent *agent)
{
	const Mesos__V1__TaskStatus__Reason reason =
		MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED_BY_OPERATOR;
	struct task *task, *next;

	for (task = TAILQ_FIRST(&agent->tasks); task; task = next) {
		next = TAILQ_NEXT(task, on_agent);
		if (!master_task_is_ended(task->state)) {
			set_state(task, MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR,
				  SOURCE_MASTER, (int)reason);
			tell_task(task, task->state, reason,
				  "Agent is gone: an operator declared it");
		}
		master_task_free(task);
	}
}
