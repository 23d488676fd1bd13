/* Building the status updates that an executor sends. */
#ifndef EXECUTOR_STATUS_H
#define EXECUTOR_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct err;
struct rng;

struct status {
	const char *task_id, *executor_id;
	Mesos__V1__TaskState state;
	const char *message;		/* or NULL */
	bool has_reason, has_healthy, is_healthy;
	Mesos__V1__TaskStatus__Reason reason;
	size_t n_health_checks;
	Mesos__V1__HealthCheckStatus *const *health_checks;
	const Mesos__V1__CheckStatusInfo *check_status;	/* or NULL */
	uint64_t memory_limit_bytes;	/* the limitation that was hit; 0: none */
};

/* A TaskStatus with a fresh uuid from RNG and the time; owned by the caller. */
int status_build(const struct status *status, struct rng *rng, Mesos__V1__TaskStatus **ret,
		 struct err *e);

#endif
