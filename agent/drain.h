/* The master wants this agent empty: its tasks end, and it takes no others until it is told to. */
#ifndef AGENT_DRAIN_H
#define AGENT_DRAIN_H

#include <stdbool.h>

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct task;

bool drain_is_on(const struct agent *agent);

/*
 * CONFIG NULL: tasks may stay again.  Committed with the turn, and the kills with it, so that what
 * was begun goes on after a restart; the same once more does no harm.
 */
int drain_set(struct agent *agent, const Mesos__V1__DrainConfig *config, struct err *e);

/* What STATUS, of a task that is killed meanwhile, says of why. */
void drain_explain(const struct task *task, Mesos__V1__TaskStatus *status);

#endif
