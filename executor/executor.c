#include "executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/container.h"
#include "executor/agent_link.h"
#include "executor/check.h"
#include "executor/environment.h"
#include "executor/exit_record.h"
#include "executor/inside.h"
#include "executor/kill.h"
#include "executor/outcome.h"
#include "executor/output.h"
#include "executor/run.h"
#include "executor/status.h"
#include "executor/task_health.h"
#include "executor/updates.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/rng.h"

enum {
	RECORD_AGAIN_MS = 1000,
	MAX_RECORD_TRIES = 30,
	MAX_PENDING_HEALTH = 32,	/* updates kept while the agent is away */
};

/* Where checks run, and whatever they start: each health check in a part of its own. */
static const char check_part[] = "tepui-check";
enum { HEALTH_PART_SIZE = sizeof("tepui-checks-99") };

struct executor {
	struct loop *loop;
	const struct environment *env;
	const char *container_id;
	int runtime_fd, seccomp_fd;
	struct rng rng;
	struct agent_link *link;
	bool reports_killing;		/* the framework has TASK_KILLING_STATE */

	Mesos__V1__TaskInfo *task;	/* the whole of it until an update of it is acknowledged */
	bool is_task_acknowledged;
	struct updates updates;
	struct run *run;
	struct inside *inside;		/* while the task runs */
	struct kill kill;
	struct task_health *health;
	struct check *check;
	struct loop_timer *overdue;

	/* The end. */
	struct ending ending;
	bool is_over;			/* the terminal update is, or is to be, on its way */
	bool is_shut_down;
	Tepui__ExitRecord record;
	Mesos__V1__TaskStatus *terminal;	/* owned until it is queued */
	struct loop_timer *record_again, *linger;
	unsigned record_tries;
};

/* ---- Updates ---- */

static void send(struct executor *x, Mesos__V1__TaskStatus *status_take)
{
	struct err e = { 0 };

	if (updates_add(&x->updates, status_take, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "send status update");
		return;
	}
	agent_link_update(x->link, status_take);
}

