/* Due times of jobs for which no run was started: which, and why. */
#ifndef MASTER_STUB_MARATHON_JOB_SKIPS_H
#define MASTER_STUB_MARATHON_JOB_SKIPS_H

#include <stdint.h>

struct controller;
struct job;

enum skip_reason {
	SKIP_DEADLINE,		/* missed by more than the starting deadline */
	SKIP_CONCURRENCY,	/* FORBID, and a run was active */
	SKIP_TOO_MANY,		/* more were missed than are made up for */
	SKIP_REFUSED,		/* the run could not be made */
};

/* N due times, from FIRST_S to LAST_S: kept in JOB, which is dirty then, and told. */
void job_skip(struct controller *c, struct job *job, int64_t first_s, int64_t last_s, unsigned n,
	      enum skip_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));

#endif
