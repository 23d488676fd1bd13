/* The agents: who was admitted, who is there, who has not been heard of. */
#ifndef MASTER_STUB_REGISTRY_H
#define MASTER_STUB_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "master_stub/directory.h"
#include "master_stub/machines.h"
#include "proto/tepui.pb-c.h"

struct allocator_node;
struct err;
struct executor;
struct inverse_offer;
struct leave;
struct master;
struct offer;
struct operation;
struct resources;
struct task;

enum agent_state {
	AGENT_RECOVERING,	/* known from the store, has not come back yet */
	AGENT_CONNECTED,
	AGENT_DISCONNECTED,	/* its stream ended; it has until the pings are missed */
	AGENT_UNREACHABLE,	/* may come back */
	AGENT_GONE,		/* may not */
};

/* What operators want of an agent's tasks; a value, recorded with the agent. */
struct drain {
	Mesos__V1__DrainState state;	/* UNKNOWN: they may stay */
	bool is_marking_gone;		/* the agent goes with the last of them */
	int64_t max_grace_ns;		/* -1: as long as each task has */
	int64_t started_wall_ms;	/* when the agent was first told; 0: not yet */
};

struct agent {
	struct master *master;
	char *id;
	Mesos__V1__AgentInfo *info;	/* owned, with id */
	char *boot_id, *version;	/* owned or NULL */
	int64_t dialed_boot_ms;		/* in that boot, by its clock; 0: not told */
	char *origin;			/* see origin.h; owned or NULL */
	bool has_spoken;		/* so it knows its id */
	char *endpoint;			/* ADDRESS:PORT to reach it by; NULL: its hostname and port */
	char *address;			/* at which tasks that have its network are reached; or NULL */
	char *degraded;			/* why it takes no tasks, and is not offered; or NULL */
	enum agent_state state;		/* set by registry_set_state() */
	bool is_deactivated;		/* not offered until an operator reactivates it */
	struct drain drain;
	struct unavailability unavailability;	/* its machine's; set by maintenance_place() */
	void *stream;			/* the shell's; NULL unless connected */
	struct allocator_node *node;	/* NULL while recovering, unreachable or gone */
	TAILQ_HEAD(, task) tasks;
	LIST_HEAD(, offer) offers;
	LIST_HEAD(, inverse_offer) inverse_offers;
	LIST_HEAD(, executor) executors;
	LIST_HEAD(, operation) operations;	/* with an id, and not acknowledged */
	unsigned n_operations;
	bool gives_feedback;		/* it tells what becomes of them */
	struct directory_node directory;		/* as others are told of it */
	struct reader reader;		/* and what it is told of others */
	struct leave *leave;		/* its DRAIN waits */

	bool is_ping_open, is_pinged;	/* unanswered ping; in the queue of pings */
	bool is_overdue;		/* in the queue of those to be marked unreachable */
	bool is_draining;		/* in the list of those that shall become drained */
	unsigned missed_pings;
	int64_t next_ping_ms, unreachable_ms;
	int64_t registered_wall_ms, reregistered_wall_ms, unreachable_wall_ms, gone_wall_ms;

	TAILQ_ENTRY(agent) in_pings, in_overdue, in_draining, in_scheduled;
	UT_hash_handle hh, hh_stream, hh_origin;
};

/* Read the records of kind "agent". */
int registry_load(struct master *master, struct err *e);
void registry_free(struct master *master);

struct agent *registry_find(const struct master *master, const char *id);
void registry_set_state(struct agent *agent, enum agent_state state);
/* Connected and not deactivated; the other registered ones are inactive. */
bool agent_is_active(const struct agent *agent);
size_t registry_count_active(const struct master *master, size_t *ret_inactive);
/* Are there agents that may still come back with tasks after the master's start? */
bool registry_is_recovering(const struct master *master);

/* What is due: pings, agents that have missed too many, and drained ones. */
void registry_turn(struct master *master, int64_t now_ms);
int64_t registry_next_ms(const struct master *master);

const char *registry_state_name(enum agent_state state);

/* A new row of the registry; INFO (copied) has no id or the same. */
int registry_add(struct master *master, const char *id, const Mesos__V1__AgentInfo *info,
	      struct agent **ret, struct err *e);
/* Out of every table, with its tasks and offers. */
void registry_drop(struct agent *agent);
/* The same, and off the disk. */
int registry_forget(struct agent *agent, struct err *e);
/* From now on the connected AGENT has TOTAL, as it would tell when it comes back.  -ENOMEM. */
int registry_set_total(struct agent *agent, const struct resources *total, struct err *e);
/* Write the agent's record. */
int registry_put(const struct agent *agent, struct err *e);

/* ---- presence.c ---- */

/* Its stream has ended: no offers until it is back. */
void registry_disconnect(struct agent *agent);
/* Nothing is known of its present stream any more. */
void registry_drop_stream(struct agent *agent);
/* Out of the queues of those that are waited for. */
void registry_stop_waiting(struct agent *agent);
/* Offered or not, by its connection, its health and its operators; outstanding offers follow. */
void registry_update_offering(struct agent *agent);
/* WHY it would take no task now, in its own words (borrowed), or NULL: it would. */
void registry_set_degraded(struct agent *agent, const char *why);
/* (Re)start counting missed pings. */
void registry_start_pings(struct agent *agent, int64_t now_ms);
/* Any sign of life. */
void registry_heard(struct agent *agent);
/*
 * It will never come back: its tasks are told as gone, it is shut down if it is connected and when
 * it ever comes.  On disk first: on failure nothing has changed.
 */
int registry_mark_gone(struct agent *agent, const char *why, struct err *e);

/* ---- registry_send.c ---- */

/* Queue events on a connected agent's stream; nothing happens to others. */
void registry_send(struct agent *agent, const Tepui__AgentEvent *event);
/* FEEDBACK: who is to be told of it; NULL if it has no id. */
void registry_send_apply(struct agent *agent, const Mesos__V1__Offer__Operation *operation,
			 const struct operation *feedback);
void registry_send_acknowledge_operation(struct agent *agent, const char *framework_id,
					 const char *operation_id,
					 const ProtobufCBinaryData *uuid);
void registry_send_ping(struct agent *agent);
void registry_send_shutdown(struct agent *agent);
/* As its record says: to drain, or to take tasks. */
void registry_send_drain(struct agent *agent);
void registry_send_kill(struct agent *agent, const struct task *task);
void registry_send_message(struct agent *agent, char *framework_id,
			   Mesos__V1__ExecutorID *executor_id, const ProtobufCBinaryData *data);
void registry_send_shutdown_executor(struct agent *agent, char *framework_id,
				     Mesos__V1__ExecutorID *executor_id);
void registry_send_acknowledge(struct agent *agent, const char *framework_id, const char *task_id,
			    const ProtobufCBinaryData *uuid);

#endif
