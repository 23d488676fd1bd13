#include "master_stub/marathon/job/jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/job/due_times.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/state.h"

/* ---- Finding ---- */

int jobs_find(const struct controller *c, const char *id, struct job **ret,
	      struct refusal *refusal)
{
	*ret = job_find(c, id);
	return *ret ? 0 : refuse(refusal, 404, "Job '%s' does not exist", id);
}

int jobs_find_schedule(const struct controller *c, const char *id, const char *schedule_id,
		       struct job **ret, struct refusal *refusal)
{
	const struct schedule *schedule;
	const char *own = NULL;
	int r = jobs_find(c, id, ret, refusal);

	if (r < 0)
		return r;
	schedule = (*ret)->schedule;
	if (schedule)
		own = json_string_value(json_object_get(schedule->json, "id"));
	if (!own || strcmp(own, schedule_id) != 0)
		return refuse(refusal, 404, "Schedule '%s' does not exist", schedule_id);
	return 0;
}

int jobs_find_run(const struct controller *c, const char *id, const char *run_id,
		  struct run **ret, struct refusal *refusal)
{
	struct job *job;
	int r = jobs_find(c, id, &job, refusal);

	if (r < 0)
		return r;
	*ret = run_find(job, run_id);
	return *ret ? 0 : refuse(refusal, 404, "JobRun '%s' does not exist", run_id);
}

/* ---- The turn ---- */

void jobs_turn(struct controller *c)
{
	struct job *job, *next;

	runs_turn(c);
	HASH_ITER(by_id, c->jobs, job, next) {
		due_times_watch(c, job);
		if (!job->is_dirty)
			continue;
		job->is_dirty = job_records_put_job(c, job) < 0;
		c->is_out_of_memory |= job->is_dirty;
	}
}

/* ---- Dependencies ---- */

/* The jobs that SPEC names, but for those that were seen, into LEFT; true: ID is one of them. */
static bool names(const struct controller *c, const json_t *spec, const char *id,
		  const json_t **left, size_t *n_left)
{
	const json_t *list = json_object_get(spec, "dependencies");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *next = json_string_value(json_object_get(json_array_get(list, i), "id"));
		struct job *job = job_find(c, next);

		if (strcmp(next, id) == 0)
			return true;
		if (!job || job->is_seen)
			continue;
		job->is_seen = true;
		left[(*n_left)++] = job->spec;
	}
	return false;
}

/* Does SPEC depend on job ID, whatever is between?  -ENOMEM. */
static int has_cycle(const struct controller *c, const json_t *spec, const char *id)
{
	AUTO_FREE const json_t **left = calloc(HASH_CNT(by_id, c->jobs) + 1, sizeof(*left));
	struct job *job, *next;
	bool is_found = false;
	size_t n_left = 0;

	if (!left)
		return -ENOMEM;
	HASH_ITER(by_id, c->jobs, job, next)
		job->is_seen = false;
	left[n_left++] = spec;
	while (n_left > 0 && !is_found)
		is_found = names(c, left[--n_left], id, left, &n_left);
	return is_found;
}

static int check_dependencies(const struct controller *c, const json_t *spec,
			      struct refusal *refusal)
{
	const json_t *list = json_object_get(spec, "dependencies");
	const char *id = json_string_value(json_object_get(spec, "id"));
	struct problems problems = { 0 };
	int r = 0, is_cyclic;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *other = json_string_value(
			json_object_get(json_array_get(list, i), "id"));
		char path[64];

		(void)snprintf(path, sizeof(path), "/dependencies(%zu)/id", i);
		if (!job_find(c, other) && strcmp(other, id) != 0)
			problems_add(&problems, path, "Job '%s' does not exist", other);
	}
	is_cyclic = problems_any(&problems) ? 0 : has_cycle(c, spec, id);
	if (is_cyclic > 0)
		problems_add(&problems, "/dependencies", "Dependencies have a cycle");
	if (problems_any(&problems))
		r = refuse_problems(refusal, "Object is not valid", &problems);
	problems_done(&problems);
	return is_cyclic < 0 ? refuse_memory(refusal) : r;
}

/* ---- Changes ---- */

static int set_schedule(struct controller *c, struct job *job, json_t *json_take,
			struct refusal *refusal)
{
	return due_times_follow(c, job, json_take) < 0 ? refuse_memory(refusal) : 0;
}

static int put_job(struct controller *c, struct job *job, struct refusal *refusal)
{
	return job_records_put_job(c, job) < 0 ? refuse_memory(refusal) : 0;
}

static void set_spec(struct job *job, json_t *spec_take)
{
	json_decref(job->spec);
	job->spec = spec_take;
}

static int make_job(struct controller *c, json_t *spec_take, json_t *schedule_take,
		    struct job **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *spec = spec_take, *schedule = schedule_take;
	struct job *job;

	if (job_new(c, json_string_value(json_object_get(spec, "id")), &job) < 0)
		return refuse_memory(refusal);
	set_spec(job, TAKE_PTR(spec));
	if (set_schedule(c, job, TAKE_PTR(schedule), refusal) < 0 ||
	    put_job(c, job, refusal) < 0) {
		job_free(c, job);
		return -ENOMEM;
	}
	*ret = job;
	return 0;
}

