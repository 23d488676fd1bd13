/* Who is offered what: by weighted dominant share over a tree of roles, within quotas. */
#ifndef MASTER_STUB_ALLOCATOR_H
#define MASTER_STUB_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/quantities.h"

struct allocator;
struct allocator_client;
struct allocator_node;
struct resources;
struct rng;

/*
 * Pure bookkeeping: nodes have resources, clients (a framework in one role) are charged for parts
 * of them, and what is free on a node is granted to one client, all that the quota of its role
 * allows.  Work is done by event: nodes on which something changed since the last run are looked at
 * against the active clients that may want them, and clients that changed against the nodes.
 *
 * Roles are paths ("eng/web").  A role's share is what it and the roles below it have of the
 * cluster, of the resource of which that is most, divided by its weight; at each level of the tree
 * the smallest is served first, then who had fewer grants, then by name.  Clients of a role that
 * has roles below it are together one more member of it (reference/mesos.md section 5).
 */
struct allocator_options {
	int64_t interval_ms;	/* shortest filter; ends of filters are rounded up to it */
	/* A grant has at least all of one of these; none: whatever it is. */
	const struct quantities *min;	/* borrowed until allocator_new() returns */
	size_t n_min;
	/*
	 * Is the node one for this client, whatever is free on it?  NULL: all are for all.  The
	 * answer holds until one of both is touched.
	 */
	bool (*accepts)(const void *node_owner, const void *client_owner);
	/* May it be granted what is reserved more than once?  In the same way; NULL: all may. */
	bool (*takes_refined)(const void *client_owner);
};

/* RNG is borrowed: the order in which nodes are handed out is shuffled with it. */
struct allocator *allocator_new(const struct allocator_options *options, struct rng *rng);
/* Nodes and clients must be gone. */
void allocator_free(struct allocator *allocator);

/* OWNER is the caller's, given back in grants.  TOTAL is copied.  New nodes are not active. */
int allocator_node_new(struct allocator *allocator, void *owner, const struct resources *total,
		       struct allocator_node **ret);
/* What was charged on the node is released from its clients by the caller before. */
void allocator_node_free(struct allocator_node *node);
int allocator_node_set_total(struct allocator_node *node, const struct resources *total);
/* Only what is free on active nodes is granted. */
void allocator_node_set_active(struct allocator_node *node, bool is_active);
/* It is another one for accepts() now. */
void allocator_node_touch(struct allocator_node *node);
const struct resources *allocator_node_total(const struct allocator_node *node);
const struct resources *allocator_node_used(const struct allocator_node *node);

/* NAME decides between equals, so that runs replay.  New clients are not active. */
int allocator_client_new(struct allocator *allocator, void *owner, const char *name,
			 const char *role, struct allocator_client **ret);
void allocator_client_free(struct allocator_client *client);
/* In the place of the options'; copied.  -ENOMEM: nothing changed. */
int allocator_client_set_min(struct allocator_client *client, const struct quantities *min,
			     size_t n);
/* -ENOMEM: it is not active. */
int allocator_client_set_active(struct allocator_client *client, bool is_active);
/* Forget every filter of CLIENT and look at all nodes. */
void allocator_client_revive(struct allocator_client *client);
/* It is another one for accepts() now: look at all nodes, but keep its filters. */
void allocator_client_touch(struct allocator_client *client);
double allocator_client_share(const struct allocator_client *client);

/* PART of NODE is CLIENT's.  -ENOMEM: nothing was charged. */
int allocator_charge(struct allocator_node *node, struct allocator_client *client,
		     const struct resources *part);
/* The reverse; PART was charged to the same two. */
void allocator_release(struct allocator_node *node, struct allocator_client *client,
		       const struct resources *part);

/*
 * CLIENT does not want PART of NODE, or less, until FOR_MS from now (rounded up, at most a year).
 * -ENOMEM: there is no filter then.
 */
int allocator_refuse(struct allocator_node *node, struct allocator_client *client,
		     const struct resources *part, int64_t for_ms, int64_t now_ms);

/* ROLE's share counts for 1/WEIGHT, which is above zero; 1 until set.  -ENOMEM. */
int allocator_set_weight(struct allocator *allocator, const char *role, double weight);

/*
 * Of a top-level role and all below it: what is held back for it until it has that much, and what
 * it never has more of (INT64_MAX: no limit).  What is reserved for it counts as had.
 */
struct allocator_quota {
	struct quantities guarantee, limit;
};
extern const struct allocator_quota allocator_no_quota;
int allocator_set_quota(struct allocator *allocator, const char *role,
			const struct allocator_quota *quota);
/* What guarantees lack beyond all that is free. */
struct quantities allocator_lack(const struct allocator *allocator);
/* What ROLE has in the sense of quota. */
struct quantities allocator_consumed(const struct allocator *allocator, const char *role);

/*
 * PART (borrowed) of the node is charged to the client when this is called; a negative result
 * releases it again, and the node waits for its next change.  May charge and release, but not make
 * or free nodes and clients.
 */
typedef int allocator_grant_fn(void *arg, void *node_owner, void *client_owner,
			       const struct resources *part);

/* Returns the number of grants. */
size_t allocator_run(struct allocator *allocator, int64_t now_ms, allocator_grant_fn *grant,
		     void *arg);
/* Is there work for a run at NOW? */
bool allocator_is_due(const struct allocator *allocator, int64_t now_ms);
/* When the next filter ends or what was held back is looked at again, or INT64_MAX. */
int64_t allocator_next_ms(const struct allocator *allocator);

struct allocator_stats {
	uint64_t runs, grants, filters;		/* filters: now active */
};
struct allocator_stats allocator_stats(const struct allocator *allocator);
const struct quantities *allocator_total(const struct allocator *allocator);
const struct quantities *allocator_used(const struct allocator *allocator);

struct allocator_role {
	const char *path;
	double share;			/* that it is served by */
	uint64_t n_filters;		/* of its clients */
	bool has_quota;
	struct allocator_quota quota;
	struct quantities consumed;
};
/* Those with clients, active or not, and those above them. */
void allocator_each_role(const struct allocator *allocator,
			 void (*fn)(void *arg, const struct allocator_role *role), void *arg);

#endif
