/* Jobs and their runs in the store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/store.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"
#include "proto/tepui.pb-c.h"

static const char kind_job[] = "marathon-job";
static const char kind_run[] = "marathon-run";

static char *dump(const json_t *json)
{
	return json ? json_dumps(json, JSON_COMPACT) : NULL;
}

static json_t *load(ProtobufCBinaryData bytes)
{
	return json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
}

/* ---- Writing ---- */

static void fill_history(const struct job *job, Tepui__JobRecord *record)
{
	record->has_successes = record->has_failures = true;
	record->successes = job->n_successes;
	record->failures = job->n_failures;
	record->has_last_success_wall_ms = job->last_success_wall_ms != 0;
	record->last_success_wall_ms = job->last_success_wall_ms;
	record->has_last_failure_wall_ms = job->last_failure_wall_ms != 0;
	record->last_failure_wall_ms = job->last_failure_wall_ms;
	record->has_success_number = record->has_basis_number = true;
	record->success_number = job->success_number;
	record->basis_number = job->basis_number;
}

int job_records_put_job(struct controller *c, const struct job *job)
{
	Tepui__JobRecord record = TEPUI__JOB_RECORD__INIT;
	AUTO_FREE char *spec = dump(job->spec), *succeeded = dump(job->succeeded);
	AUTO_FREE char *schedule = job->schedule ? dump(job->schedule->json) : NULL;
	AUTO_FREE char *failed = dump(job->failed), *skipped = dump(job->skipped);
	AUTO_FREE uint32_t *handled = calloc(2 * job->handled.n + 1, sizeof(*handled));

	if (!spec || !succeeded || !failed || !skipped || !handled || (job->schedule && !schedule))
		return -ENOMEM;
	for (size_t i = 0; i < job->handled.n; i++) {
		handled[2 * i] = job->handled.items[i].first;
		handled[2 * i + 1] = job->handled.items[i].last;
	}
	record.job_id = record_text(job->id);
	record.spec = record_bytes(spec);
	record.has_schedule = schedule != NULL;
	record.schedule = record_bytes(schedule);
	record.has_succeeded = record.has_failed = record.has_skipped = true;
	record.succeeded = record_bytes(succeeded);
	record.failed = record_bytes(failed);
	record.skipped = record_bytes(skipped);
	record.has_skips = true;
	record.skips = job->n_skipped;
	fill_history(job, &record);
	record.n_handled = 2 * job->handled.n;
	record.handled = handled;
	return records_put(c, kind_job, job->id, &record.base);
}

static void fill_backoff(const struct controller *c, const struct backoff *backoff,
			 Tepui__RunRecord *record)
{
	if (backoff->delay_ms <= 0)
		return;
	record->has_backoff_delay_ms = record->has_backoff_reference_wall_ms = true;
	record->backoff_delay_ms = (int64_t)backoff->delay_ms;
	record->backoff_reference_wall_ms =
		backoff->reference_ms + controller_wall_ms(c) - c->now_ms;
}

int job_records_put_run(struct controller *c, const struct run *run)
{
	Tepui__RunRecord record = TEPUI__RUN_RECORD__INIT;
	json_t *app = app_to_json(run->entry->target);
	AUTO_FREE char *definition = dump(app), *tasks = dump(run->tasks);

	json_decref(app);
	if (!definition || !tasks)
		return -ENOMEM;
	record.job_id = record_text(run->job_id);
	record.run_id = record_text(run->id);
	record.definition = record_bytes(definition);
	record.has_created_wall_ms = record.has_number = record.has_tasks = true;
	record.created_wall_ms = run->created_wall_ms;
	record.number = run->number;
	record.tasks = record_bytes(tasks);
	record.has_retries = run->retries;
	record.retries = run->retries;
	record.has_active_deadline_ms = run->active_deadline_ms >= 0;
	record.active_deadline_ms = run->active_deadline_ms;
	record.has_launch_deadline_ms = run->launch_deadline_ms >= 0;
	record.launch_deadline_ms = run->launch_deadline_ms;
	record.has_due_s = run->due_s != 0;
	record.due_s = run->due_s;
	record.has_is_orphan = !run->job;
	record.is_orphan = !run->job;
	record.has_is_stopping = run->is_stopping;
	record.is_stopping = run->is_stopping;
	fill_backoff(c, &run->entry->backoff, &record);
	return records_put(c, kind_run, run->entry->id, &record.base);
}

void job_records_delete_job(struct controller *c, const struct job *job)
{
	records_delete(c, kind_job, job->id);
}

void job_records_delete_run(struct controller *c, const struct run *run)
{
	records_delete(c, kind_run, run->entry->id);
}