int jobs_create(struct controller *c, const json_t *document, bool with_schedules, int64_t now_ms,
		struct job **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *spec = NULL, *schedule = NULL;
	int r = job_spec_read(document, NULL, &spec, refusal);

	c->now_ms = now_ms;
	if (r == 0 && with_schedules)
		r = job_spec_read_schedules(document, &schedule, refusal);
	if (r < 0)
		return r;
	if (job_find(c, json_string_value(json_object_get(spec, "id"))))
		return refuse(refusal, 409, "Job with this id already exists");
	if (HASH_CNT(by_id, c->jobs) >= JOBS_MOST)
		return refuse(refusal, 403, "There are %d jobs, and no more may be made", JOBS_MOST);
	r = check_dependencies(c, spec, refusal);
	if (r < 0)
		return r;
	return make_job(c, TAKE_PTR(spec), TAKE_PTR(schedule), ret, refusal);
}

int jobs_update(struct controller *c, const char *id, const json_t *document, bool with_schedules,
		int64_t now_ms, struct job **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *spec = NULL, *schedule = NULL;
	int r = job_spec_read(document, id, &spec, refusal);

	c->now_ms = now_ms;
	if (r == 0 && with_schedules)
		r = job_spec_read_schedules(document, &schedule, refusal);
	if (r == 0)
		r = jobs_find(c, id, ret, refusal);
	if (r == 0)
		r = check_dependencies(c, spec, refusal);
	if (r < 0)
		return r;
	if (with_schedules)
		r = set_schedule(c, *ret, TAKE_PTR(schedule), refusal);
	if (r < 0)
		return r;
	set_spec(*ret, TAKE_PTR(spec));
	return put_job(c, *ret, refusal);
}

static const struct job *find_dependent(const struct controller *c, const struct job *job)
{
	const struct job *other, *next;

	HASH_ITER(by_id, c->jobs, other, next) {
		const json_t *list = json_object_get(other->spec, "dependencies");

		for (size_t i = 0; i < json_array_size(list); i++) {
			const json_t *id = json_object_get(json_array_get(list, i), "id");

			if (strcmp(json_string_value(id), job->id) == 0)
				return other;
		}
	}
	return NULL;
}

int jobs_delete(struct controller *c, const char *id, bool stops_runs, int64_t now_ms,
		json_t **ret_spec, struct refusal *refusal)
{
	const struct job *dependent;
	struct job *job;
	struct run *run;
	int r = jobs_find(c, id, &job, refusal);

	c->now_ms = now_ms;
	if (r < 0)
		return r;
	dependent = find_dependent(c, job);
	if (dependent)
		return refuse(refusal, 409, "Job '%s' depends on job '%s'", dependent->id, id);
	if (job->n_runs > 0 && !stops_runs)
		return refuse(refusal, 409, "There are active job runs. Override with "
			      "stopCurrentJobRuns=true");
	while ((run = TAILQ_FIRST(&job->runs))) {
		run_stop(c, run);
		run_orphan(c, run);
		if (job_records_put_run(c, run) < 0)
			c->is_out_of_memory = true;
	}
	*ret_spec = json_incref(job->spec);
	job_records_delete_job(c, job);
	job_free(c, job);
	return 0;
}

int jobs_add_schedule(struct controller *c, const char *id, const json_t *document,
		      int64_t now_ms, struct job **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *schedule = NULL;
	int r = job_schedule_read(document, NULL, &schedule, refusal);

	c->now_ms = now_ms;
	if (r == 0)
		r = jobs_find(c, id, ret, refusal);
	if (r < 0)
		return r;
	if ((*ret)->schedule) {
		bool is_same = json_equal(json_object_get((*ret)->schedule->json, "id"),
					  json_object_get(schedule, "id"));

		return refuse(refusal, 409, is_same ? "Can only create a non existing schedule"
						    : "Only one schedule supported at the moment");
	}
	r = set_schedule(c, *ret, TAKE_PTR(schedule), refusal);
	return r < 0 ? r : put_job(c, *ret, refusal);
}

int jobs_update_schedule(struct controller *c, const char *id, const char *schedule_id,
			 const json_t *document, int64_t now_ms, struct job **ret,
			 struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *schedule = NULL;
	int r = job_schedule_read(document, schedule_id, &schedule, refusal);

	c->now_ms = now_ms;
	if (r == 0)
		r = jobs_find_schedule(c, id, schedule_id, ret, refusal);
	if (r == 0)
		r = set_schedule(c, *ret, TAKE_PTR(schedule), refusal);
	return r < 0 ? r : put_job(c, *ret, refusal);
}

int jobs_delete_schedule(struct controller *c, const char *id, const char *schedule_id,
			 int64_t now_ms, struct refusal *refusal)
{
	struct job *job;
	int r = jobs_find_schedule(c, id, schedule_id, &job, refusal);

	c->now_ms = now_ms;
	if (r == 0)
		r = set_schedule(c, job, NULL, refusal);
	return r < 0 ? r : put_job(c, job, refusal);
}

/* ---- Runs ---- */

int jobs_start(struct controller *c, const char *id, int64_t now_ms, struct run **ret,
	       struct refusal *refusal)
{
	struct job *job;
	int r = jobs_find(c, id, &job, refusal);

	c->now_ms = now_ms;
	return r < 0 ? r : run_start(c, job, 0, ret, refusal);
}

int jobs_stop(struct controller *c, const char *id, const char *run_id, int64_t now_ms,
	      struct run **ret, struct refusal *refusal)
{
	int r = jobs_find_run(c, id, run_id, ret, refusal);

	c->now_ms = now_ms;
	if (r < 0)
		return r;
	run_stop(c, *ret);
	return job_records_put_run(c, (*ret)) < 0 ? refuse_memory(refusal) : 0;
}
