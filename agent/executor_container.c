#include "agent/executor_container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/executor.h"
#include "agent/executor_stream.h"
#include "agent/master_link.h"
#include "agent/resize.h"
#include "agent/runtime_dir.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"

static void put_or_log(struct executor *x)
{
	struct err e = { 0 };

	if (executor_put(x, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "executor '%s'", executor_id(x));
}

/* ---- what is due ---- */

/* Killed at once: whatever grace it had is over. */
void executor_end_container(struct executor *x)
{
	static Mesos__V1__DurationInfo no_grace = MESOS__V1__DURATION_INFO__INIT;
	static Mesos__V1__KillPolicy policy = MESOS__V1__KILL_POLICY__INIT;

	policy.grace_period = &no_grace;
	x->container->kill_policy = &policy;
	container_stop(x->container);
}

static void on_deadline(void *arg)
{
	struct executor *x = arg;

	log_warning("end executor '%s': %s", executor_id(x), x->overdue.message);
	if (!x->verdict.message)
		x->verdict = x->overdue;
	executor_end_container(x);
}

void executor_expect(struct executor *x, int64_t in_ms, const struct verdict *verdict)
{
	struct err e = { 0 };

	/* One deadline is enough: an executor owes one thing at a time. */
	x->overdue = *verdict;
	if (!x->deadline &&
	    loop_timer_new(x->agent->loop, on_deadline, x, &x->deadline, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "watch executor '%s'", executor_id(x));
		return;
	}
	loop_timer_set(x->deadline, in_ms);
}

void executor_expect_nothing(struct executor *x)
{
	if (x->deadline)
		loop_timer_clear(x->deadline);
}

void executor_expect_subscription(struct executor *x)
{
	static const struct verdict late = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REGISTRATION_TIMEOUT,
		"Executor did not register within its timeout",
	};

	executor_expect(x, x->agent->flags.executor_registration_timeout, &late);
}

/* ---- what it may use ---- */

/* What its container is limited to is all that it and its tasks were given. */
static int renew_limits(struct executor *x, struct err *e)
{
	Mesos__V1__TaskInfo *info = x->record->task;
	Mesos__V1__Resource **list;
	size_t n;

	if (resources_to_messages(&x->container->resources, NULL, &list, &n) < 0)
		return err_set(e, ENOMEM, "describe executor '%s'", executor_id(x));
	resources_messages_free(info->resources, info->n_resources);
	info->resources = list;
	info->n_resources = n;
	return container_resize(x->container, e);
}

/* Where that fails, such as below what is in use, the container keeps what it has. */
void executor_renew_limits(struct executor *x)
{
	struct err e = { 0 };

	if (renew_limits(x, &e) < 0)
		log_write_err(LOG_LEVEL_INFO, &e, "resize executor '%s'", executor_id(x));
}

/* ---- the end ---- */

void executor_release(struct executor *x)
{
	executor_hang_up(x);
	loop_timer_free(x->deadline);
	x->deadline = NULL;
	loop_timer_free(x->heartbeat);
	x->heartbeat = NULL;
}

