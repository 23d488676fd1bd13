/* What the agent needs of the kernel, asked once at start. */
#ifndef AGENT_KERNEL_H
#define AGENT_KERNEL_H

#include <stdbool.h>

struct cgroup_layout;
struct err;

/* -ENOTSUP names the first thing that is missing; -EPERM when not root. */
int kernel_check(struct err *e);

/*
 * Every controller that a limit needs must be served; logs which hierarchy does.  IS_LENIENT turns
 * the refusal (-ENOTSUP, naming the controller) into a warning.
 */
int kernel_check_controllers(const struct cgroup_layout *layout, bool is_lenient, struct err *e);

#endif
