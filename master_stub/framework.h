/* The frameworks: who they are, their roles, and the queue of events of each subscription. */
#ifndef MASTER_STUB_FRAMEWORK_H
#define MASTER_STUB_FRAMEWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "master_stub/framework_metrics.h"
#include "master_stub/history.h"
#include "master_stub/scheduler.h"

struct allocator_client;
struct executor;
struct framework_terms;
struct inverse_offer;
struct master;
struct offer;
struct offer_constraints;
struct operation;
struct task;

/* A role of a framework; kept after the framework has left it, for tasks that run in it. */
struct framework_role {
	struct framework *framework;
	char *name;
	struct allocator_client *client;
	bool is_left, is_suppressed;
	SLIST_ENTRY(framework_role) next;
};

/* KILL of a task that an agent may still bring along after the master's start. */
struct early_kill {
	char *task_id;
	int64_t grace_ns;	/* -1: the task's own */
	UT_hash_handle hh;
};

struct framework {
	struct master *master;
	char *id;
	Mesos__V1__FrameworkInfo *info;	/* owned, with id; NULL for a removed one of the store */
	uint32_t capabilities;		/* bit per type */
	SLIST_HEAD(, framework_role) roles;
	struct offer_constraints *constraints;	/* NULL: none */
	struct scheduler *scheduler;	/* NULL while not subscribed */
	bool is_removed;
	bool is_recovered;		/* not subscribed since the master started */
	int64_t deadline_ms;		/* of failover; INT64_MAX: none */
	int64_t deadline_wall_ms;	/* the same, for the record; 0: none */
	TAILQ_ENTRY(framework) in_awaited;	/* while there is one */
	int64_t registered_wall_ms, reregistered_wall_ms, unregistered_wall_ms;
	struct task *tasks;		/* by id */
	struct operation *operations;	/* with an id, and not acknowledged; by that */
	struct early_kill *early_kills;	/* by task id */
	LIST_HEAD(, offer) offers;
	LIST_HEAD(, inverse_offer) inverse_offers;
	unsigned n_fresh_offers;	/* not told yet: at the head of OFFERS */
	struct ended_tasks ended;	/* of its tasks, those that are remembered */
	struct ended_task *ended_by_id;	/* of them; of those with one id the last */
	size_t n_ended;
	bool is_kept;			/* removed, and remembered with its tasks */
	TAILQ_ENTRY(framework) in_kept;
	LIST_HEAD(, executor) executors;	/* on all agents */
	unsigned n_schedulers;		/* that point here, ended ones too */
	struct framework_counters counters;
	UT_hash_handle hh;
};

/* Packed: a tenth of the memory, and of the allocations, of the message. */
struct queued_event {
	STAILQ_ENTRY(queued_event) next;
	size_t size;
	uint8_t data[];
};

struct scheduler {
	struct master *master;
	struct framework *framework;
	scheduler_event_fn *event;
	void *arg;
	bool is_over;		/* failed over or removed: freed after its ERROR */
	bool is_closed;		/* disconnected: no event any more */
	bool is_pending;
	int64_t next_heartbeat_ms;
	STAILQ_HEAD(, queued_event) events;
	size_t n_events;
	TAILQ_ENTRY(scheduler) all, in_pending;
};

enum {
	SCHEDULER_HEARTBEAT_MS = 15000,
	SCHEDULER_MAX_EVENTS = 100000,
	MAX_REMOVED_FRAMEWORKS = 10000,
	MAX_EARLY_KILLS = 10000,	/* of one framework */
};

/* Read the records of kind "framework". */
int frameworks_load(struct master *master, int64_t now_ms, struct err *e);
void frameworks_free(struct master *master);
/* Removes a framework whose failover timeout has passed. */
void frameworks_turn(struct master *master, int64_t now_ms);
int64_t frameworks_next_ms(const struct master *master);
/* Deliver what is queued; true if anything was (subscription.c). */
bool schedulers_deliver(struct master *master);
void schedulers_free(struct master *master);
/* Heartbeats. */
void schedulers_turn(struct master *master, int64_t now_ms);
int64_t schedulers_next_ms(const struct master *master);

struct framework *framework_find(const struct master *master, const char *id);
/*
 * For what an agent brings: the framework, if need be as far as it is known from there.  -EINVAL: it
 * has no valid id.
 */
int framework_find_or_recover(struct master *master, const Mesos__V1__FrameworkInfo *info,
			      struct framework **ret, struct err *e);
bool framework_is_capable(const struct framework *framework,
		   Mesos__V1__FrameworkInfo__Capability__Type capability);
/* Make or find the role; the result lives as long as the framework. */
struct framework_role *framework_role_get(struct framework *framework, const char *name);
/* Whether the allocator may offer, by subscription and suppression. */
void framework_update_clients(struct framework *framework);
/* Keep a KILL until recovery is over; what cannot be kept the framework asks for again. */
void framework_keep_kill(struct framework *framework, const char *task_id, int64_t grace_ns);
/* Was one kept for TASK_ID?  It is then forgotten, and *ret_grace_ns is its grace period. */
bool framework_take_kill(struct framework *framework, const char *task_id, int64_t *ret_grace_ns);
void frameworks_forget_kills(struct master *master);
/* TEARDOWN, or the end of the failover timeout: tasks are killed, the id is burnt. */
void framework_remove(struct framework *framework, const char *why);

/* Its place in the tables; INFO is copied, ID is what info->id shall be. */
int framework_new(struct master *master, const char *id, const Mesos__V1__FrameworkInfo *info,
		  struct framework **ret, struct err *e);
/* What it says of itself from now on; user and checkpointing stay as they were. */
int framework_set_info(struct framework *framework, const Mesos__V1__FrameworkInfo *info,
		       struct err *e);
/*
 * Valid TERMS, but for their info; *constraints are taken over.  What was suppressed and is not any
 * more is revived, and so is every role with IS_FRESH.
 */
void framework_take_terms(struct framework *framework, const struct framework_terms *terms,
			  struct offer_constraints **constraints, bool is_fresh);
/* UPDATE_FRAMEWORK.  -EINVAL: it stays as it was.  Offers to roles that it leaves are rescinded. */
int framework_update(struct framework *framework,
		     const Mesos__V1__Scheduler__Call__UpdateFramework *update, struct err *e);
int framework_put(const struct framework *framework, struct err *e);
/* It is gone: its failover timeout starts, and goes on while this master is away. */
void framework_start_failover(struct framework *framework, int64_t now_ms);
void framework_stop_failover(struct framework *framework);
/* After the master was away: what was recorded goes on, or starts for who was connected then. */
void framework_resume_failover(struct framework *framework, int64_t deadline_wall_ms,
			       int64_t now_ms);
void framework_await_return(struct framework *framework, int64_t now_ms);

/* Queue a copy of EVENT; -ENOTCONN while not subscribed. */
int framework_send(struct framework *framework, const Mesos__V1__Scheduler__Event *event);
int framework_send_status(struct framework *framework, const Mesos__V1__TaskStatus *status);

/* Ends the subscription from the master's side: nothing but ERROR is delivered any more. */
void scheduler_end(struct scheduler *scheduler, const char *message);
int scheduler_queue(struct scheduler *scheduler, const Mesos__V1__Scheduler__Event *event);

#endif
