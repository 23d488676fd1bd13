#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "executor/command_env.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static char a[] = "A=1", ab[] = "AB=2", path[] = "PATH=/bin";
static char *const task_env[] = { a, ab, path, NULL };

static void test_without_variables_it_is_the_tasks_own(void **state)
{
	AUTO_FREE char **env = NULL;
	AUTO_FREE char *strings = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(command_env_build(task_env, NULL, &env, &strings, &e), 0);
	for (size_t i = 0; i < 4; i++)
		assert_ptr_equal(env[i], task_env[i]);
}

static void test_variables_replace_and_add(void **state)
{
	static const struct {
		const char *name, *value;
	} given[] = { { "A", "x" }, { "NEW", "" }, { "A", "y" }, { "NONE", NULL }, { "B=C", "z" } };
	Mesos__V1__Environment__Variable items[ARRAY_SIZE(given)], *list[ARRAY_SIZE(given)];
	Mesos__V1__Environment variables = MESOS__V1__ENVIRONMENT__INIT;
	AUTO_FREE char **env = NULL;
	AUTO_FREE char *strings = NULL;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		mesos__v1__environment__variable__init(&items[i]);
		items[i].name = (char *)(uintptr_t)given[i].name;
		items[i].value = (char *)(uintptr_t)given[i].value;
		list[i] = &items[i];
	}
	variables.variables = list;
	variables.n_variables = ARRAY_SIZE(given);
	assert_int_equal(command_env_build(task_env, &variables, &env, &strings, &e), 0);
	assert_string_equal(env[0], "A=y");
	assert_string_equal(env[1], "AB=2");
	assert_string_equal(env[2], "PATH=/bin");
	assert_string_equal(env[3], "NEW=");
	assert_null(env[4]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_variables_it_is_the_tasks_own),
		cmocka_unit_test(test_variables_replace_and_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
