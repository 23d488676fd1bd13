/*
 * What clients refused: at each node by client, the nodes in a heap by when one of theirs may end
 * (not before that: dropping a filter does not look for the next one).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/allocator_parts.h"

enum { MAX_REFUSE_DAYS = 365, MIN_FILTERS = 4, FEW = 8 };

/* Most filters of a node are of the same, all there is: they have it together. */
struct refused {
	struct resources part;
	unsigned n_filters;
};

/* ---- nodes by their next end ---- */

static void heap_place(struct allocator *allocator, size_t i, struct allocator_node *node)
{
	allocator->heap[i] = node;
	node->heap_index = (uint32_t)i;
}

static void heap_up(struct allocator *allocator, struct allocator_node *node)
{
	size_t i = node->heap_index;

	while (i > 0 && allocator->heap[(i - 1) / 2]->next_end_ms > node->next_end_ms) {
		heap_place(allocator, i, allocator->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(allocator, i, node);
}

static void heap_down(struct allocator *allocator, struct allocator_node *node)
{
	size_t i = node->heap_index;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < allocator->n_heap &&
		    allocator->heap[child + 1]->next_end_ms < allocator->heap[child]->next_end_ms)
			child++;
		if (child >= allocator->n_heap ||
		    allocator->heap[child]->next_end_ms >= node->next_end_ms)
			break;
		heap_place(allocator, i, allocator->heap[child]);
		i = child;
	}
	heap_place(allocator, i, node);
}

static void heap_add(struct allocator_node *node)
{
	struct allocator *allocator = node->allocator;

	heap_place(allocator, allocator->n_heap++, node);
	heap_up(allocator, node);
}

static void heap_remove(struct allocator_node *node)
{
	struct allocator *allocator = node->allocator;
	struct allocator_node *last = allocator->heap[--allocator->n_heap];

	if (last == node)
		return;
	heap_place(allocator, node->heap_index, last);
	heap_up(allocator, last);
	heap_down(allocator, last);
}

int64_t filters_next_ms(const struct allocator *allocator)
{
	return allocator->n_heap > 0 ? allocator->heap[0]->next_end_ms : INT64_MAX;
}

/* ---- what is refused ---- */

static struct refused *refused_get(struct allocator_node *node, const struct resources *part)
{
	struct refused *refused = node->last_refused;

	if (!refused || !resources_equal(&refused->part, part)) {
		refused = calloc(1, sizeof(*refused));
		if (!refused || resources_copy(part, &refused->part) < 0) {
			free(refused);
			return NULL;
		}
		node->last_refused = refused;
	}
	refused->n_filters++;
	return refused;
}

static void refused_put(struct allocator_node *node, struct refused *refused)
{
	if (--refused->n_filters > 0)
		return;
	if (node->last_refused == refused)
		node->last_refused = NULL;
	resources_done(&refused->part);
	free(refused);
}

/* ---- the filters of a node ---- */

/* The first among N sorted ones that is not of a client before CLIENT. */
static uint32_t search(const struct allocator_node *node, uint32_t client, uint32_t n)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (node->filters[middle].client < client)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int compare_clients(const void *a, const void *b)
{
	const struct filter *x = a, *y = b;

	return (x->client > y->client) - (x->client < y->client);
}

/* The one at I to its place among those before it. */
static void sort_in(struct allocator_node *node, uint32_t i)
{
	const struct filter filter = node->filters[i];
	uint32_t place = search(node, filter.client, i);

	memmove(&node->filters[place + 1], &node->filters[place],
		(i - place) * sizeof(*node->filters));
	node->filters[place] = filter;
}

/*
 * New ones are put at the end and sorted in when one is looked for: whoever refuses all there is,
 * as most do, is not (see BLOCKED).
 */
static void sort_filters(struct allocator_node *node)
{
	if (node->n_filters - node->n_sorted > FEW)
		qsort(node->filters, node->n_filters, sizeof(*node->filters), compare_clients);
	else
		for (; node->n_sorted < node->n_filters; node->n_sorted++)
			sort_in(node, node->n_sorted);
	node->n_sorted = node->n_filters;
}

/* The first of CLIENT or, if it has none, of those after it; all of a client stand together. */
static uint32_t first_of(struct allocator_node *node, uint32_t client)
{
	sort_filters(node);
	return search(node, client, node->n_filters);
}

bool is_refused(struct allocator_node *node, const struct allocator_client *client,
		const struct resources *part)
{
	uint32_t i;

	if (!client_set_has(&node->refusers, client->id))
		return false;
	for (i = first_of(node, client->id); i < node->n_filters; i++) {
		if (node->filters[i].client != client->id)
			return false;
		if (resources_contain(&node->filters[i].refused->part, part))
			return true;
	}
	return false;
}

static void count_filter(struct allocator_client *client, int sign)
{
	client->n_filters += (uint64_t)sign;
	client->role->n_filters += (uint64_t)sign;
	client->allocator->stats.filters += (uint64_t)sign;
}

/* The filter is no more, whether or not its place is used again; its client may want NODE now. */
static void filter_done(struct allocator_node *node, const struct filter *filter)
{
	struct allocator *allocator = node->allocator;

	refused_put(node, filter->refused);
	client_set_remove(&node->blocked, filter->client);
	client_set_remove(&node->refusers, filter->client);
	count_filter(allocator->clients[filter->client], -1);
}

/* Which filters are over. */
struct end {
	const struct resources *part;	/* and less; NULL: whatever was refused */
	int64_t until_ms;		/* and earlier */
};

