/* How tasks end, and what that means to their instances and to the app. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_ENDS_H
#define MASTER_STUB_MARATHON_INSTANCE_ENDS_H

#include "proto/mesos.pb-c.h"

struct controller;
struct instance;
struct instance_task;

/* STATUS, a terminal one, of TASK: its instance is over with it, or the others are to stop, too. */
void end_handle(struct controller *c, struct instance_task *task,
		const Mesos__V1__TaskStatus *status);

/* What an end means to the app: its last failure, its delay. */
void app_instance_ended(struct controller *c, struct instance *instance,
			const Mesos__V1__TaskStatus *status);

/* Forget INSTANCE: its record goes, another may take its place. */
void instance_forget(struct controller *c, struct instance *instance);

#endif
