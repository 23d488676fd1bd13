/* What clients send of jobs: definitions and schedules, checked and in their full form. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_JOB_SPEC_H
#define MASTER_STUB_MARATHON_DEFINITION_JOB_SPEC_H

#include <jansson.h>

struct app;
struct refusal;
struct role_rules;

/* As part of an app's id ("/job/run") and of a task's. */
enum { JOB_ID_MAX = 128, JOB_ID_SIZE = JOB_ID_MAX + 1 };

/*
 * The definition in DOCUMENT without its schedules; ID (NULL: the document has one) overrides its
 * own.  New reference in *RET; else REFUSAL (400, 422, 503).
 */
int job_spec_read(const json_t *document, const char *id, json_t **ret, struct refusal *refusal);

/* The one schedule that DOCUMENT has inline; *RET is NULL when it has none. */
int job_spec_read_schedules(const json_t *document, json_t **ret, struct refusal *refusal);

/* A schedule; ID as above. */
int job_schedule_read(const json_t *document, const char *id, json_t **ret,
		      struct refusal *refusal);

/* SPEC as what is launched for its run RUN_ID, at VERSION: an app of one instance, and of RULES' role. */
int job_spec_app(const json_t *spec, const char *run_id, const char *version,
		 const struct role_rules *rules, struct app **ret, struct refusal *refusal);

#endif
