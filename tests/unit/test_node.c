/* What a node tells of itself: sizes, ports, attributes, and what flags change of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/node.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define GIB (1ULL << 30)

static void test_a_part_of_memory_and_disk_is_kept_back(void **state)
{
	static const struct {
		uint64_t bytes;
		int64_t mem, disk;
	} rows[] = {
		{ 16 * GIB, 15LL * 1024 * 1000, 11LL * 1024 * 1000 },
		{ 2 * GIB, 1024 * 1000, 1024 * 1000 },
		{ 1 * GIB, 512 * 1000, 512 * 1000 },
		{ 10 * GIB, 9LL * 1024 * 1000, 5LL * 1024 * 1000 },
		{ 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(node_offered_mem(rows[i].bytes), rows[i].mem);
		assert_int_equal(node_offered_disk(rows[i].bytes), rows[i].disk);
	}
}

static void test_flags_win_name_by_name(void **state)
{
	struct resources found = { .scalar = { 4000, 1000000, 2000000, 0 } };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ranges_add(&found.ports, 31000, 32000), 0);
	assert_int_equal(node_merge_resources("cpus:2.5;ports:[100-101]", &found, &e), 0);
	assert_int_equal(found.scalar[RESOURCE_CPUS], 2500);
	assert_int_equal(found.scalar[RESOURCE_MEM], 1000000);
	assert_int_equal(ranges_count(&found.ports), 2);
	assert_true(ranges_contains(&found.ports, 100, 101));
	assert_true(node_merge_resources("cpus:many", &found, &e) < 0);
	assert_int_equal(found.scalar[RESOURCE_CPUS], 2500);
	resources_done(&found);
}

static void test_attributes_have_the_types_that_mesos_gives_them(void **state)
{
	Mesos__V1__Attribute **list = NULL;
	struct err e = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(node_parse_attributes("rack:r1;level:10;ids:[1-3,7-7];v:1.5x", &list, &n,
					       &e), 0);
	assert_int_equal(n, 4);
	assert_string_equal(list[0]->name, "rack");
	assert_string_equal(list[0]->text->value, "r1");
	assert_int_equal(list[1]->type, MESOS__V1__VALUE__TYPE__SCALAR);
	assert_true(list[1]->scalar->value > 9.9 && list[1]->scalar->value < 10.1);
	assert_int_equal(list[2]->ranges->n_range, 2);
	assert_int_equal(list[2]->ranges->range[1]->begin, 7);
	assert_string_equal(list[3]->text->value, "1.5x");
	node_free_attributes(list, n);
}

static void test_bad_attributes_are_named(void **state)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{ "rack", "read attribute 'rack': not of the form name:value" },
		{ ":r1", "read attribute ':r1': not of the form name:value" },
		{ "a:b;rack:", "read attribute 'rack:': not of the form name:value" },
		{ "ids:[1-", "read attribute 'ids': bad ranges '[1-'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		Mesos__V1__Attribute **list = NULL;
		struct err e = { 0 };
		size_t n = 0;

		assert_int_equal(node_parse_attributes(rows[i].text, &list, &n, &e), -EINVAL);
		assert_string_equal(e.msg, rows[i].msg);
		assert_null(list);
	}
}

static void test_agent_info_carries_everything(void **state)
{
	struct node node = { .hostname = "n1", .total = { .scalar = { 2000, 512000, 0, 0 } } };
	Mesos__V1__AgentInfo *info;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ranges_add(&node.total.ports, 31000, 31001), 0);
	assert_int_equal(node_parse_attributes("rack:r1", &node.attributes, &node.n_attributes, &e),
			 0);
	assert_int_equal(node_agent_info(&node, "S1", 5051, &info, &e), 0);
	assert_string_equal(info->hostname, "n1");
	assert_string_equal(info->id->value, "S1");
	assert_int_equal(info->port, 5051);
	assert_int_equal(info->n_attributes, 1);
	assert_true(info->n_resources >= 3);
	mesos__v1__agent_info__free_unpacked(info, NULL);
	assert_int_equal(node_agent_info(&node, NULL, 5051, &info, &e), 0);
	assert_null(info->id);
	mesos__v1__agent_info__free_unpacked(info, NULL);
	node_done(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_part_of_memory_and_disk_is_kept_back),
		cmocka_unit_test(test_flags_win_name_by_name),
		cmocka_unit_test(test_attributes_have_the_types_that_mesos_gives_them),
		cmocka_unit_test(test_bad_attributes_are_named),
		cmocka_unit_test(test_agent_info_carries_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
