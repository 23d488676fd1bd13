#include "agent/executor_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/executor_container.h"
#include "agent/executor_env.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "net/http_server.h"

enum { UUID_BYTES = 16, MAX_GROUP = 1024 };

typedef Mesos__V1__Executor__Event Event;

/* The generated structs know no const; packing only reads. */
#define UNCONST(type, pointer) ((type *)(uintptr_t)(pointer))

/* ---- events ---- */

/* A stream that is closing comes back as a new subscription. */
static void send_event(const struct executor *x, Event *event, Mesos__V1__Executor__Event__Type type)
{
	struct err e = { 0 };
	int r;

	event->has_type = 1;
	event->type = type;
	r = wire_stream(x->stream, x->format, &event->base, &e);
	if (r < 0 && r != -ENOBUFS && r != -EPIPE)
		log_write_err(LOG_LEVEL_WARNING, &e, "talk to executor '%s'", executor_id(x));
}

#define SEND(x, event, type) send_event(x, event, MESOS__V1__EXECUTOR__EVENT__TYPE__##type)

static void send_subscribed(const struct executor *x)
{
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Subscribed body =
		MESOS__V1__EXECUTOR__EVENT__SUBSCRIBED__INIT;
	Mesos__V1__ContainerID container = MESOS__V1__CONTAINER_ID__INIT;

	container.value = x->container->id;
	body.executor_info = x->record->executor;
	body.framework_info = x->record->framework;
	body.agent_info = x->agent->info;
	body.container_id = &container;
	event.subscribed = &body;
	SEND(x, &event, SUBSCRIBED);
}

static void send_launch(const struct executor *x, const struct task *task)
{
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Launch body = MESOS__V1__EXECUTOR__EVENT__LAUNCH__INIT;

	body.task = task->record->task;
	event.launch = &body;
	SEND(x, &event, LAUNCH);
}

static void send_launch_group(const struct executor *x, Mesos__V1__TaskInfo **tasks, size_t n)
{
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__LaunchGroup body =
		MESOS__V1__EXECUTOR__EVENT__LAUNCH_GROUP__INIT;
	Mesos__V1__TaskGroupInfo group = MESOS__V1__TASK_GROUP_INFO__INIT;

	group.tasks = tasks;
	group.n_tasks = n;
	body.task_group = &group;
	event.launch_group = &body;
	SEND(x, &event, LAUNCH_GROUP);
}

static void send_kill(const struct executor *x, const struct task *task)
{
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Kill body = MESOS__V1__EXECUTOR__EVENT__KILL__INIT;

	body.task_id = task->record->task->task_id;
	body.kill_policy = task->record->kill_policy;
	event.kill = &body;
	SEND(x, &event, KILL);
}

static void send_acknowledged(const struct executor *x, const struct executor_confirm *confirm)
{
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Acknowledged body =
		MESOS__V1__EXECUTOR__EVENT__ACKNOWLEDGED__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;

	task_id.value = confirm->task_id;
	body.task_id = &task_id;
	body.uuid = (ProtobufCBinaryData){ UUID_BYTES, UNCONST(uint8_t, confirm->uuid) };
	event.acknowledged = &body;
	SEND(x, &event, ACKNOWLEDGED);
}

void executor_send_message(struct executor *x, const ProtobufCBinaryData *data)
{
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Message body = MESOS__V1__EXECUTOR__EVENT__MESSAGE__INIT;

	if (!x->stream) {
		x->agent->counters.invalid_messages++;
		log_info("drop a message to executor '%s': it is not subscribed", executor_id(x));
		return;
	}
	x->agent->counters.valid_messages++;
	body.data = *data;
	event.message = &body;
	SEND(x, &event, MESSAGE);
}

static void on_heartbeat(void *arg)
{
	struct executor *x = arg;
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;

	if (!x->stream)
		return;
	SEND(x, &event, HEARTBEAT);
	loop_timer_set(x->heartbeat, x->agent->flags.executor_heartbeat_interval);
}

/* ---- updates ---- */

