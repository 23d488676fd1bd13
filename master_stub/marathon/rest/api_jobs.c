/* /v1/jobs and /v0/scheduled-jobs: Metronome's API. */
#include "master_stub/marathon/rest/api.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/version.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/job/jobs.h"
#include "master_stub/marathon/state.h"

static const struct {
	const char *name;
	unsigned embed;
} embed_names[] = {
	{ "activeRuns", JOB_EMBED_RUNS },
	{ "schedules", JOB_EMBED_SCHEDULES },
	{ "history", JOB_EMBED_HISTORY },
	{ "historySummary", JOB_EMBED_SUMMARY },
	{ "skipped", JOB_EMBED_SKIPPED },
	{ "explanation", JOB_EMBED_EXPLANATION },
};

/* One word of SIZE bytes; 0: it is none. */
static unsigned embed_of(const char *word, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(embed_names); i++) {
		if (strlen(embed_names[i].name) == size &&
		    memcmp(embed_names[i].name, word, size) == 0)
			return embed_names[i].embed;
	}
	return 0;
}

/* Repeated, or with commas between. */
static int read_embeds(const struct http_request *req, unsigned *ret, struct refusal *refusal)
{
	const char *value;

	*ret = 0;
	for (size_t i = 0; (value = http_request_query_at(req, "embed", i)); i++) {
		while (*value) {
			size_t size = strcspn(value, ",");
			unsigned embed = embed_of(value, size);

			if (!embed)
				return refuse(refusal, 400,
					      "Unknown embed options. Valid options are: "
					      "activeRuns, schedules, history, historySummary");
			*ret |= embed;
			value += size;
			value += strspn(value, ",");
		}
	}
	return 0;
}

/* ---- What all of them do ---- */

typedef json_t *view_fn(const struct controller *c, const struct job *job);

