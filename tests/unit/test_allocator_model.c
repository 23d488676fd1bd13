/*
 * The allocator against a slow and obvious model: thousands of random operations, and after each run
 * every node is looked at for every client from scratch.
 */
#include <stdlib.h>

#include "tests/unit/allocator_world.h"

enum {
	N_NODES = 8, N_CLIENTS = 9, MAX_HELD = 4096, MAX_REFUSED = 8192, N_TOPS = 3, STEPS = 1200,
};

static const char *const roles[N_CLIENTS] = {
	"a", "a", "a/x", "a/x/y", "b", "b/z", "b/z", "c", "c/w",
};
static const char *const tops[N_TOPS] = { "a", "b", "c" };
static const char *const weighted[] = { "a", "b", "a/x", "b/z", "c/w" };

struct held {
	int node, client;
	struct resources part;
};

struct refused {
	int node, client;
	struct resources part;
	int64_t until_ms;
};

struct model {
	struct allocator *allocator;
	struct rng rng;
	int64_t now_ms;
	struct allocator_node *nodes[N_NODES];
	struct allocator_client *clients[N_CLIENTS];
	struct resources totals[N_NODES];
	bool is_node_active[N_NODES], is_active[N_CLIENTS];
	double weights[ARRAY_SIZE(weighted)];
	struct allocator_quota quotas[N_TOPS];
	unsigned n_grants_of[N_CLIENTS];
	struct held held[MAX_HELD];
	size_t n_held;
	struct refused refused[MAX_REFUSED];
	size_t n_refused;
	bool has_quota;
	int granted_node;		/* of the last grant in this run */
	size_t n_checked;
};

static const struct quantities min[] = {
	{ { [RESOURCE_CPUS] = 100 } }, { { [RESOURCE_MEM] = 32000 } },
};

static int index_of(const void *owner)
{
	return (int)strtol(owner, NULL, 10);
}

/* ---- what is free, wanted and allowed, by going through everything ---- */

static struct resources free_on(const struct model *model, int node)
{
	struct resources part;

	assert_int_equal(resources_copy(&model->totals[node], &part), 0);
	for (size_t i = 0; i < model->n_held; i++) {
		if (model->held[i].node == node)
			resources_take_away(&part, &model->held[i].part);
	}
	return part;
}

static bool is_refused(const struct model *model, int node, int client,
		       const struct resources *part)
{
	for (size_t i = 0; i < model->n_refused; i++) {
		const struct refused *refused = &model->refused[i];

		if (refused->node == node && refused->client == client &&
		    refused->until_ms > model->now_ms && resources_contain(&refused->part, part))
			return true;
	}
	return false;
}

static bool is_enough(const struct resources *part)
{
	struct quantities q = quantities_of(part);

	return quantities_contain(&q, &min[0]) || quantities_contain(&q, &min[1]);
}

static bool is_in(const char *role, const char *above)
{
	size_t n = strlen(above);

	return strncmp(role, above, n) == 0 && (role[n] == '\0' || role[n] == '/');
}

static int top_of(int client)
{
	for (int i = 0; i < N_TOPS; i++) {
		if (is_in(roles[client], tops[i]))
			return i;
	}
	return -1;
}

static struct quantities consumed(const struct model *model, int top)
{
	struct quantities sum = { { 0 } };

	for (int i = 0; i < N_NODES; i++) {
		for (size_t j = 0; j < model->totals[i].parts.n; j++) {
			const struct resource_part *part = &model->totals[i].parts.items[j];

			if (is_in(part->role, tops[top]))
				sum.of[part->kind] += part->value;
		}
	}
	for (size_t i = 0; i < model->n_held; i++) {
		for (int kind = 0; kind < N_RESOURCE_KINDS && top_of(model->held[i].client) == top;
		     kind++)
			sum.of[kind] += model->held[i].part.scalar[kind];
	}
	return sum;
}

static struct quantities surplus(const struct model *model)
{
	struct quantities available = { { 0 } }, required = { { 0 } };

	for (int i = 0; i < N_NODES; i++) {
		struct resources part = free_on(model, i);

		for (int kind = 0; kind < N_RESOURCE_KINDS && model->is_node_active[i]; kind++)
			available.of[kind] += part.scalar[kind];
		resources_done(&part);
	}
	for (int i = 0; i < N_TOPS; i++) {
		struct quantities has = consumed(model, i);
		struct quantities lacks = quantities_beyond(&model->quotas[i].guarantee, &has);

		quantities_add(&required, &lacks, 1);
	}
	return quantities_beyond(&available, &required);
}

