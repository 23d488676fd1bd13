/* Tasks that the master sends: taken in, admitted or refused, and recorded before they are launched. */
#ifndef AGENT_TASK_RUN_H
#define AGENT_TASK_RUN_H

#include <stdbool.h>

#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct task;
struct verdict;

/*
 * RUN_TASK of the master: admission, then a record; what follows happens after the commit.  A task
 * that is refused gets a terminal update of its own, so the only error is -ENOMEM.
 */
int task_run(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
	     const Mesos__V1__TaskInfo *info, struct err *e);

/* RUN_TASK_GROUP: all of its tasks, which have its executor, or none.  The same. */
int task_run_group(struct agent *agent, const Tepui__AgentEvent__RunTaskGroup *group,
		   struct err *e);

/* Is any of GROUP here, or was it lately?  Then it is the same one again, which the log says. */
bool task_group_is_known(struct agent *agent, const Tepui__AgentEvent__RunTaskGroup *group);

/* One of a task group, in memory only: pods.c goes on with it. */
int task_new_member(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
		    const Mesos__V1__TaskInfo *info, const char *pod_id, const char *group_id,
		    struct task **ret, struct err *e);

/*
 * TASK is not begun: it gets a terminal update as REFUSAL says (its message is unset), because of WHY.
 * That is stored and resent like any update, unless storing is what does not work.
 */
int task_refuse(struct task *task, const struct verdict *refusal, const struct err *why,
		struct err *e);

#endif
