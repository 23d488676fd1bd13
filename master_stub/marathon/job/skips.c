#include "master_stub/marathon/job/skips.h"

#include <stdarg.h>
#include <stdio.h>

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

static void keep(struct controller *c, struct job *job, json_t *skip)
{
	if (!skip || json_array_insert(job->skipped, 0, skip) < 0)
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