/* What of PART CLIENT may have by its role's limit and, beyond its guarantee, by the headroom. */
static void cut(const struct model *model, int client, struct resources *part)
{
	struct quantities has = consumed(model, top_of(client));
	struct quantities room = quantities_beyond(&model->quotas[top_of(client)].limit, &has);
	struct quantities rest = surplus(model);

	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (part->scalar[i] > room.of[i])
			part->scalar[i] = room.of[i];
		if (part->scalar[i] > rest.of[i])
			part->scalar[i] = rest.of[i];
	}
}

static bool would_take(const struct model *model, int node, int client)
{
	struct resources all, part;
	bool result;

	if (!model->is_node_active[node] || !model->is_active[client])
		return false;
	all = free_on(model, node);
	assert_int_equal(resources_for_role(&all, roles[client], &part), 0);
	/* Below the whole of it nobody was asked whether it wants that. */
	result = is_enough(&part) && !is_refused(model, node, client, &part);
	if (model->has_quota)
		cut(model, client, &part);
	result = result && is_enough(&part) && !is_refused(model, node, client, &part);
	resources_done(&part);
	resources_done(&all);
	return result;
}

/* ---- whose turn it is, by summing up along the path ---- */

static double weight_of(const struct model *model, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(weighted); i++) {
		if (strcmp(weighted[i], path) == 0)
			return model->weights[i];
	}
	return 1;
}

/* The path of CLIENT in the tree, with a last member of its own: "a/x/./3". */
static void path_of(int client, char path[64])
{
	snprintf(path, 64, "%s/./%d", roles[client], client);
}

static double share_of(const struct model *model, const char *prefix, unsigned *ret_grants)
{
	struct quantities sum = { { 0 } };

	*ret_grants = 0;
	for (int i = 0; i < N_CLIENTS; i++) {
		char path[64];

		path_of(i, path);
		if (!is_in(path, prefix))
			continue;
		*ret_grants += model->n_grants_of[i];
		for (size_t j = 0; j < model->n_held; j++) {
			struct quantities q = quantities_of(&model->held[j].part);

			if (model->held[j].client == i)
				quantities_add(&sum, &q, 1);
		}
	}
	return quantities_dominant_share(&sum, allocator_total(model->allocator)) /
	       weight_of(model, prefix);
}

/* At the first level where their paths part. */
static int compare(const struct model *model, int a, int b)
{
	char path_a[64], path_b[64];
	unsigned grants_a, grants_b;
	double share_a, share_b;
	size_t n = 0, same = 0;

	path_of(a, path_a);
	path_of(b, path_b);
	for (; path_a[n] == path_b[n]; n++) {
		if (path_a[n] == '/')
			same = n + 1;
	}
	path_a[same + strcspn(path_a + same, "/")] = '\0';
	path_b[same + strcspn(path_b + same, "/")] = '\0';
	share_a = share_of(model, path_a, &grants_a);
	share_b = share_of(model, path_b, &grants_b);
	if (share_a != share_b)
		return share_a < share_b ? -1 : 1;
	if (grants_a != grants_b)
		return grants_a < grants_b ? -1 : 1;
	return strcmp(path_a, path_b);
}

/* ---- operations ---- */

static void hold(struct model *model, int node, int client, const struct resources *part)
{
	struct held *held = &model->held[model->n_held++];

	assert_true(model->n_held <= MAX_HELD);
	held->node = node;
	held->client = client;
	assert_int_equal(resources_copy(part, &held->part), 0);
}

static void check_order(const struct model *model, int node, int client)
{
	for (int other = 0; other < N_CLIENTS; other++) {
		if (other != client && would_take(model, node, other))
			assert_true(compare(model, client, other) < 0);
	}
}

/* Beyond what its guarantee lacks, nobody gets of what others lack. */
static void check_headroom(const struct model *model, int client, const struct resources *part)
{
	int top = top_of(client);
	struct quantities has = consumed(model, top), rest = surplus(model);
	struct quantities lacks = quantities_beyond(&model->quotas[top].guarantee, &has);

	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		assert_true(part->scalar[i] <= lacks.of[i] + rest.of[i]);
}

static int on_model_grant(void *arg, void *node_owner, void *client_owner,
			  const struct resources *part)
{
	struct model *model = arg;
	int node = index_of(node_owner), client = index_of(client_owner);
	struct resources all = free_on(model, node);

	assert_true(resources_contain(&all, part));
	assert_true(is_enough(part));
	assert_true(model->is_node_active[node] && model->is_active[client]);
	assert_false(is_refused(model, node, client, part));
	check_headroom(model, client, part);
	/* The order is that of before the node was looked at; guarantees have their own. */
	if (!model->has_quota && model->granted_node != node) {
		assert_true(would_take(model, node, client));
		check_order(model, node, client);
		model->n_checked++;
	}
	model->granted_node = node;
	resources_done(&all);
	hold(model, node, client, part);
	model->n_grants_of[client]++;
	return 0;
}

