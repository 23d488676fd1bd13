#include "agent/master_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/drain.h"
#include "agent/executor_stream.h"
#include "agent/launched.h"
#include "agent/operations.h"
#include "agent/pods.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/task_run.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "lib/version.h"

/* ---- calls ---- */

static int pack(const struct agent *agent, Tepui__AgentCall *call, Tepui__AgentCall__Type type,
		void **ret, size_t *ret_size, struct err *e)
{
	struct err why = { 0 };

	call->has_type = 1;
	call->type = type;
	if (agent->info->id)
		call->agent_id = agent->info->id;
	/* With every call, so that the master never knows a refusal without its reason. */
	if (admission_check_agent(agent, &why) < 0)
		call->degraded = why.msg;
	return pb_pack(&call->base, ret, ret_size, e);
}

/* Views of every task that the master may still have to hear of. */
static void describe_task(const struct task *task, Tepui__RunningTask *ret)
{
	tepui__running_task__init(ret);
	ret->framework = task->record->framework;
	ret->task = task->record->task;
	ret->state = task_state(task);
	ret->status = task->record->latest;
}

static size_t list_tasks(const struct agent *agent, Tepui__RunningTask *views,
			 Tepui__RunningTask **list)
{
	size_t n = 0;

	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		if (task->is_acknowledged || task->todo.is_volatile)
			continue;
		describe_task(task, &views[n]);
		list[n] = &views[n];
		n++;
	}
	return n;
}

static size_t list_executors(const struct agent *agent, Tepui__RunningExecutor *views,
			     Tepui__RunningExecutor **list)
{
	const struct executor *x;
	size_t n = 0;

	TAILQ_FOREACH(x, &agent->custom, link) {
		if (x->has_exited)
			continue;
		tepui__running_executor__init(&views[n]);
		views[n].framework = x->record->framework;
		views[n].executor = x->record->executor;
		list[n] = &views[n];
		n++;
	}
	return n;
}

static size_t list_pods(const struct agent *agent, Tepui__RunningExecutor *views,
			Tepui__RunningExecutor **list)
{
	size_t n = 0;

	for (const struct container *c = pods_next(agent, NULL); c; c = pods_next(agent, c)) {
		const Tepui__ContainerRecord *record = launched_of(c)->record;

		tepui__running_executor__init(&views[n]);
		views[n].framework = record->framework;
		views[n].executor = record->executor;
		list[n] = &views[n];
		n++;
	}
	return n;
}

static size_t list_operations(const struct agent *agent, Tepui__AppliedOperation **list)
{
	const struct operation *operation;
	size_t n = 0;

	for (operation = agent->operations; operation; operation = operation->hh.next)
		list[n++] = operation->record;
	return n;
}

static size_t count_executors(const struct agent *agent)
{
	const struct executor *x;
	size_t n = 0;

	TAILQ_FOREACH(x, &agent->custom, link)
		n++;
	for (const struct container *c = pods_next(agent, NULL); c; c = pods_next(agent, c))
		n++;
	return n;
}

/* A wildcard is no address to call: the host's name has to do. */
static char *endpoint_to_tell(const struct agent *agent)
{
	bool is_wildcard = strncmp(agent->endpoint, "0.0.0.0:", 8) == 0 ||
			   strncmp(agent->endpoint, "[::]:", 5) == 0;

	return is_wildcard ? NULL : agent->endpoint;
}

