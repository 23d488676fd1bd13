#include "agent/executors.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/executor_events.h"
#include "agent/images.h"
#include "agent/process.h"
#include "agent/runtime_dir.h"
#include "agent/spawn.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "net/http_server.h"

enum {
	CLEAN_WAIT_MS = 10,		/* in the loop: short */
	CLEAN_RETRY_MS = 20, CLEAN_LAST_RETRY_MS = 1000, CLEAN_ATTEMPTS_BEFORE_NOTICE = 10,
	RETURN_MS = 15 * 1000,		/* for an executor to come back to a new agent */
	RECONNECT_MS = 60 * 1000,	/* or to one that it lost while both ran */
	KILL_SLACK_MS = 1000,		/* beyond the grace period */
	EXIT_MS = 60 * 1000,		/* after its terminal update */
	DEFAULT_GRACE_MS = 3 * 1000,
};

static const Mesos__V1__TaskStatus__Reason killed_early =
	MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH;

static void overdue(void *arg)
{
	struct task *task = arg;

	executor_destroy(task, &task->executor.overdue);
}

/* What is due next; IN_MS from now VERDICT is passed. */
static void expect(struct task *task, int64_t in_ms, const struct verdict *verdict)
{
	struct executor *x = &task->executor;
	struct err e = { 0 };

	/* One deadline is enough: an executor owes one thing at a time. */
	x->overdue = *verdict;
	if (!x->deadline &&
	    loop_timer_new(task->agent->loop, overdue, task, &x->deadline, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "watch the executor of task '%s'",
			      task_id(task));
		return;
	}
	loop_timer_set(x->deadline, in_ms);
}

static void expect_nothing(struct task *task)
{
	if (task->executor.deadline)
		loop_timer_clear(task->executor.deadline);
}

int64_t executor_grace_ms(const struct task *task)
{
	const Mesos__V1__KillPolicy *policy = task->record->kill_policy;
	int64_t nanoseconds;

	if (!policy || !policy->grace_period)
		policy = task->record->task->kill_policy;
	if (!policy || !policy->grace_period)
		return DEFAULT_GRACE_MS;
	nanoseconds = policy->grace_period->nanoseconds;
	return nanoseconds < 0 ? 0 : nanoseconds / 1000000;
}

/* ---- the end ---- */