static void report(struct executor *x, struct status status)
{
	Mesos__V1__TaskStatus *built;
	struct err e = { 0 };

	status.task_id = x->task->task_id->value;
	status.executor_id = x->env->executor_id;
	status.check_status = x->check ? check_status(x->check) : NULL;
	if (status_build(&status, &x->rng, &built, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "report state of the task");
	else
		send(x, built);
}

static void report_health(void *arg, const struct verdict *verdict, const char *message)
{
	struct executor *x = arg;

	/* Only the latest matters to whoever comes back after so long. */
	if (x->updates.n >= MAX_PENDING_HEALTH)
		return;
	report(x, (struct status){
		.state = MESOS__V1__TASK_STATE__TASK_RUNNING,
		.message = message,
		.has_healthy = verdict->is_known,
		.is_healthy = verdict->is_healthy,
		.n_health_checks = verdict->n_checks,
		.health_checks = verdict->checks,
		.has_reason = true,
		.reason = MESOS__V1__TASK_STATUS__REASON__REASON_TASK_HEALTH_CHECK_STATUS_UPDATED,
	});
}

static void report_check(void *arg)
{
	struct executor *x = arg;

	if (x->updates.n >= MAX_PENDING_HEALTH)
		return;
	report(x, (struct status){
		.state = MESOS__V1__TASK_STATE__TASK_RUNNING,
		.has_reason = true,
		.reason = MESOS__V1__TASK_STATUS__REASON__REASON_TASK_CHECK_STATUS_UPDATED,
	});
}

/* ---- Kill ---- */

static void stop_checks(struct executor *x)
{
	task_health_free(TAKE_PTR(x->health));
	check_free(TAKE_PTR(x->check));
	loop_timer_clear(x->overdue);
}

static void begin_kill(struct executor *x, enum kill_cause cause, int64_t grace_ms,
		       const char *message)
{
	/* What has ended by itself keeps the end that it had. */
	if (x->is_over || run_is_over(x->run))
		return;
	if (!kill_begin(&x->kill, x->run, cause, grace_ms, message))
		return;
	stop_checks(x);
	if (x->reports_killing)
		report(x, (struct status){
			.state = MESOS__V1__TASK_STATE__TASK_KILLING,
			.message = message,
		});
}

static void on_overdue(void *arg)
{
	struct executor *x = arg;

	begin_kill(x, KILL_OVERDUE, kill_grace_ms(NULL, x->task->kill_policy),
		   "Task exceeded its maximum completion time");
}

static void give_up_health(void *arg, const char *message)
{
	struct executor *x = arg;

	begin_kill(x, KILL_UNHEALTHY, kill_grace_ms(NULL, x->task->kill_policy), message);
}

void executor_shutdown(struct executor *x)
{
	x->is_shut_down = true;
	if (!x->run)
		loop_stop(x->loop);
	else
		begin_kill(x, KILL_REQUESTED, x->env->shutdown_grace_ms, NULL);
}

/* ---- Commands beside the task ---- */

static int start_in(const struct executor *x, const char *part, uint32_t id, char *const *argv,
		    const Mesos__V1__Environment *variables, struct err *e)
{
	return run_command(x->run, id, &(struct container_command){
		.argv = argv, .part = part,
	}, variables, e);
}

/* What one check's command leaves behind goes with it, and no other check's does. */
static void health_part(uint32_t id, char part[HEALTH_PART_SIZE])
{
	unsigned index = id / HEALTH_IDS;

	(void)snprintf(part, HEALTH_PART_SIZE, index == 0 ? "tepui-checks" : "tepui-checks-%u",
		       index);
}

static int start_health(void *arg, uint32_t id, char *const *argv,
			const Mesos__V1__Environment *variables, struct err *e)
{
	char part[HEALTH_PART_SIZE];

	health_part(id, part);
	return start_in(arg, part, id, argv, variables, e);
}

static int start_check(void *arg, uint32_t id, char *const *argv,
		       const Mesos__V1__Environment *variables, struct err *e)
{
	return start_in(arg, check_part, id, argv, variables, e);
}

/* By the signal too: the command may be so young that it has not gone to its part yet. */
static void end_in(const struct executor *x, const char *part, uint32_t id)
{
	run_command_signal(x->run, id, SIGKILL);
	run_kill_part(x->run, part);
}

static void end_health(void *arg, uint32_t id)
{
	char part[HEALTH_PART_SIZE];

	health_part(id, part);
	end_in(arg, part, id);
}

static void end_check(void *arg, uint32_t id)
{
	end_in(arg, check_part, id);
}

static int make_socket(void *arg, int family, struct err *e)
{
	const struct executor *x = arg;

	return run_socket(x->run, family, e);
}

static const struct task_health_ops health_ops = {
	.report = report_health,
	.give_up = give_up_health,
	.command = start_health,
	.command_end = end_health,
	.socket = make_socket,
};

static const struct check_ops check_ops = {
	.changed = report_check,
	.command = start_check,
	.command_end = end_check,
	.socket = make_socket,
};

/* ---- The task ---- */

static void on_command_done(void *arg, uint32_t id, int wait_status, const struct err *failure)
{
	struct executor *x = arg;

	if (inside_command_done(x->inside, id, wait_status, failure))
		return;
	/* Each knows its own ids. */
	if (x->check)
		check_command_done(x->check, id, wait_status, failure);
	if (x->health)
		task_health_command_done(x->health, id, wait_status, failure);
}

static void on_command_started(void *arg, uint32_t id, int terminal_fd)
{
	struct executor *x = arg;

	(void)inside_command_started(x->inside, id, terminal_fd);
}

static void on_pause(void *arg, bool is_paused)
{
	const struct executor *x = arg;

	if (x->health)
		task_health_pause(x->health, is_paused);
	if (x->check)
		check_pause(x->check, is_paused);
}

static void on_started(void *arg)
{
	struct executor *x = arg;
	struct err e = { 0 };

	/* Every update from here on says what came of it, this one that nothing has. */
	if (x->task->check && x->kill.cause == KILL_NONE &&
	    check_new(x->loop, x->task->check, &check_ops, x, &x->check, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "check the task");
		err_clear(&e);
	}
	report(x, (struct status){ .state = MESOS__V1__TASK_STATE__TASK_RUNNING });
	if (inside_new(x->loop, x->runtime_fd, x->run, on_pause, x, &x->inside, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "let the agent into the container");
		err_clear(&e);
	}
	if (x->kill.cause != KILL_NONE)
		return;
	if (x->task->health_check &&
	    task_health_new(x->loop, x->task, &health_ops, x, &x->health, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "check the task's health");
	if (x->task->max_completion_time)
		loop_timer_set(x->overdue, x->task->max_completion_time->nanoseconds / 1000000);
}

/* The record is on the disk: now the world may know. */
static void send_terminal(struct executor *x)
{
	send(x, TAKE_PTR(x->terminal));
	loop_timer_set(x->linger, x->env->recovery_ms);
}

static void write_record(void *arg)
{
	struct executor *x = arg;
	struct err e = { 0 };

	if (exit_record_write(x->runtime_fd, &x->record, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "record the end of container '%s'",
			      x->container_id);
		if (++x->record_tries < MAX_RECORD_TRIES) {
			loop_timer_set(x->record_again, RECORD_AGAIN_MS);
			return;
		}
	}
	send_terminal(x);
}

static void fill_record(struct executor *x, const struct ending *end, const struct outcome *outcome)
{
	Tepui__ExitRecord *rec = &x->record;

	tepui__exit_record__init(rec);
	rec->container_id = (char *)(uintptr_t)x->container_id;
	rec->has_started = true;
	rec->started = end->is_started;
	rec->has_wait_status = end->has_status;
	rec->wait_status = end->wait_status;
	rec->has_memory_peak_bytes = end->memory_peak_bytes != UINT64_MAX;
	rec->memory_peak_bytes = end->memory_peak_bytes;
	rec->has_memory_limit_bytes = end->memory_limit_bytes != UINT64_MAX;
	rec->memory_limit_bytes = end->memory_limit_bytes;
	rec->has_oom_kills = true;
	rec->oom_kills = end->oom_kills;
	rec->has_finished_wall_ms = true;
	rec->finished_wall_ms = clock_wall_ms();
	rec->has_killed_by_request = true;
	rec->killed_by_request = end->cause == KILL_REQUESTED;
	rec->kill_reason = (char *)(uintptr_t)end->kill_message;
	if (!end->is_started)
		rec->error = (char *)(uintptr_t)outcome->message;
	rec->status = x->terminal;
}

static void finish(struct executor *x, const struct ending *facts)
{
	struct ending *end = &x->ending;
	struct outcome outcome;
	struct status status;
	struct err e = { 0 };

	stop_checks(x);
	inside_free(TAKE_PTR(x->inside));
	loop_timer_clear(x->kill.timer);
	x->is_over = true;
	*end = *facts;
	end->cause = x->kill.cause;
	end->kill_message = x->kill.message;
	if (x->env->failure_output && x->run && run_output(x->run))
		output_excerpt(run_output(x->run), end->last_output);
	outcome_of(end, &outcome);
	status = (struct status){
		.task_id = x->task->task_id->value,
		.executor_id = x->env->executor_id,
		.state = outcome.state,
		.message = outcome.message,
		.has_reason = outcome.has_reason,
		.reason = outcome.reason,
		.has_healthy = outcome.is_unhealthy,
		.memory_limit_bytes = outcome.is_memory_limit ? end->memory_limit_bytes : 0,
	};
	if (status_build(&status, &x->rng, &x->terminal, &e) < 0) {
		/* The agent finds out by our death, and reports that. */
		log_write_err(LOG_LEVEL_ERROR, &e, "report the end of the task");
		loop_stop(x->loop);
		return;
	}
	fill_record(x, end, &outcome);
	write_record(x);
}

static void on_ended(void *arg, const struct ending *facts)
{
	finish(arg, facts);
}

static const struct run_ops run_ops = {
	.started = on_started,
	.command_started = on_command_started,
	.command_done = on_command_done,
	.ended = on_ended,
};

static int launch(struct executor *x, struct err *e)
{
	struct run_place place = {
		.runtime_fd = x->runtime_fd,
		.container_id = x->container_id,
		.seccomp_fd = x->seccomp_fd,
	};
	int r = task_health_validate(x->task, e);

	if (r >= 0 && x->task->check)
		r = check_validate(x->task->check, e);
	return r < 0 ? r : run_start(x->loop, &place, &run_ops, x, &x->run, e);
}

/* ---- What the agent says ---- */

static void on_launch(struct executor *x, const Mesos__V1__Executor__Event *event)
{
	const Mesos__V1__Executor__Event__Launch *body = event->launch;
	struct ending failure = {
		.memory_peak_bytes = UINT64_MAX, .memory_limit_bytes = UINT64_MAX,
	};

	if (!body || x->task) {
		log_warning("ignore LAUNCH: %s", body ? "a task is here already" : "no task in it");
		return;
	}
	x->task = (Mesos__V1__TaskInfo *)pb_copy(&body->task->base);
	if (!x->task) {
		log_error("launch task: out of memory");
		loop_stop(x->loop);
		return;
	}
	report(x, (struct status){ .state = MESOS__V1__TASK_STATE__TASK_STARTING });
	if (launch(x, &failure.error) < 0)
		finish(x, &failure);
}

static bool is_our_task(const struct executor *x, const Mesos__V1__TaskID *id)
{
	return x->task && id && strcmp(x->task->task_id->value, id->value) == 0;
}

static void on_kill(struct executor *x, const Mesos__V1__Executor__Event *event)
{
	const Mesos__V1__Executor__Event__Kill *body = event->kill;

	if (!body || !x->run || !is_our_task(x, body->task_id)) {
		log_warning("ignore KILL of a task that is not here");
		return;
	}
	begin_kill(x, KILL_REQUESTED, kill_grace_ms(body->kill_policy, x->task->kill_policy), NULL);
}

static void on_acknowledged(struct executor *x, const Mesos__V1__Executor__Event *event)
{
	const Mesos__V1__Executor__Event__Acknowledged *body = event->acknowledged;
	bool is_terminal = false;

	if (!body || !updates_acknowledge(&x->updates, &body->uuid, &is_terminal))
		return;
	x->is_task_acknowledged = true;
	if (is_terminal)
		loop_stop(x->loop);
}

static void on_subscribed(struct executor *x, const Mesos__V1__Executor__Event *event)
{
	const Mesos__V1__Executor__Event__Subscribed *body = event->subscribed;
	const Mesos__V1__FrameworkInfo *framework = body ? body->framework_info : NULL;

	for (size_t i = 0; framework && i < framework->n_capabilities; i++) {
		if (framework->capabilities[i]->type ==
		    MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__TASK_KILLING_STATE)
			x->reports_killing = true;
	}
}

static void on_shutdown(struct executor *x, const Mesos__V1__Executor__Event *event)
{
	(void)event;
	executor_shutdown(x);
}

static void on_error(struct executor *x, const Mesos__V1__Executor__Event *event)
{
	(void)x;
	log_error("the agent says: %s", event->error ? event->error->message : "nothing");
}

static const struct {
	Mesos__V1__Executor__Event__Type type;
	void (*take)(struct executor *x, const Mesos__V1__Executor__Event *event);
} events[] = {
	{ MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED, on_subscribed },
	{ MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH, on_launch },
	{ MESOS__V1__EXECUTOR__EVENT__TYPE__KILL, on_kill },
	{ MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED, on_acknowledged },
	{ MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN, on_shutdown },
	{ MESOS__V1__EXECUTOR__EVENT__TYPE__ERROR, on_error },
};

static void on_event(void *arg, const Mesos__V1__Executor__Event *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i].type == event->type)
			events[i].take(arg, event);
	}
}

