#include "master_stub/marathon/job/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/definition/zone.h"
#include "master_stub/marathon/state.h"

static int compare_ids(const struct job *a, const struct job *b)
{
	return strcmp(a->id, b->id);
}

struct job *job_find(const struct controller *c, const char *id)
{
	struct job *job;

	HASH_FIND(by_id, c->jobs, id, strlen(id), job);
	return job;
}

int job_new(struct controller *c, const char *id, struct job **ret)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	(void)snprintf(job->id, sizeof(job->id), "%s", id);
	TAILQ_INIT(&job->runs);
	job->succeeded = json_array();
	job->failed = json_array();
	job->skipped = json_array();
	HASH_ADD_KEYPTR_INORDER(by_id, c->jobs, job->id, strlen(job->id), job, compare_ids);
	if (!job_find(c, id)) {
		free(job);
		return -ENOMEM;
	}
	*ret = job;
	return 0;
}

static void schedule_free(struct schedule *schedule)
{
	if (!schedule)
		return;
	json_decref(schedule->json);
	zone_close(schedule->zone);
	free(schedule);
}

void job_free(struct controller *c, struct job *job)
{
	struct run *run;

	while ((run = TAILQ_FIRST(&job->runs)))
		run_free(c, run);
	HASH_DELETE(by_id, c->jobs, job);
	schedule_free(job->schedule);
	json_decref(job->spec);
	json_decref(job->succeeded);
	json_decref(job->failed);
	json_decref(job->skipped);
	ranges_done(&job->handled);
	free(job);
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "";
}

int job_set_schedule(struct job *job, json_t *json_take)
{
	AUTO(json_decrefp) json_t *json = json_take;
	struct schedule *schedule;
	struct err e = { 0 };

	if (!json) {
		schedule_free(job->schedule);
		job->schedule = NULL;
		return 0;
	}
	schedule = calloc(1, sizeof(*schedule));
	if (!schedule)
		return -ENOMEM;
	if (cron_parse(text_of(json, "cron"), &schedule->cron, &e) < 0 ||
	    zone_open(text_of(json, "timezone"), &schedule->zone, &e) < 0) {
		free(schedule);
		return -e.code;
	}
	schedule->deadline_s =
		json_integer_value(json_object_get(json, "startingDeadlineSeconds"));
	schedule->is_enabled = json_is_true(json_object_get(json, "enabled"));
	schedule->forbids = strcmp(text_of(json, "concurrencyPolicy"), "FORBID") == 0;
	schedule->json = TAKE_PTR(json);
	schedule_free(job->schedule);
	job->schedule = schedule;
	/* Whatever was known of the next due time was so of another schedule. */
	job->next_s = 0;
	return 0;
}

struct run *run_find(const struct job *job, const char *id)
{
	struct run *run;

	TAILQ_FOREACH(run, &job->runs, of_job) {
		if (strcmp(run->id, id) == 0)
			return run;
	}
	return NULL;
}

static struct runs *list_of(struct controller *c, const struct run *run)
{
	return run->job ? &run->job->runs : &c->orphans;
}

int run_new(struct controller *c, const char *job_id, const char *id, struct app *app,
	    struct run **ret)
{
	char entry_id[sizeof(((struct entry *)0)->id)];
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	(void)snprintf(entry_id, sizeof(entry_id), "%s.%s", job_id, id);
	r = entry_new(c, &run_kind, entry_id, &run->entry);
	if (r < 0) {
		free(run);
		return r;
	}
	run->entry->run = run;
	run->entry->target = app_ref(app);
	run->job = job_find(c, job_id);
	(void)snprintf(run->job_id, sizeof(run->job_id), "%s", job_id);
	run->tasks = json_array();
	(void)snprintf(run->id, sizeof(run->id), "%s", id);
	TAILQ_INSERT_TAIL(list_of(c, run), run, of_job);
	if (run->job)
		run->job->n_runs++;
	*ret = run;
	return 0;
}

void run_free(struct controller *c, struct run *run)
{
	TAILQ_REMOVE(list_of(c, run), run, of_job);
	if (run->job)
		run->job->n_runs--;
	entry_free(c, run->entry);
	json_decref(run->tasks);
	free(run);
}

void run_orphan(struct controller *c, struct run *run)
{
	TAILQ_REMOVE(list_of(c, run), run, of_job);
	run->job->n_runs--;
	run->job = NULL;
	TAILQ_INSERT_TAIL(list_of(c, run), run, of_job);
}

void orphans_free(struct controller *c)
{
	struct run *run;

	while ((run = TAILQ_FIRST(&c->orphans)))
		run_free(c, run);
}
