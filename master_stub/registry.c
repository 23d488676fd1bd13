#include "master_stub/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/store.h"
#include "lib/utf8.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/task.h"

static const char KIND[] = "agent";

enum { CLEANUP_MS = 15 * 60 * 1000, MAX_AGENTS = 102400, MAX_DEGRADED = 512 };
static const int64_t UNREACHABLE_KEPT_MS = INT64_C(14) * 24 * 3600 * 1000;

const char *registry_state_name(enum agent_state state)
{
	static const char *const names[] = {
		[AGENT_RECOVERING] = "recovering",
		[AGENT_CONNECTED] = "connected",
		[AGENT_DISCONNECTED] = "disconnected",
		[AGENT_UNREACHABLE] = "unreachable",
		[AGENT_GONE] = "gone",
	};

	return names[state];
}

struct agent *registry_find(const struct master *master, const char *id)
{
	struct agent *agent = NULL;

	HASH_FIND_STR(master->agents, id, agent);
	return agent;
}

bool registry_is_recovering(const struct master *master)
{
	return master->recovery_ends_ms != INT64_MAX;
}

/* ---- rows ---- */

static Mesos__V1__AgentInfo *info_with_id(const Mesos__V1__AgentInfo *info, char *id)
{
	Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__AgentInfo copy = *info;

	agent_id.value = id;
	copy.id = &agent_id;
	return (Mesos__V1__AgentInfo *)pb_copy(&copy.base);
}

int registry_add(struct master *master, const char *id, const Mesos__V1__AgentInfo *info,
	      struct agent **ret, struct err *e)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return err_set(e, ENOMEM, "admit agent '%s'", id);
	agent->master = master;
	agent->state = AGENT_RECOVERING;
	TAILQ_INIT(&agent->tasks);
	LIST_INIT(&agent->offers);
	LIST_INIT(&agent->executors);
	agent->id = strdup(id);
	if (agent->id)
		agent->info = info_with_id(info, agent->id);
	if (agent->info)
		HASH_ADD_KEYPTR(hh, master->agents, agent->id, strlen(agent->id), agent);
	if (!agent->info || !agent->hh.tbl) {
		if (agent->info)
			mesos__v1__agent_info__free_unpacked(agent->info, NULL);
		free(agent->id);
		free(agent);
		return err_set(e, ENOMEM, "admit agent '%s'", id);
	}
	*ret = agent;
	return 0;
}

static void stop_pings(struct agent *agent)
{
	if (agent->is_pinged)
		TAILQ_REMOVE(&agent->master->pings, agent, in_pings);
	agent->is_pinged = false;
}

/* What it said of itself there holds no longer: it says so again when it is back. */
static void drop_stream(struct agent *agent)
{
	if (agent->stream)
		HASH_DELETE(hh_stream, agent->master->streams, agent);
	agent->stream = NULL;
	free(TAKE_PTR(agent->degraded));
}

void registry_drop(struct agent *agent)
{
	while (!LIST_EMPTY(&agent->offers))
		offer_free(LIST_FIRST(&agent->offers));
	while (!TAILQ_EMPTY(&agent->tasks))
		master_task_free(TAILQ_FIRST(&agent->tasks));
	while (!LIST_EMPTY(&agent->executors))
		master_executor_free(LIST_FIRST(&agent->executors));
	drop_stream(agent);
	stop_pings(agent);
	HASH_DEL(agent->master->agents, agent);
	allocator_node_free(agent->node);
	mesos__v1__agent_info__free_unpacked(agent->info, NULL);
	free(agent->boot_id);
	free(agent->version);
	free(agent->endpoint);
	free(agent->id);
	free(agent);
}

void registry_free(struct master *master)
{
	struct agent *agent, *next;

	HASH_ITER(hh, master->agents, agent, next)
		registry_drop(agent);
}

/* ---- records ---- */

