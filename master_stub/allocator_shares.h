/*
 * Who is next: a tree of roles with clients as its leaves, the members of each role in the order of
 * weighted dominant share.  Charging somebody costs as much as its way to the root is long: the
 * order is mended before it is looked at, only around those that were charged.
 */
#ifndef MASTER_STUB_ALLOCATOR_SHARES_H
#define MASTER_STUB_ALLOCATOR_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/quantities.h"

struct share;

struct share_order {
	struct share **items;
	size_t n, cap;
};

/* In a role, in what a role's own clients have together, or in a client. */
struct share {
	struct share_tree *tree;
	struct share *parent;		/* NULL: the root */
	void *owner;			/* a client, or NULL */
	char *name;			/* unique in its parent; decides between equals */
	double weight;
	struct quantities used;		/* by it and all below it */
	uint64_t n_grants;
	double key;			/* what it is ordered by, as of when that was done */
	uint64_t key_grants;
	bool is_listed;			/* among its parent's members: a client below is active */
	bool is_stale;			/* its key is not what it would be now */
	bool is_hungry, is_listed_hungry;
	struct share_order members;
	STAILQ_ENTRY(share) in_stale;
};

struct share_tree {
	struct share root;
	struct quantities total;	/* that shares are of */
	struct share_order hungry;	/* members of the root with unsatisfied guarantees */
	bool is_total_stale;
	STAILQ_HEAD(, share) stale;
};

void share_tree_init(struct share_tree *tree);
void share_tree_done(struct share_tree *tree);
/* What there is has become more or less: all keys are other ones. */
void share_tree_grow(struct share_tree *tree, const struct quantities *part, int sign);
/* Afterwards everything that is listed is in order. */
void share_tree_settle(struct share_tree *tree);

/* NAME is copied; -ENOMEM.  New ones are not listed. */
int share_init(struct share *share, struct share *parent, const char *name, void *owner);
/* Nothing is charged to it, and it has no members. */
void share_done(struct share *share);
/* Room in the orders is made for it before: -ENOMEM with everything as it was. */
int share_list(struct share *leaf);
void share_unlist(struct share *leaf);
void share_charge(struct share *leaf, const struct quantities *part, int sign);
void share_count_grant(struct share *leaf);
void share_set_weight(struct share *share, double weight);
/* A member of the root that has, or has not, less than it is guaranteed. */
void share_set_hungry(struct share *share, bool is_hungry);
/* Below zero when A is to be served before B, two leaves of a settled tree. */
int share_compare(const struct share *a, const struct share *b);

#endif
