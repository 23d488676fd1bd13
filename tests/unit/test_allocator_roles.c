/* The tree of roles: weights, levels, ties; and quotas of top-level roles. */
#include "tests/unit/allocator_world.h"

enum { N_NODES = 120, MAX_CLIENTS = 4 };

/* Equal nodes, and clients whose names are a letter, which keep what they get. */
struct crowd {
	struct world world;
	struct allocator_node *nodes[N_NODES];
	char names[N_NODES][24];
	char client_names[MAX_CLIENTS][2];
	struct allocator_client *clients[MAX_CLIENTS];
	struct grant kept[N_NODES];		/* of earlier runs */
	size_t n_nodes, n_clients, n_kept;
};

static void crowd_start(struct crowd *crowd, size_t n_nodes, const char *resources)
{
	start(&crowd->world);
	crowd->n_nodes = n_nodes;
	crowd->n_clients = crowd->n_kept = 0;
	for (size_t i = 0; i < n_nodes; i++) {
		snprintf(crowd->names[i], sizeof(crowd->names[i]), "n%zu", i);
		crowd->nodes[i] = node(&crowd->world, crowd->names[i], resources);
	}
}

static struct allocator_client *crowd_add(struct crowd *crowd, const char *role)
{
	char *name = crowd->client_names[crowd->n_clients];

	name[0] = (char)('a' + crowd->n_clients);
	name[1] = '\0';
	return crowd->clients[crowd->n_clients++] = client(&crowd->world, name, role);
}

static void weigh(struct crowd *crowd, const char *role, double weight)
{
	assert_int_equal(allocator_set_weight(crowd->world.allocator, role, weight), 0);
}

static size_t grants_of(const struct crowd *crowd, char name)
{
	size_t n = 0;

	for (size_t i = 0; i < crowd->world.n; i++)
		n += crowd->world.grants[i].client[0] == name;
	return n;
}

static int64_t cpus_of(const struct crowd *crowd, char name)
{
	int64_t sum = 0;

	for (size_t i = 0; i < crowd->world.n; i++) {
		if (crowd->world.grants[i].client[0] == name)
			sum += resources_quantity(&crowd->world.grants[i].part, RESOURCE_CPUS);
	}
	return sum;
}

static struct allocator_node *node_of(const struct crowd *crowd, const struct grant *grant)
{
	return crowd->nodes[strtoul(grant->node + 1, NULL, 10)];
}

static void release(struct crowd *crowd, const struct grant *grant)
{
	allocator_release(node_of(crowd, grant), crowd->clients[grant->client[0] - 'a'],
			  &grant->part);
}

/* What the last run granted is free again. */
static void crowd_give_back(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->world.n; i++)
		release(crowd, &crowd->world.grants[i]);
	forget(&crowd->world);
}

/* It is not until the end. */
static void crowd_keep(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->world.n; i++)
		crowd->kept[crowd->n_kept++] = crowd->world.grants[i];
	crowd->world.n = 0;
}

static void crowd_done(struct crowd *crowd)
{
	crowd_give_back(crowd);
	for (size_t i = 0; i < crowd->n_kept; i++) {
		release(crowd, &crowd->kept[i]);
		resources_done(&crowd->kept[i].part);
	}
	for (size_t i = 0; i < crowd->n_clients; i++)
		allocator_client_free(crowd->clients[i]);
	for (size_t i = 0; i < crowd->n_nodes; i++)
		allocator_node_free(crowd->nodes[i]);
	allocator_free(crowd->world.allocator);
}

static void test_shares_go_by_weight(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 120, "cpus:4;mem:1024");
	weigh(&crowd, "heavy", 3);
	crowd_add(&crowd, "heavy");
	crowd_add(&crowd, "light");
	assert_int_equal(run(&crowd.world, 0), 120);
	assert_int_equal(grants_of(&crowd, 'a'), 90);
	assert_int_equal(grants_of(&crowd, 'b'), 30);
	crowd_give_back(&crowd);
	/* A weight may change while the role is in use. */
	weigh(&crowd, "heavy", 1);
	weigh(&crowd, "light", 2);
	assert_int_equal(run(&crowd.world, 1), 120);
	assert_int_equal(grants_of(&crowd, 'a'), 40);
	assert_int_equal(grants_of(&crowd, 'b'), 80);
	crowd_done(&crowd);
}

