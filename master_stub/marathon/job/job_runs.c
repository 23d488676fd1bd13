/* The life of a job's run: started once, launched until it is over, kept in the history. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/rng.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/definition/role_rules.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/instance/ends.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/state.h"

enum {
	MAX_RUNS = 1000, TASKS_KEPT = 20, HISTORY_KEPT = 50,
	LEAST_LAUNCH_MS = 10000,	/* for one that is just in time: nodes have to offer first */
};

/* ---- What is wanted ---- */

/* One that is out of reach is not waited for: it is killed should it come back. */
static void stop_tasks(struct controller *c, const struct entry *entry)
{
	struct instance *instance = TAILQ_FIRST(&entry->instances), *next;

	for (; instance; instance = next) {
		next = TAILQ_NEXT(instance, of_app);
		if (instance_doom(c, instance, "the run is stopped") < 0)
			c->is_out_of_memory = true;
		else if (instance->unreachable_wall_ms != 0)
			instance_forget(c, instance);
	}
	/* Without tasks it is over. */
	if (entry->n_instances == 0)
		controller_wake_at(c, c->now_ms);
}

/* One task at a time: also one that is being stopped, or is out of reach, may still run. */
static void run_balance(struct controller *c, struct entry *entry)
{
	if (entry->run->is_stopping)
		stop_tasks(c, entry);
	if (entry->run->is_stopping || entry->run->is_over)
		return;
	entry->launch_spec = entry->target;
	entry->wanted = entry->n_instances == 0;
}

/* ---- What is told ---- */

const char *run_status(const struct run *run)
{
	const struct instance *instance = TAILQ_FIRST(&run->entry->instances);

	if (instance && !instance->is_provisioned)
		return "ACTIVE";
	return run->is_new ? "INITIAL" : "STARTING";
}

static void tell(struct controller *c, struct run *run, const char *status, const char *message)
{
	const struct instance *instance = TAILQ_FIRST(&run->entry->instances);
	json_t *details;

	if (run->told && strcmp(run->told, status) == 0)
		return;
	run->told = status;
	details = json_pack("{s:s, s:o, s:o*, s:s*, s:s*}", "runId", run->id, "createdAt",
			    job_time_view(run->created_wall_ms), "dueAt",
			    run->due_s ? job_time_view(run->due_s * 1000) : NULL, "taskId",
			    instance ? instance->tasks[0].id : NULL, "message", message);
	event_job_run(c, run->job_id, status, details);
	json_decref(details);
}

/* ---- Ends of tasks ---- */

static void note_task(struct controller *c, const struct instance *instance,
		      const Mesos__V1__TaskStatus *status)
{
	struct run *run = instance->entry->run;
	int64_t started = instance->started_wall_ms ? instance->started_wall_ms
						    : instance->staged_wall_ms;
	json_t *task = json_pack("{s:s, s:o, s:o, s:s, s:s*}", "id", instance->tasks[0].id,
				 "startedAt", job_time_view(started), "completedAt",
				 job_time_view(controller_wall_ms(c)), "status",
				 instance_state_name(status->state), "message",
				 status->state == MESOS__V1__TASK_STATE__TASK_FINISHED
					 ? NULL : status->message);

	if (!task || json_array_append_new(run->tasks, task) < 0)
		c->is_out_of_memory = true;
	while (json_array_size(run->tasks) > TASKS_KEPT)
		(void)json_array_remove(run->tasks, 0);
}

/*
 * Dropped on its way to the node; or all that can be told of it, after a restart, is that nobody has
 * it, and it was never heard to run.  What an agent has that was given up nobody can tell.
 */
static bool is_never_started(const struct instance *instance, const Mesos__V1__TaskStatus *status)
{
	if (status->state == MESOS__V1__TASK_STATE__TASK_DROPPED)
		return true;
	return instance->started_wall_ms == 0 && status->has_reason &&
	       status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION &&
	       status->state != MESOS__V1__TASK_STATE__TASK_FAILED &&
	       status->state != MESOS__V1__TASK_STATE__TASK_ERROR &&
	       status->state != MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR;
}

/* May another task be started for the run, before its deadline? */
static bool is_retried(const struct controller *c, struct run *run)
{
	struct backoff *backoff = &run->entry->backoff;

	if (!run->retries)
		return false;
	backoff_failed(backoff, run->entry->target, c->now_ms);
	return run->active_deadline_ms < 0 ||
	       backoff_deadline(backoff) < run->created_ms + run->active_deadline_ms;
}