int registry_put(const struct agent *agent, struct err *e)
{
	Tepui__AdmittedAgent record = TEPUI__ADMITTED_AGENT__INIT;

	record.agent_info = agent->info;
	record.boot_id = agent->boot_id;
	record.has_registered_wall_ms = true;
	record.registered_wall_ms = agent->registered_wall_ms;
	record.has_is_unreachable = agent->state == AGENT_UNREACHABLE;
	record.is_unreachable = record.has_is_unreachable;
	record.has_unreachable_wall_ms = record.has_is_unreachable;
	record.unreachable_wall_ms = agent->unreachable_wall_ms;
	record.has_is_gone = agent->state == AGENT_GONE;
	record.is_gone = record.has_is_gone;
	return master_put(agent->master, KIND, agent->id, &record.base, e);
}

static enum agent_state state_of_record(const Tepui__AdmittedAgent *record)
{
	if (record->is_gone)
		return AGENT_GONE;
	return record->is_unreachable ? AGENT_UNREACHABLE : AGENT_RECOVERING;
}

static int load_agent(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct master *master = arg;
	Tepui__AdmittedAgent *record = tepui__admitted_agent__unpack(NULL, size, data);
	struct agent *agent;
	int r;

	if (!record) {
		/* It will be admitted again when it comes with its tasks. */
		master_explain(master, "agent '%s': its record cannot be read and is ignored", key);
		return 0;
	}
	r = registry_add(master, key, record->agent_info, &agent, e);
	if (r == 0) {
		agent->state = state_of_record(record);
		agent->registered_wall_ms = record->registered_wall_ms;
		agent->unreachable_wall_ms = record->unreachable_wall_ms;
		if (record->boot_id)
			agent->boot_id = strdup(record->boot_id);
	}
	tepui__admitted_agent__free_unpacked(record, NULL);
	return r;
}

int registry_load(struct master *master, struct err *e)
{
	return store_each(master->store, KIND, load_agent, master, e);
}

int registry_set_total(struct agent *agent, const struct resources *total, struct err *e)
{
	Mesos__V1__AgentInfo info = *agent->info, *copy;
	int r = resources_to_messages(total, NULL, &info.resources, &info.n_resources);

	if (r < 0)
		return err_set(e, ENOMEM, "change the resources of agent '%s'", agent->id);
	copy = (Mesos__V1__AgentInfo *)pb_copy(&info.base);
	resources_messages_free(info.resources, info.n_resources);
	if (!copy || allocator_node_set_total(agent->node, total) < 0) {
		if (copy)
			mesos__v1__agent_info__free_unpacked(copy, NULL);
		return err_set(e, ENOMEM, "change the resources of agent '%s'", agent->id);
	}
	mesos__v1__agent_info__free_unpacked(agent->info, NULL);
	agent->info = copy;
	return registry_put(agent, e);
}

/* ---- what is said to agents ---- */

void registry_send_apply(struct agent *agent, const Mesos__V1__Offer__Operation *operation)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Apply apply = TEPUI__AGENT_EVENT__APPLY__INIT;

	/* The sender only reads it. */
	apply.operation = (Mesos__V1__Offer__Operation *)(uintptr_t)operation;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__APPLY;
	event.apply = &apply;
	registry_send(agent, &event);
}

void registry_send(struct agent *agent, const Tepui__AgentEvent *event)
{
	if (agent->stream)
		agent->master->io.agent_event(agent->master->io.arg, agent->stream, event);
}

void registry_send_kill(struct agent *agent, const struct task *task)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__KillTask kill = TEPUI__AGENT_EVENT__KILL_TASK__INIT;
	Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__KillPolicy policy = MESOS__V1__KILL_POLICY__INIT;
	Mesos__V1__DurationInfo grace = MESOS__V1__DURATION_INFO__INIT;

	framework_id.value = task->framework->id;
	task_id.value = task->id;
	kill.framework_id = &framework_id;
	kill.task_id = &task_id;
	if (task->kill_grace_ns >= 0) {
		grace.nanoseconds = task->kill_grace_ns;
		policy.grace_period = &grace;
		kill.kill_policy = &policy;
	}
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__KILL_TASK;
	event.kill_task = &kill;
	registry_send(agent, &event);
}

