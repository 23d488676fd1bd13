#include "master_stub/allocator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/resources.h"
#include "lib/rng.h"

enum { MAX_REFUSE_DAYS = 365, NOT_DIRTY = -1 };

struct filter {
	struct allocator_client *client;
	struct allocator_node *node;
	struct resources part;
	int64_t until_ms;
	TAILQ_ENTRY(filter) all;
	LIST_ENTRY(filter) on_node;
};

struct role {
	char *name;
	unsigned n_clients;
	struct resources used;		/* scalars only: ports of several nodes do not add up */
	TAILQ_ENTRY(role) all;
};

struct allocator_client {
	struct allocator *allocator;
	void *owner;
	char *name;
	struct role *role;
	bool takes_gpus, is_active;
	struct resources used;		/* scalars only */
	uint64_t n_grants;
	TAILQ_ENTRY(allocator_client) all;
};

struct allocator_node {
	struct allocator *allocator;
	void *owner;
	struct resources total, used;
	bool is_active;
	ssize_t dirty_index;		/* place in the array of dirty nodes */
	LIST_HEAD(, filter) filters;
	TAILQ_ENTRY(allocator_node) all;
};

struct allocator {
	struct allocator_options options;
	struct rng *rng;
	TAILQ_HEAD(, allocator_node) nodes;
	TAILQ_HEAD(, allocator_client) clients;
	TAILQ_HEAD(, role) roles;
	TAILQ_HEAD(, filter) filters;
	struct resources total;		/* of all nodes, scalars only */
	struct allocator_node **dirty;	/* room for every node, so that marking cannot fail */
	size_t n_nodes, n_dirty, cap_dirty;
	int64_t next_filter_ms;
	struct allocator_stats stats;
};

struct allocator *allocator_new(const struct allocator_options *options, struct rng *rng)
{
	struct allocator *allocator = calloc(1, sizeof(*allocator));

	if (!allocator)
		return NULL;
	allocator->options = *options;
	allocator->rng = rng;
	allocator->next_filter_ms = INT64_MAX;
	TAILQ_INIT(&allocator->nodes);
	TAILQ_INIT(&allocator->clients);
	TAILQ_INIT(&allocator->roles);
	TAILQ_INIT(&allocator->filters);
	return allocator;
}

void allocator_free(struct allocator *allocator)
{
	if (!allocator)
		return;
	free(allocator->dirty);
	free(allocator);
}

/* ---- dirty nodes ---- */

static void node_mark(struct allocator_node *node)
{
	struct allocator *allocator = node->allocator;

	if (!node->is_active || node->dirty_index != NOT_DIRTY)
		return;
	node->dirty_index = (ssize_t)allocator->n_dirty;
	allocator->dirty[allocator->n_dirty++] = node;
}

static void node_unmark(struct allocator_node *node)
{
	struct allocator *allocator = node->allocator;
	struct allocator_node *last;

	if (node->dirty_index == NOT_DIRTY)
		return;
	last = allocator->dirty[--allocator->n_dirty];
	allocator->dirty[node->dirty_index] = last;
	last->dirty_index = node->dirty_index;
	node->dirty_index = NOT_DIRTY;
}

static void mark_all(struct allocator *allocator)
{
	struct allocator_node *node;

	TAILQ_FOREACH(node, &allocator->nodes, all)
		node_mark(node);
}

static int dirty_reserve(struct allocator *allocator)
{
	size_t cap = allocator->cap_dirty ? allocator->cap_dirty * 2 : 16;
	struct allocator_node **grown;

	if (allocator->n_nodes < allocator->cap_dirty)
		return 0;
	grown = reallocarray(allocator->dirty, cap, sizeof(struct allocator_node *));
	if (!grown)
		return -ENOMEM;
	allocator->dirty = grown;
	allocator->cap_dirty = cap;
	return 0;
}

/* ---- filters ---- */

static void filter_free(struct filter *filter)
{
	struct allocator *allocator = filter->node->allocator;

	TAILQ_REMOVE(&allocator->filters, filter, all);
	LIST_REMOVE(filter, on_node);
	resources_done(&filter->part);
	free(filter);
	allocator->stats.filters--;
}

static int64_t round_up(int64_t value, int64_t step)
{
	return step > 0 ? (value + step - 1) / step * step : value;
}

