#include "master_stub/allocator_shares.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- one order ---- */

static int compare_siblings(const struct share *a, const struct share *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->key_grants != b->key_grants)
		return a->key_grants < b->key_grants ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int compare_pointers(const void *a, const void *b)
{
	return compare_siblings(*(struct share *const *)a, *(struct share *const *)b);
}

/* The first place in [LOW, HIGH) whose share is not before SHARE. */
static size_t search(const struct share_order *order, const struct share *share, size_t low,
		     size_t high)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_siblings(order->items[middle], share) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int reserve(struct share_order *order)
{
	size_t cap = order->cap ? order->cap * 2 : 4;
	struct share **grown;

	if (order->n < order->cap)
		return 0;
	grown = reallocarray(order->items, cap, sizeof(struct share *));
	if (!grown)
		return -ENOMEM;
	order->items = grown;
	order->cap = cap;
	return 0;
}

/* There is room: see reserve(). */
static void insert(struct share_order *order, struct share *share)
{
	size_t i = search(order, share, 0, order->n);

	memmove(&order->items[i + 1], &order->items[i],
		(order->n - i) * sizeof(struct share *));
	order->items[i] = share;
	order->n++;
}

/* SHARE still has the key that it was put there by. */
static void take_out(struct share_order *order, const struct share *share)
{
	size_t i = search(order, share, 0, order->n);

	order->n--;
	memmove(&order->items[i], &order->items[i + 1],
		(order->n - i) * sizeof(struct share *));
}

static void sort(struct share_order *order)
{
	for (size_t i = 1; i < order->n; i++) {
		/* Mostly they are in order already, and then this is all. */
		if (compare_siblings(order->items[i - 1], order->items[i]) > 0) {
			qsort(order->items, order->n, sizeof(struct share *), compare_pointers);
			return;
		}
	}
}

/* ---- the tree ---- */

void share_tree_init(struct share_tree *tree)
{
	*tree = (struct share_tree){ .root = { .tree = tree, .weight = 1 } };
	STAILQ_INIT(&tree->stale);
}

void share_tree_done(struct share_tree *tree)
{
	free(tree->root.members.items);
	free(tree->hungry.items);
}

void share_tree_grow(struct share_tree *tree, const struct quantities *part, int sign)
{
	quantities_add(&tree->total, part, sign);
	tree->is_total_stale = true;
}

static void mark_stale(struct share *share)
{
	if (share->is_stale || !share->parent)
		return;
	share->is_stale = true;
	STAILQ_INSERT_TAIL(&share->tree->stale, share, in_stale);
}

static void update_key(struct share *share)
{
	share->key = quantities_dominant_share(&share->used, &share->tree->total) / share->weight;
	share->key_grants = share->n_grants;
}

static void settle_hunger(struct share *share)
{
	bool is_due = share->is_hungry && share->is_listed;
	struct share_order *hungry = &share->tree->hungry;

	if (share->is_listed_hungry == is_due)
		return;
	/* For want of memory it is served with the others. */
	if (is_due && reserve(hungry) == 0)
		insert(hungry, share);
	else if (!is_due)
		take_out(hungry, share);
	else
		return;
	share->is_listed_hungry = is_due;
}

static void settle_one(struct share *share)
{
	share->is_stale = false;
	if (share->is_listed_hungry) {
		take_out(&share->tree->hungry, share);
		share->is_listed_hungry = false;
	}
	if (share->is_listed)
		take_out(&share->parent->members, share);
	update_key(share);
	if (share->is_listed)
		insert(&share->parent->members, share);
	settle_hunger(share);
}

static void resort(struct share *share)
{
	for (size_t i = 0; i < share->members.n; i++) {
		update_key(share->members.items[i]);
		resort(share->members.items[i]);
	}
	sort(&share->members);
}

void share_tree_settle(struct share_tree *tree)
{
	struct share *share;

	if (tree->is_total_stale) {
		resort(&tree->root);
		sort(&tree->hungry);
		tree->is_total_stale = false;
	}
	while ((share = STAILQ_FIRST(&tree->stale))) {
		STAILQ_REMOVE_HEAD(&tree->stale, in_stale);
		settle_one(share);
	}
}

/* ---- shares ---- */

int share_init(struct share *share, struct share *parent, const char *name, void *owner)
{
	char *copy = strdup(name);

	if (!copy)
		return -ENOMEM;
	*share = (struct share){
		.tree = parent->tree, .parent = parent, .owner = owner, .name = copy, .weight = 1,
	};
	return 0;
}

void share_done(struct share *share)
{
	share_unlist(share);
	if (share->is_stale)
		STAILQ_REMOVE(&share->tree->stale, share, share, in_stale);
	free(share->members.items);
	free(share->name);
}

int share_list(struct share *leaf)
{
	struct share *share;

	for (share = leaf; share->parent; share = share->parent) {
		if (!share->is_listed && reserve(&share->parent->members) < 0)
			return -ENOMEM;
	}
	for (share = leaf; share->parent && !share->is_listed; share = share->parent) {
		update_key(share);
		insert(&share->parent->members, share);
		share->is_listed = true;
		if (share->is_hungry)
			mark_stale(share);
	}
	return 0;
}

void share_unlist(struct share *leaf)
{
	struct share *share;

	for (share = leaf; share->parent && share->is_listed; share = share->parent) {
		if (share != leaf && share->members.n > 0)
			return;
		take_out(&share->parent->members, share);
		share->is_listed = false;
		if (share->is_listed_hungry)
			take_out(&share->tree->hungry, share);
		share->is_listed_hungry = false;
	}
}

void share_charge(struct share *leaf, const struct quantities *part, int sign)
{
	for (struct share *share = leaf; share; share = share->parent) {
		quantities_add(&share->used, part, sign);
		mark_stale(share);
	}
}

void share_count_grant(struct share *leaf)
{
	for (struct share *share = leaf; share; share = share->parent) {
		share->n_grants++;
		mark_stale(share);
	}
}

void share_set_weight(struct share *share, double weight)
{
	share->weight = weight;
	mark_stale(share);
}

void share_set_hungry(struct share *share, bool is_hungry)
{
	if (share->is_hungry == is_hungry)
		return;
	share->is_hungry = is_hungry;
	mark_stale(share);
}

static unsigned depth(const struct share *share)
{
	unsigned n = 0;

	for (; share->parent; share = share->parent)
		n++;
	return n;
}

int share_compare(const struct share *a, const struct share *b)
{
	unsigned depth_a, depth_b;

	if (a->parent == b->parent)
		return compare_siblings(a, b);
	depth_a = depth(a);
	depth_b = depth(b);
	for (; depth_a > depth_b; depth_a--)
		a = a->parent;
	for (; depth_b > depth_a; depth_b--)
		b = b->parent;
	while (a->parent != b->parent) {
		a = a->parent;
		b = b->parent;
	}
	return compare_siblings(a, b);
}
