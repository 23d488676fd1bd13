/* Fair shares, filters and limits of the allocator, without a master around it. */
#include "tests/unit/allocator_world.h"

static void test_what_is_reserved_goes_to_its_role(void **state)
{
	struct world world;
	struct allocator_node *n1;
	struct allocator_client *web, *db;
	struct resources part;

	(void)state;
	start(&world);
	n1 = node(&world, (char[]){ "n1" }, "cpus:4;mem:1024;disk(db):10;cpus(db):2;mem(db):64");
	web = client(&world, (char[]){ "a" }, "app");
	db = client(&world, (char[]){ "b" }, "db/main");
	assert_int_equal(run(&world, 0), 2);
	assert_string_equal(world.grants[0].client, "a");
	assert_int_equal(world.grants[0].part.parts.n, 0);
	assert_string_equal(world.grants[1].client, "b");
	assert_int_equal(world.grants[1].part.scalar[RESOURCE_CPUS], 0);
	assert_int_equal(resources_quantity(&world.grants[1].part, RESOURCE_DISK), 10000);
	assert_int_equal(allocator_client_share(db) * 3, 3 * (10.0 / 10));
	give_back(&world, n1, web, 0);
	give_back(&world, n1, db, 1);
	/* Who is alone gets both, and what was refused is not given again. */
	(void)allocator_client_set_active(web, false);
	assert_int_equal(run(&world, 1), 1);
	assert_int_equal(world.grants[0].part.scalar[RESOURCE_CPUS], 4000);
	assert_int_equal(world.grants[0].part.parts.n, 3);
	part = parse("cpus:4;mem:1024;disk(db):10;cpus(db):2;mem(db):64");
	assert_int_equal(allocator_refuse(n1, db, &part, 5000, 1), 0);
	give_back(&world, n1, db, 0);
	assert_int_equal(run(&world, 2), 0);
	resources_done(&part);
	/* It is of another form now: that was not refused. */
	part = parse("cpus:4;mem:1024;disk(db):11;cpus(db):2;mem(db):64");
	assert_int_equal(allocator_node_set_total(n1, &part), 0);
	assert_int_equal(run(&world, 3), 1);
	give_back(&world, n1, db, 0);
	resources_done(&part);
	forget(&world);
	allocator_client_free(web);
	allocator_client_free(db);
	allocator_node_free(n1);
	allocator_free(world.allocator);
}

static void test_all_that_is_free_goes_to_one(void **state)
{
	struct world world;
	struct allocator_node *n1;
	struct allocator_client *c1, *c2;

	(void)state;
	start(&world);
	n1 = node(&world, (char[]){ "n1" }, "cpus:4;mem:1024;ports:[31000-31009]");
	c1 = client(&world, (char[]){ "c1" }, "*");
	c2 = client(&world, (char[]){ "c2" }, "*");
	assert_int_equal(run(&world, 0), 1);
	assert_string_equal(world.grants[0].client, "c1");
	assert_int_equal(world.grants[0].part.scalar[RESOURCE_CPUS], 4000);
	assert_int_equal(ranges_count(&world.grants[0].part.ports), 10);
	/* Nothing changed, nothing is free: no work. */
	assert_false(allocator_is_due(world.allocator, 1));
	assert_int_equal(run(&world, 1), 0);
	allocator_release(n1, c1, &(struct resources){ .scalar = { 4000, 1024000 } });
	assert_int_equal(run(&world, 2), 1);
	/* Equal shares: the one with fewer grants. */
	assert_string_equal(world.grants[0].client, "c2");
	give_back(&world, n1, c2, 0);
	forget(&world);
	allocator_client_free(c1);
	allocator_client_free(c2);
	allocator_node_free(n1);
	allocator_free(world.allocator);
}

/* Role a has one framework, role b two: b's two share what a's one has alone. */
static void test_roles_are_equal_and_frameworks_within_them(void **state)
{
	struct world world;
	struct allocator_node *nodes[100];
	static char names[100][16];
	struct allocator_client *a, *b1, *b2;
	size_t n_a = 0, n_b1 = 0, n_b2 = 0;

	(void)state;
	start(&world);
	a = client(&world, (char[]){ "a" }, "a");
	b1 = client(&world, (char[]){ "b1" }, "b");
	b2 = client(&world, (char[]){ "b2" }, "b");
	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		nodes[i] = node(&world, names[i], "cpus:4;mem:1024");
	}
	assert_int_equal(run(&world, 0), 100);
	for (size_t i = 0; i < world.n; i++) {
		n_a += strcmp(world.grants[i].client, "a") == 0;
		n_b1 += strcmp(world.grants[i].client, "b1") == 0;
		n_b2 += strcmp(world.grants[i].client, "b2") == 0;
	}
	assert_int_equal(n_a, 50);
	assert_int_equal(n_b1, 25);
	assert_int_equal(n_b2, 25);
	assert_float_equal(allocator_client_share(a), .5, 1e-9);
	forget(&world);
	for (int i = 0; i < 100; i++)
		allocator_node_free(nodes[i]);
	allocator_client_free(a);
	allocator_client_free(b1);
	allocator_client_free(b2);
	allocator_free(world.allocator);
}

