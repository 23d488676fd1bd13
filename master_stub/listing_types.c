/* What listings there are: the answers of the v1 API and of the legacy endpoints as tables. */
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/feedback.h"
#include "master_stub/framework.h"
#include "master_stub/history.h"
#include "master_stub/listing_type.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

/* ---- how items are told ---- */

static int view_task(union listing_view *view, const void *item)
{
	return task_view_init(&view->task, item);
}

static int view_ended(union listing_view *view, const void *item)
{
	return task_view_init_ended(&view->task, item);
}

static int view_agent(union listing_view *view, const void *item)
{
	return agent_view_init(&view->agent, item, true);
}

static int view_framework(union listing_view *view, const void *item)
{
	return framework_view_init(&view->framework, item, true);
}

static int view_executor(union listing_view *view, const void *item)
{
	return executor_view_init(&view->executor, item);
}

static int view_operation(union listing_view *view, const void *item)
{
	view->operation = item;
	return 0;
}

static void done_task(union listing_view *view)
{
	task_view_done(&view->task);
}

static void done_agent(union listing_view *view)
{
	agent_view_done(&view->agent);
}

static void done_framework(union listing_view *view)
{
	framework_view_done(&view->framework);
}

static void done_executor(union listing_view *view)
{
	executor_view_done(&view->executor);
}

static void done_operation(union listing_view *view)
{
	(void)view;
}

static const ProtobufCMessage *message_task(const union listing_view *view)
{
	return &view->task.message.base;
}

static const ProtobufCMessage *message_agent(const union listing_view *view)
{
	return &view->agent.message.base;
}

static const ProtobufCMessage *message_agent_info(const union listing_view *view)
{
	return &view->agent.message.agent_info->base;
}

static const ProtobufCMessage *message_framework(const union listing_view *view)
{
	return &view->framework.message.base;
}

static const ProtobufCMessage *message_executor(const union listing_view *view)
{
	return &view->executor.message.base;
}

static const ProtobufCMessage *message_operation(const union listing_view *view)
{
	return &view->operation->message->base;
}

static void write_task(struct json_out *out, const union listing_view *view)
{
	task_view_write(out, &view->task);
}

static void write_agent(struct json_out *out, const union listing_view *view)
{
	agent_view_write(out, &view->agent);
}

static void write_agent_summary(struct json_out *out, const union listing_view *view)
{
	agent_view_write_summary(out, &view->agent);
}

static void write_framework(struct json_out *out, const union listing_view *view)
{
	framework_view_write(out, &view->framework);
}

static void write_framework_summary(struct json_out *out, const union listing_view *view)
{
	framework_view_write_summary(out, &view->framework);
}

static void write_executor(struct json_out *out, const union listing_view *view)
{
	executor_view_write(out, &view->executor);
}

static const struct listing_kind
	v1_task = { view_task, done_task, message_task, NULL },
	v1_ended = { view_ended, done_task, message_task, NULL },
	v1_agent = { view_agent, done_agent, message_agent, NULL },
	v1_agent_info = { view_agent, done_agent, message_agent_info, NULL },
	v1_framework = { view_framework, done_framework, message_framework, NULL },
	v1_executor = { view_executor, done_executor, message_executor, NULL },
	v1_operation = { view_operation, done_operation, message_operation, NULL },
	legacy_task = { view_task, done_task, NULL, write_task },
	legacy_ended = { view_ended, done_task, NULL, write_task },
	legacy_agent = { view_agent, done_agent, NULL, write_agent },
	legacy_framework = { view_framework, done_framework, NULL, write_framework },
	legacy_executor = { view_executor, done_executor, NULL, write_executor },
	agent_summary = { view_agent, done_agent, NULL, write_agent_summary },
	framework_summary = { view_framework, done_framework, NULL, write_framework_summary };

/* ---- where they come from ---- */