int executor_check_update(const struct executor *x, const Mesos__V1__TaskStatus *status,
			  struct err *e)
{
	if (!status->has_uuid)
		return err_set(e, EINVAL, "Expecting 'uuid' to be present");
	if (status->uuid.len != UUID_BYTES)
		return err_set(e, EINVAL, "Not a valid UUID: %zu bytes, not %d", status->uuid.len,
			       UUID_BYTES);
	if (!status->has_source ||
	    status->source != MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR)
		return err_set(e, EINVAL, "Received Call from executor '%s' of framework '%s' with"
			       " invalid source, expecting 'SOURCE_EXECUTOR'", executor_id(x),
			       executor_framework_id(x));
	if (status->executor_id && strcmp(status->executor_id->value, executor_id(x)) != 0)
		return err_set(e, EINVAL, "ExecutorID in Call: %s does not match ExecutorID in"
			       " TaskStatus: %.255s", executor_id(x), status->executor_id->value);
	if (status->state == MESOS__V1__TASK_STATE__TASK_STAGING)
		return err_set(e, EINVAL, "Received TASK_STAGING from executor '%s' of framework"
			       " '%s' which is not allowed", executor_id(x),
			       executor_framework_id(x));
	return 0;
}

int executor_check_repeated(const struct executor *x,
			    const Mesos__V1__Executor__Call__Subscribe *call, struct err *e)
{
	int r = 0;

	if (call->n_unacknowledged_updates > EXECUTOR_MAX_REPEATED ||
	    call->n_unacknowledged_tasks > EXECUTOR_MAX_REPEATED)
		return err_set(e, EINVAL, "subscribe executor '%s': %zu updates and %zu tasks are"
			       " unacknowledged, of which %d each are taken", executor_id(x),
			       call->n_unacknowledged_updates, call->n_unacknowledged_tasks,
			       EXECUTOR_MAX_REPEATED);
	for (size_t i = 0; i < call->n_unacknowledged_updates && r >= 0; i++)
		r = executor_check_update(x, call->unacknowledged_updates[i]->status, e);
	return r;
}

static struct task *find_task(const struct executor *x, const char *id)
{
	struct task *task = task_find(x->agent, executor_framework_id(x), id);

	return task && task->executor == x ? task : NULL;
}

/* Remember to acknowledge STATUS when what it says is on disk. */
static int confirm(struct executor *x, const Mesos__V1__TaskStatus *status, struct err *e)
{
	struct executor_confirm *next;

	/* They leave with the next commit, or with the stream: it repeats what is refused here. */
	if (x->n_confirms >= EXECUTOR_MAX_REPEATED)
		return err_set(e, EAGAIN, "acknowledge an update: %d wait for the disk",
			       EXECUTOR_MAX_REPEATED);
	if (x->n_confirms == x->cap_confirms) {
		size_t cap = x->cap_confirms ? 2 * x->cap_confirms : 8;
		struct executor_confirm *grown = realloc(x->confirms, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, ENOMEM, "acknowledge an update");
		x->confirms = grown;
		x->cap_confirms = cap;
	}
	next = &x->confirms[x->n_confirms];
	next->task_id = strdup(status->task_id->value);
	if (!next->task_id)
		return err_set(e, ENOMEM, "acknowledge an update");
	memcpy(next->uuid, status->uuid.data, UUID_BYTES);
	x->n_confirms++;
	executor_mark(x);
	return 0;
}

static void drop_confirms(struct executor *x)
{
	for (size_t i = 0; i < x->n_confirms; i++)
		free(x->confirms[i].task_id);
	x->n_confirms = 0;
}

/* Into the stream of its task, completed: agent_id, timestamp, executor_id, container. */
static int add_update(struct executor *x, struct task *task, const Mesos__V1__TaskStatus *status,
		      struct err *e)
{
	Mesos__V1__TaskStatus *copy = (Mesos__V1__TaskStatus *)pb_copy(&status->base);

	if (copy && !copy->executor_id)
		copy->executor_id = (Mesos__V1__ExecutorID *)pb_copy(
			&x->record->executor->executor_id->base);
	if (copy && copy->executor_id &&
	    status_complete(copy, agent_id(x->agent), x->container->id, 0) >= 0) {
		task->is_launch_sent = true;
		return updates_add(task, copy, e);
	}
	if (copy)
		mesos__v1__task_status__free_unpacked(copy, NULL);
	return err_set(e, ENOMEM, "update task '%s'", task_id(task));
}

