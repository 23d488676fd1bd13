/* What the health checks of a task have shown, each for itself and all together. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_HEALTH_RESULTS_H
#define MASTER_STUB_MARATHON_INSTANCE_HEALTH_RESULTS_H

#include <stdbool.h>

#include "proto/mesos.pb-c.h"

struct controller;
struct health_result;
struct instance;
struct instance_task;

/* Room for one of each check that TASK's definition has, if there is none yet.  -ENOMEM. */
int health_results_new(struct instance_task *task);
void health_results_free(struct instance_task *task);

/* TASK's results have changed: what do they make together? */
void health_results_sum_up(struct instance_task *task);

/* What STATUS tells of TASK's checks, with the events.  Has one become known, or changed? */
bool health_results_take(struct controller *c, struct instance_task *task,
			 const Mesos__V1__TaskStatus *status);

/* Of the first check of INSTANCE that fails; NULL: none is known to. */
const struct health_result *health_results_failing(const struct instance *instance);

#endif
