#include "master_stub/allocator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/rng.h"
#include "master_stub/allocator_parts.h"

enum { MIN_NODES = 16 };

struct allocator *allocator_new(const struct allocator_options *options, struct rng *rng)
{
	AUTO_FREE struct allocator *allocator = calloc(1, sizeof(*allocator));
	AUTO_FREE struct quantities *min = NULL;

	if (options->n_min > 0) {
		min = calloc(options->n_min, sizeof(*min));
		if (!min)
			return NULL;
		memcpy(min, options->min, options->n_min * sizeof(*min));
	}
	if (!allocator)
		return NULL;
	allocator->options = *options;
	allocator->options.min = TAKE_PTR(min);
	allocator->rng = rng;
	allocator->retry_ms = INT64_MAX;
	TAILQ_INIT(&allocator->nodes);
	TAILQ_INIT(&allocator->withheld);
	share_tree_init(&allocator->shares);
	return TAKE_PTR(allocator);
}

static void free_records(struct allocator *allocator)
{
	struct role_weight *weight, *next;
	struct top_role *top, *next_top;

	HASH_ITER(hh, allocator->weights, weight, next)
		(void)allocator_set_weight(allocator, weight->path, 1);
	HASH_ITER(hh, allocator->tops, top, next_top)
		(void)allocator_set_quota(allocator, top->name, &allocator_no_quota);
}

void allocator_free(struct allocator *allocator)
{
	if (!allocator)
		return;
	free_records(allocator);
	share_tree_done(&allocator->shares);
	free(allocator->marked);
	free(allocator->candidates);
	free(allocator->heap);
	free(allocator->clients);
	free(allocator->active.words);
	free(allocator->fresh.words);
	free(allocator->wanted.words);
	free((struct quantities *)(uintptr_t)allocator->options.min);
	free(allocator);
}

/* ---- marked nodes ---- */

static void mark(struct allocator_node *node, enum node_mark mark)
{
	struct allocator *allocator = node->allocator;

	if (!node->is_active || node->mark >= mark)
		return;
	if (node->mark == NODE_CLEAN) {
		node->marked_index = (uint32_t)allocator->n_marked;
		allocator->marked[allocator->n_marked++] = node;
	}
	node->mark = mark;
}

void node_mark(struct allocator_node *node)
{
	mark(node, NODE_FOR_ALL);
}

void node_unmark(struct allocator_node *node)
{
	struct allocator *allocator = node->allocator;
	struct allocator_node *last;

	if (node->mark == NODE_CLEAN)
		return;
	last = allocator->marked[--allocator->n_marked];
	allocator->marked[node->marked_index] = last;
	last->marked_index = node->marked_index;
	node->mark = NODE_CLEAN;
}

void nodes_mark_all(struct allocator *allocator)
{
	struct allocator_node *node;

	TAILQ_FOREACH(node, &allocator->nodes, all)
		mark(node, NODE_FOR_ALL);
}

void node_withhold(struct allocator_node *node)
{
	if (node->is_withheld)
		return;
	node->is_withheld = true;
	TAILQ_INSERT_TAIL(&node->allocator->withheld, node, in_withheld);
}

void nodes_retry_withheld(struct allocator *allocator)
{
	int64_t next_ms = allocator->now_ms + allocator->options.interval_ms;

	if (!TAILQ_EMPTY(&allocator->withheld) && allocator->retry_ms > next_ms)
		allocator->retry_ms = next_ms;
}

static void withheld_mark(struct allocator *allocator)
{
	struct allocator_node *node;

	allocator->retry_ms = INT64_MAX;
	while ((node = TAILQ_FIRST(&allocator->withheld))) {
		TAILQ_REMOVE(&allocator->withheld, node, in_withheld);
		node->is_withheld = false;
		mark(node, NODE_FOR_ALL);
	}
}

/* ---- nodes ---- */

static int grow(struct allocator_node ***array, size_t cap)
{
	struct allocator_node **grown = reallocarray(*array, cap, sizeof(struct allocator_node *));

	if (!grown)
		return -ENOMEM;
	*array = grown;
	return 0;
}