int executor_update(struct executor *x, const Mesos__V1__TaskStatus *status, struct err *e)
{
	struct task *task = find_task(x, status->task_id->value);
	int r = 0;

	if (!task) {
		x->agent->counters.invalid_updates++;
		return err_set(e, EINVAL, "Task '%.255s' of executor '%s' cannot be found",
			       status->task_id->value, executor_id(x));
	}
	x->agent->counters.valid_updates++;
	if (!updates_has(task, status) && !task_has_ended(task))
		r = add_update(x, task, status, e);
	return r < 0 ? r : confirm(x, status, e);
}

/* ---- SUBSCRIBE ---- */

/*
 * What it saw no acknowledgement for, in order.  Those of a task before the last one that is known
 * here were known once too; those of tasks that nobody knows any more are over and done with.
 */
static void take_repeated(struct executor *x, Mesos__V1__Executor__Call__Update *const *updates,
			  size_t n)
{
	struct task *task;

	TAILQ_FOREACH(task, &x->tasks, of_executor)
		task->n_repeated = 0;
	for (size_t i = 0; i < n; i++) {
		task = find_task(x, updates[i]->status->task_id->value);
		if (task && updates_has(task, updates[i]->status))
			task->n_repeated = i;
	}
	for (size_t i = 0; i < n; i++) {
		const Mesos__V1__TaskStatus *status = updates[i]->status;
		struct err e = { 0 };

		task = find_task(x, status->task_id->value);
		if ((!task || i < task->n_repeated ? confirm(x, status, &e) :
						     executor_update(x, status, &e)) < 0)
			log_write_err(LOG_LEVEL_WARNING, &e, "take a repeated update of executor"
				      " '%s'", executor_id(x));
	}
}

/* It was told of them, and does not have them: they were lost with an agent, or with a stream. */
static void drop_lost(struct executor *x, const Mesos__V1__Executor__Call__Subscribe *call)
{
	struct task *task;
	struct err e = { 0 };

	TAILQ_FOREACH(task, &x->tasks, of_executor)
		task->is_listed = false;
	for (size_t i = 0; i < call->n_unacknowledged_tasks; i++) {
		task = find_task(x, call->unacknowledged_tasks[i]->task_id->value);
		if (task)
			task->is_listed = task->is_launch_sent = true;
	}
	TAILQ_FOREACH(task, &x->tasks, of_executor) {
		if (!task->is_listed && task->is_launch_sent &&
		    task_state(task) == MESOS__V1__TASK_STATE__TASK_STAGING &&
		    updates_add_own(task,
				status_lost_state(x->record->framework,
						  MESOS__V1__TASK_STATE__TASK_DROPPED),
				MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED,
				"Task launched during agent restart", &e) < 0)
			log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
	}
}