/* Of a's half, its own client is one part and the role below it another. */
static void test_each_level_of_the_tree_is_fair(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 120, "cpus:4;mem:1024");
	crowd_add(&crowd, "x");
	crowd_add(&crowd, "x/y");
	crowd_add(&crowd, "z/deep/er");
	assert_int_equal(run(&crowd.world, 0), 120);
	assert_int_equal(grants_of(&crowd, 'a'), 30);
	assert_int_equal(grants_of(&crowd, 'b'), 30);
	assert_int_equal(grants_of(&crowd, 'c'), 60);
	crowd_give_back(&crowd);
	/* A weight counts among its siblings, of which a role's own clients are one of weight 1. */
	weigh(&crowd, "x/y", 2);
	weigh(&crowd, "z/deep/er", 100);
	assert_int_equal(run(&crowd.world, 1), 120);
	assert_int_equal(grants_of(&crowd, 'a'), 20);
	assert_int_equal(grants_of(&crowd, 'b'), 40);
	assert_int_equal(grants_of(&crowd, 'c'), 60);
	crowd_done(&crowd);
}

static void test_who_is_not_active_leaves_its_part_to_its_siblings(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 120, "cpus:4;mem:1024");
	crowd_add(&crowd, "x/a");
	crowd_add(&crowd, "x/b");
	crowd_add(&crowd, "z");
	(void)allocator_client_set_active(crowd.clients[1], false);
	assert_int_equal(run(&crowd.world, 0), 120);
	assert_int_equal(grants_of(&crowd, 'a'), 60);
	assert_int_equal(grants_of(&crowd, 'c'), 60);
	crowd_give_back(&crowd);
	(void)allocator_client_set_active(crowd.clients[0], false);
	assert_int_equal(run(&crowd.world, 1), 120);
	assert_int_equal(grants_of(&crowd, 'c'), 120);
	crowd_done(&crowd);
}

static void note_order(struct crowd *crowd, uint64_t seed, char order[N_NODES * 8])
{
	size_t length = 0;

	crowd_start(crowd, 20, "cpus:4;mem:1024");
	rng_seed(&crowd->world.rng, seed);
	crowd_add(crowd, "r");
	crowd_add(crowd, "r");
	crowd_add(crowd, "s");
	assert_int_equal(run(&crowd->world, 0), 20);
	for (size_t i = 0; i < crowd->world.n; i++)
		length += (size_t)snprintf(order + length, 8, "%s%s ",
					   crowd->world.grants[i].node,
					   crowd->world.grants[i].client);
	crowd_done(crowd);
}

static void test_the_same_seed_gives_the_same_grants(void **state)
{
	char first[N_NODES * 8], again[N_NODES * 8], other[N_NODES * 8];
	struct crowd crowd;

	(void)state;
	note_order(&crowd, 1, first);
	note_order(&crowd, 1, again);
	note_order(&crowd, 2, other);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
}

/* ---- quota ---- */

static void limit(struct crowd *crowd, const char *role, int64_t guarantee, int64_t most)
{
	struct allocator_quota quota = allocator_no_quota;

	quota.guarantee.of[RESOURCE_CPUS] = guarantee;
	quota.limit.of[RESOURCE_CPUS] = most;
	assert_int_equal(allocator_set_quota(crowd->world.allocator, role, &quota), 0);
}

