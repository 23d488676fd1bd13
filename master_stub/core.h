/* What the parts of the master's core share; included by the files of the core only. */
#ifndef MASTER_STUB_CORE_H
#define MASTER_STUB_CORE_H

#include <stdint.h>
#include <sys/queue.h>

#include "lib/id.h"
#include "lib/quantities.h"
#include "lib/timings.h"
#include "master_stub/framework_metrics.h"
#include "master_stub/history.h"
#include "master_stub/machines.h"
#include "master_stub/master.h"

struct agent;
struct directory;
struct framework;
struct inverse_offer;
struct offer;
struct scheduler;

TAILQ_HEAD(agent_queue, agent);
TAILQ_HEAD(offer_queue, offer);
TAILQ_HEAD(scheduler_queue, scheduler);
TAILQ_HEAD(framework_queue, framework);
TAILQ_HEAD(task_queue, task);
LIST_HEAD(listing_list, listing);

enum { N_TASK_SOURCES = 3, N_TASK_REASONS = 35 };	/* values of TaskStatus.Source and .Reason */
enum { N_AGENT_STATES = 5 };	/* values of enum agent_state */

/*
 * That operators set something for: every call looks at each of its own, and at all.  The largest
 * guarantees of so many can be summed.
 */
enum { MAX_ROLES_IN_CALL = 1000, MAX_ROLES_KEPT = 8000 };

enum { N_AGENT_CALLS = TEPUI__AGENT_CALL__TYPE__DIRECTORY_APPLIED + 1 };

enum { N_OPERATION_STATES = MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN + 1 };

/* Since this process started; what can be counted when asked is not kept here. */
struct counters {
	uint64_t slave_registrations, slave_reregistrations;
	uint64_t slave_unreachable, slave_unreachable_scheduled, slave_unreachable_canceled;
	uint64_t slave_gone;
	uint64_t valid_status_updates, invalid_status_updates;
	uint64_t valid_acknowledgements, invalid_acknowledgements;
	uint64_t offers_sent, offers_accepted, offers_declined, offers_rescinded;
	uint64_t dropped_messages;
	uint64_t calls[N_SCHEDULER_CALLS];
	uint64_t agent_calls[N_AGENT_CALLS];	/* by agent call type */
	uint64_t tasks_ended[N_TASK_STATES];	/* by terminal state */
	uint64_t tasks_ended_by[N_TASK_STATES][N_TASK_SOURCES][N_TASK_REASONS];
	uint64_t valid_operation_updates, invalid_operation_updates;
	uint64_t valid_operation_acknowledgements, invalid_operation_acknowledgements;
	uint64_t operations_known[N_OPERATIONS];
	uint64_t operations_ended[N_OPERATIONS][N_OPERATION_STATES];
};

struct master {
	struct master_options options;
	char *hostname;
	Mesos__V1__DomainInfo *domain;	/* owned, or NULL */
	struct master_io io;
	struct store *store;
	struct rng *rng;
	struct allocator *allocator;
	struct directory *directory;

	char id[ID_UUID_SIZE];
	uint64_t epoch, next_framework, next_agent, next_offer;
	uint64_t offers_reserved;	/* offer numbers below this one are on disk as used */
	int64_t started_ms, started_wall_ms;

	struct agent *agents;		/* by id */
	struct agent *streams;		/* connected ones, by stream */
	struct agent *origins;		/* by where they dialed from */
	struct framework *frameworks;	/* by id, removed ones too: their ids are burnt */
	struct offer *offers;		/* by id */

	/* Both in order of time, because every entry waits equally long. */
	struct agent_queue pings;
	struct offer_queue offer_timeouts;
	struct agent_queue overdue;	/* to be marked unreachable, as fast as is allowed */
	struct agent_queue draining;
	size_t n_agents[N_AGENT_STATES];
	bool is_recovered;		/* no agent may still bring tasks of before the start */
	int64_t recovery_ends_ms;	/* for agents known from the store; INT64_MAX when over */
	int64_t next_cleanup_ms;	/* of agents that are unreachable for too long */
	int64_t next_unreachable_ms;	/* no agent is marked before */

	struct quota *quotas;		/* by role; those that say anything */
	struct weight *weights;		/* by role; those that were ever set */

	struct machines maintenance;
	struct agent_queue scheduled;	/* those on its machines */
	struct inverse_offer *inverse_offers;	/* open ones, by id */
	bool inverse_offers_due;
	int64_t next_inverse_walk_ms, next_inverse_offer_ms;

	size_t n_tasks[N_TASK_STATES];	/* by state; those of agents that are gone as unreachable */
	struct quantities offered;	/* by open offers */
	struct scheduler_queue schedulers;	/* all */
	struct scheduler_queue pending;		/* with events to deliver */
	struct scheduler *delivering;
	struct counters counters;
	struct timings allocations, allocation_delays;

	/* For operators. */
	struct task_queue tasks;	/* of all frameworks, in order of their launch */
	struct ended_tasks ended;	/* the same, in order of their end */
	struct framework_queue awaited;	/* those with a deadline to come back by */
	struct framework_queue kept;	/* removed ones, in order of that */
	size_t n_kept;
	struct listing_list listings;	/* under way */
	bool is_observed;		/* somebody listens to events */
};

/* Tell operators one sentence; of bounded length. */
void master_explain(struct master *master, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Put the record of ids given away.  Failure is told and tried again with the next one. */
void master_put_self(struct master *master);
int64_t master_wall_ms(const struct master *master);

/* Packed into the store; errors name kind and key. */
int master_put(struct master *master, const char *kind, const char *key,
	       const ProtobufCMessage *message, struct err *e);

#endif