/* Owned; NULL when RECORD has none, or none that can be given to the master. */
static Mesos__V1__TaskStatus *take_recorded_end(const struct task *task, Tepui__ExitRecord *record)
{
	Mesos__V1__TaskStatus *status = record ? TAKE_PTR(record->status) : NULL;
	struct err e = { 0 };

	if (!status)
		return NULL;
	if (updates_check(task, status, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "read the record of the end of container '%s'",
			      task->record->container_id);
	else if (status_is_terminal(status->state))
		return status;
	mesos__v1__task_status__free_unpacked(status, NULL);
	return NULL;
}

static void free_record(Tepui__ExitRecord *record)
{
	tepui__exit_record__free_unpacked(record, NULL);
}

DEFINE_AUTO(Tepui__ExitRecord *, free_record);

/* HOW it ended, and what it said last of why. */
static int report_death(struct task *task, const char *how, const Tepui__ExitRecord *record,
			struct err *e)
{
	const char *error = record && record->error ? record->error : "";
	AUTO_FREE char *text = NULL;

	if (asprintf(&text, "%s%s%s", how, *error ? ": " : "", error) < 0) {
		text = NULL;
		return err_set(e, ENOMEM, "update task '%s'", task_id(task));
	}
	return updates_add_own(task, MESOS__V1__TASK_STATE__TASK_FAILED,
			       MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED, text, e);
}

/* The most exact account there is: the supervisor's own, a verdict of ours, or that it died. */
static int conclude(struct task *task, const char *how, struct err *e)
{
	const struct verdict *verdict = &task->executor.verdict;
	AUTO(free_recordp) Tepui__ExitRecord *record =
		runtime_dir_read_exit(task->agent->work_fd, task->record->container_id);
	Mesos__V1__TaskStatus *status = take_recorded_end(task, record);

	if (status) {
		if (status_complete(status, agent_id(task->agent), task->record->container_id,
				    task->record->executor_pid) < 0) {
			mesos__v1__task_status__free_unpacked(status, NULL);
			return err_set(e, ENOMEM, "update task '%s'", task_id(task));
		}
		return updates_add(task, status, e);
	}
	if (verdict->message)
		return updates_add_own(task, verdict->state, verdict->reason, verdict->message, e);
	if (task->record->kill_requested)
		return updates_add_own(task, MESOS__V1__TASK_STATE__TASK_KILLED,
				       MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
				       "executor ended while it was killing the task", e);
	return report_death(task, how, record, e);
}

static void clean(void *arg);

/* Something in the container is still dying: come back without holding up the loop. */
static void clean_later(struct task *task, const struct err *why)
{
	struct executor *x = &task->executor;
	int64_t delay = CLEAN_RETRY_MS << (x->clean_attempts < 6 ? x->clean_attempts : 6);
	struct err e = { 0 };

	if (++x->clean_attempts == CLEAN_ATTEMPTS_BEFORE_NOTICE) {
		task->agent->counters.destroy_errors++;
		log_write_err(LOG_LEVEL_WARNING, why, "clean up after task '%s', going on",
			      task_id(task));
	}
	loop_timer_free(x->deadline);
	x->deadline = NULL;
	if (loop_timer_new(task->agent->loop, clean, task, &x->deadline, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "clean up after task '%s'", task_id(task));
		return;
	}
	loop_timer_set(x->deadline, delay < CLEAN_LAST_RETRY_MS ? delay : CLEAN_LAST_RETRY_MS);
}

static void clean(void *arg)
{
	struct task *task = arg;
	struct executor *x = &task->executor;
	char how[160];
	struct err e = { 0 };

	if (cgroup_destroy(&task->agent->layout, task->record->container_id, CLEAN_WAIT_MS,
			   &e) < 0) {
		clean_later(task, &e);
		return;
	}
	err_clear(&e);
	x->state = EXECUTOR_GONE;
	if (images_are_used(task))
		images_release(task->agent, task->record->container_id);
	process_describe_end(x->pidfd, x->pid, how, sizeof(how));
	executor_release(task);
	if (!task_has_ended(task) && conclude(task, how, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
	if (task->is_acknowledged) {
		runtime_dir_remove(task->agent->work_fd, task->record->container_id);
		task_free(task);
	}
}

/* The pidfd is readable: the supervisor is dead, what it supervised may still be dying. */
static void ended(int fd, void *arg)
{
	struct task *task = arg;
	struct executor *x = &task->executor;

	(void)fd;
	loop_watch_free(x->watch);
	x->watch = NULL;
	if (x->stream)
		http_stream_end(TAKE_PTR(x->stream));
	x->state = EXECUTOR_CLEANING;
	expect_nothing(task);
	clean(task);
}

void executor_destroy(struct task *task, const struct verdict *verdict)
{
	struct executor *x = &task->executor;
	struct err e = { 0 };

	if (x->state != EXECUTOR_WAITING && x->state != EXECUTOR_SUBSCRIBED)
		return;
	if (verdict && verdict->message && !x->verdict.message)
		x->verdict = *verdict;
	log_warning("kill the executor of task '%s' (pid %d)%s%s", task_id(task), (int)x->pid,
		    x->verdict.message ? ": " : "", x->verdict.message ? x->verdict.message : "");
	if (process_kill(x->pidfd, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "kill the executor of task '%s'", task_id(task));
}

void executor_expect_exit(struct task *task)
{
	static const struct verdict nothing;
	const struct executor *x = &task->executor;

	if (x->state == EXECUTOR_WAITING || x->state == EXECUTOR_SUBSCRIBED)
		expect(task, EXIT_MS, &nothing);
}

void executor_release(struct task *task)
{
	struct executor *x = &task->executor;

	loop_watch_free(x->watch);
	x->watch = NULL;
	loop_timer_free(x->deadline);
	x->deadline = NULL;
	if (x->stream)
		http_stream_end(TAKE_PTR(x->stream));
	fd_close(&x->pidfd);
	free(x->confirms);
	x->confirms = NULL;
	x->n_confirms = x->cap_confirms = 0;
}

/* ---- the beginning ---- */

/* From here on the end is noticed, whoever causes it and whoever's child the process is. */
static int watch(struct task *task, struct err *e)
{
	struct executor *x = &task->executor;
	int r = loop_watch_fd(task->agent->loop, x->pidfd, ended, task, &x->watch, e);

	if (r >= 0)
		x->state = EXECUTOR_WAITING;
	return r;
}

int executor_spawn(struct task *task, struct err *e)
{
	static const struct verdict late = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REGISTRATION_TIMEOUT,
		"executor did not subscribe in time",
	};
	struct executor *x = &task->executor;
	Tepui__TaskRecord *record = task->record;
	uint64_t start_ticks;
	int r;

	r = spawn_executor(task, &x->pid, &x->pidfd, e);
	if (r < 0)
		return r;
	r = process_start_ticks(x->pid, &start_ticks, e);
	if (r >= 0)
		r = watch(task, e);
	if (r >= 0 && !record->boot_id) {
		record->boot_id = strdup(task->agent->node.boot_id);
		r = record->boot_id ? 0 : err_set(e, ENOMEM, "spawn an executor");
	}
	if (r < 0) {
		struct err ignored = { 0 };

		(void)process_kill(x->pidfd, &ignored);
		process_reap(x->pidfd);
		executor_release(task);
		runtime_dir_remove(task->agent->work_fd, record->container_id);
		return r;
	}
	record->has_executor_pid = 1;
	record->executor_pid = x->pid;
	record->has_executor_start_ticks = 1;
	record->executor_start_ticks = start_ticks;
	expect(task, task->agent->flags.executor_registration_timeout, &late);
	return 0;
}

/* ---- after a restart of the agent ---- */

/* Where there is nothing to look for: it was never spawned, or the kernel is another one. */
static void set_recovery_verdict(struct task *task)
{
	const Tepui__TaskRecord *record = task->record;
	struct verdict *verdict = &task->executor.verdict;

	if (!record->has_executor_pid) {
		verdict->state = status_lost_state(record->framework,
						   MESOS__V1__TASK_STATE__TASK_DROPPED);
		verdict->reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED;
		verdict->message = "agent was restarted before it launched the task";
	} else if (!record->boot_id ||
		   strcmp(record->boot_id, task->agent->node.boot_id) != 0) {
		verdict->state = status_lost_state(record->framework,
						   MESOS__V1__TASK_STATE__TASK_GONE);
		verdict->reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED;
		verdict->message = "node was booted again";
	}
}

int executor_adopt(struct task *task, struct err *e)
{
	struct verdict late = {
		status_lost_state(task->record->framework, MESOS__V1__TASK_STATE__TASK_GONE),
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
		"executor did not come back to the restarted agent",
	};
	const Tepui__TaskRecord *record = task->record;
	struct executor *x = &task->executor;
	int r = -ESRCH;

	set_recovery_verdict(task);
	if (!x->verdict.message)
		r = process_open(record->executor_pid, record->executor_start_ticks, e);
	if (r >= 0) {
		x->pid = record->executor_pid;
		x->pidfd = r;
		r = watch(task, e);
		if (r < 0)
			return r;
		/* Whether it has the task is told by its subscription. */
		x->needs_launch = true;
		if (task_has_ended(task))
			executor_expect_exit(task);
		else
			expect(task, RETURN_MS, &late);
		return 0;
	}
	err_clear(e);
	x->state = EXECUTOR_CLEANING;
	clean(task);
	return 0;
}

/*
 * One can only be there if an agent died between the spawn and the commit of its pid: it was never
 * given its task, and its record, which has no pid, is settled as not launched.
 */
void executors_kill_strangers(struct agent *agent)
{
	int pids[AGENT_MAX_TASKS], n;

	n = process_list(agent->supervisors_fd, pids, ARRAY_SIZE(pids));
	for (int i = 0; i < n; i++) {
		bool is_known = false;

		for (const struct task *task = agent->tasks; task && !is_known;
		     task = task->hh.next)
			is_known = task->executor.pid == pids[i];
		if (is_known)
			continue;
		log_warning("kill process %d: an executor of no task", pids[i]);
		process_kill_listed(agent->supervisors_fd, pids[i]);
	}
}

/* ---- its connection ---- */

void executor_subscribed(struct task *task, struct http_stream *stream, bool with_task)
{
	struct executor *x = &task->executor;

	if (x->stream)
		http_stream_end(x->stream);
	x->stream = stream;
	x->state = EXECUTOR_SUBSCRIBED;
	/* An update of it, even of its former connection, proves that LAUNCH arrived. */
	x->needs_launch = !with_task && !task->record->latest;
	x->is_launch_sent = false;
	x->is_kill_sent = false;
	if (!task_has_ended(task))
		expect_nothing(task);
	task_mark(task);
}

void executor_disconnected(struct task *task)
{
	static const struct verdict late = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
		"executor lost its connection and did not come back",
	};
	struct executor *x = &task->executor;

	x->stream = NULL;
	if (x->state != EXECUTOR_SUBSCRIBED)
		return;
	x->state = EXECUTOR_WAITING;
	/* It repeats on the next stream what it saw no acknowledgement for. */
	x->n_confirms = 0;
	if (!task_has_ended(task))
		expect(task, RECONNECT_MS, &late);
}

int executor_confirm(struct task *task, const uint8_t uuid[16], struct err *e)
{
	struct executor *x = &task->executor;

	if (x->n_confirms == x->cap_confirms) {
		size_t cap = x->cap_confirms ? 2 * x->cap_confirms : 4;
		uint8_t (*grown)[16] = realloc(x->confirms, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, ENOMEM, "acknowledge an update of task '%s'",
				       task_id(task));
		x->confirms = grown;
		x->cap_confirms = cap;
	}
	memcpy(x->confirms[x->n_confirms++], uuid, 16);
	task_mark(task);
	return 0;
}

/* Without the task there is only the executor to kill, and nobody else to report it. */
static int flush_kill(struct task *task, struct err *e)
{
	static const struct verdict stuck = {
		MESOS__V1__TASK_STATE__TASK_KILLED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
		"executor did not end the task within its grace period and was killed",
	};
	struct executor *x = &task->executor;
	int r;

	if (x->needs_launch && !x->is_launch_sent) {
		r = updates_add_own(task, MESOS__V1__TASK_STATE__TASK_KILLED, killed_early,
				    "killed before it was launched", e);
		executor_destroy(task, NULL);
		return r;
	}
	x->is_kill_sent = true;
	expect(task, executor_grace_ms(task) + KILL_SLACK_MS, &stuck);
	return executor_send_kill(task, e);
}

static int flush_confirms(struct task *task, struct err *e)
{
	struct executor *x = &task->executor;
	int r = 0;

	for (size_t i = 0; i < x->n_confirms && r >= 0; i++)
		r = executor_send_acknowledged(task, x->confirms[i], e);
	x->n_confirms = 0;
	return r;
}

/*
 * A kill goes out although the disk may refuse to note it: it can only be repeated, and a full disk
 * must not keep a task alive.
 */
void executor_flush(struct task *task, bool is_safe)
{
	struct executor *x = &task->executor;
	struct err e = { 0 };
	int r = 0;

	if (x->state != EXECUTOR_SUBSCRIBED || !x->stream)
		return;
	if (task->record->kill_requested && !x->is_kill_sent && !task_has_ended(task))
		r = flush_kill(task, &e);
	if (r >= 0 && is_safe && x->needs_launch && !x->is_launch_sent &&
	    !task->record->kill_requested && !task_has_ended(task)) {
		x->is_launch_sent = true;
		r = executor_send_launch(task, &e);
	}
	if (r >= 0 && is_safe)
		r = flush_confirms(task, &e);
	/* A stream that is closing comes back as a new subscription. */
	if (r < 0 && r != -ENOBUFS && r != -EPIPE)
		log_write_err(LOG_LEVEL_WARNING, &e, "talk to the executor of task '%s'",
			      task_id(task));
}
