/* Task states and status updates as the agent makes and completes them. */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct err;
struct rng;

bool status_is_terminal(Mesos__V1__TaskState state);
const char *status_state_name(Mesos__V1__TaskState state);	/* "TASK_RUNNING" */

bool framework_can(const Mesos__V1__FrameworkInfo *framework,
		   Mesos__V1__FrameworkInfo__Capability__Type capability);

/* STATE for frameworks that know partitions, TASK_LOST for the others. */
Mesos__V1__TaskState status_lost_state(const Mesos__V1__FrameworkInfo *framework,
				       Mesos__V1__TaskState state);

/*
 * An update of the agent's own, complete but for container_status; owned, freed with
 * mesos__v1__task_status__free_unpacked().  NULL when memory is out.
 */
Mesos__V1__TaskStatus *status_new(const char *task_id, const char *agent_id,
				  Mesos__V1__TaskState state,
				  Mesos__V1__TaskStatus__Reason reason, const char *message,
				  struct rng *rng);

/* Fill what an executor may leave out: agent_id, timestamp, container_status.  -ENOMEM. */
int status_complete(Mesos__V1__TaskStatus *status, const char *agent_id, const char *container_id,
		    int executor_pid);

bool status_same_uuid(const Mesos__V1__TaskStatus *a, const Mesos__V1__TaskStatus *b);

#endif