/* For every node in advance, so that marking cannot fail. */
static int reserve_node(struct allocator *allocator)
{
	size_t cap = allocator->cap_nodes ? allocator->cap_nodes * 2 : MIN_NODES;

	if (allocator->n_nodes < allocator->cap_nodes)
		return 0;
	if (grow(&allocator->marked, cap) < 0 || grow(&allocator->candidates, cap) < 0 ||
	    grow(&allocator->heap, cap) < 0)
		return -ENOMEM;
	allocator->cap_nodes = cap;
	return 0;
}

static void count_total(struct allocator *allocator, const struct resources *total, int sign)
{
	const struct quantities quantities = quantities_of(total);

	share_tree_grow(&allocator->shares, &quantities, sign);
}

/* What clients did not want they may want now, or are to be asked again. */
static void node_forget_seen(struct allocator_node *node)
{
	node->seen_state = SEEN_STALE;
	if (node->blocked.n > 0)
		memset(node->blocked.words, 0, node->blocked.n * sizeof(*node->blocked.words));
}

int allocator_node_new(struct allocator *allocator, void *owner, const struct resources *total,
		       struct allocator_node **ret)
{
	AUTO_FREE struct allocator_node *node = calloc(1, sizeof(*node));

	if (!node || reserve_node(allocator) < 0 || resources_copy(total, &node->total) < 0)
		return -ENOMEM;
	if (quota_add_node(allocator, total) < 0) {
		resources_done(&node->total);
		return -ENOMEM;
	}
	node->allocator = allocator;
	node->owner = owner;
	node->seen_state = SEEN_STALE;
	count_total(allocator, total, 1);
	TAILQ_INSERT_TAIL(&allocator->nodes, node, all);
	allocator->n_nodes++;
	*ret = TAKE_PTR(node);
	return 0;
}

void allocator_node_free(struct allocator_node *node)
{
	struct allocator *allocator;

	if (!node)
		return;
	allocator = node->allocator;
	node_drop_filters(node);
	allocator_node_set_active(node, false);
	if (node->is_withheld)
		TAILQ_REMOVE(&allocator->withheld, node, in_withheld);
	quota_remove_node(allocator, &node->total);
	count_total(allocator, &node->total, -1);
	TAILQ_REMOVE(&allocator->nodes, node, all);
	allocator->n_nodes--;
	resources_done(&node->total);
	resources_done(&node->used);
	resources_done(&node->seen);
	free(node->blocked.words);
	free(node->refusers.words);
	free(node);
}

int allocator_node_set_total(struct allocator_node *node, const struct resources *total)
{
	struct allocator *allocator = node->allocator;
	struct resources copy = { 0 };

	if (resources_copy(total, &copy) < 0)
		return -ENOMEM;
	if (quota_add_node(allocator, total) < 0) {
		resources_done(&copy);
		return -ENOMEM;
	}
	quota_remove_node(allocator, &node->total);
	count_total(allocator, &node->total, -1);
	count_total(allocator, total, 1);
	resources_done(&node->total);
	node->total = copy;
	quota_update_available(node);
	allocator_node_touch(node);
	nodes_retry_withheld(allocator);
	return 0;
}

void allocator_node_set_active(struct allocator_node *node, bool is_active)
{
	node->is_active = is_active;
	quota_update_available(node);
	if (is_active) {
		node_mark(node);
		nodes_retry_withheld(node->allocator);
	} else {
		node_unmark(node);
	}
}

void allocator_node_touch(struct allocator_node *node)
{
	node_forget_seen(node);
	node_mark(node);
}

const struct resources *allocator_node_total(const struct allocator_node *node)
{
	return &node->total;
}

const struct resources *allocator_node_used(const struct allocator_node *node)
{
	return &node->used;
}

/* ---- charges ---- */

static void count_charge(struct allocator_node *node, struct allocator_client *client,
			 const struct resources *part, int sign)
{
	const struct quantities quantities = quantities_of(part);

	share_charge(&client->share, &quantities, sign);
	top_role_charge(node->allocator, client->role->top, part, sign);
	quota_update_available(node);
}