/* Filters that the new one makes useless: same client, no larger, ending no later. */
static void filters_replace(struct allocator_node *node, const struct allocator_client *client,
			    const struct resources *part, int64_t until_ms)
{
	struct filter *filter, *next;

	for (filter = LIST_FIRST(&node->filters); filter; filter = next) {
		next = LIST_NEXT(filter, on_node);
		if (filter->client == client && filter->until_ms <= until_ms &&
		    resources_contain(part, &filter->part))
			filter_free(filter);
	}
}

int allocator_refuse(struct allocator_node *node, struct allocator_client *client,
		     const struct resources *part, int64_t for_ms, int64_t now_ms)
{
	const int64_t most = (int64_t)MAX_REFUSE_DAYS * 24 * 3600 * 1000;
	struct allocator *allocator = node->allocator;
	struct filter *filter;

	/* Without this floor a refusal of zero seconds would be offered again at once, for ever. */
	if (for_ms < allocator->options.interval_ms)
		for_ms = allocator->options.interval_ms;
	if (for_ms > most)
		for_ms = most;
	filter = calloc(1, sizeof(*filter));
	if (!filter || resources_copy(part, &filter->part) < 0) {
		free(filter);
		return -ENOMEM;
	}
	filter->client = client;
	filter->node = node;
	filter->until_ms = round_up(now_ms + for_ms, allocator->options.interval_ms);
	filters_replace(node, client, part, filter->until_ms);
	TAILQ_INSERT_TAIL(&allocator->filters, filter, all);
	LIST_INSERT_HEAD(&node->filters, filter, on_node);
	allocator->stats.filters++;
	if (filter->until_ms < allocator->next_filter_ms)
		allocator->next_filter_ms = filter->until_ms;
	return 0;
}

static void filters_expire(struct allocator *allocator, int64_t now_ms)
{
	struct filter *filter, *next;

	if (now_ms < allocator->next_filter_ms)
		return;
	allocator->next_filter_ms = INT64_MAX;
	for (filter = TAILQ_FIRST(&allocator->filters); filter; filter = next) {
		next = TAILQ_NEXT(filter, all);
		if (filter->until_ms <= now_ms) {
			node_mark(filter->node);
			filter_free(filter);
		} else if (filter->until_ms < allocator->next_filter_ms) {
			allocator->next_filter_ms = filter->until_ms;
		}
	}
}

static void client_drop_filters(struct allocator_client *client)
{
	struct filter *filter, *next;

	for (filter = TAILQ_FIRST(&client->allocator->filters); filter; filter = next) {
		next = TAILQ_NEXT(filter, all);
		if (filter->client == client)
			filter_free(filter);
	}
}

static bool is_refused(const struct allocator_node *node, const struct allocator_client *client,
		       const struct resources *part)
{
	const struct filter *filter;

	LIST_FOREACH(filter, &node->filters, on_node) {
		if (filter->client == client && resources_contain(&filter->part, part))
			return true;
	}
	return false;
}

/* ---- nodes ---- */

int allocator_node_new(struct allocator *allocator, void *owner, const struct resources *total,
		       struct allocator_node **ret)
{
	AUTO_FREE struct allocator_node *node = calloc(1, sizeof(*node));

	if (!node || dirty_reserve(allocator) < 0 || resources_copy(total, &node->total) < 0)
		return -ENOMEM;
	node->allocator = allocator;
	node->owner = owner;
	node->dirty_index = NOT_DIRTY;
	LIST_INIT(&node->filters);
	resources_sum(&allocator->total, total, 1);
	TAILQ_INSERT_TAIL(&allocator->nodes, node, all);
	allocator->n_nodes++;
	*ret = TAKE_PTR(node);
	return 0;
}

void allocator_node_free(struct allocator_node *node)
{
	if (!node)
		return;
	while (!LIST_EMPTY(&node->filters))
		filter_free(LIST_FIRST(&node->filters));
	node_unmark(node);
	resources_sum(&node->allocator->total, &node->total, -1);
	TAILQ_REMOVE(&node->allocator->nodes, node, all);
	node->allocator->n_nodes--;
	resources_done(&node->total);
	resources_done(&node->used);
	free(node);
}

int allocator_node_set_total(struct allocator_node *node, const struct resources *total)
{
	struct resources copy = { 0 };

	if (resources_copy(total, &copy) < 0)
		return -ENOMEM;
	resources_sum(&node->allocator->total, &node->total, -1);
	resources_sum(&node->allocator->total, total, 1);
	resources_done(&node->total);
	node->total = copy;
	node_mark(node);
	return 0;
}

