/* The calls of the scheduler interface that the controller makes. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_SCHEDULER_CALLS_H
#define MASTER_STUB_MARATHON_INSTANCE_SCHEDULER_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct controller;
struct err;

/* A call that the master refuses is explained; what it was for is retried by its own timer. */
void calls_kill(struct controller *c, const char *task_id, const char *agent_id, int64_t grace_ms);
void calls_acknowledge(struct controller *c, const Mesos__V1__TaskStatus *status);
void calls_revive(struct controller *c, const char *role);
void calls_suppress(struct controller *c, const char *role);
/* What comes of it is known at once: the refusal is in E. */
int calls_update_framework(struct controller *c, Mesos__V1__FrameworkInfo *info, char **suppressed,
			   size_t n_suppressed, struct err *e);
/* All offers of one call are of one agent. */
void calls_decline(struct controller *c, const char *offer_id, double refuse_seconds);
int calls_accept(struct controller *c, const char *offer_id,
		 Mesos__V1__Offer__Operation **operations, size_t n, double refuse_seconds);
/* The share of new connections that TASK_ID's services give it from now on. */
void calls_weigh(struct controller *c, const char *task_id, unsigned weight);
/* N 0: implicit, everything that the master knows. */
void calls_reconcile(struct controller *c, const char *const *task_ids,
		     const char *const *agent_ids, size_t n);

#endif