static void run_instance_ended(struct controller *c, struct instance *instance,
			       const Mesos__V1__TaskStatus *status)
{
	struct entry *entry = instance->entry;
	struct run *run = entry->run;
	const char *name = instance_state_name(status->state);

	entry->is_dirty = true;
	if (status->state == MESOS__V1__TASK_STATE__TASK_FINISHED) {
		note_task(c, instance, status);
		run->is_over = run->is_success = true;
	} else if (!run->is_stopping && is_never_started(instance, status)) {
		controller_explain(c, "run '%s' is launched again: its task did not start: %s",
				   entry->id, name);
		backoff_lost(&entry->backoff, entry->target, c->now_ms);
		return;
	} else {
		note_task(c, instance, status);
		run->is_over = run->is_stopping || !is_retried(c, run);
	}
	controller_explain(c, "task '%s' of run '%s' ended: %s%s%s", instance->tasks[0].id,
			   entry->id,
			   name, status->message ? ": " : "",
			   status->message ? status->message : "");
}

static int put_run(struct controller *c, struct entry *entry)
{
	return job_records_put_run(c, entry->run);
}

const struct entry_kind run_kind = {
	.balance = run_balance,
	.ended = run_instance_ended,
	.put = put_run,
};

/* ---- Starts ---- */

static void new_id(struct controller *c, const struct job *job, char ret_id[RUN_ID_SIZE])
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	time_t now = (time_t)(controller_wall_ms(c) / 1000);
	char entry_id[JOB_ID_SIZE + RUN_ID_SIZE];
	struct tm date;

	do {
		size_t used = strftime(ret_id, RUN_ID_SIZE, "%Y%m%d%H%M%S", gmtime_r(&now, &date));

		while (used < RUN_ID_SIZE - 1)
			ret_id[used++] = letters[rng_below(c->rng, sizeof(letters) - 1)];
		ret_id[used] = '\0';
		(void)snprintf(entry_id, sizeof(entry_id), "%s.%s", job->id, ret_id);
	} while (entry_find(c, entry_id));
}

static void take_restart(struct run *run, const json_t *spec)
{
	const json_t *restart = json_object_get(json_object_get(spec, "run"), "restart");
	const json_t *deadline = json_object_get(restart, "activeDeadlineSeconds");
	const char *policy = json_string_value(json_object_get(restart, "policy"));

	run->retries = policy && strcmp(policy, "ON_FAILURE") == 0;
	run->active_deadline_ms = deadline ? json_integer_value(deadline) * 1000 : -1;
}

/* What is left of the starting deadline of what was due at DUE_S. */
static int64_t launch_deadline(const struct controller *c, const struct job *job, int64_t due_s)
{
	int64_t left_ms;

	if (due_s == 0)
		return -1;
	left_ms = (due_s + job->schedule->deadline_s) * 1000 - controller_wall_ms(c);
	return left_ms > LEAST_LAUNCH_MS ? left_ms : LEAST_LAUNCH_MS;
}

int run_start(struct controller *c, struct job *job, int64_t due_s, struct run **ret,
	      struct refusal *refusal)
{
	char id[RUN_ID_SIZE], version[CLOCK_TEXT_SIZE];
	AUTO(app_unrefp) struct app *app = NULL;
	struct role_rules rules = { 0 };
	int r;

	if (job->n_runs >= MAX_RUNS)
		return refuse(refusal, 409, "Job '%s' has %u active runs already", job->id,
			      job->n_runs);
	new_id(c, job, id);
	clock_format(controller_wall_ms(c), version);
	role_rules_allow(&rules, c->options.mesos_role);
	r = job_spec_app(job->spec, id, version, &rules, &app, refusal);
	if (r < 0)
		return r;
	if (run_new(c, job->id, id, app, ret) < 0)
		return refuse_memory(refusal);
	(*ret)->created_wall_ms = controller_wall_ms(c);
	(*ret)->created_ms = c->now_ms;
	(*ret)->number = ++c->run_number;
	(*ret)->is_new = true;
	(*ret)->due_s = due_s;
	(*ret)->launch_deadline_ms = launch_deadline(c, job, due_s);
	take_restart(*ret, job->spec);
	if (job_records_put_run(c, *ret) < 0) {
		run_free(c, *ret);
		return refuse_memory(refusal);
	}
	controller_explain(c, "run '%s' starts", (*ret)->entry->id);
	tell(c, *ret, run_status(*ret), NULL);
	return 0;
}

void run_stop(struct controller *c, struct run *run)
{
	run->is_stopping = true;
	run->entry->is_dirty = true;
	controller_explain(c, "run '%s' is stopped by request", run->entry->id);
	stop_tasks(c, run->entry);
}

/* ---- Dependencies ---- */

/* Have all that JOB depends on succeeded since the start of its own last success? */
static bool is_next(const struct controller *c, const struct job *job)
{
	const json_t *list = json_object_get(job->spec, "dependencies");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = json_string_value(json_object_get(json_array_get(list, i), "id"));
		const struct job *parent = job_find(c, id);

		if (!parent || parent->success_number <= job->basis_number)
			return false;
	}
	return json_array_size(list) > 0;
}

static bool depends_on(const struct job *job, const char *id)
{
	const json_t *list = json_object_get(job->spec, "dependencies");

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "id")),
			   id) == 0)
			return true;
	}
	return false;
}

