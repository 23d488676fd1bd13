/* Who is offered what: fair by dominant share, over roles and the frameworks in them. */
#ifndef MASTER_STUB_ALLOCATOR_H
#define MASTER_STUB_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct allocator;
struct allocator_client;
struct allocator_node;
struct resources;
struct rng;

/*
 * Pure bookkeeping: nodes have resources, clients (a framework in one role) are charged for parts
 * of them, and what is free on a node is granted whole to one client.  Work is done by event: only
 * nodes on which something changed since the last run are looked at, against the active clients.
 */
struct allocator_options {
	int64_t interval_ms;	/* shortest filter; ends of filters are rounded up to it */
	/* A grant has at least this much cpu, or at least that much memory. */
	double min_cpus, min_mem_mb;
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
const struct resources *allocator_node_total(const struct allocator_node *node);
const struct resources *allocator_node_used(const struct allocator_node *node);

/* NAME decides between equals, so that runs replay.  New clients are not active. */
int allocator_client_new(struct allocator *allocator, void *owner, const char *name,
			 const char *role, struct allocator_client **ret);
void allocator_client_free(struct allocator_client *client);
/* Nodes with gpus are granted only to those that take them. */
void allocator_client_set_gpus(struct allocator_client *client, bool takes_gpus);
/* Becoming active looks at all nodes. */
void allocator_client_set_active(struct allocator_client *client, bool is_active);
/* Forget every filter of CLIENT and look at all nodes. */
void allocator_client_revive(struct allocator_client *client);
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
/* When the next filter ends, or INT64_MAX. */
int64_t allocator_next_ms(const struct allocator *allocator);

struct allocator_stats {
	uint64_t runs, grants, filters;		/* filters: now active */
};
struct allocator_stats allocator_stats(const struct allocator *allocator);
const struct resources *allocator_total(const struct allocator *allocator);	/* scalars only */

#endif
