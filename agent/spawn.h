/* Making the process of a supervisor. */
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <sys/types.h>

struct err;
struct task;

/*
 * Sandbox, runtime directory, then tepui-executor in the supervisors' cgroup as
 * containerizer/handover.h says.  *ret_pidfd is owned.  On failure no runtime directory is left.
 */
int spawn_executor(struct task *task, pid_t *ret_pid, int *ret_pidfd, struct err *e);

#endif