int master_call_subscribe(const struct agent *agent, void **ret, size_t *ret_size, struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Subscribe subscribe = TEPUI__AGENT_CALL__SUBSCRIBE__INIT;
	size_t n = HASH_COUNT(agent->tasks) + 1;
	AUTO_FREE Tepui__RunningTask *views = calloc(n, sizeof(*views));
	AUTO_FREE Tepui__RunningTask **list = calloc(n, sizeof(*list));
	size_t n_executors = count_executors(agent) + 1;
	AUTO_FREE Tepui__RunningExecutor *executors = calloc(n_executors, sizeof(*executors));
	AUTO_FREE Tepui__RunningExecutor **executor_list = calloc(n_executors,
								  sizeof(*executor_list));
	AUTO_FREE Tepui__AppliedOperation **operations =
		calloc(HASH_COUNT(agent->operations) + 1, sizeof(*operations));
	AUTO_FREE char *boot_id = strdup(agent->node.boot_id), *version = strdup(TEPUI_VERSION);

	if (!views || !list || !executors || !executor_list || !operations || !boot_id || !version)
		return err_set(e, ENOMEM, "describe the agent");
	subscribe.agent_info = agent->info;
	subscribe.boot_id = boot_id;
	subscribe.version = version;
	subscribe.n_tasks = list_tasks(agent, views, list);
	subscribe.tasks = list;
	subscribe.n_executors = list_executors(agent, executors, executor_list);
	subscribe.n_executors += list_pods(agent, executors + subscribe.n_executors,
					   executor_list + subscribe.n_executors);
	subscribe.executors = executor_list;
	subscribe.n_operations = list_operations(agent, operations);
	subscribe.operations = operations;
	subscribe.has_gives_feedback = subscribe.gives_feedback = true;
	subscribe.master_id = agent->self->master_id;
	subscribe.endpoint = endpoint_to_tell(agent);
	subscribe.has_takes_directory = subscribe.takes_directory = true;
	subscribe.address = agent->address;
	subscribe.has_dialed_boot_ms = true;
	subscribe.dialed_boot_ms = clock_boot_ms();
	call.subscribe = &subscribe;
	return pack(agent, &call, TEPUI__AGENT_CALL__TYPE__SUBSCRIBE, ret, ret_size, e);
}

/* The generated structs know no const; packing only reads. */
#define UNCONST(type, pointer) ((type *)(uintptr_t)(pointer))

int master_call_update(const struct agent *agent, const Mesos__V1__FrameworkID *framework_id,
		       const Mesos__V1__TaskStatus *status, Mesos__V1__TaskState latest,
		       void **ret, size_t *ret_size, struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Update update = TEPUI__AGENT_CALL__UPDATE__INIT;

	update.framework_id = UNCONST(Mesos__V1__FrameworkID, framework_id);
	update.status = UNCONST(Mesos__V1__TaskStatus, status);
	update.has_latest_state = latest != status->state;
	update.latest_state = latest;
	call.update = &update;
	return pack(agent, &call, TEPUI__AGENT_CALL__TYPE__UPDATE, ret, ret_size, e);
}

int master_call_operation(const struct agent *agent, const Tepui__AppliedOperation *operation,
			  void **ret, size_t *ret_size, struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__OperationUpdate update = TEPUI__AGENT_CALL__OPERATION_UPDATE__INIT;

	update.framework_id = operation->framework->id;
	update.status = operation->operation->latest_status;
	call.operation = &update;
	return pack(agent, &call, TEPUI__AGENT_CALL__TYPE__OPERATION, ret, ret_size, e);
}

int master_call_task(const struct task *task, void **ret, size_t *ret_size, struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__RunningTask view;

	describe_task(task, &view);
	call.task = &view;
	return pack(task->agent, &call, TEPUI__AGENT_CALL__TYPE__TASK, ret, ret_size, e);
}

int master_call_message(const struct agent *agent, const Tepui__ExecutorRecord *executor,
			const ProtobufCBinaryData *data, void **ret, size_t *ret_size,
			struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__ExecutorMessage message = TEPUI__EXECUTOR_MESSAGE__INIT;

	message.framework_id = executor->framework->id;
	message.executor_id = executor->executor->executor_id;
	message.data = *data;
	call.message = &message;
	return pack(agent, &call, TEPUI__AGENT_CALL__TYPE__MESSAGE, ret, ret_size, e);
}

