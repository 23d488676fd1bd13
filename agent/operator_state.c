/* GET_STATE and its parts, and GET_CONTAINERS. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/container.h"
#include "agent/executor.h"
#include "agent/history.h"
#include "agent/operations.h"
#include "agent/operator_api.h"
#include "agent/task.h"
#include "agent/view.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"

typedef Mesos__V1__Agent__Response Response;
typedef Mesos__V1__Agent__Response__GetTasks GetTasks;
typedef Mesos__V1__Agent__Response__GetExecutors GetExecutors;
typedef Mesos__V1__Agent__Response__GetExecutors__Executor ExecutorRow;
typedef Mesos__V1__Agent__Response__GetFrameworks GetFrameworks;
typedef Mesos__V1__Agent__Response__GetFrameworks__Framework FrameworkRow;

/* ---- what there is, in lists that borrow from the agent ---- */

/* Room for every task and executor there is or was; all of them are in each list at most once. */
struct state {
	GetTasks tasks;
	GetExecutors executors;
	GetFrameworks frameworks;
	Mesos__V1__Agent__Response__GetState whole;
	struct view_task *views;
	struct view_executor *names;
	ExecutorRow *executor_rows;
	FrameworkRow *framework_rows;
	size_t n_views, n_executors, n_frameworks;
};

static void state_done(struct state *state)
{
	void *const lists[] = {
		state->tasks.pending_tasks, state->tasks.queued_tasks, state->tasks.launched_tasks,
		state->tasks.terminated_tasks, state->tasks.completed_tasks,
		state->executors.executors, state->executors.completed_executors,
		state->frameworks.frameworks, state->frameworks.completed_frameworks,
		state->views, state->names, state->executor_rows, state->framework_rows,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		free(lists[i]);
}

static int state_init(struct state *state, size_t room)
{
	void **const refs[] = {
		(void **)&state->tasks.pending_tasks, (void **)&state->tasks.queued_tasks,
		(void **)&state->tasks.launched_tasks, (void **)&state->tasks.terminated_tasks,
		(void **)&state->tasks.completed_tasks, (void **)&state->executors.executors,
		(void **)&state->executors.completed_executors,
		(void **)&state->frameworks.frameworks,
		(void **)&state->frameworks.completed_frameworks,
	};
	bool is_whole = true;

	memset(state, 0, sizeof(*state));
	mesos__v1__agent__response__get_tasks__init(&state->tasks);
	mesos__v1__agent__response__get_executors__init(&state->executors);
	mesos__v1__agent__response__get_frameworks__init(&state->frameworks);
	for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
		*refs[i] = calloc(room, sizeof(void *));
		is_whole = is_whole && *refs[i];
	}
	state->views = calloc(room, sizeof(*state->views));
	state->names = calloc(room, sizeof(*state->names));
	state->executor_rows = calloc(room, sizeof(*state->executor_rows));
	state->framework_rows = calloc(room, sizeof(*state->framework_rows));
	return is_whole && state->views && state->names && state->executor_rows &&
	       state->framework_rows ? 0 : -ENOMEM;
}

/* Those that run something are met first. */
static void add_framework(struct state *state, Mesos__V1__FrameworkInfo *info, bool is_live)
{
	GetFrameworks *to = &state->frameworks;
	FrameworkRow *row;

	for (size_t i = 0; i < state->n_frameworks; i++) {
		if (strcmp(state->framework_rows[i].framework_info->id->value, info->id->value) == 0)
			return;
	}
	row = &state->framework_rows[state->n_frameworks++];
	mesos__v1__agent__response__get_frameworks__framework__init(row);
	row->framework_info = info;
	if (is_live)
		to->frameworks[to->n_frameworks++] = row;
	else
		to->completed_frameworks[to->n_completed_frameworks++] = row;
}

static void add_executor(struct state *state, const Mesos__V1__ExecutorInfo *info, bool is_live)
{
	ExecutorRow *row = &state->executor_rows[state->n_executors++];
	GetExecutors *to = &state->executors;

	mesos__v1__agent__response__get_executors__executor__init(row);
	row->executor_info = (Mesos__V1__ExecutorInfo *)(uintptr_t)info;
	if (is_live)
		to->executors[to->n_executors++] = row;
	else
		to->completed_executors[to->n_completed_executors++] = row;
}

static void add_task(struct state *state, const struct task *task)
{
	struct view_task *view = &state->views[state->n_views];
	GetTasks *to = &state->tasks;

	add_framework(state, task->record->framework, true);
	view_task(task, view);
	if (task_has_ended(task))
		to->terminated_tasks[to->n_terminated_tasks++] = &view->task;
	else if (task->executor && !task->is_launch_sent)
		to->queued_tasks[to->n_queued_tasks++] = &view->task;
	else if (task->container->state == CONTAINER_NEW)
		to->pending_tasks[to->n_pending_tasks++] = &view->task;
	else
		to->launched_tasks[to->n_launched_tasks++] = &view->task;
	if (!task->executor)
		add_executor(state, view_executor(task, &state->names[state->n_views]),
			     !task_has_ended(task));
	state->n_views++;
}

static void add_past_task(struct state *state, const struct past_task *past)
{
	GetTasks *to = &state->tasks;

	add_framework(state, past->framework, false);
	to->completed_tasks[to->n_completed_tasks++] = past->task;
	/* A custom executor is there with its record for as long as that is kept. */
	if (!view_is_custom(past->executor))
		add_executor(state, past->executor, false);
}

