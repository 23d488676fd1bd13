/* What is said to the master, and what is done about what it says. */
#ifndef AGENT_MASTER_CALLS_H
#define AGENT_MASTER_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct task;

#define MASTER_CALLS_TARGET "/api/v1/agent"
#define MASTER_CALLS_TYPE "application/x-protobuf"

/* Packed calls in one owned allocation. */
int master_call_subscribe(const struct agent *agent, void **ret, size_t *ret_size, struct err *e);
int master_call_update(const struct agent *agent, const Mesos__V1__FrameworkID *framework_id,
		       const Mesos__V1__TaskStatus *status, Mesos__V1__TaskState latest,
		       void **ret, size_t *ret_size, struct err *e);
int master_call_operation(const struct agent *agent, const Tepui__AppliedOperation *operation,
			  void **ret, size_t *ret_size, struct err *e);
int master_call_task(const struct task *task, void **ret, size_t *ret_size, struct err *e);
/* Of an executor: what it says to its framework, and that it has exited with STATUS (NULL: unknown). */
int master_call_message(const struct agent *agent, const Tepui__ExecutorRecord *executor,
			const ProtobufCBinaryData *data, void **ret, size_t *ret_size,
			struct err *e);
int master_call_exited(const struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
		       const Mesos__V1__ExecutorInfo *executor, const int32_t *status, void **ret, size_t *ret_size, struct err *e);
/* That GENERATION of the directory of this stream is in force. */
int master_call_directory_applied(const struct agent *agent, uint64_t generation, void **ret,
				  size_t *ret_size, struct err *e);
int master_call_heartbeat(const struct agent *agent, void **ret, size_t *ret_size, struct err *e);

/*
 * The id, cluster and epoch of SUBSCRIBED become those of the agent.  -ESTALE: a master of an older
 * epoch, or one that takes us for somebody else.
 */
int master_call_accept_id(struct agent *agent, const Tepui__AgentEvent__Subscribed *event,
			  struct err *e);

/*
 * Everything but SUBSCRIBED and HEARTBEAT; what is kept of EVENT is taken out of it.  An error ends the
 * stream.
 */
int master_event_handle(struct agent *agent, Tepui__AgentEvent *event, struct err *e);

#endif