void registry_send_acknowledge(struct agent *agent, const char *framework_id, const char *task_id,
			    const ProtobufCBinaryData *uuid)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Acknowledge acknowledge = TEPUI__AGENT_EVENT__ACKNOWLEDGE__INIT;
	Mesos__V1__FrameworkID framework = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;

	/* The sender only reads them. */
	framework.value = (char *)(uintptr_t)framework_id;
	task.value = (char *)(uintptr_t)task_id;
	acknowledge.framework_id = &framework;
	acknowledge.task_id = &task;
	acknowledge.uuid = *uuid;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE;
	event.acknowledge = &acknowledge;
	registry_send(agent, &event);
}

static void send_ping(struct agent *agent)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;

	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__HEARTBEAT;
	registry_send(agent, &event);
}

/* ---- here, away, unreachable ---- */

void registry_heard(struct agent *agent)
{
	agent->is_ping_open = false;
	agent->missed_pings = 0;
}

static void queue_ping(struct agent *agent, int64_t now_ms)
{
	agent->next_ping_ms = now_ms + agent->master->options.agent_ping_ms;
	TAILQ_INSERT_TAIL(&agent->master->pings, agent, in_pings);
	agent->is_pinged = true;
}

void registry_start_pings(struct agent *agent, int64_t now_ms)
{
	stop_pings(agent);
	registry_heard(agent);
	/* The first at once: whether its calls reach us shows before it is trusted for long. */
	send_ping(agent);
	agent->is_ping_open = true;
	queue_ping(agent, now_ms);
}

void registry_disconnect(struct agent *agent)
{
	if (agent->state != AGENT_CONNECTED)
		return;
	agent->state = AGENT_DISCONNECTED;
	drop_stream(agent);
	/* Until it is back, the next ping counts as one that was not answered. */
	agent->is_ping_open = true;
	allocator_node_set_active(agent->node, false);
	offers_rescind_of_agent(agent);
}

static void explain_degraded(const struct agent *agent, bool was_degraded)
{
	if (agent->degraded && !was_degraded)
		master_explain(agent->master, "agent '%s' on '%s' takes no tasks: %s", agent->id,
			       agent->info->hostname, agent->degraded);
	else if (!agent->degraded && was_degraded)
		master_explain(agent->master, "agent '%s' on '%s' takes tasks again", agent->id,
			       agent->info->hostname);
}

/*
 * An agent that refuses all it is given looks emptiest, and would draw one task after the other.
 * Without memory for the words it stays as it was: its next call says them again.
 */
void registry_set_degraded(struct agent *agent, const char *why)
{
	bool was_degraded = agent->degraded;

	if (why) {
		char *copy = utf8_repair(why, utf8_cut(why, MAX_DEGRADED));

		if (!copy)
			return;
		free(agent->degraded);
		agent->degraded = copy;
	} else {
		free(TAKE_PTR(agent->degraded));
	}
	if (was_degraded == !!why)
		return;
	explain_degraded(agent, was_degraded);
	allocator_node_set_active(agent->node, !why);
	if (why)
		offers_rescind_of_agent(agent);
}

static void tell_failure(struct agent *agent)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Failure failure = MESOS__V1__SCHEDULER__EVENT__FAILURE__INIT;
	struct framework *framework, *next;

	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE;
	event.failure = &failure;
	failure.agent_id = agent->info->id;
	HASH_ITER(hh, agent->master->frameworks, framework, next)
		(void)framework_send(framework, &event);
}

