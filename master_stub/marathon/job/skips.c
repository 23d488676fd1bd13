#include "master_stub/marathon/job/skips.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/state.h"

enum { SKIPS_KEPT = 50 };

static const char *const reason_names[] = {
	[SKIP_DEADLINE] = "deadline",
	[SKIP_CONCURRENCY] = "concurrencyPolicy",
	[SKIP_TOO_MANY] = "tooMany",
	[SKIP_REFUSED] = "refused",
};

static const char *member(const json_t *skip, const char *key)
{
	const char *text = json_string_value(json_object_get(skip, key));

	return text ? text : "";
}

/* Does SKIP go on with LAST, for the same reason? */
static bool goes_on(const json_t *last, const json_t *skip)
{
	return strcmp(member(last, "message"), member(skip, "message")) == 0 &&
	       strcmp(member(last, "lastDueAt"), member(skip, "dueAt")) < 0;
}

static int go_on(json_t *last, const json_t *skip)
{
	json_int_t n = json_integer_value(json_object_get(last, "count")) +
		       json_integer_value(json_object_get(skip, "count"));

	return json_object_set(last, "lastDueAt", json_object_get(skip, "lastDueAt")) < 0 ||
	       json_object_set_new(last, "count", json_integer(n)) < 0 ? -ENOMEM : 0;
}

/* The same again and again is one row. */
static void keep(struct controller *c, struct job *job, json_t *skip)
{
	json_t *last = json_array_get(job->skipped, 0);

	if (skip && last && goes_on(last, skip)) {
		c->is_out_of_memory |= go_on(last, skip) < 0;
		return;
	}
	if (!skip || json_array_insert_new(job->skipped, 0, json_copy(skip)) < 0)
		c->is_out_of_memory = true;
	while (json_array_size(job->skipped) > SKIPS_KEPT)
		(void)json_array_remove(job->skipped, SKIPS_KEPT);
}

void job_skip(struct controller *c, struct job *job, int64_t first_s, int64_t last_s, unsigned n,
	      enum skip_reason reason, const char *fmt, ...)
{
	char why[512];
	json_t *skip;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	skip = json_pack("{s:o, s:o, s:i, s:s, s:s}", "dueAt", job_time_view(first_s * 1000),
			 "lastDueAt", job_time_view(last_s * 1000), "count", (int)n, "reason",
			 reason_names[reason], "message", why);
	keep(c, job, skip);
	job->n_skipped += n;
	job->is_dirty = true;
	controller_explain(c, "job '%s' was due %u times and is not started for it: %s", job->id, n,
			   why);
	event_job_run(c, job->id, "SKIPPED", skip);
	json_decref(skip);
}
