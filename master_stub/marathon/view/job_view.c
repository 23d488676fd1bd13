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

static void add_task(json_t *tasks, const struct instance *instance)
{
	int64_t started = instance->started_wall_ms ? instance->started_wall_ms
						    : instance->staged_wall_ms;

	if (!instance->is_provisioned)
		(void)json_array_append_new(
			tasks, json_pack("{s:s, s:o, s:n, s:s}", "id", instance->tasks[0].id,
					 "startedAt", job_time_view(started), "completedAt",
					 "status", instance_state_name(instance->state)));
}

/* What its task waits for; false: nothing, it runs. */
static bool explain_task(const struct run *run, const struct instance *instance, char *text,
			 size_t size)
{
	if (run->is_stopping)
		(void)snprintf(text, size, "it is being stopped");
	else if (instance->unreachable_wall_ms != 0)
		(void)snprintf(text, size, "node %s is out of reach: its task may go on there, and no"
			       " second one is started", instance->host);
	else if (instance->is_provisioned)
		(void)snprintf(text, size, "its task is sent to node %s, which has not told of it yet",
			       instance->host);
	else
		return false;
	return true;
}

/* Past Metronome: what it waits for; absent where it does not. */
static void set_explanation(const struct controller *c, const struct run *run, json_t *view)
{
	const struct entry *entry = run->entry;
	const struct instance *instance = TAILQ_FIRST(&entry->instances);
	int64_t left_ms = backoff_deadline(&entry->backoff) - c->now_ms;
	char text[EXPLANATION_SIZE];

	if (instance) {
		if (!explain_task(run, instance, text, sizeof(text)))
			return;
	} else if (entry->wanted == 0 || !entry->launch_spec) {
		return;
	} else if (left_ms > 0) {
		(void)snprintf(text, sizeof(text), "the next task starts in %.3f s",
			       (double)left_ms / 1000);
	} else {
		explanation_format(c, entry, text);
	}
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
			 "status", run_status(run), "createdAt",
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

/* ---- Past Metronome: why it does not run ---- */

static json_t *skipped_view(const struct job *job)
{
	return json_pack("{s:I, s:O}", "count", (json_int_t)job->n_skipped, "last", job->skipped);
}

/* " 'a', 'b'": those that it depends on and that have not succeeded for it. */
static void name_awaited(const struct controller *c, const struct job *job, char *text, size_t size)
{
	const json_t *list = json_object_get(job->spec, "dependencies");
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < json_array_size(list) && used < size; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(list, i), "id"));
		const struct job *parent = job_find(c, id);

		if (!parent || parent->success_number <= job->basis_number)
			used += (size_t)snprintf(text + used, size - used, "%s '%s'",
						 used ? "," : "", id);
	}
}

static json_t *explanation_of(const struct controller *c, const struct job *job)
{
	const struct schedule *schedule = job->schedule;
	char awaited[512];
	json_t *next, *text;

	name_awaited(c, job, awaited, sizeof(awaited));
	if (job->n_runs > 0)
		return json_sprintf("%u of its runs are active%s", job->n_runs,
				    schedule && schedule->is_enabled && schedule->forbids
					    ? ": what is due meanwhile is skipped" : "");
	if (*awaited)
		return json_sprintf("it starts when these have succeeded:%s", awaited);
	if (!schedule)
		return json_sprintf("it has no schedule and starts on request%s",
				    json_array_size(json_object_get(job->spec, "dependencies"))
					    ? ", or when what it follows succeeds" : "");
	if (!schedule->is_enabled)
		return json_sprintf("its schedule is disabled");
	next = schedule_view(c, job);
	text = json_sprintf("it is due next at %s",
			    json_string_value(json_object_get(next, "nextRunAt")));
	json_decref(next);
	return text;
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
	if (embeds & JOB_EMBED_SKIPPED)
		(void)json_object_set_new(view, "skipped", skipped_view(job));
	if (embeds & JOB_EMBED_EXPLANATION)
		(void)json_object_set_new(view, "explanation", explanation_of(c, job));
	return view;
}
