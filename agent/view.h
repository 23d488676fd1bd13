/* Tasks and executors as operators are told of them: messages that borrow from the records. */
#ifndef AGENT_VIEW_H
#define AGENT_VIEW_H

#include <stdbool.h>

#include "proto/mesos.pb-c.h"

struct container;
struct task;

enum { VIEW_MAX_LIMITS = 4, VIEW_NAME_SIZE = 512 };

/* Filled messages point into their struct, which therefore stays where it is. */
struct view_task {
	Mesos__V1__Task task;
	Mesos__V1__ExecutorID executor_id;
	Mesos__V1__AgentID agent_id;
	Mesos__V1__TaskStatus *status;
	Mesos__V1__Task__LimitsEntry limits[VIEW_MAX_LIMITS], *limit_rows[VIEW_MAX_LIMITS];
};
void view_task(const struct task *task, struct view_task *ret);

struct view_executor {
	Mesos__V1__ExecutorInfo info;
	Mesos__V1__ExecutorID id;
	char name[VIEW_NAME_SIZE];
};
/* That of a command, which nobody has described, as Mesos describes it. */
void view_command_executor(const char *id, const Mesos__V1__TaskInfo *task,
			   const Mesos__V1__FrameworkInfo *framework, struct view_executor *ret);
/* Of any task; in RET only if it is a command's. */
const Mesos__V1__ExecutorInfo *view_executor(const struct task *task, struct view_executor *ret);

/* A framework's own program? */
bool view_is_custom(const Mesos__V1__ExecutorInfo *executor);

/*
 * Whose container it is: of what a framework has, that and the executor; NULL for one that an
 * operator has launched.  A nested one is its parent's.
 */
struct view_owner {
	const char *framework_id;
	const Mesos__V1__ExecutorInfo *executor;
	struct view_executor buf;
};
bool view_owner(const struct container *c, struct view_owner *ret);

#endif