int master_call_exited(const struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
		       const Mesos__V1__ExecutorInfo *executor, const int32_t *status, void **ret, size_t *ret_size, struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__ExecutorExited exited = TEPUI__AGENT_CALL__EXECUTOR_EXITED__INIT;

	exited.framework_id = framework->id;
	exited.executor_id = executor->executor_id;
	exited.has_status = status != NULL;
	exited.status = status ? *status : 0;
	call.executor_exited = &exited;
	return pack(agent, &call, TEPUI__AGENT_CALL__TYPE__EXECUTOR_EXITED, ret, ret_size, e);
}

int master_call_directory_applied(const struct agent *agent, uint64_t generation, void **ret,
				  size_t *ret_size, struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;

	call.has_directory_generation = true;
	call.directory_generation = generation;
	return pack(agent, &call, TEPUI__AGENT_CALL__TYPE__DIRECTORY_APPLIED, ret, ret_size, e);
}

int master_call_heartbeat(const struct agent *agent, void **ret, size_t *ret_size, struct err *e)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;

	return pack(agent, &call, TEPUI__AGENT_CALL__TYPE__HEARTBEAT, ret, ret_size, e);
}

/* ---- who we are ---- */

static int replace_text(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* A master that was replaced, or restored from an old copy, must not command our tasks. */
static int check_master(const struct agent *agent, const Tepui__AgentEvent__Subscribed *event,
			struct err *e)
{
	const Tepui__AgentRecord *self = agent->self;

	/* It becomes the name of a directory. */
	if (!id_is_valid(event->agent_id->value))
		return err_set(e, EPROTO, "register: the master gives '%.64s', which is not a valid "
			       "id", event->agent_id->value);
	if (agent_id(agent) && strcmp(agent_id(agent), event->agent_id->value) != 0)
		return err_set(e, ESTALE, "register: the master takes agent '%s' for '%s'",
			       agent_id(agent), event->agent_id->value);
	if (self->master_id && strcmp(self->master_id, event->master_id) == 0 && self->has_epoch &&
	    event->has_epoch && event->epoch < self->epoch)
		return err_set(e, ESTALE, "register: the master's epoch %llu is before %llu",
			       (unsigned long long)event->epoch, (unsigned long long)self->epoch);
	return 0;
}

int master_call_accept_id(struct agent *agent, const Tepui__AgentEvent__Subscribed *event,
			  struct err *e)
{
	Tepui__AgentRecord *self = agent->self;
	int r = check_master(agent, event, e);

	if (r < 0)
		return r;
	if (!self->agent_id) {
		self->agent_id = (Mesos__V1__AgentID *)pb_copy(&event->agent_id->base);
		if (!self->agent_id)
			r = -ENOMEM;
	}
	if (r >= 0)
		r = replace_text(&self->master_id, event->master_id);
	if (r >= 0)
		r = replace_text(&self->boot_id, agent->node.boot_id);
	if (r < 0)
		return err_set(e, ENOMEM, "register");
	r = agent_describe(agent, event->agent_id->value, e);
	if (r < 0)
		return r;
	self->has_epoch = event->has_epoch;
	self->epoch = event->epoch;
	r = agent_put_self(agent, e);
	return r < 0 ? r : drain_set(agent, event->drain, e);
}

/* ---- events ---- */

static void run_task(struct agent *agent, const Tepui__AgentEvent__RunTask *run)
{
	struct err e = { 0 };

	/* Not reported to the framework: without memory or an id nothing can be. */
	if (task_run(agent, run->framework, run->task, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "run task '%s'", run->task->task_id->value);
}

/* The default executor is this agent itself: what its tasks share is a pod. */
static void run_group(struct agent *agent, const Tepui__AgentEvent__RunTaskGroup *group)
{
	bool is_custom = group->executor->type == MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM;
	struct err e = { 0 };

	if (group->framework->id && (is_custom ? task_run_group(agent, group, &e) :
						 pods_run(agent, group, &e)) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "run the tasks of a group");
}

/* A pod is no executor that could be told; its members are. */
static void shut_down_executor(struct agent *agent, const Tepui__AgentEvent__ShutdownExecutor *body)
{
	if (!pods_shut_down(agent, body->framework_id->value, body->executor_id->value))
		executor_shut_down_of(agent, body);
}

static void kill_task(struct agent *agent, const Tepui__AgentEvent__KillTask *kill)
{
	struct task *task = task_find(agent, kill->framework_id->value, kill->task_id->value);
	struct err e = { 0 };

	if (!task)
		log_info("ignore the kill of task '%s': it is not here", kill->task_id->value);
	else if (task_kill(task, kill->kill_policy, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "kill task '%s'", task_id(task));
}

static void acknowledge(struct agent *agent, const Tepui__AgentEvent__Acknowledge *ack)
{
	struct task *task = task_find(agent, ack->framework_id->value, ack->task_id->value);

	if (task && !task->is_acknowledged)
		updates_acknowledge(task, ack->uuid.data, ack->uuid.len);
}

static void pass_message(struct agent *agent, const Tepui__ExecutorMessage *message)
{
	struct executor *x = executor_find(agent, message->framework_id->value,
					   message->executor_id->value);

	if (x) {
		executor_send_message(x, &message->data);
		return;
	}
	agent->counters.invalid_messages++;
	log_info("drop a message to executor '%s': it is not here", message->executor_id->value);
}

/*
 * The master does not know this agent any more: what becomes of its tasks it has told itself.  The
 * agent leaves when the last of them is taken apart: agent_turn() looks.
 */
static void shut_down(struct agent *agent)
{
	struct executor *x;
	struct err e = { 0 };

	log_warning("the master shuts this agent down: killing all tasks");
	agent->is_shutting_down = true;
	TAILQ_FOREACH(x, &agent->custom, link)
		executor_shut_down(x);
	for (struct task *task = agent->tasks; task; task = task->hh.next) {
		if (task_kill(task, NULL, &e) < 0) {
			log_write_err(LOG_LEVEL_ERROR, &e, "kill task '%s'", task_id(task));
			err_clear(&e);
		}
	}
	agent_wake(agent);
}

int master_event_handle(struct agent *agent, Tepui__AgentEvent *event, struct err *e)
{
	struct err fatal = { 0 };

	switch (event->type) {
	case TEPUI__AGENT_EVENT__TYPE__RUN_TASK:
		if (event->run_task)
			run_task(agent, event->run_task);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__RUN_TASK_GROUP:
		if (event->run_task_group)
			run_group(agent, event->run_task_group);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__KILL_TASK:
		if (event->kill_task)
			kill_task(agent, event->kill_task);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE:
		if (event->acknowledge)
			acknowledge(agent, event->acknowledge);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__APPLY:
		return event->apply ? operations_apply(agent, event->apply, e) : 0;
	case TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE_OPERATION:
		if (event->acknowledge_operation)
			operations_acknowledge(agent, event->acknowledge_operation);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__DRAIN:
		return event->drain ? drain_set(agent, event->drain->config, e) : 0;
	case TEPUI__AGENT_EVENT__TYPE__SHUTDOWN:
		shut_down(agent);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__SHUTDOWN_EXECUTOR:
		if (event->shutdown_executor)
			shut_down_executor(agent, event->shutdown_executor);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__MESSAGE:
		if (event->message)
			pass_message(agent, event->message);
		return 0;
	case TEPUI__AGENT_EVENT__TYPE__DIRECTORY:
		return event->directory ?
			       directory_apply(agent->directory, TAKE_PTR(event->directory), e) : 0;
	case TEPUI__AGENT_EVENT__TYPE__ERROR:
		(void)err_set(&fatal, ECONNREFUSED, "stay with master '%s': it said: %s",
			      agent->flags.master, event->error ? event->error->message : "");
		agent_fail(agent, &fatal);
		return err_set(e, ECONNREFUSED, "stay with the master");
	case TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED:
	case TEPUI__AGENT_EVENT__TYPE__HEARTBEAT:
	case TEPUI__AGENT_EVENT__TYPE__UNKNOWN:
	case _TEPUI__AGENT_EVENT__TYPE_IS_INT_SIZE:
	default:
		log_debug("ignore event %d of the master", (int)event->type);
		return 0;
	}
}
