/* RECONCILE: what the master knows of tasks (reference/mesos.md 4.15). */
#ifndef MASTER_STUB_RECONCILE_H
#define MASTER_STUB_RECONCILE_H

#include "proto/scheduler.pb-c.h"

struct framework;

/* Every named task, or all that are known if none is named. */
void reconcile(struct framework *framework, const Mesos__V1__Scheduler__Call__Reconcile *call);
/* AGENT_ID may be NULL. */
void reconcile_task(struct framework *framework, const char *task_id, const char *agent_id);

#endif
