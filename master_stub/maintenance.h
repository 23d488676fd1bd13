/* Machines that shall be down for a time: the schedule, and those that are (reference/mesos.md 3.4). */
#ifndef MASTER_STUB_MAINTENANCE_H
#define MASTER_STUB_MAINTENANCE_H

#include <stddef.h>

#include "proto/maintenance.pb-c.h"

struct agent;
struct err;
struct master;

/* Read the record of kind "maintenance". */
int maintenance_load(struct master *master, struct err *e);
void maintenance_free(struct master *master);

/*
 * Each is on disk before it is answered; -EINVAL says what does not fit.  A machine of the schedule
 * is draining: nothing is killed, but offers tell of it, and frameworks that run there are asked to
 * leave.  START: it is down, its agents are gone for good and new ones wait.  STOP: it is up, and
 * off the schedule.
 */
int maintenance_update_schedule(struct master *master,
				const Mesos__V1__Maintenance__Schedule *schedule, struct err *e);
int maintenance_start(struct master *master, Mesos__V1__MachineID *const *ids, size_t n,
		      struct err *e);
int maintenance_stop(struct master *master, Mesos__V1__MachineID *const *ids, size_t n,
		     struct err *e);

/* Borrowed; never NULL. */
const Mesos__V1__Maintenance__Schedule *maintenance_schedule(const struct master *master);
/* Owned, with what frameworks answered; NULL when memory is out. */
Mesos__V1__Maintenance__ClusterStatus *maintenance_status(const struct master *master);

/* AGENT has come, or says something else of itself: is its machine on the schedule? */
void maintenance_place(struct agent *agent);
/* Nothing is planned for it any more. */
void maintenance_forget(struct agent *agent);
/* -EAGAIN: the machine of an agent that comes from there is down.  ENDPOINT may be NULL. */
int maintenance_check_up(const struct master *master, const char *hostname, const char *endpoint,
			 struct err *e);
/* -EINVAL: its machine is on the schedule. */
int maintenance_check_unscheduled(const struct agent *agent, struct err *e);

#endif