/* Roles below count for the one that has the quota; the last grant is cut to what is left of it. */
static void test_a_limit_is_never_exceeded(void **state)
{
	struct crowd crowd;
	struct quantities consumed;

	(void)state;
	crowd_start(&crowd, 10, "cpus:4;mem:1024");
	limit(&crowd, "x", 0, 10000);
	crowd_add(&crowd, "x/p");
	crowd_add(&crowd, "x/q");
	run(&crowd.world, 0);
	assert_int_equal(cpus_of(&crowd, 'a') + cpus_of(&crowd, 'b'), 10000);
	consumed = allocator_consumed(crowd.world.allocator, "x");
	assert_int_equal(consumed.of[RESOURCE_CPUS], 10000);
	crowd_done(&crowd);
}

static void test_others_get_what_a_limit_leaves(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 10, "cpus:4");
	limit(&crowd, "x", 0, 6000);
	crowd_add(&crowd, "x");
	crowd_add(&crowd, "y");
	run(&crowd.world, 0);
	assert_int_equal(cpus_of(&crowd, 'a'), 6000);
	assert_int_equal(cpus_of(&crowd, 'b'), 34000);
	crowd_done(&crowd);
}

/* Room that came by a release is seen on nodes where nothing changed, when the interval is over. */
static void test_what_was_withheld_is_looked_at_again(void **state)
{
	struct allocator_node *first;
	struct resources part;
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 2, "cpus:4");
	limit(&crowd, "x", 0, 4000);
	crowd_add(&crowd, "x");
	assert_int_equal(run(&crowd.world, 5000), 1);
	assert_int_equal(cpus_of(&crowd, 'a'), 4000);
	crowd_keep(&crowd);
	/* Its task ends on a node that it does not want any more. */
	part = parse("cpus:3");
	first = node_of(&crowd, &crowd.kept[0]);
	assert_int_equal(allocator_refuse(first, crowd.clients[0], &part, 100000, 5000), 0);
	allocator_release(first, crowd.clients[0], &part);
	crowd.kept[0].part.scalar[RESOURCE_CPUS] -= 3000;
	assert_int_equal(run(&crowd.world, 5000), 0);
	assert_int_equal(allocator_next_ms(crowd.world.allocator), 6000);
	assert_false(allocator_is_due(crowd.world.allocator, 5999));
	assert_int_equal(run(&crowd.world, 6000), 1);
	assert_int_equal(cpus_of(&crowd, 'a'), 3000);
	assert_string_not_equal(crowd.world.grants[0].node, crowd.kept[0].node);
	resources_done(&part);
	crowd_done(&crowd);
}

/* For as long as a guarantee is not satisfied, others leave that much alone, clients or not. */
static void test_headroom_is_held_back_for_guarantees(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 3, "cpus:4;mem:1024");
	limit(&crowd, "g", 6000, INT64_MAX);
	crowd_add(&crowd, "y");
	run(&crowd.world, 0);
	assert_int_equal(cpus_of(&crowd, 'a'), 6000);
	crowd_keep(&crowd);
	/* Its client comes, and gets at once what was held back. */
	crowd_add(&crowd, "g/below");
	run(&crowd.world, 1);
	assert_int_equal(cpus_of(&crowd, 'b'), 6000);
	assert_int_equal(cpus_of(&crowd, 'a'), 0);
	crowd_done(&crowd);
}

/* A role with a guarantee is served first, whatever its share. */
static void test_guarantees_come_before_fairness(void **state)
{
	struct crowd crowd;
	struct resources part = parse("cpus:4;mem:1024");

	(void)state;
	crowd_start(&crowd, 4, "cpus:4;mem:1024");
	limit(&crowd, "z", 8000, INT64_MAX);
	crowd_add(&crowd, "z");
	crowd_add(&crowd, "y");
	assert_int_equal(allocator_charge(crowd.nodes[0], crowd.clients[0], &part), 0);
	run(&crowd.world, 0);
	assert_int_equal(crowd.world.grants[0].client[0], 'a');
	assert_int_equal(cpus_of(&crowd, 'a'), 4000);
	assert_int_equal(cpus_of(&crowd, 'b'), 8000);
	allocator_release(crowd.nodes[0], crowd.clients[0], &part);
	resources_done(&part);
	crowd_done(&crowd);
}