static int mark_unreachable(struct agent *agent, const char *why)
{
	struct master *master = agent->master;
	enum agent_state before = agent->state;
	void *stream = agent->stream;
	struct err e = { 0 };

	/* The registry first: what a framework is told must not be forgotten by a restart. */
	agent->state = AGENT_UNREACHABLE;
	agent->unreachable_wall_ms = master_wall_ms(master);
	if (registry_put(agent, &e) < 0) {
		agent->state = before;
		master_explain(master, "agent '%s': not marked unreachable yet: %s", agent->id,
			       e.msg);
		return -e.code;
	}
	master->counters.slave_unreachable++;
	master_explain(master, "agent '%s' on '%s' is unreachable: %s", agent->id,
		       agent->info->hostname, why);
	drop_stream(agent);
	offers_rescind_of_agent(agent);
	master_tasks_mark_unreachable(agent);
	while (!LIST_EMPTY(&agent->executors))
		master_executor_free(LIST_FIRST(&agent->executors));
	allocator_node_free(agent->node);
	agent->node = NULL;
	tell_failure(agent);
	if (stream)
		master->io.agent_close(master->io.arg, stream);
	return 0;
}

void registry_check_recovery(struct master *master)
{
	const struct agent *agent;

	if (!registry_is_recovering(master))
		return;
	for (agent = master->agents; agent; agent = agent->hh.next) {
		if (agent->state == AGENT_RECOVERING)
			return;
	}
	master->recovery_ends_ms = INT64_MAX;
	frameworks_forget_kills(master);
}

static void end_recovery(struct master *master)
{
	struct agent *agent, *next;

	master->recovery_ends_ms = INT64_MAX;
	frameworks_forget_kills(master);
	HASH_ITER(hh, master->agents, agent, next) {
		if (agent->state == AGENT_RECOVERING)
			(void)mark_unreachable(agent,
					       "it did not come back after the master's start");
	}
}

static void ping(struct agent *agent, int64_t now_ms)
{
	stop_pings(agent);
	if (agent->is_ping_open)
		agent->missed_pings++;
	if (agent->missed_pings >= agent->master->options.agent_max_missed_pings) {
		if (mark_unreachable(agent, "it has not answered any of the last pings") == 0)
			return;
	}
	send_ping(agent);
	agent->is_ping_open = true;
	/* From now, not from when it was due: a master that slept does not count the sleep. */
	queue_ping(agent, now_ms);
}

/* Nobody waits for an agent for ever: after two weeks, or when there are too many, it is new. */
static void forget_unreachable(struct master *master, int64_t now_ms)
{
	int64_t oldest_wall_ms = master_wall_ms(master) - UNREACHABLE_KEPT_MS;
	size_t n = HASH_COUNT(master->agents);
	struct agent *agent, *next;
	struct err e = { 0 };

	if (now_ms < master->next_cleanup_ms)
		return;
	master->next_cleanup_ms = now_ms + CLEANUP_MS;
	HASH_ITER(hh, master->agents, agent, next) {
		if (agent->state != AGENT_UNREACHABLE ||
		    (agent->unreachable_wall_ms > oldest_wall_ms && n <= MAX_AGENTS))
			continue;
		if (store_delete(master->store, KIND, agent->id, &e) < 0)
			return;
		master_explain(master, "agent '%s' is forgotten: it was unreachable for too long",
			       agent->id);
		registry_drop(agent);
		n--;
	}
}

void registry_turn(struct master *master, int64_t now_ms)
{
	struct agent *agent;

	while ((agent = TAILQ_FIRST(&master->pings)) && agent->next_ping_ms <= now_ms)
		ping(agent, now_ms);
	if (master->recovery_ends_ms <= now_ms)
		end_recovery(master);
	forget_unreachable(master, now_ms);
}

int64_t registry_next_ms(const struct master *master)
{
	const struct agent *agent = TAILQ_FIRST(&master->pings);
	int64_t next = master->recovery_ends_ms;

	if (master->next_cleanup_ms < next)
		next = master->next_cleanup_ms;
	return agent && agent->next_ping_ms < next ? agent->next_ping_ms : next;
}