void allocator_node_set_active(struct allocator_node *node, bool is_active)
{
	node->is_active = is_active;
	if (is_active)
		node_mark(node);
	else
		node_unmark(node);
}

const struct resources *allocator_node_total(const struct allocator_node *node)
{
	return &node->total;
}

const struct resources *allocator_node_used(const struct allocator_node *node)
{
	return &node->used;
}

/* ---- clients ---- */

static struct role *role_get(struct allocator *allocator, const char *name)
{
	struct role *role;

	TAILQ_FOREACH(role, &allocator->roles, all) {
		if (strcmp(role->name, name) == 0)
			return role;
	}
	role = calloc(1, sizeof(*role));
	if (!role)
		return NULL;
	role->name = strdup(name);
	if (!role->name) {
		free(role);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&allocator->roles, role, all);
	return role;
}

static void role_put(struct allocator *allocator, struct role *role)
{
	if (role->n_clients > 0)
		return;
	TAILQ_REMOVE(&allocator->roles, role, all);
	free(role->name);
	free(role);
}

int allocator_client_new(struct allocator *allocator, void *owner, const char *name,
			 const char *role, struct allocator_client **ret)
{
	AUTO_FREE struct allocator_client *client = calloc(1, sizeof(*client));
	AUTO_FREE char *name_copy = strdup(name);

	if (!client || !name_copy)
		return -ENOMEM;
	client->role = role_get(allocator, role);
	if (!client->role)
		return -ENOMEM;
	client->role->n_clients++;
	client->allocator = allocator;
	client->owner = owner;
	client->name = TAKE_PTR(name_copy);
	TAILQ_INSERT_TAIL(&allocator->clients, client, all);
	*ret = TAKE_PTR(client);
	return 0;
}

void allocator_client_free(struct allocator_client *client)
{
	if (!client)
		return;
	client_drop_filters(client);
	TAILQ_REMOVE(&client->allocator->clients, client, all);
	client->role->n_clients--;
	role_put(client->allocator, client->role);
	free(client->name);
	free(client);
}

void allocator_client_set_gpus(struct allocator_client *client, bool takes_gpus)
{
	if (takes_gpus && !client->takes_gpus)
		mark_all(client->allocator);
	client->takes_gpus = takes_gpus;
}

void allocator_client_set_active(struct allocator_client *client, bool is_active)
{
	if (client->is_active == is_active)
		return;
	client->is_active = is_active;
	if (is_active)
		mark_all(client->allocator);
}

void allocator_client_revive(struct allocator_client *client)
{
	client_drop_filters(client);
	if (client->is_active)
		mark_all(client->allocator);
}

double allocator_client_share(const struct allocator_client *client)
{
	return resources_dominant_share(&client->used, &client->allocator->total);
}

/* ---- charges ---- */

int allocator_charge(struct allocator_node *node, struct allocator_client *client,
		     const struct resources *part)
{
	if (resources_add(&node->used, part) < 0)
		return -ENOMEM;
	resources_sum(&client->used, part, 1);
	resources_sum(&client->role->used, part, 1);
	return 0;
}

void allocator_release(struct allocator_node *node, struct allocator_client *client,
		       const struct resources *part)
{
	resources_take_away(&node->used, part);
	resources_sum(&client->used, part, -1);
	resources_sum(&client->role->used, part, -1);
	node_mark(node);
}

/* ---- runs ---- */

/* A node that came back with less than its tasks use has nothing free; that is no error. */
static int node_free_part(const struct allocator_node *node, struct resources *ret)
{
	if (resources_copy(&node->total, ret) < 0)
		return -ENOMEM;
	/* Here a port that stays would be given twice. */
	if (ranges_remove_all(&ret->ports, &node->used.ports) < 0) {
		resources_done(ret);
		return -ENOMEM;
	}
	resources_take_away(ret, &node->used);
	return 0;
}

static bool is_worth_offering(const struct allocator *allocator, const struct resources *part)
{
	int64_t min_cpus, min_mem;

	if (resources_scalar_from_double(allocator->options.min_cpus, &min_cpus) < 0 ||
	    resources_scalar_from_double(allocator->options.min_mem_mb, &min_mem) < 0)
		return true;
	return resources_quantity(part, RESOURCE_CPUS) >= min_cpus ||
	       resources_quantity(part, RESOURCE_MEM) >= min_mem;
}