static void tell_exit(struct executor *x, const Tepui__ExitRecord *exit)
{
	struct err e = { 0 };

	if (master_link_executor_exited(x->agent->link, x->record->framework, x->record->executor,
					exit && exit->has_wait_status ? &exit->wait_status : NULL,
					&e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "tell of the end of executor '%s'",
			      executor_id(x));
}

static void note_exit(struct executor *x)
{
	executor_release(x);
	x->has_exited = true;
	x->record->has_has_exited = 1;
	x->record->has_exited = 1;
}

/* Why every task of it has ended: a verdict of ours, a limit it ran into, or just that it did. */
struct cause {
	struct verdict verdict;
	const Mesos__V1__TaskResourceLimitation *limitation;
};

static bool is_limitation(const Mesos__V1__TaskStatus *status)
{
	if (!status || !status->has_reason)
		return false;
	return status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION ||
	       status->reason ==
		       MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION_MEMORY ||
	       status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION_DISK;
}

static struct cause find_cause(const struct executor *x, const Mesos__V1__TaskStatus *last,
			       const char *how)
{
	struct cause cause = { .verdict = x->verdict };

	if (is_limitation(last)) {
		cause.verdict = (struct verdict){ MESOS__V1__TASK_STATE__TASK_FAILED, last->reason,
						  last->message };
		cause.limitation = last->limitation;
	} else if (!cause.verdict.message && x->container->verdict.message) {
		cause.verdict = x->container->verdict;
	} else if (!cause.verdict.message) {
		cause.verdict = (struct verdict){
			MESOS__V1__TASK_STATE__TASK_FAILED,
			MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
			last && last->message ? last->message : how,
		};
	}
	if (!cause.verdict.message)
		cause.verdict.message = "Executor has exited";
	return cause;
}

static int end_task(struct task *task, const struct cause *cause, struct err *e)
{
	Mesos__V1__TaskStatus *status;

	if (!cause->limitation)
		return updates_add_own(task, cause->verdict.state, cause->verdict.reason,
				       cause->verdict.message, e);
	status = updates_new_own(task, cause->verdict.state, cause->verdict.reason,
				 cause->verdict.message, e);
	if (!status)
		return -e->code;
	status->limitation = (Mesos__V1__TaskResourceLimitation *)pb_copy(&cause->limitation->base);
	return updates_add(task, status, e);
}

static void end_tasks(struct executor *x, const struct cause *cause)
{
	struct task *task, *next;

	for (task = TAILQ_FIRST(&x->tasks); task; task = next) {
		struct err e = { 0 };

		next = TAILQ_NEXT(task, of_executor);
		if (!task_has_ended(task) && end_task(task, cause, &e) < 0)
			log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
	}
}

void executor_note_exit(struct executor *x)
{
	note_exit(x);
	tell_exit(x, NULL);
	put_or_log(x);
}

/* Of a container that is gone, or was never there.  Freed after the commit of that. */
static void conclude(struct executor *x, const char *how)
{
	Tepui__ExitRecord *exit = runtime_dir_read_exit(x->agent->work_fd, x->container->id);
	const Mesos__V1__TaskStatus *last = exit && exit->status ? exit->status :
								   x->record->latest;
	struct cause cause = find_cause(x, last, how);

	log_info("executor '%s' of framework '%s' has ended: %s", executor_id(x),
		 executor_framework_id(x), cause.verdict.message);
	note_exit(x);
	end_tasks(x, &cause);
	container_discharge(x->container);
	tell_exit(x, exit);
	if (exit)
		tepui__exit_record__free_unpacked(exit, NULL);
	put_or_log(x);
}

/* ---- what its container tells ---- */

static int on_check(const struct container *c, const Mesos__V1__TaskStatus *status, struct err *e)
{
	if (strcmp(status->task_id->value, c->info->task_id->value) != 0 || !status->has_uuid ||
	    status->uuid.len != 16)
		return err_set(e, EINVAL, "update container '%s': not by its supervisor", c->id);
	return 0;
}

static bool on_knows(const struct container *c, const Mesos__V1__TaskStatus *status)
{
	const struct executor *x = c->owner;

	return status_same_uuid(x->record->latest, status);
}

/* What the supervisor says of the executor's process: that it runs, and how it ended. */
static int on_update(struct container *c, const Mesos__V1__TaskStatus *status, struct err *e)
{
	struct executor *x = c->owner;
	Mesos__V1__TaskStatus *copy = (Mesos__V1__TaskStatus *)pb_copy(&status->base);

	if (!copy)
		return err_set(e, ENOMEM, "update executor '%s'", executor_id(x));
	if (x->record->latest)
		mesos__v1__task_status__free_unpacked(x->record->latest, NULL);
	x->record->latest = copy;
	c->has_reported = true;
	if (status_is_terminal(copy->state)) {
		c->has_ended = true;
		container_expect_exit(c);
	} else if (copy->state == MESOS__V1__TASK_STATE__TASK_RUNNING) {
		container_started(c);
		executor_renew_limits(x);
	}
	return executor_put(x, e);
}

static int on_spawned(struct container *c, struct err *e)
{
	struct executor *x = c->owner;
	Tepui__ExecutorRecord *record = x->record;

	if (!record->boot_id)
		record->boot_id = strdup(x->agent->node.boot_id);
	if (!record->boot_id)
		return err_set(e, ENOMEM, "launch executor '%s'", executor_id(x));
	record->has_supervisor_pid = 1;
	record->supervisor_pid = c->pid;
	record->has_supervisor_start_ticks = 1;
	record->supervisor_start_ticks = c->start_ticks;
	record->has_first_id = c->has_first_id;
	record->first_id = c->first_id;
	executor_expect_subscription(x);
	return executor_put(x, e);
}

static void on_failed(struct container *c, const struct err *why)
{
	char text[sizeof(why->msg) + 64];
	struct executor *x = c->owner;

	/* Text outlives the conclusion, which copies it. */
	x->verdict = (struct verdict){
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED,
		err_text(why, text, sizeof(text)),
	};
	conclude(x, NULL);
}

/* If there is a supervisor, it is about to end, and then this has. */
static void on_cancelled(struct container *c)
{
	if (c->state == CONTAINER_GONE)
		conclude(c->owner, "Executor was shut down before it was launched");
}

static void on_ended(struct container *c, const char *how)
{
	conclude(c->owner, how);
}

const struct container_ops executor_container_ops = {
	.check = on_check,
	.knows = on_knows,
	.update = on_update,
	.spawned = on_spawned,
	.failed = on_failed,
	.cancelled = on_cancelled,
	.ended = on_ended,
};