static void note_first(struct executor *x)
{
	struct err e = { 0 };

	x->record->has_has_subscribed = 1;
	x->record->has_subscribed = 1;
	if (executor_put(x, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "executor '%s'", executor_id(x));
}

static bool has_live_task(const struct executor *x)
{
	const struct task *task;

	TAILQ_FOREACH(task, &x->tasks, of_executor) {
		if (!task_has_ended(task) && !task->record->kill_requested)
			return true;
	}
	return false;
}

void executor_subscribed(struct executor *x, struct http_stream *stream, enum wire_format format,
			 const Mesos__V1__Executor__Call__Subscribe *call)
{
	bool is_first = !x->record->has_subscribed;
	struct err e = { 0 };
	struct task *task;

	executor_hang_up(x);
	x->stream = stream;
	x->format = format;
	x->is_shutdown_sent = false;
	if (!x->is_shut_down)
		executor_expect_nothing(x);
	TAILQ_FOREACH(task, &x->tasks, of_executor)
		task->is_kill_sent = false;
	log_info("executor '%s' of framework '%s' is subscribed", executor_id(x),
		 executor_framework_id(x));
	send_subscribed(x);
	if (is_first)
		note_first(x);
	take_repeated(x, call->unacknowledged_updates, call->n_unacknowledged_updates);
	drop_lost(x, call);
	/* Everything it was begun for was killed while it was on its way. */
	if (is_first && !has_live_task(x) && !call->n_unacknowledged_tasks)
		executor_shut_down(x);
	if (x->heartbeat ||
	    loop_timer_new(x->agent->loop, on_heartbeat, x, &x->heartbeat, &e) >= 0)
		loop_timer_set(x->heartbeat, x->agent->flags.executor_heartbeat_interval);
	executor_mark(x);
}

void executor_hang_up(struct executor *x)
{
	if (x->stream)
		http_stream_end(TAKE_PTR(x->stream));
	/* It repeats on the next stream what it saw no acknowledgement for. */
	drop_confirms(x);
}

void executor_disconnected(void *arg)
{
	static const struct verdict late = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
		"Executor lost its connection and did not come back",
	};
	struct executor *x = arg;

	x->stream = NULL;
	drop_confirms(x);
	/* It gives up by itself after so long; this is for one that does not. */
	if (!x->is_shut_down && !x->has_exited)
		executor_expect(x, x->agent->flags.recovery_timeout, &late);
}

/* ---- what is due ---- */

/* What was killed before it was told needs nobody's help to end. */
static void end_untold(struct task *task)
{
	struct err e = { 0 };

	if (updates_add_own(task, MESOS__V1__TASK_STATE__TASK_KILLED,
			    MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH,
			    "Killed before delivery to the executor", &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
}

static void flush_kills(struct executor *x)
{
	struct task *task, *next;

	for (task = TAILQ_FIRST(&x->tasks); task; task = next) {
		next = TAILQ_NEXT(task, of_executor);
		if (!task->record->kill_requested || task->is_kill_sent || task_has_ended(task))
			continue;
		if (!task->is_launch_sent) {
			end_untold(task);
		} else if (x->stream) {
			task->is_kill_sent = true;
			send_kill(x, task);
		}
	}
}

static bool is_to_launch(const struct task *task)
{
	return !task->is_launch_sent && !task->record->kill_requested && !task_has_ended(task);
}

/* Tasks of a group come to the executor in one event, as they came to the agent. */
static void launch_with_group(struct executor *x, struct task *first)
{
	Mesos__V1__TaskInfo *tasks[MAX_GROUP];
	struct task *task;
	size_t n = 0;

	for (task = first; task && n < MAX_GROUP; task = TAILQ_NEXT(task, of_executor)) {
		if (!is_to_launch(task) || !task->record->group ||
		    strcmp(task->record->group, first->record->group) != 0)
			continue;
		task->is_launch_sent = true;
		tasks[n++] = task->record->task;
	}
	send_launch_group(x, tasks, n);
}

static void flush_launches(struct executor *x)
{
	struct task *task;

	TAILQ_FOREACH(task, &x->tasks, of_executor) {
		if (!is_to_launch(task))
			continue;
		if (task->record->group) {
			launch_with_group(x, task);
			continue;
		}
		task->is_launch_sent = true;
		send_launch(x, task);
	}
}

static void flush_shutdown(struct executor *x)
{
	static const struct verdict stuck = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
		"Executor did not exit within its grace period after a shutdown",
	};
	Event event = MESOS__V1__EXECUTOR__EVENT__INIT;

	x->is_shutdown_sent = true;
	SEND(x, &event, SHUTDOWN);
	executor_expect(x, executor_grace_ms(x->agent, x->record->executor), &stuck);
}

/* Kills go out although the disk may refuse to note them: they can only be repeated. */
void executor_flush(struct executor *x, bool is_safe)
{
	flush_kills(x);
	if (!x->stream)
		return;
	if (is_safe && x->record->has_subscribed && !x->is_shut_down)
		flush_launches(x);
	for (size_t i = 0; is_safe && i < x->n_confirms; i++)
		send_acknowledged(x, &x->confirms[i]);
	if (is_safe)
		drop_confirms(x);
	if (x->is_shut_down && !x->is_shutdown_sent)
		flush_shutdown(x);
}