/* ---- Reading ---- */

static void note_number(struct controller *c, uint64_t number)
{
	if (number > c->run_number)
		c->run_number = number;
}

static void take_list(json_t **list, ProtobufCBinaryData bytes)
{
	json_t *loaded = load(bytes);

	if (!loaded)
		return;
	json_decref(*list);
	*list = loaded;
}

static int take_job(struct controller *c, const Tepui__JobRecord *record, struct job *job)
{
	int r;

	for (size_t i = 0; i + 1 < record->n_handled; i += 2) {
		r = ranges_add(&job->handled, record->handled[i], record->handled[i + 1]);
		if (r < 0)
			return r;
	}
	take_list(&job->succeeded, record->succeeded);
	take_list(&job->failed, record->failed);
	take_list(&job->skipped, record->skipped);
	job->n_skipped = record->skips;
	job->n_successes = record->successes;
	job->n_failures = record->failures;
	job->last_success_wall_ms = record->last_success_wall_ms;
	job->last_failure_wall_ms = record->last_failure_wall_ms;
	job->success_number = record->success_number;
	job->basis_number = record->basis_number;
	note_number(c, job->success_number);
	if (!record->has_schedule)
		return 0;
	r = job_set_schedule(job, load(record->schedule));
	if (r == -EINVAL)
		controller_explain(c, "leave out the schedule of job '%s': it is not valid any more",
				   job->id);
	return r == -EINVAL ? 0 : r;
}

static int load_job(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct controller *c = arg;
	Tepui__JobRecord *record = tepui__job_record__unpack(NULL, size, data);
	json_t *spec = record ? load(record->spec) : NULL;
	struct job *job;
	int r = 0;

	if (spec && strlen(record->job_id) <= JOB_ID_MAX) {
		r = job_new(c, record->job_id, &job);
		if (r == 0) {
			job->spec = json_incref(spec);
			r = take_job(c, record, job);
		}
	} else {
		controller_explain(c, "leave out job '%s': its record is not valid", key);
	}
	json_decref(spec);
	tepui__job_record__free_unpacked(record, NULL);
	return r < 0 ? err_set(e, -r, "load job '%s'", key) : 0;
}

static void take_run(struct controller *c, const Tepui__RunRecord *record, struct run *run)
{
	int64_t wall_ms = controller_wall_ms(c);
	int64_t age_ms = wall_ms - record->created_wall_ms;
	int64_t backoff_age_ms = wall_ms - record->backoff_reference_wall_ms;

	take_list(&run->tasks, record->tasks);
	run->created_wall_ms = record->created_wall_ms;
	/* The clock may have been set meanwhile: no time becomes longer by that. */
	run->created_ms = c->now_ms - (age_ms < 0 ? 0 : age_ms);
	run->retries = record->retries;
	run->active_deadline_ms = record->has_active_deadline_ms ? record->active_deadline_ms : -1;
	run->launch_deadline_ms = record->has_launch_deadline_ms ? record->launch_deadline_ms : -1;
	run->due_s = record->due_s;
	run->number = record->number;
	run->is_stopping = record->is_stopping;
	note_number(c, run->number);
	/* There may be another job of that id by now. */
	if (run->job && record->is_orphan)
		run_orphan(c, run);
	if (!record->has_backoff_delay_ms)
		return;
	run->entry->backoff.delay_ms = (double)record->backoff_delay_ms;
	run->entry->backoff.reference_ms = c->now_ms - (backoff_age_ms < 0 ? 0 : backoff_age_ms);
}

static int load_run(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct controller *c = arg;
	Tepui__RunRecord *record = tepui__run_record__unpack(NULL, size, data);
	AUTO(json_decrefp) json_t *definition = record ? load(record->definition) : NULL;
	AUTO(app_unrefp) struct app *app = NULL;
	struct refusal refusal = { 0 };
	struct run *run;
	int r = 0;

	if (record && strlen(record->run_id) < RUN_ID_SIZE &&
	    strlen(record->job_id) < JOB_ID_SIZE &&
	    app_from_stored(definition, &app, &refusal) == 0) {
		r = run_new(c, record->job_id, record->run_id, app, &run);
		if (r == 0)
			take_run(c, record, run);
	} else {
		controller_explain(c, "leave out run '%s': its record is not valid", key);
	}
	refusal_done(&refusal);
	tepui__run_record__free_unpacked(record, NULL);
	return r < 0 ? err_set(e, -r, "load run '%s'", key) : 0;
}

int job_records_load(struct controller *c, struct err *e)
{
	int r = store_each(c->store, kind_job, load_job, c, e);

	return r < 0 ? r : store_each(c->store, kind_run, load_run, c, e);
}
