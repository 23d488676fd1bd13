/* Status updates: one ordered stream a task, stored before sent, sent until acknowledged. */
#ifndef AGENT_UPDATES_H
#define AGENT_UPDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct task;

enum { UPDATES_MAX_PENDING = 1024, UPDATES_MAX_BYTES = 4 << 20 };

/* Is STATUS the latest of TASK, or one that waits? */
bool updates_has(const struct task *task, const Mesos__V1__TaskStatus *status);

/* Whether STATUS can be an update of TASK by its executor; -EINVAL says what is wrong with it. */
int updates_check(const struct task *task, const Mesos__V1__TaskStatus *status, struct err *e);

/*
 * Add STATUS (taken, also on failure) behind the others and make it the latest; queued for the
 * store.  Nothing follows a terminal one: -EALREADY.  -ENOBUFS: too many wait.
 */
int updates_add(struct task *task, Mesos__V1__TaskStatus *status_take, struct err *e);

/* One of the agent's own making, complete and owned; NULL when memory is out. */
Mesos__V1__TaskStatus *updates_new_own(struct task *task, Mesos__V1__TaskState state,
				       Mesos__V1__TaskStatus__Reason reason, const char *message,
				       struct err *e);
/* The same, added. */
int updates_add_own(struct task *task, Mesos__V1__TaskState state,
		    Mesos__V1__TaskStatus__Reason reason, const char *message, struct err *e);

/* After a commit: send the head if it is not in flight. */
void updates_forward(struct task *task);

/* ACKNOWLEDGE of the master; anything but the head's uuid is ignored. */
void updates_acknowledge(struct task *task, const void *uuid, size_t size);

/* The link is up again: whatever was in flight is sent at once.  Down: nothing is. */
void updates_resume(struct agent *agent);
void updates_pause(struct agent *agent);

#endif
