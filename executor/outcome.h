/* From how a container ended to what its framework is told: pure. */
#ifndef EXECUTOR_OUTCOME_H
#define EXECUTOR_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/excerpt.h"
#include "proto/mesos.pb-c.h"

enum kill_cause {
	KILL_NONE,
	KILL_REQUESTED,		/* KILL or SHUTDOWN */
	KILL_UNHEALTHY,
	KILL_OVERDUE,		/* max_completion_time */
	KILL_ABANDONED,		/* no agent for too long */
	N_KILL_CAUSES,
};

/* Facts. */
struct ending {
	bool is_started;		/* execve succeeded */
	bool has_status;
	int wait_status;		/* of the main process, as of waitpid(2) */
	struct err error;		/* launch failure, or why there is no status */
	uint64_t memory_peak_bytes, memory_limit_bytes;	/* UINT64_MAX: unknown, none */
	uint64_t oom_kills;		/* 0 also if unknown */
	enum kill_cause cause;		/* why it was killed, if we did */
	const char *kill_message;	/* of KILL_UNHEALTHY and others; borrowed, or NULL */
	char last_output[EXCERPT_SIZE];	/* "": none, or not to be told */
};

/* Conclusions. */
struct outcome {
	Mesos__V1__TaskState state;
	bool has_reason;
	Mesos__V1__TaskStatus__Reason reason;
	bool is_unhealthy;
	bool is_memory_limit;
	char message[640 + EXCERPT_SIZE];
};

void outcome_of(const struct ending *ending, struct outcome *ret);

#endif
