/*
 * Operations with an id: what becomes of them is told to their frameworks.  Soft state: an agent says
 * which it has applied, and tells of each until its framework has acknowledged that.
 */
#ifndef MASTER_STUB_FEEDBACK_H
#define MASTER_STUB_FEEDBACK_H

#include <stdbool.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "proto/scheduler.pb-c.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct framework;
struct master;
struct metrics;

struct operation {
	char *id;
	struct framework *framework;
	struct agent *agent;
	Mesos__V1__Operation *message;	/* owned; its latest status is PENDING, or as told */
	bool is_seen;			/* while an agent's list is gone through */
	UT_hash_handle hh;		/* in framework->operations */
	LIST_ENTRY(operation) on_agent;
};

/*
 * One that is about to be applied on AGENT, for FRAMEWORK: PENDING until the agent tells.  -EINVAL with the reason:
 * its id is none or in use, or the agent could not tell.
 */
int feedback_new(struct framework *framework, struct agent *agent,
		 const Mesos__V1__Offer__Operation *info, struct operation **ret, struct err *e);
void feedback_free(struct operation *operation);
/* Has its agent told of its end?  Whatever was made of its state since, for want of the agent. */
bool feedback_is_told(const struct operation *operation);

/* OPERATION_ERROR with the reason, of what is not applied; nothing if it has no id.  AGENT may be NULL. */
void feedback_refuse(struct framework *framework, const struct agent *agent,
		     const Mesos__V1__Offer__Operation *info, const char *why);
/* The latest status of the operation of FRAMEWORK with this id.  False: none is known. */
bool feedback_tell_latest(struct framework *framework, const char *id);

/* OPERATION of its agent. */
void feedback_update(struct agent *agent, const Tepui__AgentCall__OperationUpdate *update);
/* ACKNOWLEDGE_OPERATION_STATUS and RECONCILE_OPERATIONS of a framework; the calls are valid. */
void feedback_acknowledge(struct framework *framework,
			  const Mesos__V1__Scheduler__Call__AcknowledgeOperationStatus *call);
void feedback_reconcile(struct framework *framework,
			const Mesos__V1__Scheduler__Call__ReconcileOperations *call);

/* What AGENT brings when it subscribes; what it does not know it has never got: OPERATION_DROPPED. */
void feedback_bring(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe);
/* The agent is unreachable, or gone for good: so is what was not acknowledged. */
void feedback_mark_unreachable(struct agent *agent);
void feedback_mark_gone(struct agent *agent);
/* FRAMEWORK is removed: the master acknowledges in its place. */
void feedback_settle(struct framework *framework);

/* "master/operations/..." and "master/operations/TYPE/...", by state (feedback_metrics.c). */
void feedback_metrics(const struct master *master, const struct metrics *metrics);

#endif
