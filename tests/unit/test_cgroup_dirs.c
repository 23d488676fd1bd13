/* Directories of containers in several hierarchies, made of plain ones: made, listed, removed. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* A core, and memory and cpu on two v1 hierarchies, and io together with cpu. */
struct world {
	char path[64];
	struct cgroup_layout layout;
};

static bool exists(const struct world *w, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", w->path, name);
	return access(path, F_OK) == 0;
}

static void make(const struct world *w, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", w->path, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static char *join(const struct world *w, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", w->path, name) > 0);
	return path;
}

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){ .path = "/tmp/tepui-test-dirs-XXXXXX" };
	assert_non_null(mkdtemp(w.path));
	make(&w, "core");
	make(&w, "core/containers");
	make(&w, "core/supervisors");
	make(&w, "memory");
	make(&w, "memory/containers");
	make(&w, "cpu");
	make(&w, "cpu/containers");
	w.layout.core = join(&w, "core");
	w.layout.controllers[CGROUP_MEMORY].version = 1;
	w.layout.controllers[CGROUP_MEMORY].dir = join(&w, "memory");
	w.layout.controllers[CGROUP_CPU].version = 1;
	w.layout.controllers[CGROUP_CPU].dir = join(&w, "cpu");
	w.layout.controllers[CGROUP_IO].version = 1;
	w.layout.controllers[CGROUP_IO].dir = join(&w, "cpu");
	w.layout.controllers[CGROUP_PIDS].version = 2;
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", w->path);
	cgroup_layout_done(&w->layout);
	return system(command);
}

static void test_create_makes_one_in_each_hierarchy(void **state)
{
	struct world *w = *state;
	struct cgroup cg = CGROUP_INIT;
	struct err e = { 0 };

	assert_int_equal(cgroup_create(&w->layout, "c1", &cg, &e), 0);
	assert_true(exists(w, "core/containers/c1"));
	assert_true(exists(w, "memory/containers/c1"));
	assert_true(exists(w, "cpu/containers/c1"));
	assert_int_equal(cg.versions[CGROUP_MEMORY], 1);
	assert_int_equal(cg.versions[CGROUP_PIDS], 2);
	assert_int_equal(cg.versions[CGROUP_CPUSET], 0);
	assert_int_equal(cg.fds[CGROUP_PIDS], cg.core_fd);
	assert_true(cg.fds[CGROUP_CPUSET] < 0);
	cgroup_close(&cg);
	assert_true(cg.core_fd < 0 && cg.fds[CGROUP_MEMORY] < 0);
	/* Again is an error, and what is there stays. */
	assert_int_equal(cgroup_create(&w->layout, "c1", &cg, &e), -EEXIST);
	assert_true(exists(w, "core/containers/c1") && exists(w, "memory/containers/c1"));
}

static void test_create_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	struct cgroup cg = CGROUP_INIT;
	struct err e = { 0 };

	/* The last hierarchy refuses. */
	make(w, "memory/containers/c1");
	assert_int_equal(cgroup_create(&w->layout, "c1", &cg, &e), -EEXIST);
	assert_false(exists(w, "core/containers/c1"));
	assert_false(exists(w, "cpu/containers/c1"));
	assert_true(exists(w, "memory/containers/c1"));
}

static void test_names_are_checked(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "a b", "a\n", "\xc3\xa4" };
	struct world *w = *state;
	struct cgroup cg = CGROUP_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		assert_int_equal(cgroup_create(&w->layout, bad[i], &cg, &e), -EINVAL);
		err_clear(&e);
		assert_int_equal(cgroup_open(&w->layout, bad[i], &cg, &e), -EINVAL);
	}
}

/* A crash between two mkdir(2), or in the middle of a removal. */
static void test_parts_are_listed_and_removed(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };
	char **names;

	make(w, "memory/containers/half");
	make(w, "memory/containers/half/inner");
	make(w, "memory/containers/half/inner/most");
	make(w, "cpu/containers/other");
	make(w, "cpu/containers/half");
	assert_int_equal(cgroup_list(&w->layout, &names, &e), 0);
	assert_true((strcmp(names[0], "half") == 0 && strcmp(names[1], "other") == 0) ||
		    (strcmp(names[0], "other") == 0 && strcmp(names[1], "half") == 0));
	assert_null(names[2]);
	free(names[0]);
	free(names[1]);
	free(names);
	assert_int_equal(cgroup_destroy(&w->layout, "half", 100, &e), 0);
	assert_int_equal(cgroup_destroy(&w->layout, "other", 100, &e), 0);
	assert_false(exists(w, "memory/containers/half") || exists(w, "cpu/containers/half"));
	assert_false(exists(w, "cpu/containers/other"));
	assert_int_equal(cgroup_destroy(&w->layout, "never", 100, &e), 0);
	assert_int_equal(cgroup_destroy(&w->layout, "../core", 100, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(cgroup_list(&w->layout, &names, &e), 0);
	assert_null(names[0]);
	free(names);
}

static void test_the_layout_removes_what_is_empty(void **state)
{
	struct world *w = *state;

	make(w, "cpu/containers/alive");
	cgroup_layout_remove(&w->layout);
	assert_false(exists(w, "core") || exists(w, "memory"));
	assert_true(exists(w, "cpu/containers/alive"));
	/* And does it again. */
	cgroup_layout_remove(&w->layout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create_makes_one_in_each_hierarchy, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_create_leaves_nothing_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parts_are_listed_and_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_layout_removes_what_is_empty, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
