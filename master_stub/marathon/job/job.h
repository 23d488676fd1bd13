/* Jobs and their runs in memory.  Private to the controller. */
#ifndef MASTER_STUB_MARATHON_JOB_JOB_H
#define MASTER_STUB_MARATHON_JOB_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "lib/ranges.h"
#include "master_stub/marathon/definition/cron.h"
#include "master_stub/marathon/definition/job_spec.h"
#include "master_stub/marathon/state.h"

struct err;
struct refusal;
struct time_zone;

enum { RUN_ID_SIZE = 20 };	/* "yyyyMMddHHmmss" and five letters or digits */

/* Of a job, from its start until its history has it. */
struct run {
	TAILQ_ENTRY(run) of_job;	/* or of the orphans */
	struct job *job;		/* NULL: gone */
	char job_id[JOB_ID_SIZE];
	struct entry *entry;		/* what is launched for it; owned by the controller */
	char id[RUN_ID_SIZE];
	int64_t created_wall_ms;
	int64_t created_ms;		/* boot clock */
	bool retries;			/* restart policy ON_FAILURE */
	int64_t active_deadline_ms;	/* -1: none */
	int64_t due_s;			/* for which it was started; 0: it was not by the schedule */
	int64_t launch_deadline_ms;	/* since its creation; -1: it may wait for ever */
	uint64_t number;		/* of its start, among all starts and successes */
	json_t *tasks;			/* those that have ended, oldest first */
	const char *told;		/* its status as it was told last; NULL: nothing was */
	bool is_new;			/* no turn has seen it */
	bool is_stopping, is_over, is_success, is_late;
};

/* When a job is run: at most one a job. */
struct schedule {
	json_t *json;			/* its full form */
	struct cron cron;
	struct time_zone *zone;
	int64_t deadline_s;
	bool is_enabled, forbids;	/* concurrency policy FORBID */
};

struct job {
	UT_hash_handle by_id;
	char id[JOB_ID_SIZE];
	json_t *spec;			/* the full form, without schedules */
	struct schedule *schedule;	/* or NULL */
	/*
	 * Minutes since the epoch of which every due time is done with: its run was started, or there
	 * is to be none.  Whatever the clock does, none of them is looked at again.
	 */
	struct ranges handled;
	int64_t checked_s, next_s;	/* by the wall clock: between them nothing is due */
	struct runs runs;
	unsigned n_runs;
	bool is_dirty;			/* its record is to be written */
	bool is_seen;			/* by the search for cycles */

	uint64_t n_successes, n_failures;
	int64_t last_success_wall_ms, last_failure_wall_ms;	/* 0: never */
	json_t *succeeded, *failed;	/* the last runs, newest first */
	uint64_t n_skipped;		/* due times without a run */
	json_t *skipped;		/* the last of them with why, newest first */
	uint64_t success_number;	/* of the last success */
	uint64_t basis_number;		/* of the start of the run that had it */
};

/* ---- job.c: memory ---- */

struct job *job_find(const struct controller *c, const char *id);
int job_new(struct controller *c, const char *id, struct job **ret);
/* With its runs; in memory only. */
void job_free(struct controller *c, struct job *job);
/* JSON (taken; NULL: none) becomes its schedule.  -ENOMEM, -EINVAL: it is as it was. */
int job_set_schedule(struct job *job, json_t *json_take);
struct run *run_find(const struct job *job, const char *id);
/*
 * The run ID, in the tables, that launches APP (a reference is taken), of the job JOB_ID; an orphan
 * when there is none.
 */
int run_new(struct controller *c, const char *job_id, const char *id, struct app *app,
	    struct run **ret);
void run_free(struct controller *c, struct run *run);
/* Its job goes, and knows nothing of it any more. */
void run_orphan(struct controller *c, struct run *run);
void orphans_free(struct controller *c);

/* ---- job_runs.c: life of runs ---- */

extern const struct entry_kind run_kind;

/* For what was due at DUE_S; 0: at once, and it may wait.  Recorded; errors in REFUSAL. */
int run_start(struct controller *c, struct job *job, int64_t due_s, struct run **ret,
	      struct refusal *refusal);
void run_stop(struct controller *c, struct run *run);
/* Of one that goes on: INITIAL, STARTING or ACTIVE. */
const char *run_status(const struct run *run);
/* Runs that are over go to their jobs' histories; jobs that wait for them start. */
void runs_turn(struct controller *c);

/* ---- job_records.c ---- */

/* As in records.h. */
int job_records_put_job(struct controller *c, const struct job *job);
int job_records_put_run(struct controller *c, const struct run *run);
void job_records_delete_job(struct controller *c, const struct job *job);
void job_records_delete_run(struct controller *c, const struct run *run);
int job_records_load(struct controller *c, struct err *e);

/* ---- job_view.c: what /v1 shows; new references ---- */

enum job_embed {
	JOB_EMBED_RUNS = 1,
	JOB_EMBED_SCHEDULES = 2,
	JOB_EMBED_HISTORY = 4,
	JOB_EMBED_SUMMARY = 8,
	JOB_EMBED_SKIPPED = 16,		/* past Metronome */
	JOB_EMBED_EXPLANATION = 32,
};

json_t *job_view(const struct controller *c, const struct job *job, unsigned embeds);
json_t *schedules_view(const struct controller *c, const struct job *job);
json_t *schedule_view(const struct controller *c, const struct job *job);
json_t *run_view(const struct controller *c, const struct run *run);
json_t *runs_view(const struct controller *c, const struct job *job);
json_t *run_queue_view(const struct controller *c);
/* "2016-07-15T13:02:59.735+0000", as Metronome writes it; null for 0. */
json_t *job_time_view(int64_t wall_ms);

#endif