static int state_collect(const struct agent *agent, struct state *ret)
{
	size_t room = HASH_COUNT(agent->tasks) + agent->history.n + 1;
	const struct past_task *past;
	const struct executor *x;

	TAILQ_FOREACH(x, &agent->custom, link)
		room++;
	if (state_init(ret, room) < 0)
		return -ENOMEM;
	TAILQ_FOREACH(x, &agent->custom, link) {
		add_framework(ret, x->record->framework, true);
		add_executor(ret, x->record->executor, !x->has_exited);
	}
	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		/* It is remembered already, and only waits for its container's end. */
		if (!task->is_acknowledged)
			add_task(ret, task);
	}
	TAILQ_FOREACH(past, &agent->history.tasks, link)
		add_past_task(ret, past);
	return 0;
}

/* ---- the calls ---- */

static int reply_state(struct http_request *req, Mesos__V1__Agent__Response__Type type,
		       void (*fill)(Response *response, struct state *state), struct err *e)
{
	Response response = MESOS__V1__AGENT__RESPONSE__INIT;
	struct state state;
	int r = state_collect(http_request_app(req), &state);

	response.has_type = 1;
	response.type = type;
	if (r < 0) {
		(void)err_set(e, -r, "describe the agent's state");
	} else {
		fill(&response, &state);
		r = operator_reply(req, &response, e);
	}
	state_done(&state);
	return r;
}

static void fill_tasks(Response *response, struct state *state)
{
	response->get_tasks = &state->tasks;
}

static void fill_executors(Response *response, struct state *state)
{
	response->get_executors = &state->executors;
}

static void fill_frameworks(Response *response, struct state *state)
{
	response->get_frameworks = &state->frameworks;
}

static int get_tasks(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return reply_state(req, MESOS__V1__AGENT__RESPONSE__TYPE__GET_TASKS, fill_tasks, e);
}

static int get_executors(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return reply_state(req, MESOS__V1__AGENT__RESPONSE__TYPE__GET_EXECUTORS, fill_executors,
			   e);
}

static int get_frameworks(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return reply_state(req, MESOS__V1__AGENT__RESPONSE__TYPE__GET_FRAMEWORKS, fill_frameworks,
			   e);
}

static void fill_state(Response *response, struct state *state)
{
	mesos__v1__agent__response__get_state__init(&state->whole);
	state->whole.get_tasks = &state->tasks;
	state->whole.get_executors = &state->executors;
	state->whole.get_frameworks = &state->frameworks;
	response->get_state = &state->whole;
}

static int get_state(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return reply_state(req, MESOS__V1__AGENT__RESPONSE__TYPE__GET_STATE, fill_state, e);
}

static int get_operations(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	size_t n = HASH_COUNT(agent->operations);
	AUTO_FREE Mesos__V1__Operation **list = calloc(n + 1, sizeof(*list));
	Mesos__V1__Agent__Response__GetOperations body =
		MESOS__V1__AGENT__RESPONSE__GET_OPERATIONS__INIT;
	Response response = MESOS__V1__AGENT__RESPONSE__INIT;

	(void)call;
	if (!list)
		return err_set(e, ENOMEM, "describe the agent's operations");
	for (const struct operation *o = agent->operations; o; o = o->hh.next)
		list[body.n_operations++] = o->record->operation;
	body.operations = list;
	response.has_type = 1;
	response.type = MESOS__V1__AGENT__RESPONSE__TYPE__GET_OPERATIONS;
	response.get_operations = &body;
	return operator_reply(req, &response, e);
}

/* ---- GET_CONTAINERS ---- */

static bool is_shown(const struct container *c,
		     const Mesos__V1__Agent__Call__GetContainers *asked)
{
	if (!container_is_running(c) || c->kind == CONTAINER_POD)
		return false;
	if (c->kind == CONTAINER_STANDALONE)
		return asked && asked->has_show_standalone && asked->show_standalone;
	return !c->parent || (asked && asked->has_show_nested && asked->show_nested);
}

/* VIEW, a row of /containers, becomes one of the call. */
static json_t *container_row(json_t *view_take)
{
	static const struct {
		const char *from, *to;
		bool is_id;
	} members[] = {
		{ "framework_id", "framework_id", true },
		{ "executor_id", "executor_id", true },
		{ "executor_name", "executor_name", false },
		{ "status", "container_status", false },
		{ "statistics", "resource_statistics", false },
	};
	json_t *row = json_object(), *value;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		value = json_object_get(view_take, members[i].from);
		if (value && members[i].is_id)
			json_object_set_new(row, members[i].to,
					    json_pack("{s:O}", "value", value));
		else if (value)
			json_object_set(row, members[i].to, value);
	}
	json_object_set(row, "container_id",
			json_object_get(json_object_get(view_take, "status"), "container_id"));
	json_decref(view_take);
	return row;
}

static int get_containers(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	json_t *rows = json_array(), *view;

	for (struct container *c = agent->containers; rows && c; c = c->hh.next) {
		view = is_shown(c, call->get_containers) ? api_container_view(c, true) : NULL;
		if (view)
			json_array_append_new(rows, container_row(view));
	}
	return operator_reply_json(req, json_pack("{s:s, s:{s:o}}", "type", "GET_CONTAINERS",
						  "get_containers", "containers", rows), e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(GET_STATE, get_state),
	OPERATOR_CALL_BARE(GET_TASKS, get_tasks),
	OPERATOR_CALL_BARE(GET_EXECUTORS, get_executors),
	OPERATOR_CALL_BARE(GET_FRAMEWORKS, get_frameworks),
	OPERATOR_CALL_BARE(GET_OPERATIONS, get_operations),
	OPERATOR_CALL_BARE(GET_CONTAINERS, get_containers),
};
const struct operator_calls operator_state_calls = OPERATOR_CALLS(rows);
