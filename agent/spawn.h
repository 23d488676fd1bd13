/* Making the process of a supervisor. */
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <sys/types.h>

struct err;
struct container;

/*
 * Sandbox, runtime directory, then tepui-executor in the supervisors' cgroup as
 * containerizer/handover.h says.  *ret_pidfd is owned.  On failure no runtime directory is left.
 */
int spawn_supervisor(struct container *c, pid_t *ret_pid, int *ret_pidfd, struct err *e);

/* What that made but the sandbox, whose process has ended already. */
void spawn_undo(struct container *c);

#endif