static void check_sums(const struct model *model)
{
	for (int i = 0; i < N_NODES; i++) {
		struct resources part;

		assert_int_equal(resources_copy(&model->totals[i], &part), 0);
		for (size_t j = 0; j < model->n_held; j++) {
			if (model->held[j].node == i)
				assert_int_equal(resources_subtract(&part, &model->held[j].part), 0);
		}
		assert_int_equal(resources_add(&part, allocator_node_used(model->nodes[i])), 0);
		assert_true(resources_equal(&part, &model->totals[i]));
		resources_done(&part);
	}
	for (int i = 0; i < N_TOPS; i++) {
		struct quantities has = consumed(model, i);
		struct quantities told = allocator_consumed(model->allocator, tops[i]);

		assert_memory_equal(&has, &told, sizeof(has));
	}
}

/* Who has more than before has no more than the limit, which may be below what was had. */
static void check_limits(const struct model *model, const struct quantities before[N_TOPS])
{
	for (int i = 0; i < N_TOPS; i++) {
		struct quantities has = consumed(model, i);

		for (int kind = 0; kind < N_RESOURCE_KINDS; kind++) {
			if (has.of[kind] > before[i].of[kind])
				assert_true(has.of[kind] <= model->quotas[i].limit.of[kind]);
		}
	}
}

/* With what quotas hold back, a node is looked at again only when the interval is over. */
static void check_nothing_is_left(const struct model *model)
{
	for (int i = 0; i < N_NODES; i++) {
		for (int j = 0; j < N_CLIENTS; j++)
			assert_false(would_take(model, i, j));
	}
}

static void run_once(struct model *model)
{
	struct quantities before[N_TOPS];

	for (int i = 0; i < N_TOPS; i++)
		before[i] = consumed(model, i);
	model->granted_node = -1;
	allocator_run(model->allocator, model->now_ms, on_model_grant, model);
	check_sums(model);
	check_limits(model, before);
}

static void run_model(struct model *model)
{
	run_once(model);
	if (model->has_quota) {
		/* Once for what became free meanwhile, once for the room that this made. */
		for (int i = 0; i < 3; i++) {
			model->now_ms += 1000;
			run_once(model);
		}
	}
	check_nothing_is_left(model);
}

static void let_go(struct model *model, size_t i)
{
	struct held *held = &model->held[i];

	allocator_release(model->nodes[held->node], model->clients[held->client], &held->part);
	resources_done(&held->part);
	*held = model->held[--model->n_held];
}

static void refuse(struct model *model, const struct held *held)
{
	int64_t for_ms = (int64_t)rng_below(&model->rng, 9000);
	struct refused *refused = &model->refused[model->n_refused];

	if (model->n_refused == MAX_REFUSED)
		return;
	model->n_refused++;
	assert_int_equal(allocator_refuse(model->nodes[held->node], model->clients[held->client],
					  &held->part, for_ms, model->now_ms), 0);
	refused->node = held->node;
	refused->client = held->client;
	refused->until_ms = (model->now_ms + (for_ms < 1000 ? 1000 : for_ms) + 999) / 1000 * 1000;
	assert_int_equal(resources_copy(&held->part, &refused->part), 0);
}

static void forget_refused(struct model *model, int client)
{
	size_t left = 0;

	for (size_t i = 0; i < model->n_refused; i++) {
		struct refused *refused = &model->refused[i];

		if (refused->client == client || refused->until_ms <= model->now_ms)
			resources_done(&refused->part);
		else
			model->refused[left++] = *refused;
	}
	model->n_refused = left;
}

/* An offer is declined, a task of a part of it runs, or it ends. */
static void change_held(struct model *model)
{
	size_t i;

	if (model->n_held == 0)
		return;
	i = (size_t)rng_below(&model->rng, model->n_held);
	if (rng_below(&model->rng, 2)) {
		refuse(model, &model->held[i]);
		let_go(model, i);
	} else if (model->held[i].part.scalar[RESOURCE_CPUS] > 1000) {
		struct resources task = { .scalar = { 1000 } };
		int node = model->held[i].node, client = model->held[i].client;

		let_go(model, i);
		assert_int_equal(allocator_charge(model->nodes[node], model->clients[client],
						  &task), 0);
		hold(model, node, client, &task);
	} else {
		let_go(model, i);
	}
}