#define SOURCE(name_, first_, next_type_, next_) \
	static void *name_##_first(const struct master *master, const struct listing_query *query, \
				   const void *owner) \
	{ \
		(void)master; \
		(void)query; \
		(void)owner; \
		return first_; \
	} \
	static void *name_##_next(const struct master *master, const struct listing_query *query, \
				  const void *item) \
	{ \
		next_type_ at = item; \
		(void)master; \
		(void)query; \
		return next_; \
	} \
	static const struct listing_source name_ = { name_##_first, name_##_next }

#define OWNER_FRAMEWORK ((const struct framework *)owner)

SOURCE(agents, master->agents, const struct agent *, at->hh.next);
SOURCE(frameworks, master->frameworks, const struct framework *, at->hh.next);
SOURCE(kept_frameworks, TAILQ_FIRST(&master->kept), const struct framework *,
       TAILQ_NEXT(at, in_kept));
SOURCE(tasks_of_framework, OWNER_FRAMEWORK->tasks, const struct task *, at->hh.next);
SOURCE(ended_of_framework, TAILQ_FIRST(&OWNER_FRAMEWORK->ended), const struct ended_task *,
       TAILQ_NEXT(at, of_framework));
/* In order of launch, and of their end. */
SOURCE(tasks, query->is_ascending ? TAILQ_FIRST(&master->tasks) :
       TAILQ_LAST(&master->tasks, task_queue), const struct task *,
       query->is_ascending ? TAILQ_NEXT(at, in_order) : TAILQ_PREV(at, task_queue, in_order));
SOURCE(ended_tasks, query->is_ascending ? TAILQ_FIRST(&master->ended) :
       TAILQ_LAST(&master->ended, ended_tasks), const struct ended_task *,
       query->is_ascending ? TAILQ_NEXT(at, all) : TAILQ_PREV(at, ended_tasks, all));

/* Executors are in the lists of their agents: the first from AGENT on. */
static void *executors_from(const struct agent *agent)
{
	while (agent && LIST_EMPTY(&agent->executors))
		agent = agent->hh.next;
	return agent ? LIST_FIRST(&agent->executors) : NULL;
}

static void *next_executor(const struct executor *executor)
{
	struct executor *next = LIST_NEXT(executor, on_agent);

	return next ? next : executors_from(executor->agent->hh.next);
}

SOURCE(executors, executors_from(master->agents), const struct executor *, next_executor(at));
SOURCE(executors_of_framework,
       LIST_FIRST(&OWNER_FRAMEWORK->executors), const struct executor *,
       LIST_NEXT(at, of_framework));

static void *operations_from(const struct agent *agent)
{
	while (agent && LIST_EMPTY(&agent->operations))
		agent = agent->hh.next;
	return agent ? LIST_FIRST(&agent->operations) : NULL;
}

static void *next_operation(const struct operation *operation)
{
	struct operation *next = LIST_NEXT(operation, on_agent);

	return next ? next : operations_from(operation->agent->hh.next);
}

SOURCE(operations, operations_from(master->agents), const struct operation *, next_operation(at));

/* ---- which of them ---- */

static bool fits(const char *asked, const char *id)
{
	return !asked || strcmp(asked, id) == 0;
}

static bool is_registered(const struct listing_query *query, const void *item)
{
	const struct agent *agent = item;

	return (agent->state == AGENT_CONNECTED || agent->state == AGENT_DISCONNECTED) &&
	       fits(query->agent_id, agent->id);
}

static bool is_recovering(const struct listing_query *query, const void *item)
{
	const struct agent *agent = item;

	return agent->state == AGENT_RECOVERING && fits(query->agent_id, agent->id);
}

static bool is_away(const struct listing_query *query, const void *item)
{
	const struct agent *agent = item;

	return agent->state == AGENT_UNREACHABLE && fits(query->agent_id, agent->id);
}

static bool is_asked_framework(const struct listing_query *query, const void *item)
{
	return fits(query->framework_id, ((const struct framework *)item)->id);
}

static bool is_present(const struct listing_query *query, const void *item)
{
	return !((const struct framework *)item)->is_removed && is_asked_framework(query, item);
}

static bool is_asked_task(const struct listing_query *query, const void *item)
{
	const struct task *task = item;

	return fits(query->framework_id, task->framework->id) && fits(query->task_id, task->id);
}

static bool is_asked_ended(const struct listing_query *query, const void *item)
{
	const struct ended_task *ended = item;

	return fits(query->framework_id, ended->framework->id) &&
	       fits(query->task_id, ended->id);
}

static bool is_reachable(const struct listing_query *query, const void *item)
{
	(void)query;
	return !((const struct task *)item)->is_unreachable;
}

static bool is_unreachable(const struct listing_query *query, const void *item)
{
	(void)query;
	return ((const struct task *)item)->is_unreachable;
}

/* ---- the v1 API ---- */

#define FIELDS(nodes_) .fields = nodes_, .n_fields = ARRAY_SIZE(nodes_)

static const struct listing_node tasks_nodes[] = {
	{ .key = "tasks", .number = 2, .source = &tasks, .wants = is_reachable, .kind = &v1_task },
	{ .key = "unreachable_tasks", .number = 5, .source = &tasks, .wants = is_unreachable,
	  .kind = &v1_task },
	{ .key = "completed_tasks", .number = 3, .source = &ended_tasks, .kind = &v1_ended },
};

static const struct listing_node executors_nodes[] = {
	{ .key = "executors", .number = 1, .source = &executors, .kind = &v1_executor },
};

static const struct listing_node operations_nodes[] = {
	{ .key = "operations", .number = 1, .source = &operations, .kind = &v1_operation },
};

static const struct listing_node frameworks_nodes[] = {
	{ .key = "frameworks", .number = 1, .source = &frameworks, .wants = is_present,
	  .kind = &v1_framework },
	{ .key = "completed_frameworks", .number = 2, .source = &kept_frameworks,
	  .kind = &v1_framework },
};

static const struct listing_node agents_nodes[] = {
	{ .key = "agents", .number = 1, .source = &agents, .wants = is_registered,
	  .kind = &v1_agent },
	{ .key = "recovered_agents", .number = 2, .source = &agents, .wants = is_recovering,
	  .kind = &v1_agent_info },
};

static const struct listing_node state_nodes[] = {
	{ .key = "get_tasks", .number = 1, FIELDS(tasks_nodes) },
	{ .key = "get_executors", .number = 2, FIELDS(executors_nodes) },
	{ .key = "get_frameworks", .number = 3, FIELDS(frameworks_nodes) },
	{ .key = "get_agents", .number = 4, FIELDS(agents_nodes) },
};

static const struct listing_node subscribed_nodes[] = {
	{ .key = "get_state", .number = 1, FIELDS(state_nodes) },
	{ .key = "heartbeat_interval_seconds", .number = 2,
	  .real = SCHEDULER_HEARTBEAT_MS / 1000.0 },
};

#define RESPONSE(variable_, type_, key_, number_, nodes_) \
	static const struct listing_node variable_##_root[] = { \
		{ .key = key_, .number = number_, FIELDS(nodes_) }, \
	}; \
	const struct listing_type variable_ = { \
		.name = #type_, .number = MESOS__V1__MASTER__RESPONSE__TYPE__##type_, \
		.nodes = variable_##_root, .n_nodes = 1, \
	}

