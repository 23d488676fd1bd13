/* What a custom executor finds in its environment (reference/mesos.md 2.3). */
#ifndef AGENT_EXECUTOR_ENV_H
#define AGENT_EXECUTOR_ENV_H

#include <jansson.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct agent;
struct err;

/* Below the work directory; and where it is in an executor's container. */
#define EXECUTOR_SOCKETS "sockets"
#define EXECUTOR_SOCKET "executor.sock"
#define EXECUTOR_SOCKETS_INSIDE "/run/tepui"

struct executor_place {
	const char *framework_id, *container_id;
	const char *sandbox;		/* host directory */
};

/* For how long it may go on after SHUTDOWN: its own wish, or the agent's flag. */
int64_t executor_grace_ms(const struct agent *agent, const Mesos__V1__ExecutorInfo *info);

/* An owned object: names and values.  Includes its token. */
int executor_env(const struct agent *agent, const struct executor_place *place,
		 const Mesos__V1__ExecutorInfo *info, json_t **ret, struct err *e);

#endif