static void set_quota(struct model *model)
{
	int top = (int)rng_below(&model->rng, N_TOPS);
	struct allocator_quota *quota = &model->quotas[top];
	struct quantities has = consumed(model, top);

	*quota = allocator_no_quota;
	if (rng_below(&model->rng, 3) > 0) {
		quota->guarantee.of[RESOURCE_CPUS] = (int64_t)rng_below(&model->rng, 20) * 500;
		quota->limit.of[RESOURCE_CPUS] = has.of[RESOURCE_CPUS] +
						 quota->guarantee.of[RESOURCE_CPUS] +
						 (int64_t)rng_below(&model->rng, 20) * 500;
	}
	assert_int_equal(allocator_set_quota(model->allocator, tops[top], quota), 0);
}

static const char *const totals[] = {
	"cpus:8;mem:4096;ports:[31000-31099]", "cpus:16;mem:1024;disk:500",
	"cpus:4;mem:2048;cpus(a):2;mem(a):512", "cpus:2;mem:512;cpus(b/z):4;disk(c):100",
};

static void change_node(struct model *model)
{
	int i = (int)rng_below(&model->rng, N_NODES);

	model->is_node_active[i] = rng_below(&model->rng, 3) > 0;
	allocator_node_set_active(model->nodes[i], model->is_node_active[i]);
}

static void change_client(struct model *model)
{
	int i = (int)rng_below(&model->rng, N_CLIENTS);

	if (rng_below(&model->rng, 2)) {
		allocator_client_revive(model->clients[i]);
		forget_refused(model, i);
	} else {
		model->is_active[i] = rng_below(&model->rng, 4) > 0;
		assert_int_equal(allocator_client_set_active(model->clients[i],
							     model->is_active[i]), 0);
	}
}

static void change_weight(struct model *model)
{
	size_t i = (size_t)rng_below(&model->rng, ARRAY_SIZE(weighted));

	model->weights[i] = 1 + (double)rng_below(&model->rng, 3);
	assert_int_equal(allocator_set_weight(model->allocator, weighted[i], model->weights[i]), 0);
}

static void step(struct model *model)
{
	uint64_t chance = rng_below(&model->rng, 100);

	model->now_ms += (int64_t)rng_below(&model->rng, 800);
	if (chance < 5)
		change_node(model);
	else if (chance < 15)
		change_client(model);
	else if (chance < 18)
		change_weight(model);
	else if (chance < 22 && model->has_quota)
		set_quota(model);
	else
		change_held(model);
	run_model(model);
}

static struct model *model_new(uint64_t seed, bool has_quota)
{
	const struct allocator_options options = { .interval_ms = 1000, .min = min, .n_min = 2 };
	static char names[N_CLIENTS + N_NODES][8];
	struct model *model = calloc(1, sizeof(*model));

	assert_non_null(model);
	rng_seed(&model->rng, seed);
	model->has_quota = has_quota;
	model->allocator = allocator_new(&options, &model->rng);
	for (int i = 0; i < N_CLIENTS; i++) {
		snprintf(names[i], sizeof(names[i]), "%d", (uint8_t)i);
		model->clients[i] = client(&(struct world){ .allocator = model->allocator },
					   names[i], roles[i]);
		model->is_active[i] = true;
	}
	for (int i = 0; i < N_NODES; i++) {
		model->totals[i] = parse(totals[i % (int)ARRAY_SIZE(totals)]);
		model->nodes[i] = node(&(struct world){ .allocator = model->allocator }, names[i],
				       totals[i % (int)ARRAY_SIZE(totals)]);
		model->is_node_active[i] = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(weighted); i++)
		model->weights[i] = 1;
	for (int i = 0; i < N_TOPS; i++)
		model->quotas[i] = allocator_no_quota;
	return model;
}

static void model_free(struct model *model)
{
	while (model->n_held > 0)
		let_go(model, 0);
	for (int i = 0; i < N_CLIENTS; i++) {
		forget_refused(model, i);
		assert_float_equal(allocator_client_share(model->clients[i]), 0, 0);
		allocator_client_free(model->clients[i]);
	}
	assert_int_equal(allocator_stats(model->allocator).filters, 0);
	for (int i = 0; i < N_NODES; i++) {
		assert_true(resources_is_empty(allocator_node_used(model->nodes[i])));
		allocator_node_free(model->nodes[i]);
		resources_done(&model->totals[i]);
	}
	allocator_free(model->allocator);
	free(model);
}

static void test_grants_are_those_of_the_model(void **state)
{
	struct model *model = model_new(11, false);

	(void)state;
	for (int i = 0; i < STEPS; i++)
		step(model);
	/* The order was looked at often, not only where there was one client. */
	assert_true(model->n_checked > STEPS / 10);
	model_free(model);
}

static void test_quotas_are_kept_and_nothing_allowed_is_left(void **state)
{
	struct model *model = model_new(12, true);

	(void)state;
	for (int i = 0; i < STEPS; i++)
		step(model);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grants_are_those_of_the_model),
		cmocka_unit_test(test_quotas_are_kept_and_nothing_allowed_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