RESPONSE(listing_get_state, GET_STATE, "get_state", 9, state_nodes);
RESPONSE(listing_get_agents, GET_AGENTS, "get_agents", 10, agents_nodes);
RESPONSE(listing_get_frameworks, GET_FRAMEWORKS, "get_frameworks", 11, frameworks_nodes);
RESPONSE(listing_get_executors, GET_EXECUTORS, "get_executors", 12, executors_nodes);
RESPONSE(listing_get_tasks, GET_TASKS, "get_tasks", 13, tasks_nodes);
RESPONSE(listing_get_operations, GET_OPERATIONS, "get_operations", 20, operations_nodes);

static const struct listing_node subscribed_root[] = {
	{ .key = "subscribed", .number = 2, FIELDS(subscribed_nodes) },
};
const struct listing_type listing_subscribed = {
	.name = "SUBSCRIBED", .number = MESOS__V1__MASTER__EVENT__TYPE__SUBSCRIBED,
	.nodes = subscribed_root, .n_nodes = 1,
};

/* ---- the legacy endpoints ---- */

static const struct listing_node in_framework[] = {
	{ .key = "tasks", .source = &tasks_of_framework, .wants = is_reachable,
	  .kind = &legacy_task },
	{ .key = "unreachable_tasks", .source = &tasks_of_framework, .wants = is_unreachable,
	  .kind = &legacy_task },
	{ .key = "completed_tasks", .source = &ended_of_framework, .kind = &legacy_ended },
	{ .key = "executors", .source = &executors_of_framework, .kind = &legacy_executor },
};

