/* Limits of running tasks that somebody else has changed: found, written again, told. */
#ifndef AGENT_GUARD_H
#define AGENT_GUARD_H

struct agent;
struct err;
struct guard;
struct task;

/*
 * Looks at one container after another for as long as the agent runs, and first at all that it
 * found alive.  What the container's launch document says is right: whoever changes a limit of a
 * running container writes the document first.
 */
int guard_new(struct agent *agent, struct guard **ret, struct err *e);
void guard_free(struct guard *guard);

#endif