static int fill_subscribe(void *arg, Mesos__V1__Executor__Call__Subscribe *body, struct err *e)
{
	struct executor *x = arg;

	if (x->task && !x->is_task_acknowledged) {
		body->unacknowledged_tasks = &x->task;
		body->n_unacknowledged_tasks = 1;
	}
	return updates_list(&x->updates, &body->unacknowledged_updates,
			    &body->n_unacknowledged_updates, e);
}

static void subscribe_done(void *arg, Mesos__V1__Executor__Call__Subscribe *body)
{
	(void)arg;
	updates_list_free(body->unacknowledged_updates);
}

static void on_abandoned(void *arg)
{
	struct executor *x = arg;

	log_error("no agent for %lld ms: ending", (long long)x->env->recovery_ms);
	if (!x->run || x->is_over)
		loop_stop(x->loop);
	else
		begin_kill(x, KILL_ABANDONED, kill_grace_ms(NULL, x->task->kill_policy),
			   "Killed because the agent was away longer than its recovery timeout");
}

static void on_linger_over(void *arg)
{
	struct executor *x = arg;

	log_error("nobody acknowledged the end of container '%s'", x->container_id);
	loop_stop(x->loop);
}

static const struct agent_link_ops link_ops = {
	.event = on_event,
	.subscribe = fill_subscribe,
	.subscribe_done = subscribe_done,
	.abandoned = on_abandoned,
};