/* As VIEW shows the job of the path. */
static int show(struct http_request *req, view_fn *view)
{
	const struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	struct job *job;

	if (jobs_find(c, http_request_arg(req, 0), &job, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	return marathon_reply(req, 200, view(c, job));
}

/* With DOCUMENT, the body of REQ; the job that it was done to is in *RET. */
typedef int change_fn(struct controller *c, const struct http_request *req,
		      const json_t *document, struct job **ret, struct refusal *refusal);

/* Done, and answered as VIEW shows it then. */
static int change(struct http_request *req, change_fn *fn, int status, view_fn *view)
{
	struct controller *c = api_of(req)->controller;
	AUTO(json_decrefp) json_t *document = NULL;
	struct refusal refusal = { 0 };
	struct job *job;

	if (api_read_json(req, &document, &refusal) < 0 ||
	    fn(c, req, document, &job, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	api_changed(req);
	return marathon_reply(req, status, view(c, job));
}

/* ---- Jobs ---- */

static json_t *plain_view(const struct controller *c, const struct job *job)
{
	return job_view(c, job, 0);
}

static json_t *scheduled_view(const struct controller *c, const struct job *job)
{
	return job_view(c, job, JOB_EMBED_SCHEDULES);
}

int api_list_jobs(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	const struct job *job, *next;
	json_t *list;
	unsigned embeds;

	(void)e;
	if (read_embeds(req, &embeds, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	list = json_array();
	HASH_ITER(by_id, c->jobs, job, next)
		(void)json_array_append_new(list, job_view(c, job, embeds));
	return marathon_reply(req, 200, list);
}

int api_get_job(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	struct job *job;
	unsigned embeds;

	(void)e;
	if (read_embeds(req, &embeds, &refusal) < 0 ||
	    jobs_find(c, http_request_arg(req, 0), &job, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	return marathon_reply(req, 200, job_view(c, job, embeds));
}

static int create(struct controller *c, const struct http_request *req, const json_t *document,
		  struct job **ret, struct refusal *refusal)
{
	(void)req;
	return jobs_create(c, document, false, clock_boot_ms(), ret, refusal);
}

static int create_scheduled(struct controller *c, const struct http_request *req,
			    const json_t *document, struct job **ret, struct refusal *refusal)
{
	(void)req;
	return jobs_create(c, document, true, clock_boot_ms(), ret, refusal);
}

static int put(struct controller *c, const struct http_request *req, const json_t *document,
	       struct job **ret, struct refusal *refusal)
{
	return jobs_update(c, http_request_arg(req, 0), document, false, clock_boot_ms(), ret,
			   refusal);
}

static int put_scheduled(struct controller *c, const struct http_request *req,
			 const json_t *document, struct job **ret, struct refusal *refusal)
{
	return jobs_update(c, http_request_arg(req, 0), document, true, clock_boot_ms(), ret,
			   refusal);
}

int api_create_job(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, create, 201, plain_view);
}

int api_put_job(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, put, 200, plain_view);
}

int api_create_scheduled_job(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, create_scheduled, 201, scheduled_view);
}

int api_put_scheduled_job(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, put_scheduled, 200, scheduled_view);
}

int api_delete_job(struct http_request *req, struct err *e)
{
	bool stops_runs = http_request_query_bool(req, "stopCurrentJobRuns", false);
	struct refusal refusal = { 0 };
	json_t *spec;

	(void)e;
	if (jobs_delete(api_of(req)->controller, http_request_arg(req, 0), stops_runs,
			clock_boot_ms(), &spec, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	api_changed(req);
	return marathon_reply(req, 200, spec);
}

/* ---- Schedules ---- */

int api_list_schedules(struct http_request *req, struct err *e)
{
	(void)e;
	return show(req, schedules_view);
}

int api_get_schedule(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	struct job *job;

	(void)e;
	if (jobs_find_schedule(c, http_request_arg(req, 0), http_request_arg(req, 1), &job,
			       &refusal) < 0)
		return marathon_refuse(req, &refusal);
	return marathon_reply(req, 200, schedule_view(c, job));
}

static int add_schedule(struct controller *c, const struct http_request *req,
			const json_t *document, struct job **ret, struct refusal *refusal)
{
	return jobs_add_schedule(c, http_request_arg(req, 0), document, clock_boot_ms(), ret,
				 refusal);
}

static int put_schedule(struct controller *c, const struct http_request *req,
			const json_t *document, struct job **ret, struct refusal *refusal)
{
	return jobs_update_schedule(c, http_request_arg(req, 0), http_request_arg(req, 1), document,
				    clock_boot_ms(), ret, refusal);
}

int api_create_schedule(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, add_schedule, 201, schedule_view);
}

int api_put_schedule(struct http_request *req, struct err *e)
{
	(void)e;
	return change(req, put_schedule, 200, schedule_view);
}

int api_delete_schedule(struct http_request *req, struct err *e)
{
	struct refusal refusal = { 0 };

	(void)e;
	if (jobs_delete_schedule(api_of(req)->controller, http_request_arg(req, 0),
				 http_request_arg(req, 1), clock_boot_ms(), &refusal) < 0)
		return marathon_refuse(req, &refusal);
	api_changed(req);
	api_set_headers(req);
	http_reply(req, 200, NULL, NULL, 0);
	return 0;
}

/* ---- Runs ---- */

int api_list_runs(struct http_request *req, struct err *e)
{
	(void)e;
	return show(req, runs_view);
}

int api_get_run(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	struct run *run;

	(void)e;
	if (jobs_find_run(c, http_request_arg(req, 0), http_request_arg(req, 1), &run, &refusal) <
	    0)
		return marathon_refuse(req, &refusal);
	return marathon_reply(req, 200, run_view(c, run));
}

int api_start_run(struct http_request *req, struct err *e)
{
	struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	struct run *run;

	(void)e;
	if (jobs_start(c, http_request_arg(req, 0), clock_boot_ms(), &run, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	api_changed(req);
	return marathon_reply(req, 201, run_view(c, run));
}

int api_stop_run(struct http_request *req, struct err *e)
{
	struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	struct run *run;

	(void)e;
	if (jobs_stop(c, http_request_arg(req, 0), http_request_arg(req, 1), clock_boot_ms(), &run,
		      &refusal) < 0)
		return marathon_refuse(req, &refusal);
	api_changed(req);
	return marathon_reply(req, 200, run_view(c, run));
}

int api_get_run_queue(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, run_queue_view(api_of(req)->controller));
}

/* ---- Metronome itself ---- */

int api_get_metronome(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, json_pack("{s:s, s:s}", "version", TEPUI_METRONOME_VERSION,
						  "libVersion", TEPUI_MARATHON_VERSION));
}

/* Those of Marathon, of which its runs are a part, by the same names. */
int api_get_metronome_metrics(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, marathon_api_metrics_json(api_of(req)));
}
