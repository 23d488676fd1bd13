/* What clients do with jobs, and what is due. */
#ifndef MASTER_STUB_MARATHON_JOB_JOBS_H
#define MASTER_STUB_MARATHON_JOB_JOBS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct controller;
struct job;
struct refusal;
struct run;

enum { JOBS_MOST = 5000 };

/* Each is recorded when it returns 0; errors are in REFUSAL (403, 404, 409, 422, 503). */

/* WITH_SCHEDULES: those of DOCUMENT become the job's; else they are left alone. */
int jobs_create(struct controller *c, const json_t *document, bool with_schedules, int64_t now_ms,
		struct job **ret, struct refusal *refusal);
int jobs_update(struct controller *c, const char *id, const json_t *document, bool with_schedules,
		int64_t now_ms, struct job **ret, struct refusal *refusal);
/* *RET_SPEC, a new reference, is what it was. */
int jobs_delete(struct controller *c, const char *id, bool stops_runs, int64_t now_ms,
		json_t **ret_spec, struct refusal *refusal);

int jobs_add_schedule(struct controller *c, const char *id, const json_t *document,
		      int64_t now_ms, struct job **ret, struct refusal *refusal);
int jobs_update_schedule(struct controller *c, const char *id, const char *schedule_id,
			 const json_t *document, int64_t now_ms, struct job **ret,
			 struct refusal *refusal);
int jobs_delete_schedule(struct controller *c, const char *id, const char *schedule_id,
			 int64_t now_ms, struct refusal *refusal);

int jobs_start(struct controller *c, const char *id, int64_t now_ms, struct run **ret,
	       struct refusal *refusal);
int jobs_stop(struct controller *c, const char *id, const char *run_id, int64_t now_ms,
	      struct run **ret, struct refusal *refusal);

/* 404 when there is no such job, schedule or run. */
int jobs_find(const struct controller *c, const char *id, struct job **ret,
	      struct refusal *refusal);
int jobs_find_schedule(const struct controller *c, const char *id, const char *schedule_id,
		       struct job **ret, struct refusal *refusal);
int jobs_find_run(const struct controller *c, const char *id, const char *run_id,
		  struct run **ret, struct refusal *refusal);

/* Runs that have ended, due times, jobs that follow others. */
void jobs_turn(struct controller *c);

#endif
