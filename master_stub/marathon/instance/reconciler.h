/* Asking the master what it knows of our tasks. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_RECONCILER_H
#define MASTER_STUB_MARATHON_INSTANCE_RECONCILER_H

struct controller;

/* After every subscription: ask until every instance was heard of, then now and then. */
void reconcile_start(struct controller *c);
void reconcile_turn(struct controller *c);

/*
 * Where nobody is, no task tells that its agent is gone for good: the last one that was there is asked for.
 * AGENT_ID NULL: on every agent.
 */
void reconcile_residences(struct controller *c, const char *agent_id);

#endif
