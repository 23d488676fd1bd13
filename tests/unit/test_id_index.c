/* Ids in the order of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/deployment/id_index.h"

static struct id_index index_of_all;

static int fill(void **state)
{
	static const char *const ids[] = {
		"/b", "/a/b/c", "/a-b", "/a.b/x", "/a/b", "/c/d", "/a/b-c", "/ab", "/a/z", "/a0",
	};

	(void)state;
	if (id_index_init(&index_of_all, ARRAY_SIZE(ids)) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		id_index_add(&index_of_all, ids[i], NULL);
	id_index_sort(&index_of_all);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	id_index_done(&index_of_all);
	return 0;
}

static void expect_within(const char *group, const char *const *ids, size_t n)
{
	size_t first;

	assert_int_equal(id_index_within(&index_of_all, group, &first), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(index_of_all.entries[first + i].id, ids[i]);
}

static void test_what_is_in_a_group_is_together(void **state)
{
	(void)state;
	expect_within("/a", (const char *const[]){ "/a/b", "/a/b/c", "/a/b-c", "/a/z" }, 4);
	expect_within("/a/b", (const char *const[]){ "/a/b", "/a/b/c" }, 2);
	expect_within("/ab", (const char *const[]){ "/ab" }, 1);
	expect_within("/c", (const char *const[]){ "/c/d" }, 1);
	expect_within("/a.b/x/y", NULL, 0);
	expect_within("/zz", NULL, 0);
	expect_within("/0", NULL, 0);
}

static void test_the_root_has_all(void **state)
{
	size_t first;

	(void)state;
	assert_int_equal(id_index_within(&index_of_all, "/", &first), index_of_all.n);
	assert_int_equal(first, 0);
}

static void test_what_is_above(void **state)
{
	(void)state;
	assert_non_null(id_index_find(&index_of_all, "/a-b"));
	assert_null(id_index_find(&index_of_all, "/a"));
	assert_non_null(id_index_find_above(&index_of_all, "/a/b/c"));
	assert_non_null(id_index_find_above(&index_of_all, "/b/x/y/z"));
	assert_null(id_index_find_above(&index_of_all, "/a/b"));
	assert_null(id_index_find_above(&index_of_all, "/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_in_a_group_is_together, fill, clear),
		cmocka_unit_test_setup_teardown(test_the_root_has_all, fill, clear),
		cmocka_unit_test_setup_teardown(test_what_is_above, fill, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
