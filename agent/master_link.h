/* The agent's side of the agent-master protocol of proto/tepui.proto. */
#ifndef AGENT_MASTER_LINK_H
#define AGENT_MASTER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rng.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct master_link;
struct task;

int master_link_new(struct agent *agent, struct master_link **ret, struct err *e);

/* Dial now; from here on the link comes back by itself. */
void master_link_start(struct master_link *link);
bool master_link_is_up(const struct master_link *link);

/* One UPDATE; whether it arrived is known by its acknowledgement only. */
int master_link_update(struct master_link *link, const Mesos__V1__FrameworkID *framework_id,
		       const Mesos__V1__TaskStatus *status, Mesos__V1__TaskState latest,
		       struct err *e);
/* The same of an operation. */
int master_link_operation(struct master_link *link, const Tepui__AppliedOperation *operation,
			  struct err *e);
/* One TASK: it has other resources now. */
int master_link_task(struct master_link *link, const struct task *task, struct err *e);
/* What an executor says to its framework, once. */
int master_link_message(struct master_link *link, const Tepui__ExecutorRecord *executor,
			const ProtobufCBinaryData *data, struct err *e);
/*
 * An executor has exited with STATUS (NULL: unknown).  While the master has not answered a SUBSCRIBE
 * that names it, this waits for that; with no link nothing is told, nor need be.
 */
int master_link_executor_exited(struct master_link *link,
				const Mesos__V1__FrameworkInfo *framework,
				const Mesos__V1__ExecutorInfo *executor, const int32_t *status,
				struct err *e);
/* GENERATION of the directory of this stream is in force. */
int master_link_directory_applied(struct master_link *link, uint64_t generation, struct err *e);
/* Tell the master when tasks would be refused, and when no more; nothing if it knows. */
void master_link_tell_degraded(struct master_link *link);
void master_link_free(struct master_link *link);

/*
 * Wait before attempt N (from 0): the first ones quickly, then random in [0, FACTOR_MS * 2^n), at
 * most a minute.
 */
int64_t master_link_backoff(struct rng *rng, unsigned n, int64_t factor_ms);

#endif
