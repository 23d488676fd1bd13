/* Layers of the dependency graph: order, cycles, and that many paths cost nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/deployment/dependencies.h"
#include "master_stub/marathon/deployment/id_index.h"

enum { MAX_APPS = 5000 };

/* "/a" with what it depends on. */
static struct graph {
	struct app apps[MAX_APPS];
	struct dependency nodes[MAX_APPS];
	char ids[MAX_APPS][16];
	json_t *lists[MAX_APPS];
	unsigned n;
	struct group_dependency groups[4];
	unsigned n_groups;
} graph;

static unsigned add(const char *id)
{
	unsigned i = graph.n++;

	assert_true(i < MAX_APPS);
	(void)snprintf(graph.ids[i], sizeof(graph.ids[i]), "%s", id);
	graph.lists[i] = json_array();
	graph.apps[i] = (struct app){ .id = graph.ids[i], .dependencies = graph.lists[i] };
	graph.nodes[i] = (struct dependency){ .id = graph.ids[i], .app = &graph.apps[i] };
	return i;
}

static int layer(void)
{
	struct id_index by_id;
	const struct dependency_graph whole = {
		.apps = graph.nodes, .n_apps = graph.n, .groups = graph.groups,
		.n_groups = graph.n_groups, .by_id = &by_id,
	};
	int r;

	assert_int_equal(id_index_init(&by_id, graph.n), 0);
	for (unsigned i = 0; i < graph.n; i++)
		id_index_add(&by_id, graph.ids[i], &graph.nodes[i]);
	id_index_sort(&by_id);
	r = dependencies_layer(&whole);
	id_index_done(&by_id);
	return r;
}

static void depend(unsigned i, const char *on)
{
	assert_int_equal(json_array_append_new(graph.lists[i], json_string(on)), 0);
}

static int clear(void **state)
{
	(void)state;
	for (unsigned i = 0; i < graph.n; i++)
		json_decref(graph.lists[i]);
	for (unsigned i = 0; i < graph.n_groups; i++)
		json_decref((json_t *)(uintptr_t)graph.groups[i].on);
	graph.n = graph.n_groups = 0;
	return 0;
}

static void test_longest_path_is_the_layer(void **state)
{
	unsigned web = add("/web"), api = add("/api"), db = add("/db");

	(void)state;
	depend(web, "/api");
	depend(web, "/db");
	depend(api, "/db");
	assert_int_equal(layer(), 0);
	assert_int_equal(graph.nodes[db].layer, 0);
	assert_int_equal(graph.nodes[api].layer, 1);
	assert_int_equal(graph.nodes[web].layer, 2);
}

static void test_group_stands_for_its_apps_but_not_oneself(void **state)
{
	unsigned a = add("/g/a"), b = add("/g/b");

	(void)state;
	depend(a, "/g");
	depend(a, "/nothing");
	assert_int_equal(layer(), 0);
	assert_int_equal(graph.nodes[a].layer, 1);
	assert_int_equal(graph.nodes[b].layer, 0);
}

static void group_depends(const char *group, const char *on)
{
	graph.groups[graph.n_groups++] =
		(struct group_dependency){ .group = group, .on = json_pack("[s]", on) };
}

static void test_what_a_group_depends_on_every_app_inside_does(void **state)
{
	unsigned web = add("/shop/web"), deep = add("/shop/a/b"), db = add("/db/x"), other = add("/o");

	(void)state;
	group_depends("/shop", "/db");
	assert_int_equal(layer(), 0);
	assert_int_equal(graph.nodes[db].layer, 0);
	assert_int_equal(graph.nodes[other].layer, 0);
	assert_int_equal(graph.nodes[web].layer, 1);
	assert_int_equal(graph.nodes[deep].layer, 1);
}

/* "/shop" after "/shop/db": the rest of the shop. */
static void test_a_group_may_depend_on_a_part_of_itself(void **state)
{
	unsigned web = add("/shop/web"), a = add("/shop/db/a"), b = add("/shop/db/b");

	(void)state;
	group_depends("/shop", "/shop/db");
	assert_int_equal(layer(), 0);
	assert_int_equal(graph.nodes[a].layer, 0);
	assert_int_equal(graph.nodes[b].layer, 0);
	assert_int_equal(graph.nodes[web].layer, 1);
}

static void test_cycle_of_groups_is_refused(void **state)
{
	(void)state;
	(void)add("/a/x");
	(void)add("/b/y");
	group_depends("/a", "/b");
	group_depends("/b", "/a");
	assert_int_equal(layer(), -ELOOP);
}

static void test_cycle_is_refused(void **state)
{
	unsigned a = add("/a"), b = add("/b"), c = add("/c");

	(void)state;
	depend(a, "/b");
	depend(b, "/c");
	depend(c, "/a");
	assert_int_equal(layer(), -ELOOP);
}

/* 20 layers of 10, each app on all those below: 10^20 paths. */
static void test_many_paths_cost_nothing(void **state)
{
	char id[16];

	(void)state;
	for (unsigned layer = 0; layer < 20; layer++) {
		for (unsigned k = 0; k < 10; k++) {
			unsigned i;

			(void)snprintf(id, sizeof(id), "/l%u/a%u", layer, k);
			i = add(id);
			(void)snprintf(id, sizeof(id), "/l%u", layer - 1);
			if (layer > 0)
				depend(i, id);
		}
	}
	assert_int_equal(layer(), 0);
	assert_int_equal(graph.nodes[graph.n - 1].layer, 19);
}

/* However long a chain is, it is no cycle, and the stack holds. */
static void test_a_chain_may_be_as_long_as_there_are_apps(void **state)
{
	unsigned last = MAX_APPS - 1;
	char id[16];

	(void)state;
	for (unsigned i = 0; i <= last; i++) {
		(void)snprintf(id, sizeof(id), "/a%u", i);
		(void)add(id);
		(void)snprintf(id, sizeof(id), "/a%u", i + 1);
		if (i < last)
			depend(i, id);
	}
	assert_int_equal(layer(), 0);
	assert_int_equal(graph.nodes[0].layer, last);
	for (unsigned i = 0; i <= last; i++)
		graph.nodes[i].mark = DEPENDENCY_NEW;
	depend(last, "/a0");
	assert_int_equal(layer(), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_longest_path_is_the_layer, clear),
		cmocka_unit_test_teardown(test_group_stands_for_its_apps_but_not_oneself, clear),
		cmocka_unit_test_teardown(test_what_a_group_depends_on_every_app_inside_does, clear),
		cmocka_unit_test_teardown(test_a_group_may_depend_on_a_part_of_itself, clear),
		cmocka_unit_test_teardown(test_cycle_of_groups_is_refused, clear),
		cmocka_unit_test_teardown(test_cycle_is_refused, clear),
		cmocka_unit_test_teardown(test_many_paths_cost_nothing, clear),
		cmocka_unit_test_teardown(test_a_chain_may_be_as_long_as_there_are_apps, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