/* ---- Life ---- */

static int open_runtime(struct executor *x, const char *path, struct err *e)
{
	const char *name = strrchr(path, '/');

	if (!name || !name[1])
		return err_set(e, EINVAL, "read runtime directory '%s'", path);
	x->container_id = name + 1;
	x->runtime_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (x->runtime_fd < 0)
		return err_set(e, errno, "open runtime directory '%s'", path);
	return exit_record_reserve(x->runtime_fd, e);
}

static int make_timers(struct executor *x, struct err *e)
{
	int r = loop_timer_new(x->loop, on_overdue, x, &x->overdue, e);

	if (r == 0)
		r = loop_timer_new(x->loop, write_record, x, &x->record_again, e);
	if (r == 0)
		r = loop_timer_new(x->loop, on_linger_over, x, &x->linger, e);
	return r < 0 ? r : kill_init(&x->kill, x->loop, e);
}

DEFINE_AUTO(struct executor *, executor_free);

int executor_new(struct loop *loop, const struct environment *env, const char *runtime_dir,
		 int seccomp_fd, struct executor **ret, struct err *e)
{
	AUTO(executor_freep) struct executor *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return err_set(e, ENOMEM, "create executor");
	x->loop = loop;
	x->env = env;
	x->seccomp_fd = seccomp_fd;
	x->runtime_fd = -EBADF;
	updates_init(&x->updates);
	r = rng_seed_from_kernel(&x->rng);
	if (r < 0)
		return err_set(e, -r, "seed random numbers");
	r = open_runtime(x, runtime_dir, e);
	if (r < 0)
		return r;
	r = make_timers(x, e);
	if (r < 0)
		return r;
	r = agent_link_new(loop, env, &x->rng, &link_ops, x, &x->link, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(x);
	return 0;
}

void executor_free(struct executor *x)
{
	if (!x)
		return;
	agent_link_free(x->link);
	task_health_free(x->health);
	check_free(x->check);
	inside_free(x->inside);
	run_free(x->run);
	kill_done(&x->kill);
	updates_done(&x->updates);
	loop_timer_free(x->overdue);
	loop_timer_free(x->record_again);
	loop_timer_free(x->linger);
	if (x->terminal)
		mesos__v1__task_status__free_unpacked(x->terminal, NULL);
	if (x->task)
		mesos__v1__task_info__free_unpacked(x->task, NULL);
	fd_close(&x->runtime_fd);
	free(x);
}