/* The example of the published algorithm: 9 cpus, 18 GB; tasks of (1, 4 GB) and of (3, 1 GB). */
static void test_dominant_shares_of_the_paper(void **state)
{
	struct world world;
	struct allocator_node *n1, *probe;
	struct allocator_client *a, *b;
	struct resources task_a = parse("cpus:1;mem:4"), task_b = parse("cpus:3;mem:1");
	int n_a = 0, n_b = 0;

	(void)state;
	start(&world);
	n1 = node(&world, (char[]){ "n" }, "cpus:9;mem:18");
	probe = node(&world, (char[]){ "probe" }, "mem:32");
	/* The probe's total must not count: only the ratio between the two matters. */
	a = client(&world, (char[]){ "a" }, "a");
	b = client(&world, (char[]){ "b" }, "b");
	allocator_node_set_active(n1, false);
	allocator_node_set_total(probe, &(struct resources){ .scalar = { 10 } });
	for (int i = 0; i < 5; i++) {
		bool is_a;

		assert_int_equal(run(&world, 0), 1);
		is_a = strcmp(world.grants[0].client, "a") == 0;
		allocator_release(probe, is_a ? a : b, &world.grants[0].part);
		assert_int_equal(allocator_charge(n1, is_a ? a : b, is_a ? &task_a : &task_b), 0);
		n_a += is_a;
		n_b += !is_a;
	}
	assert_int_equal(n_a, 3);
	assert_int_equal(n_b, 2);
	forget(&world);
	for (int i = 0; i < n_a; i++)
		allocator_release(n1, a, &task_a);
	for (int i = 0; i < n_b; i++)
		allocator_release(n1, b, &task_b);
	allocator_client_free(a);
	allocator_client_free(b);
	allocator_node_free(n1);
	allocator_node_free(probe);
	allocator_free(world.allocator);
}

static void test_filters_hold_for_as_much_or_less_until_their_end(void **state)
{
	struct world world;
	struct allocator_node *n1;
	struct allocator_client *c1;
	struct resources half = parse("cpus:2;mem:512"), whole = parse("cpus:4;mem:1024");

	(void)state;
	start(&world);
	n1 = node(&world, (char[]){ "n1" }, "cpus:4;mem:1024");
	c1 = client(&world, (char[]){ "c1" }, "*");
	assert_int_equal(allocator_charge(n1, c1, &half), 0);
	assert_int_equal(allocator_refuse(n1, c1, &half, 5000, 100), 0);
	assert_int_equal(run(&world, 100), 0);
	/* More than was refused is a new situation. */
	allocator_release(n1, c1, &half);
	assert_int_equal(run(&world, 200), 1);
	assert_int_equal(allocator_refuse(n1, c1, &whole, 5000, 200), 0);
	allocator_release(n1, c1, &world.grants[0].part);
	assert_int_equal(run(&world, 300), 0);
	/* The larger one, ending no earlier, stands for both. */
	assert_int_equal(allocator_stats(world.allocator).filters, 1);
	assert_int_equal(allocator_next_ms(world.allocator), 6000);
	assert_int_equal(run(&world, 5999), 0);
	assert_int_equal(run(&world, 6000), 1);
	assert_int_equal(allocator_stats(world.allocator).filters, 0);
	/* A refusal of no seconds lasts until the next interval: no endless offering. */
	assert_int_equal(allocator_refuse(n1, c1, &whole, 0, 6000), 0);
	allocator_release(n1, c1, &world.grants[0].part);
	assert_int_equal(run(&world, 6000), 0);
	allocator_client_revive(c1);
	assert_int_equal(run(&world, 6001), 1);
	give_back(&world, n1, c1, 0);
	assert_int_equal(allocator_refuse(n1, c1, &whole, 9999, 7000), 0);
	forget(&world);
	allocator_client_free(c1);
	assert_int_equal(allocator_stats(world.allocator).filters, 0);
	allocator_node_free(n1);
	allocator_free(world.allocator);
}