int allocator_charge(struct allocator_node *node, struct allocator_client *client,
		     const struct resources *part)
{
	if (resources_add(&node->used, part) < 0)
		return -ENOMEM;
	count_charge(node, client, part, 1);
	node->seen_state = SEEN_STALE;
	return 0;
}

void allocator_release(struct allocator_node *node, struct allocator_client *client,
		       const struct resources *part)
{
	resources_take_away(&node->used, part);
	count_charge(node, client, part, -1);
	/* An offer that comes back whole, as most do, leaves everything as it was. */
	node->seen_state = node->seen_state == SEEN_GRANTED && resources_equal(part, &node->seen) ?
			   SEEN_NOTHING_NEW : SEEN_STALE;
	node_mark(node);
	nodes_retry_withheld(node->allocator);
}

/* ---- runs ---- */

static void shuffle(struct rng *rng, struct allocator_node **nodes, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)rng_below(rng, i);
		struct allocator_node *swap = nodes[i - 1];

		nodes[i - 1] = nodes[j];
		nodes[j] = swap;
	}
}

/* The clients that changed are asked about the nodes that did not. */
static void mark_for_fresh(struct allocator *allocator)
{
	struct allocator_node *node;

	if (allocator->n_fresh == 0)
		return;
	TAILQ_FOREACH(node, &allocator->nodes, all)
		mark(node, NODE_FOR_FRESH);
}

static void run_stage(struct pass *pass, size_t n)
{
	struct allocator *allocator = pass->allocator;

	shuffle(allocator->rng, allocator->candidates, n);
	for (size_t i = 0; i < n; i++)
		pass_node(pass, allocator->candidates[i]);
}

/* Whatever is marked from now on waits for the next run. */
static size_t take_candidates(struct allocator *allocator)
{
	struct allocator_node **marked = allocator->marked;
	size_t n = allocator->n_marked;

	for (size_t i = 0; i < n; i++) {
		marked[i]->run_mark = marked[i]->mark;
		marked[i]->mark = NODE_CLEAN;
	}
	allocator->marked = allocator->candidates;
	allocator->candidates = marked;
	allocator->n_marked = 0;
	return n;
}

size_t allocator_run(struct allocator *allocator, int64_t now_ms, allocator_grant_fn *grant,
		     void *arg)
{
	struct pass pass = { .allocator = allocator, .grant = grant, .arg = arg };
	size_t n;

	allocator->now_ms = now_ms;
	filters_expire(allocator, now_ms);
	if (now_ms >= allocator->retry_ms)
		withheld_mark(allocator);
	mark_for_fresh(allocator);
	n = take_candidates(allocator);
	share_tree_settle(&allocator->shares);
	if (allocator->shares.hungry.n > 0) {
		pass.stage = QUOTA_GUARANTEES;
		run_stage(&pass, n);
	}
	pass.stage = QUOTA_FAIR_SHARE;
	run_stage(&pass, n);
	clients_forget_fresh(allocator);
	allocator->stats.runs++;
	allocator->stats.grants += pass.n_grants;
	return pass.n_grants;
}

bool allocator_is_due(const struct allocator *allocator, int64_t now_ms)
{
	return allocator->n_marked > 0 || (allocator->n_fresh > 0 && allocator->n_nodes > 0) ||
	       now_ms >= allocator_next_ms(allocator);
}

int64_t allocator_next_ms(const struct allocator *allocator)
{
	int64_t end_ms = filters_next_ms(allocator);

	return end_ms < allocator->retry_ms ? end_ms : allocator->retry_ms;
}

struct allocator_stats allocator_stats(const struct allocator *allocator)
{
	return allocator->stats;
}

const struct quantities *allocator_total(const struct allocator *allocator)
{
	return &allocator->shares.total;
}

const struct quantities *allocator_used(const struct allocator *allocator)
{
	return &allocator->shares.root.used;
}