static bool ends(const struct filter *filter, const struct end *end)
{
	return filter->until_ms <= end->until_ms &&
	       (!end->part || resources_contain(end->part, &filter->refused->part));
}

/* Whether any of [FIRST, LAST) ended. */
static bool end_filters(struct allocator_node *node, uint32_t first, uint32_t last,
			const struct end *end)
{
	uint32_t left = first;

	for (uint32_t i = first; i < last; i++) {
		if (ends(&node->filters[i], end))
			filter_done(node, &node->filters[i]);
		else
			node->filters[left++] = node->filters[i];
	}
	if (left == last)
		return false;
	/* Who has another one; there is room, since it was there before. */
	for (uint32_t i = first; i < left; i++)
		(void)client_set_add(&node->refusers, node->filters[i].client);
	memmove(&node->filters[left], &node->filters[last],
		(node->n_filters - last) * sizeof(*node->filters));
	node->n_filters -= last - left;
	node->n_sorted = node->n_filters;
	if (node->n_filters == 0)
		heap_remove(node);
	return true;
}

static uint32_t end_of(const struct allocator_node *node, uint32_t first, uint32_t client)
{
	while (first < node->n_filters && node->filters[first].client == client)
		first++;
	return first;
}

/* Those that end later keep their node, which may have waited for one that was dropped meanwhile. */
static void wait_for_next(struct allocator_node *node)
{
	int64_t next_ms = INT64_MAX;

	for (uint32_t i = 0; i < node->n_filters; i++) {
		if (node->filters[i].until_ms < next_ms)
			next_ms = node->filters[i].until_ms;
	}
	node->next_end_ms = next_ms;
	heap_down(node->allocator, node);
}

void filters_expire(struct allocator *allocator, int64_t now_ms)
{
	const struct end end = { .until_ms = now_ms };

	while (filters_next_ms(allocator) <= now_ms) {
		struct allocator_node *node = allocator->heap[0];

		sort_filters(node);
		if (end_filters(node, 0, node->n_filters, &end))
			node_mark(node);
		if (node->n_filters > 0)
			wait_for_next(node);
	}
}

void node_drop_filters(struct allocator_node *node)
{
	const struct end end = { .until_ms = INT64_MAX };

	sort_filters(node);
	(void)end_filters(node, 0, node->n_filters, &end);
	free(node->filters);
	node->filters = NULL;
	node->cap_filters = 0;
}

void client_drop_filters(struct allocator_client *client)
{
	const struct end end = { .until_ms = INT64_MAX };
	struct allocator_node *node;

	TAILQ_FOREACH(node, &client->allocator->nodes, all) {
		uint32_t first;

		if (client->n_filters == 0)
			return;
		if (!client_set_has(&node->refusers, client->id))
			continue;
		first = first_of(node, client->id);
		(void)end_filters(node, first, end_of(node, first, client->id), &end);
	}
}

/* ---- refusing ---- */

static int64_t round_up(int64_t value, int64_t step)
{
	return step > 0 ? (value + step - 1) / step * step : value;
}

static int64_t end_ms(const struct allocator *allocator, int64_t for_ms, int64_t now_ms)
{
	const int64_t most = (int64_t)MAX_REFUSE_DAYS * 24 * 3600 * 1000;
	const int64_t least = allocator->options.interval_ms;

	/* Without this floor a refusal of zero seconds would be offered again at once, for ever. */
	for_ms = for_ms < least ? least : for_ms;
	for_ms = for_ms > most ? most : for_ms;
	return round_up(now_ms + for_ms, least);
}

static int reserve(struct allocator_node *node)
{
	uint32_t cap = node->cap_filters ? node->cap_filters * 2 : MIN_FILTERS;
	struct filter *grown;

	if (node->n_filters < node->cap_filters)
		return 0;
	grown = reallocarray(node->filters, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	node->filters = grown;
	node->cap_filters = cap;
	return 0;
}

static void add_filter(struct allocator_node *node, const struct filter *filter)
{
	struct allocator *allocator = node->allocator;

	node->filters[node->n_filters] = *filter;
	count_filter(allocator->clients[filter->client], 1);
	if (node->n_filters++ == 0) {
		node->next_end_ms = filter->until_ms;
		heap_add(node);
	} else if (filter->until_ms < node->next_end_ms) {
		node->next_end_ms = filter->until_ms;
		heap_up(allocator, node);
	}
}

/* Those that the new one makes useless: of no more, and ending no later. */
static void end_useless(struct allocator_node *node, const struct allocator_client *client,
			const struct resources *part, int64_t until_ms)
{
	const struct end useless = { .part = part, .until_ms = until_ms };
	uint32_t first;

	if (!client_set_has(&node->refusers, client->id))
		return;
	first = first_of(node, client->id);
	(void)end_filters(node, first, end_of(node, first, client->id), &useless);
}

int allocator_refuse(struct allocator_node *node, struct allocator_client *client,
		     const struct resources *part, int64_t for_ms, int64_t now_ms)
{
	struct filter filter = {
		.client = client->id, .until_ms = end_ms(node->allocator, for_ms, now_ms),
	};

	if (reserve(node) < 0)
		return -ENOMEM;
	filter.refused = refused_get(node, part);
	if (!filter.refused)
		return -ENOMEM;
	end_useless(node, client, part, filter.until_ms);
	if (client_set_add(&node->refusers, client->id) < 0) {
		refused_put(node, filter.refused);
		return -ENOMEM;
	}
	add_filter(node, &filter);
	/* What is known anyway need not be found out: without memory it will be. */
	if (resources_contain(part, &node->seen))
		(void)client_set_add(&node->blocked, client->id);
	return 0;
}
