/* The master's core: a state machine without I/O (DESIGN.md decision 2). */
#ifndef MASTER_STUB_MASTER_H
#define MASTER_STUB_MASTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/master.pb-c.h"
#include "proto/tepui.pb-c.h"

struct err;
struct master;
struct metrics;
struct rng;
struct store;

/* NOW is always the boot clock in milliseconds; WALL only where a time is shown or recorded. */
struct master_options {
	int64_t agent_ping_ms;			/* 15,000 */
	unsigned agent_max_missed_pings;	/* 5 */
	int64_t agent_removal_interval_ms;	/* 0; between two that become unreachable */
	int64_t offer_timeout_ms;		/* 30,000; 0: none */
	int64_t allocation_interval_ms;		/* 1,000: shortest filter; the rest is by event */
	int64_t reregister_timeout_ms;		/* 600,000: for agents known from the store */
	const char *min_allocatable_resources;	/* borrowed; "cpus:0.01|mem:32" */
	bool filter_gpu_resources;		/* true: agents with gpus are for those that take them */
	const char *domain;			/* borrowed; JSON of DomainInfo, or NULL */
	const char *roles;			/* borrowed; "eng,ops": there are no others; or NULL */
	const char *weights;			/* borrowed; "eng=2,ops=0.5" while none is kept; or NULL */
	uint64_t max_completed_tasks;		/* 1,000: remembered of each framework */
	uint64_t max_completed_frameworks;	/* 50 */
	const char *hostname;			/* borrowed; of master_info */
	uint16_t port;
	const char *service_addresses;		/* borrowed; "10.96.0.0/16": of which named services get theirs */
	const char *service_node_ports;		/* borrowed; "30000-30999": that services may have at every node */
	int64_t service_drain_ms;		/* 1,000: agents have to stop sending connections to who is killed */
	uint64_t skip_ids;			/* state is an old backup: leave out so many ids */
};
extern const struct master_options master_default_options;

/* How the core reaches the outside; all called from master_turn() or from a call's inside. */
struct master_io {
	/* Queue EVENT (borrowed) on the stream of the agent whose shell handle is STREAM. */
	void (*agent_event)(void *arg, void *stream, const Tepui__AgentEvent *event);
	/* Bytes that were queued there and have not left; NULL: nothing is known of it. */
	size_t (*agent_queued)(void *arg, void *stream);
	/* The core is done with the stream: close it after what is queued. */
	void (*agent_close)(void *arg, void *stream);
	/* For operators' streams and logs: one sentence on what was decided and why. */
	void (*explain)(void *arg, const char *sentence);
	/* For operators' streams, only while master_set_observed(). */
	void (*operator_event)(void *arg, const Mesos__V1__Master__Event *event);
	int64_t (*wall_ms)(void *arg);
	/* Only to measure how long things take, for metrics; NULL: they are not measured. */
	int64_t (*stopwatch_ns)(void *arg);
	void *arg;
};

/* Loads what STORE (borrowed) holds; RNG borrowed.  Starts a new epoch. */
int master_new(const struct master_options *options, const struct master_io *io,
	       struct store *store, struct rng *rng, int64_t now_ms, struct master **ret,
	       struct err *e);
void master_free(struct master *master);

/*
 * An agent's stream.  CALL is its SUBSCRIBE.  -EEXIST: another live agent has this id (the first
 * is not disturbed); -EPERM: this id belongs to another cluster; -EAGAIN: its machine is down.
 * STREAM is the shell's handle, given back in master_io.  1: the agent is gone for good; it has been
 * told to leave, and STREAM is closed.
 */
int master_agent_subscribe(struct master *master, const Tepui__AgentCall *call, void *stream,
			   int64_t now_ms, struct err *e);
/* Any other call.  -ENOENT: this agent is not subscribed (it shall subscribe again). */
int master_agent_call(struct master *master, const Tepui__AgentCall *call, int64_t now_ms,
		      struct err *e);
/* The stream of STREAM ended without the core's doing. */
void master_agent_lost(struct master *master, void *stream, int64_t now_ms);

/*
 * Do what is due: allocation, timeouts, and delivery of queued events to frameworks, until nothing
 * is left.  Call it after every input and when master_next_ms() has come.
 */
void master_turn(struct master *master, int64_t now_ms);
/* Boot-clock time of the next timeout, or INT64_MAX. */
int64_t master_next_ms(const struct master *master);

/* Does somebody listen to events?  Not at first. */
void master_set_observed(struct master *master, bool is_observed);

/* An operator ends FRAMEWORK_ID for good.  -EINVAL: there is none. */
int master_teardown(struct master *master, const char *framework_id, struct err *e);

/*
 * An operator's RESERVE, UNRESERVE, CREATE or DESTROY on an agent; offers are rescinded to make room.
 * PRINCIPAL is the operator's, NULL where nobody asked for it.
 * -ENOENT: no such agent; -EBUSY: it has not so much that no task uses; -EINVAL with the reason.
 */
int master_apply(struct master *master, const char *agent_id, const char *principal,
		 const Mesos__V1__Offer__Operation *operation, struct err *e);

/*
 * Quotas of top-level roles and weights of roles, all of a call or none of it.  -EINVAL in Mesos's
 * words; master_set_quota() is the older form: -EEXIST when the cluster has less.
 */
int master_update_quota(struct master *master, Mesos__V1__Quota__QuotaConfig *const *configs,
			size_t n, bool force, struct err *e);
int master_set_quota(struct master *master, const Mesos__V1__Quota__QuotaRequest *request,
		     struct err *e);
int master_remove_quota(struct master *master, const char *role, struct err *e);
int master_update_weights(struct master *master, Mesos__V1__WeightInfo *const *infos, size_t n,
			  struct err *e);
/* QuotaStatus, and a list of WeightInfo: by role; new references. */
json_t *master_quota_json(struct master *master);
json_t *master_weights_json(struct master *master);

/* Read side, new references; the field names of reference/mesos.md 3.6. */
/* What /state tells of the master itself; roles as GET_ROLES tells them.  Lists are in listing.h. */
json_t *master_head_json(const struct master *master);
json_t *master_roles_json(const struct master *master, bool is_v1);
void master_metrics(const struct master *master, int64_t now_ms, const struct metrics *metrics);
json_t *master_metrics_json(const struct master *master, int64_t now_ms);
const char *master_id(const struct master *master);
int64_t master_started_wall_ms(const struct master *master);
uint64_t master_epoch(const struct master *master);
/* Agents and frameworks that are known, in whatever state. */
void master_count(const struct master *master, size_t *ret_agents, size_t *ret_frameworks);

#endif