/* Always empty; older clients look for it. */
static void *nothing(const struct master *master, const struct listing_query *query,
		     const void *item)
{
	(void)master;
	(void)query;
	(void)item;
	return NULL;
}

static const struct listing_source none = { nothing, nothing };

#define SLAVES(kind_) \
	{ .key = "slaves", .source = &agents, .wants = is_registered, .kind = &kind_ }
#define RECOVERED \
	{ .key = "recovered_slaves", .source = &agents, .wants = is_recovering, \
	  .kind = &legacy_agent }
#define FRAMEWORKS \
	{ .key = "frameworks", .source = &frameworks, .wants = is_present, \
	  .kind = &legacy_framework, FIELDS(in_framework) }
#define COMPLETED \
	{ .key = "completed_frameworks", .source = &kept_frameworks, \
	  .wants = is_asked_framework, .kind = &legacy_framework, FIELDS(in_framework) }
#define EMPTY(key_) { .key = key_, .source = &none, .kind = &legacy_framework }

static const struct listing_node state_root[] = {
	SLAVES(legacy_agent), RECOVERED, FRAMEWORKS, COMPLETED, EMPTY("orphan_tasks"),
	EMPTY("unregistered_frameworks"),
};
static const struct listing_node summary_root[] = {
	SLAVES(agent_summary),
	{ .key = "frameworks", .source = &frameworks, .wants = is_present,
	  .kind = &framework_summary },
};
static const struct listing_node slaves_root[] = {
	SLAVES(legacy_agent), RECOVERED,
	{ .key = "unreachable_slaves", .source = &agents, .wants = is_away,
	  .kind = &legacy_agent },
};
static const struct listing_node legacy_frameworks_root[] = {
	FRAMEWORKS, COMPLETED, EMPTY("unregistered_frameworks"),
};
/* What has ended is older than what has not; a page is counted over both. */
static const struct listing_node tasks_root[] = {
	{ .key = "tasks", .source = &tasks, .wants = is_asked_task, .kind = &legacy_task },
	{ .key = "tasks", .source = &ended_tasks, .wants = is_asked_ended, .kind = &legacy_ended,
	  .is_continued = true },
};
static const struct listing_node oldest_tasks_root[] = {
	{ .key = "tasks", .source = &ended_tasks, .wants = is_asked_ended, .kind = &legacy_ended },
	{ .key = "tasks", .source = &tasks, .wants = is_asked_task, .kind = &legacy_task,
	  .is_continued = true },
};

#define LEGACY(variable_, root_) \
	const struct listing_type variable_ = { .nodes = root_, .n_nodes = ARRAY_SIZE(root_) }

LEGACY(listing_state, state_root);
LEGACY(listing_state_summary, summary_root);
LEGACY(listing_slaves, slaves_root);
LEGACY(listing_frameworks, legacy_frameworks_root);
LEGACY(listing_tasks, tasks_root);
LEGACY(listing_oldest_tasks, oldest_tasks_root);
