/* Jobs, schedules and runs as Metronome shows them (reference/marathon.md 4.1). */
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/placement/explanation.h"
#include "master_stub/marathon/state.h"

json_t *job_time_view(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE], shown[CLOCK_TEXT_SIZE + 8];

	if (wall_ms == 0)
		return json_null();
	clock_format(wall_ms, text);
	(void)snprintf(shown, sizeof(shown), "%.*s+0000", (int)strcspn(text, "Z"), text);
	return json_string(shown);
}

/* ---- Runs ---- */

static const char *status_of(const struct run *run)
{
	const struct instance *instance = TAILQ_FIRST(&run->entry->instances);

	if (instance && !instance->is_provisioned)
		return "ACTIVE";
	return run->is_new ? "INITIAL" : "STARTING";
}

static void add_task(json_t *tasks, const struct instance *instance)
{
	int64_t started = instance->started_wall_ms ? instance->started_wall_ms
						    : instance->staged_wall_ms;

	if (!instance->is_provisioned)
		(void)json_array_append_new(
			tasks, json_pack("{s:s, s:o, s:n, s:s}", "id", instance->task_id,
					 "startedAt", job_time_view(started), "completedAt",
					 "status", instance_state_name(instance->state)));
}

/* Past Metronome: why it is not launched. */
static void set_explanation(const struct controller *c, const struct run *run, json_t *view)
{
	const struct entry *entry = run->entry;
	int64_t left_ms = backoff_deadline(&entry->backoff) - c->now_ms;
	char text[EXPLANATION_SIZE];

	if (entry->wanted == 0 || !entry->launch_spec)
		return;
	if (left_ms > 0)
		(void)snprintf(text, sizeof(text), "the next task starts in %.3f s",
			       (double)left_ms / 1000);
	else
		explanation_format(c, entry, text);
	/* Foreign text cut by the buffer may end inside a character: then there is none. */
	if (*text)
		(void)json_object_set_new(view, "explanation", json_string(text));
}

json_t *run_view(const struct controller *c, const struct run *run)
{
	json_t *tasks = json_copy(run->tasks), *view;
	const struct instance *instance;

	TAILQ_FOREACH(instance, &run->entry->instances, of_app)
		add_task(tasks, instance);
	view = json_pack("{s:s, s:s, s:s, s:o, s:n, s:o}", "id", run->id, "jobId", run->job_id,
			 "status", status_of(run), "createdAt",
			 job_time_view(run->created_wall_ms), "completedAt", "tasks", tasks);
	set_explanation(c, run, view);
	return view;
}

json_t *runs_view(const struct controller *c, const struct job *job)
{
	json_t *list = json_array();
	const struct run *run;

	TAILQ_FOREACH(run, &job->runs, of_job)
		(void)json_array_append_new(list, run_view(c, run));
	return list;
}

/* Jobs with runs that wait to be launched. */
json_t *run_queue_view(const struct controller *c)
{
	json_t *list = json_array(), *runs;
	const struct job *job, *next;
	const struct run *run;

	HASH_ITER(by_id, c->jobs, job, next) {
		runs = json_array();
		TAILQ_FOREACH(run, &job->runs, of_job) {
			if (run->entry->wanted > 0)
				(void)json_array_append_new(runs,
							    json_pack("{s:s}", "runId", run->id));
		}
		if (json_array_size(runs) > 0)
			(void)json_array_append_new(
				list, json_pack("{s:s, s:O}", "jobId", job->id, "runs", runs));
		json_decref(runs);
	}
	return list;
}

/* ---- Jobs ---- */

json_t *schedule_view(const struct controller *c, const struct job *job)
{
	const struct schedule *schedule = job->schedule;
	json_t *view = json_copy(schedule->json);
	int64_t next_s = job->next_s;

	/* What is known is so of one that is followed, and until then. */
	if (!schedule->is_enabled || next_s * 1000 <= controller_wall_ms(c))
		next_s = cron_next(&schedule->cron, schedule->zone,
				   controller_wall_ms(c) / 1000);
	(void)json_object_set_new(view, "nextRunAt", job_time_view(next_s * 1000));
	return view;
}

json_t *schedules_view(const struct controller *c, const struct job *job)
{
	return job->schedule ? json_pack("[o]", schedule_view(c, job)) : json_array();
}

static json_t *history_view(const struct job *job, bool with_runs)
{
	json_t *view = json_pack("{s:I, s:I, s:o, s:o}", "successCount",
				 (json_int_t)job->n_successes, "failureCount",
				 (json_int_t)job->n_failures, "lastSuccessAt",
				 job_time_view(job->last_success_wall_ms), "lastFailureAt",
				 job_time_view(job->last_failure_wall_ms));

	if (with_runs) {
		(void)json_object_set(view, "successfulFinishedRuns", job->succeeded);
		(void)json_object_set(view, "failedFinishedRuns", job->failed);
	}
	return view;
}

json_t *job_view(const struct controller *c, const struct job *job, unsigned embeds)
{
	json_t *view = json_copy(job->spec);

	if (embeds & JOB_EMBED_SCHEDULES)
		(void)json_object_set_new(view, "schedules", schedules_view(c, job));
	if (embeds & JOB_EMBED_RUNS)
		(void)json_object_set_new(view, "activeRuns", runs_view(c, job));
	if (embeds & JOB_EMBED_HISTORY)
		(void)json_object_set_new(view, "history", history_view(job, true));
	if (embeds & JOB_EMBED_SUMMARY)
		(void)json_object_set_new(view, "historySummary", history_view(job, false));
	return view;
}