static void test_crumbs_and_gpus_are_not_for_everyone(void **state)
{
	struct world world;
	struct allocator_node *crumb, *gpu;
	struct allocator_client *plain, *with;

	(void)state;
	start(&world);
	crumb = node(&world, (char[]){ "crumb" }, "cpus:0.009;mem:31");
	gpu = node(&world, (char[]){ "gpu" }, "cpus:4;mem:1024;gpus:2");
	plain = client(&world, (char[]){ "plain" }, "*");
	assert_int_equal(run(&world, 0), 0);
	with = client(&world, (char[]){ "gpus" }, "*");
	assert_int_equal(run(&world, 0), 1);
	assert_string_equal(world.grants[0].node, "gpu");
	assert_string_equal(world.grants[0].client, "gpus");
	give_back(&world, gpu, with, 0);
	forget(&world);
	allocator_client_free(plain);
	allocator_client_free(with);
	allocator_node_free(crumb);
	allocator_node_free(gpu);
	allocator_free(world.allocator);
}

static void test_a_node_that_shrank_has_nothing_free(void **state)
{
	struct world world;
	struct allocator_node *n1;
	struct allocator_client *c1;
	struct resources used = parse("cpus:3;mem:900"), small = parse("cpus:2;mem:500");

	(void)state;
	start(&world);
	n1 = node(&world, (char[]){ "n1" }, "cpus:4;mem:1024");
	c1 = client(&world, (char[]){ "c1" }, "*");
	assert_int_equal(allocator_charge(n1, c1, &used), 0);
	assert_int_equal(allocator_node_set_total(n1, &small), 0);
	assert_int_equal(run(&world, 0), 0);
	allocator_release(n1, c1, &used);
	assert_int_equal(run(&world, 0), 1);
	assert_int_equal(world.grants[0].part.scalar[RESOURCE_CPUS], 2000);
	give_back(&world, n1, c1, 0);
	/* A grant that cannot be taken waits for the next change, not in a circle. */
	world.refuses = true;
	assert_int_equal(run(&world, 0), 0);
	assert_false(allocator_is_due(world.allocator, 0));
	assert_int_equal(allocator_node_used(n1)->scalar[RESOURCE_CPUS], 0);
	forget(&world);
	allocator_client_free(c1);
	allocator_node_free(n1);
	allocator_free(world.allocator);
}

/* Thousands of random charges, refusals and releases: never more than there is, all back at the
 * end. */
static void test_never_more_than_there_is(void **state)
{
	struct world world;
	struct allocator_node *nodes[5];
	struct allocator_client *clients[4];
	static char node_names[5][16], client_names[4][16];
	int64_t now = 0;

	(void)state;
	start(&world);
	for (int i = 0; i < 5; i++) {
		snprintf(node_names[i], sizeof(node_names[i]), "%d", i);
		nodes[i] = node(&world, node_names[i], "cpus:8;mem:4096;ports:[31000-31099]");
	}
	for (int i = 0; i < 4; i++) {
		snprintf(client_names[i], sizeof(client_names[i]), "%d", i);
		clients[i] = client(&world, client_names[i], i % 2 ? "a" : "b");
	}
	for (int step = 0; step < 3000; step++) {
		now += (int64_t)rng_below(&world.rng, 700);
		run(&world, now);
		for (size_t i = 0; i < world.n; i++) {
			struct allocator_node *n = nodes[world.grants[i].node[0] - '0'];
			struct allocator_client *c = clients[world.grants[i].client[0] - '0'];

			assert_true(resources_contain(allocator_node_total(n),
						      allocator_node_used(n)));
			if (rng_below(&world.rng, 2))
				assert_int_equal(allocator_refuse(n, c, &world.grants[i].part,
						 (int64_t)rng_below(&world.rng, 5000), now), 0);
			allocator_release(n, c, &world.grants[i].part);
		}
		if (rng_below(&world.rng, 10) == 0)
			allocator_client_revive(clients[rng_below(&world.rng, 4)]);
		if (rng_below(&world.rng, 10) == 0)
			(void)allocator_client_set_active(clients[rng_below(&world.rng, 4)],
							  rng_below(&world.rng, 2));
	}
	forget(&world);
	for (int i = 0; i < 5; i++) {
		assert_true(resources_is_empty(allocator_node_used(nodes[i])));
		allocator_node_free(nodes[i]);
	}
	for (int i = 0; i < 4; i++) {
		assert_float_equal(allocator_client_share(clients[i]), 0, 0);
		allocator_client_free(clients[i]);
	}
	allocator_free(world.allocator);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_reserved_goes_to_its_role),
		cmocka_unit_test(test_all_that_is_free_goes_to_one),
		cmocka_unit_test(test_roles_are_equal_and_frameworks_within_them),
		cmocka_unit_test(test_dominant_shares_of_the_paper),
		cmocka_unit_test(test_filters_hold_for_as_much_or_less_until_their_end),
		cmocka_unit_test(test_crumbs_and_gpus_are_not_for_everyone),
		cmocka_unit_test(test_a_node_that_shrank_has_nothing_free),
		cmocka_unit_test(test_never_more_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