/* What is reserved for a role is its own beside the limit, but counts as had. */
static void test_reservations_count_as_consumed(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 1, "cpus:4;cpus(x):3;mem(x):1024");
	limit(&crowd, "x", 2000, 5000);
	assert_int_equal(allocator_consumed(crowd.world.allocator, "x").of[RESOURCE_CPUS], 3000);
	crowd_add(&crowd, "x");
	crowd_add(&crowd, "y");
	run(&crowd.world, 0);
	/* Three reserved and two of the four others. */
	assert_int_equal(cpus_of(&crowd, 'a'), 5000);
	assert_int_equal(cpus_of(&crowd, 'b'), 2000);
	assert_int_equal(allocator_consumed(crowd.world.allocator, "x").of[RESOURCE_CPUS], 5000);
	crowd_done(&crowd);
}

static void test_a_quota_that_is_taken_away_holds_nothing_back(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 2, "cpus:4");
	limit(&crowd, "g", 8000, INT64_MAX);
	crowd_add(&crowd, "y");
	assert_int_equal(run(&crowd.world, 0), 0);
	assert_int_equal(allocator_set_quota(crowd.world.allocator, "g", &allocator_no_quota), 0);
	assert_int_equal(run(&crowd.world, 1), 2);
	crowd_done(&crowd);
}

/* A gpu is not divided. */
static void test_gpus_are_cut_to_whole_ones(void **state)
{
	struct allocator_quota quota = allocator_no_quota;
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 1, "cpus:4;gpus:4");
	quota.limit.of[RESOURCE_GPUS] = 2500;
	assert_int_equal(allocator_set_quota(crowd.world.allocator, "x", &quota), 0);
	crowd_add(&crowd, "x");
	assert_int_equal(run(&crowd.world, 0), 1);
	assert_int_equal(crowd.world.grants[0].part.scalar[RESOURCE_GPUS], 2000);
	crowd_done(&crowd);
}

static void test_a_client_may_want_more_at_once(void **state)
{
	static const struct quantities large = { { [RESOURCE_CPUS] = 5000 } };
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, 2, "cpus:4");
	crowd_add(&crowd, "x");
	crowd_add(&crowd, "y");
	assert_int_equal(allocator_client_set_min(crowd.clients[0], &large, 1), 0);
	assert_int_equal(run(&crowd.world, 0), 2);
	assert_int_equal(grants_of(&crowd, 'b'), 2);
	crowd_give_back(&crowd);
	assert_int_equal(allocator_client_set_min(crowd.clients[0], NULL, 0), 0);
	assert_int_equal(run(&crowd.world, 1), 2);
	assert_int_equal(grants_of(&crowd, 'a'), 2 - grants_of(&crowd, 'b'));
	assert_true(grants_of(&crowd, 'a') > 0);
	crowd_done(&crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_go_by_weight),
		cmocka_unit_test(test_each_level_of_the_tree_is_fair),
		cmocka_unit_test(test_who_is_not_active_leaves_its_part_to_its_siblings),
		cmocka_unit_test(test_the_same_seed_gives_the_same_grants),
		cmocka_unit_test(test_a_limit_is_never_exceeded),
		cmocka_unit_test(test_others_get_what_a_limit_leaves),
		cmocka_unit_test(test_what_was_withheld_is_looked_at_again),
		cmocka_unit_test(test_headroom_is_held_back_for_guarantees),
		cmocka_unit_test(test_guarantees_come_before_fairness),
		cmocka_unit_test(test_reservations_count_as_consumed),
		cmocka_unit_test(test_a_quota_that_is_taken_away_holds_nothing_back),
		cmocka_unit_test(test_gpus_are_cut_to_whole_ones),
		cmocka_unit_test(test_a_client_may_want_more_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
