/* Dynamic reservations: what of the node's resources was reserved since it was started first. */
#ifndef AGENT_DYNAMIC_RESERVATIONS_H
#define AGENT_DYNAMIC_RESERVATIONS_H

#include "proto/tepui.pb-c.h"

struct agent;
struct err;

/*
 * At start, before the volumes that are on them: those of the store become part of the node's
 * resources.  They stay although the node has less now than they were made of.
 */
int dynamic_reservations_load(struct agent *agent, struct err *e);

/*
 * RESERVE or UNRESERVE: the node's resources are others, and the record is put.  -EINVAL, -ENOSPC:
 * what the master believes of this node is wrong.
 */
int dynamic_reservations_apply(struct agent *agent, const Mesos__V1__Offer__Operation *operation,
		       struct err *e);

#endif
