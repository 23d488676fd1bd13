/*
 * Task groups.  A pod is a container that only holds what its members share (its cgroup, with the
 * executor's resources and all of theirs, and its sandbox), and lives as long as there are members;
 * each member is a task with a container and a supervisor of its own in that of the pod.  Another
 * group of the same executor joins the pod.  Members that were launched together end together, unless
 * each has finished.
 */
#ifndef AGENT_PODS_H
#define AGENT_PODS_H

#include <stdbool.h>

#include "proto/tepui.pb-c.h"

struct agent;
struct container;
struct err;
struct launched_ops;
struct task;

extern const struct launched_ops pod_launched_ops;

/*
 * RUN_TASK_GROUP of the master: all of it or nothing.  What is refused gets terminal updates, so the
 * only errors are -ENOMEM and a group that cannot be one.
 */
int pods_run(struct agent *agent, const Tepui__AgentEvent__RunTaskGroup *group, struct err *e);

/* A member has ended, as its record says: its group may have to follow, and the pod. */
void pods_task_ended(struct task *task);

/* SHUTDOWN of executor ID; false: there is no such pod. */
bool pods_shut_down(struct agent *agent, const char *framework_id, const char *id);

/* After recovery: pods whose members are all gone go, too. */
void pods_settle(struct agent *agent);

/* The next pod that is told to a master, after C (NULL: the first); NULL: no more. */
struct container *pods_next(const struct agent *agent, const struct container *c);

#endif
