/* What the agent tells an executor by its environment (reference/mesos.md 2.3). */
#ifndef EXECUTOR_ENVIRONMENT_H
#define EXECUTOR_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* Strings are owned by the struct. */
struct environment {
	char *framework_id, *executor_id;
	char *domain_socket;
	int64_t recovery_ms;		/* how long a lost agent is waited for */
	int64_t backoff_ms;		/* most between two attempts to subscribe */
	int64_t shutdown_grace_ms;
	bool failure_output;		/* failures are told with the task's last output */
};

/* From MESOS_*.  -EINVAL names what is missing or odd. */
int environment_read(struct environment *ret, struct err *e);
void environment_done(struct environment *env);

#endif
