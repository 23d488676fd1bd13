/* What the files of the allocator share; see allocator.h for what it does. */
#ifndef MASTER_STUB_ALLOCATOR_PARTS_H
#define MASTER_STUB_ALLOCATOR_PARTS_H

#include <sys/queue.h>

#include "lib/hash.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/allocator_shares.h"

/* ---- sets of clients, by id ---- */

struct client_set {
	uint64_t *words;
	size_t n;
};

static inline bool client_set_has(const struct client_set *set, uint32_t id)
{
	return id / 64 < set->n && set->words[id / 64] >> id % 64 & 1;
}

int client_set_add(struct client_set *set, uint32_t id);	/* -ENOMEM */
void client_set_remove(struct client_set *set, uint32_t id);

/* ---- top-level roles, for quota (allocator_quota.c) ---- */

struct top_role {
	char *name;
	unsigned n_users;		/* roles, quota, and nodes with reservations for it */
	struct share *share;		/* while there are clients; or NULL */
	bool has_quota;
	struct allocator_quota quota;
	struct quantities reserved;	/* for it and those below it, on all nodes */
	struct quantities used;		/* by them, of what is not reserved */
	UT_hash_handle hh;
};

int top_role_get(struct allocator *allocator, const char *role, struct top_role **ret);
void top_role_put(struct allocator *allocator, struct top_role *top);
/* Its clients have come, or (NULL) gone. */
void top_role_set_share(struct top_role *top, struct share *share);
void top_role_charge(struct allocator *allocator, struct top_role *top,
		     const struct resources *part, int sign);
/* Reservations on a node that is there from now on, or no more.  -ENOMEM only if it is. */
int quota_add_node(struct allocator *allocator, const struct resources *total);
void quota_remove_node(struct allocator *allocator, const struct resources *total);
/* What is free on active nodes and everybody's has changed on NODE. */
void quota_update_available(struct allocator_node *node);
/* Of the scalars of PART that are not reserved, leave what the quotas allow TOP to be granted. */
enum quota_stage { QUOTA_GUARANTEES, QUOTA_FAIR_SHARE };
/* Returns whether anything is to be granted in STAGE; *ret_is_cut: and whether anything is not. */
bool quota_cut(const struct allocator *allocator, const struct top_role *top,
	       enum quota_stage stage, struct resources *part, bool *ret_is_cut);

/* ---- roles (allocator_clients.c) ---- */

struct role {
	struct share share;
	struct share own;		/* of its own clients, in share */
	struct role *parent;		/* NULL: top-level */
	struct top_role *top;
	char *path;
	unsigned n_users;		/* clients, and roles below */
	uint64_t n_filters;		/* of its clients */
	UT_hash_handle hh;
};

/* A run has asked them all. */
void clients_forget_fresh(struct allocator *allocator);

struct role_weight {
	char *path;
	double weight;
	UT_hash_handle hh;
};

struct allocator_client {
	struct share share;
	struct allocator *allocator;
	void *owner;
	struct role *role;
	uint32_t id;			/* small, given again */
	bool is_active;
	uint64_t n_filters;
	struct quantities *min;		/* NULL: the allocator's */
	size_t n_min;
};

/* ---- nodes (allocator.c) ---- */

struct filter {
	struct refused *refused;
	int64_t until_ms;
	uint32_t client;
};

/* What is free on a node, compared with when it was last looked at. */
enum seen_state {
	SEEN_NOTHING_NEW,
	SEEN_GRANTED,		/* all of it was granted, and nothing else happened */
	SEEN_STALE,
};

/* Why a node is to be looked at. */
enum node_mark {
	NODE_CLEAN,
	NODE_FOR_FRESH,		/* for clients that changed only */
	NODE_FOR_ALL,
};

struct allocator_node {
	struct allocator *allocator;
	void *owner;
	struct resources total, used;
	bool is_active;
	enum node_mark mark, run_mark;	/* for the next run, and in this one */
	uint32_t marked_index;		/* in the array of marked nodes */

	/*
	 * When it was last looked at, this was free; and those in BLOCKED want nothing of that,
	 * as long as no filter of theirs ends.
	 */
	struct resources seen;
	enum seen_state seen_state;
	struct client_set blocked;

	struct client_set refusers;	/* that have filters here */
	struct filter *filters;
	uint32_t n_filters, n_sorted, cap_filters;
	uint32_t heap_index;		/* while it has filters */
	int64_t next_end_ms;		/* of its filters, or earlier */
	struct refused *last_refused;	/* borrowed from one of the filters, or NULL */

	struct quantities available;	/* its part of the allocator's */
	bool is_withheld;		/* something was not granted for a quota's sake */
	TAILQ_ENTRY(allocator_node) all, in_withheld;
};

struct allocator {
	struct allocator_options options;
	struct rng *rng;
	TAILQ_HEAD(, allocator_node) nodes;
	struct allocator_node **marked, **candidates;	/* room for every node in each */
	struct allocator_node **heap;	/* those with filters, by their next end */
	size_t n_nodes, n_marked, n_heap, cap_nodes;

	struct allocator_client **clients;	/* by id, with holes */
	size_t n_client_ids, cap_client_ids;
	size_t least_free_id;		/* no lower one is */
	struct client_set active, fresh, wanted;	/* fresh: changed since the last run */
	size_t n_fresh;
	struct share_tree shares;
	struct role *roles;		/* by path */
	struct role_weight *weights;	/* by path; those that are not 1 */

	struct top_role *tops;		/* by name */
	unsigned n_quotas;
	struct quantities available;	/* free, everybody's, on active nodes */
	struct quantities required;	/* of that: what guarantees still lack */
	TAILQ_HEAD(, allocator_node) withheld;
	int64_t retry_ms;		/* when withheld nodes are looked at again; INT64_MAX: never */

	int64_t now_ms;			/* of the last run */
	struct allocator_stats stats;
};

void node_mark(struct allocator_node *node);
void node_unmark(struct allocator_node *node);
void node_withhold(struct allocator_node *node);
void nodes_mark_all(struct allocator *allocator);
/* What was withheld may be granted when the interval is over. */
void nodes_retry_withheld(struct allocator *allocator);

/* ---- filters (allocator_filters.c) ---- */

bool is_refused(struct allocator_node *node, const struct allocator_client *client,
		const struct resources *part);
void filters_expire(struct allocator *allocator, int64_t now_ms);
int64_t filters_next_ms(const struct allocator *allocator);
void node_drop_filters(struct allocator_node *node);
void client_drop_filters(struct allocator_client *client);

/* ---- one run (allocator_run.c) ---- */

struct pass {
	struct allocator *allocator;
	enum quota_stage stage;
	allocator_grant_fn *grant;
	void *arg;
	size_t n_grants;
};

/* Grant what is free on NODE, if anybody wants it. */
void pass_node(struct pass *pass, struct allocator_node *node);

#endif