static void start_next(struct controller *c, struct job *job)
{
	struct refusal refusal = { 0 };
	struct run *run;

	if (job->n_runs > 0 || !is_next(c, job))
		return;
	if (run_start(c, job, 0, &run, &refusal) < 0)
		c->is_out_of_memory = true;
	refusal_done(&refusal);
}

static void start_dependents(struct controller *c, const struct job *parent)
{
	struct job *job, *next;

	HASH_ITER(by_id, c->jobs, job, next) {
		if (depends_on(job, parent->id))
			start_next(c, job);
	}
}

/* Has one that JOB depends on succeeded while its run NUMBER was active? */
static bool has_missed_one(const struct controller *c, const struct job *job, uint64_t number)
{
	const struct job *parent, *next;

	HASH_ITER(by_id, c->jobs, parent, next) {
		if (parent->success_number > number && depends_on(job, parent->id))
			return true;
	}
	return false;
}

/* ---- Ends ---- */

static const char *message_of(const struct run *run)
{
	size_t n = json_array_size(run->tasks);

	if (run->is_success)
		return NULL;
	if (run->is_late)
		return "no node had room for it within the starting deadline";
	return json_string_value(json_object_get(json_array_get(run->tasks, n ? n - 1 : 0),
						 "message"));
}

static void keep_history(struct controller *c, struct job *job, const struct run *run,
			 int64_t wall_ms)
{
	json_t *list = run->is_success ? job->succeeded : job->failed, *tasks = json_array(), *task;
	json_t *item;
	size_t i;

	json_array_foreach(run->tasks, i, task)
		(void)json_array_append(tasks, json_object_get(task, "id"));
	item = json_pack("{s:s, s:o, s:o, s:o, s:s*}", "id", run->id, "createdAt",
			 job_time_view(run->created_wall_ms), "finishedAt",
			 job_time_view(wall_ms), "tasks", tasks, "message",
			 message_of(run));
	if (!item || json_array_insert_new(list, 0, item) < 0)
		c->is_out_of_memory = true;
	while (json_array_size(list) > HISTORY_KEPT)
		(void)json_array_remove(list, HISTORY_KEPT);
}

/* What the end of RUN is to its job; the jobs that follow are started by it. */
static void tell_job(struct controller *c, struct job *job, const struct run *run)
{
	int64_t wall_ms = controller_wall_ms(c);

	keep_history(c, job, run, wall_ms);
	job->is_dirty = true;
	if (!run->is_success) {
		job->n_failures++;
		job->last_failure_wall_ms = wall_ms;
		return;
	}
	job->n_successes++;
	job->last_success_wall_ms = wall_ms;
	job->success_number = ++c->run_number;
	job->basis_number = run->number;
	start_dependents(c, job);
}

static void end_run(struct controller *c, struct run *run)
{
	struct job *job = run->job;
	uint64_t number = run->number;

	controller_explain(c, "run '%s' has %s", run->entry->id,
			   run->is_success ? "succeeded" : "failed");
	tell(c, run, run->is_success ? "SUCCESS" : "FAILED", message_of(run));
	if (job)
		tell_job(c, job, run);
	job_records_delete_run(c, run);
	run_free(c, run);
	if (job && has_missed_one(c, job, number))
		start_next(c, job);
}

/* Not later than AGE_MS (-1: whenever) after its creation.  True: it is later. */
static bool is_behind(struct controller *c, const struct run *run, int64_t age_ms)
{
	int64_t deadline_ms = run->created_ms + age_ms;

	if (age_ms >= 0 && c->now_ms < deadline_ms)
		controller_wake_at(c, deadline_ms);
	return age_ms >= 0 && c->now_ms >= deadline_ms;
}

/*
 * One that is due and finds no room is missed like one that nobody was there to start; one that has
 * failed is not tried again after the time it had for that, whatever it has waited for.
 */
static void watch_launch(struct controller *c, struct run *run)
{
	bool has_failed = json_array_size(run->tasks) > 0;

	if (run->is_over || run->entry->n_instances > 0)
		return;
	if (has_failed)
		run->is_over = is_behind(c, run, run->active_deadline_ms);
	else
		run->is_over = run->is_late = is_behind(c, run, run->launch_deadline_ms);
}

static void end_runs(struct controller *c, const struct runs *runs)
{
	struct run *run = TAILQ_FIRST(runs), *next;

	for (; run; run = next) {
		next = TAILQ_NEXT(run, of_job);
		run->is_new = false;
		watch_launch(c, run);
		if ((run->is_over || run->is_stopping) && run->entry->n_instances == 0)
			end_run(c, run);
		else
			tell(c, run, run_status(run), NULL);
	}
}

void runs_turn(struct controller *c)
{
	struct job *job, *next;

	HASH_ITER(by_id, c->jobs, job, next)
		end_runs(c, &job->runs);
	end_runs(c, &c->orphans);
}
