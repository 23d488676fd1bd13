/* May a task run here?  Everything that can be known before anything is made. */
#ifndef AGENT_ADMISSION_H
#define AGENT_ADMISSION_H

#include <stdbool.h>

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct launch_result;
struct resources;
struct container;
struct task;
struct verdict;

/*
 * Returns 0 with TASK->launch filled, or -errno with E as the reason for people and *ret_refusal
 * (its message is unset) as the one for programs.
 */
int admission_check(struct task *task, struct verdict *ret_refusal, struct err *e);

/* Whether the node has WANTED, for WHAT, beside all that is in use.  -ENOSPC. */
int admission_check_resources(const struct agent *agent, const char *what,
			      const struct resources *wanted, struct err *e);

/*
 * Fill C->launch, which is NULL: what it asks for, and how it will be honoured.  Its parent runs, or
 * does not yet, and then this is only a check.
 */
int admission_describe(struct container *c, struct err *e);

/* Would any task or container be refused now, whatever it is?  -errno, with E as the reason for people. */
int admission_check_agent(const struct agent *agent, struct err *e);
/* The same of tasks, one at least, that are in the agent's memory already. */
int admission_check_known(const struct agent *agent, struct err *e);

/* Task ids that ended lately: a launch that comes late is not to run again. */
int tombstone_add(struct agent *agent, const char *key, struct err *e);
bool tombstone_has(struct agent *agent, const char *key);
void tombstones_free(struct agent *agent);

#endif