/* Below zero when A is to be served before B. */
static int client_compare(const struct allocator_client *a, const struct allocator_client *b)
{
	const struct resources *total = &a->allocator->total;
	double share_a = resources_dominant_share(&a->role->used, total);
	double share_b = resources_dominant_share(&b->role->used, total);

	if (share_a == share_b) {
		share_a = resources_dominant_share(&a->used, total);
		share_b = resources_dominant_share(&b->used, total);
	}
	if (share_a != share_b)
		return share_a < share_b ? -1 : 1;
	if (a->n_grants != b->n_grants)
		return a->n_grants < b->n_grants ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* May CLIENT, which is to be served before all that were found so far, have its part of FREE? */
static int client_takes(const struct allocator_node *node, const struct allocator_client *client,
			const struct resources *free, bool *ret)
{
	struct resources part = { 0 };
	int r = resources_for_role(free, client->role->name, &part);

	if (r < 0)
		return r;
	*ret = is_worth_offering(node->allocator, &part) && !is_refused(node, client, &part);
	resources_done(&part);
	return 0;
}

static struct allocator_client *client_for(const struct allocator_node *node,
					   const struct resources *free)
{
	struct allocator_client *client, *best = NULL;

	TAILQ_FOREACH(client, &node->allocator->clients, all) {
		bool takes = false;

		if (!client->is_active)
			continue;
		if (resources_quantity(&node->total, RESOURCE_GPUS) > 0 && !client->takes_gpus)
			continue;
		if (best && client_compare(best, client) <= 0)
			continue;
		if (client_takes(node, client, free, &takes) == 0 && takes)
			best = client;
	}
	return best;
}

/* CLIENT is charged with its part of FREE, and told. */
static int grant_part(struct allocator_node *node, struct allocator_client *client,
		      const struct resources *free, allocator_grant_fn *grant, void *arg)
{
	struct resources part = { 0 };
	int r = resources_for_role(free, client->role->name, &part);

	if (r == 0)
		r = allocator_charge(node, client, &part);
	if (r == 0) {
		client->n_grants++;
		r = grant(arg, node->owner, client->owner, &part);
		if (r < 0) {
			allocator_release(node, client, &part);
			/* Tried again at once, it would fail again. */
			node_unmark(node);
		}
	}
	resources_done(&part);
	return r;
}

/* All to one, and what is reserved for others to them. */
static size_t node_grant(struct allocator_node *node, allocator_grant_fn *grant, void *arg)
{
	struct allocator_client *client;
	size_t n = 0;
	int r = 0;

	do {
		struct resources free = { 0 };

		if (node_free_part(node, &free) < 0)
			return n;
		client = client_for(node, &free);
		if (client)
			r = grant_part(node, client, &free, grant, arg);
		n += client && r >= 0;
		resources_done(&free);
	} while (client && r >= 0 && node->total.parts.n > 0);
	return n;
}

static void shuffle(struct allocator *allocator)
{
	for (size_t i = allocator->n_dirty; i > 1; i--) {
		size_t j = (size_t)rng_below(allocator->rng, i);
		struct allocator_node *swap = allocator->dirty[i - 1];

		allocator->dirty[i - 1] = allocator->dirty[j];
		allocator->dirty[j] = swap;
		allocator->dirty[i - 1]->dirty_index = (ssize_t)(i - 1);
		allocator->dirty[j]->dirty_index = (ssize_t)j;
	}
}

size_t allocator_run(struct allocator *allocator, int64_t now_ms, allocator_grant_fn *grant,
		     void *arg)
{
	size_t n_grants = 0, left;

	filters_expire(allocator, now_ms);
	shuffle(allocator);
	/* A node that becomes dirty during the run waits for the next one. */
	for (left = allocator->n_dirty; left > 0 && allocator->n_dirty > 0; left--) {
		struct allocator_node *node = allocator->dirty[0];

		node_unmark(node);
		n_grants += node_grant(node, grant, arg);
	}
	allocator->stats.runs++;
	allocator->stats.grants += n_grants;
	return n_grants;
}

bool allocator_is_due(const struct allocator *allocator, int64_t now_ms)
{
	return allocator->n_dirty > 0 || now_ms >= allocator->next_filter_ms;
}

int64_t allocator_next_ms(const struct allocator *allocator)
{
	return allocator->next_filter_ms;
}

struct allocator_stats allocator_stats(const struct allocator *allocator)
{
	return allocator->stats;
}

const struct resources *allocator_total(const struct allocator *allocator)
{
	return &allocator->total;
}
