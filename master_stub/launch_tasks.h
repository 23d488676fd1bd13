/* Tasks on their way from an ACCEPT to an agent. */
#ifndef MASTER_STUB_LAUNCH_TASKS_H
#define MASTER_STUB_LAUNCH_TASKS_H

#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

struct agent;
struct framework;
struct framework_role;

/* What an ACCEPT has to spend, and on whom. */
struct budget {
	struct framework *framework;
	struct agent *agent;
	struct framework_role *role;
	struct resources left;
	struct resources converted;	/* by operations: of another form than in the offer */
};

/* TASK, which is not launched, has STATE for its framework: no uuid, so nothing to acknowledge. */
void launch_tell_not(struct framework *framework, const Mesos__V1__TaskInfo *task,
		     Mesos__V1__TaskState state, Mesos__V1__TaskStatus__Reason reason,
		     const char *message);

/* LAUNCH of one task: it is sent to its agent, or its framework is told why not. */
void launch_task(struct budget *budget, const Mesos__V1__TaskInfo *info);

enum { LAUNCH_MAX_GROUP = 1000 };

/* LAUNCH_GROUP: all of its tasks, or none. */
void launch_group(struct budget *budget, const Mesos__V1__Offer__Operation__LaunchGroup *group);

#endif
