/* The executor's side of the v1 executor API: one subscription that is always re-made. */
#ifndef EXECUTOR_AGENT_LINK_H
#define EXECUTOR_AGENT_LINK_H

#include "proto/executor.pb-c.h"

struct agent_link;
struct environment;
struct err;
struct loop;
struct rng;

struct agent_link_ops {
	/* EVENT is borrowed for the call. */
	void (*event)(void *arg, const Mesos__V1__Executor__Event *event);
	/* Fill in what the agent has not acknowledged; borrowed until subscribe_done(). */
	int (*subscribe)(void *arg, Mesos__V1__Executor__Call__Subscribe *subscribe, struct err *e);
	void (*subscribe_done)(void *arg, Mesos__V1__Executor__Call__Subscribe *subscribe);
	/* No agent for MESOS_RECOVERY_TIMEOUT.  Told once; the link goes on trying. */
	void (*abandoned)(void *arg);
};

/* ENV, RNG and OPS are borrowed.  The first attempt is made in the loop's next turn. */
int agent_link_new(struct loop *loop, const struct environment *env, struct rng *rng,
		   const struct agent_link_ops *ops, void *arg, struct agent_link **ret,
		   struct err *e);
void agent_link_free(struct agent_link *link);

/*
 * Send STATUS if the agent is there.  Nothing is kept: an update that finds no agent, or gets no
 * answer, travels again with the next subscription.
 */
void agent_link_update(struct agent_link *link, Mesos__V1__TaskStatus *status);

#endif
