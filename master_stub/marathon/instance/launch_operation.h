/* What the master is asked to do on an offer, to launch an instance. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_LAUNCH_OPERATION_H
#define MASTER_STUB_MARATHON_INSTANCE_LAUNCH_OPERATION_H

#include "proto/mesos.pb-c.h"

struct controller;
struct instance;
struct resources;

enum { EXECUTOR_ID_SIZE = 320 };

/* Of the executor that holds a pod's containers, as Marathon names it. */
void executor_id_of(const struct instance *instance, char ret[EXECUTOR_ID_SIZE]);

/*
 * LAUNCH of the one task of an app, which has what was TAKEN of the offer; or LAUNCH_GROUP of a pod's tasks,
 * with what each needs of it, in an executor that has the rest: its own share and the ports.  Owned.  -ENOMEM.
 */
int launch_operation_new(const struct controller *c, const struct instance *instance,
			 const struct resources *taken, Mesos__V1__Offer__Operation **ret);
void launch_operation_free(Mesos__V1__Offer__Operation *operation);	/* NULL: nothing */

#endif
