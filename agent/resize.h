/* Other resources for a running task, without a restart. */
#ifndef AGENT_RESIZE_H
#define AGENT_RESIZE_H

#include <stdint.h>

struct container;
struct err;
struct task;

/* In thousandths of a cpu and of a MiB; -1: as it is. */
struct resize {
	int64_t cpus, mem;
};

/*
 * Its launch document first, which is what a restarted agent and the guard of limits go by, then
 * the kernel, then the record and what is charged; the master is told.  -ENOSPC: the node has not
 * so much beside the other tasks; -EBUSY: more memory is in use than would be allowed.  On failure
 * everything is as it was.
 */
int task_resize(struct task *task, const struct resize *wanted, struct err *e);

/*
 * What C was described with has changed: so do its limits.  One that has not been launched is
 * launched with them.  The same errors.
 */
int container_resize(struct container *c, struct err *e);

#endif
