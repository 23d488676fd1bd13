/* What the master tells of tasks, and what follows from it. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_UPDATES_H
#define MASTER_STUB_MARATHON_INSTANCE_UPDATES_H

#include "proto/mesos.pb-c.h"

struct controller;

/* Recorded, then acknowledged.  A message that is not UTF-8 is repaired in STATUS. */
void updates_handle(struct controller *c, Mesos__V1__TaskStatus *status);

/* Timers of instances: overdue launches, unreachable ones; and backoffs that have run out. */
void updates_turn(struct controller *c);

#endif
