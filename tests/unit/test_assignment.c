/* KEY=VALUE of 'tepui app set' (cli/assignment.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/assignment.h"
#include "cli/cli.h"
#include "lib/err.h"

/* What /web is now. */
static const char web[] =
	"{'cpus': 0.1, 'env': {'A': 'a', 'B.C': 'bc'}, 'container': {'type': 'MESOS', 'docker':"
	" {'image': 'web:1'}, 'volumes': [{'containerPath': 'data'}]},"
	" 'upgradeStrategy': {'minimumHealthCapacity': 1.0, 'maximumOverCapacity': 1.0},"
	" 'healthChecks': [{'path': '/', 'protocol': 'HTTP'}]}";

static json_t *parse(const char *text)
{
	char quoted[1000];
	json_t *json;
	size_t i;

	for (i = 0; text[i]; i++)
		quoted[i] = text[i] == '\'' ? '"' : text[i];
	json = json_loadb(quoted, i, 0, NULL);
	assert_non_null(json);
	return json;
}

static void assert_changes(const char *const *texts, const char *expected)
{
	json_t *app = parse(web), *changes = json_object(), *wanted = parse(expected);
	json_t *before = json_deep_copy(app);
	struct err e = { 0 };

	for (; *texts; texts++)
		assert_int_equal(assignment_apply(*texts, app, changes, &e), 0);
	if (!json_equal(changes, wanted))
		print_error("%s\n", json_dumps(changes, JSON_COMPACT));
	assert_true(json_equal(changes, wanted));
	assert_true(json_equal(app, before));
	json_decref(before);
	json_decref(wanted);
	json_decref(changes);
	json_decref(app);
}

#define ASSERT_CHANGES(expected, ...) \
	assert_changes((const char *const[]){ __VA_ARGS__, NULL }, expected)

static void test_only_what_is_named_is_sent(void **state)
{
	(void)state;
	ASSERT_CHANGES("{'mem': 128, 'cmd': 'sleep 1', 'args': ['a', 'b']}", "mem=128", "cmd=sleep 1",
		       "args=[\"a\", \"b\"]");
	ASSERT_CHANGES("{'version': '2026-01-01T00:00:00.000Z'}", "version=2026-01-01T00:00:00.000Z");
}

static void test_a_path_keeps_what_is_beside_it(void **state)
{
	(void)state;
	ASSERT_CHANGES("{'container': {'type': 'MESOS', 'docker': {'image': 'web:latest'},"
		       " 'volumes': [{'containerPath': 'data'}]}}", "container.docker.image=web:latest");
	ASSERT_CHANGES("{'upgradeStrategy': {'minimumHealthCapacity': 0.5, 'maximumOverCapacity': 0}}",
		       "upgradeStrategy.minimumHealthCapacity=0.5",
		       "upgradeStrategy.maximumOverCapacity=0");
	ASSERT_CHANGES("{'deployment': {'canary': {'count': 1}}}", "deployment.canary.count=1");
}

static void test_a_place_in_a_list_is_a_number(void **state)
{
	(void)state;
	ASSERT_CHANGES("{'healthChecks': [{'path': '/up', 'protocol': 'HTTP'}, {'protocol': 'TCP'}]}",
		       "healthChecks.0.path=/up", "healthChecks.1.protocol=TCP");
	ASSERT_CHANGES("{'healthChecks': []}", "healthChecks.0=null");
}

static void test_env_and_labels_are_text(void **state)
{
	(void)state;
	ASSERT_CHANGES("{'env': {'A': '5', 'B.C': 'true', 'E': ''}}", "env.A=5", "env.B.C=true", "env.E=");
	ASSERT_CHANGES("{'labels': {'io.tepui.cdi': '{}', 'n': 'null'}}", "labels.io.tepui.cdi={}",
		       "labels.n=\"null\"");
	ASSERT_CHANGES("{'container': {'type': 'MESOS', 'docker': {'image': 'web:1'}, 'volumes':"
		       " [{'containerPath': 'data'}], 'portMappings': {'labels': {'a.b': '1'}}}}",
		       "container.portMappings.labels.a.b=1");
	ASSERT_CHANGES("{'env': {'A': 'x'}}", "env={\"A\": \"x\"}");
}

static void test_null_removes(void **state)
{
	(void)state;
	ASSERT_CHANGES("{'env': {'B.C': 'bc'}}", "env.A=null", "env.NEVER=null");
	ASSERT_CHANGES("{'container': {'type': 'MESOS', 'volumes': [{'containerPath': 'data'}]}}",
		       "container.docker=null");
	ASSERT_CHANGES("{'healthChecks': null}", "healthChecks=null");
	ASSERT_CHANGES("{'container': {'type': 'MESOS'}}", "container=null", "container.type=MESOS");
}

static void test_what_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
		int code;
	} rows[] = {
		{ "mem", "set 'mem': not KEY=VALUE", CLI_MISUSE },
		{ "=5", "set '=5': not KEY=VALUE", CLI_MISUSE },
		{ "cpus.a=5", "set 'cpus.a=5': nothing can be below 'cpus'", CLI_MISUSE },
		{ "healthChecks.path=/", "set 'healthChecks.path=/': there is no place for 'path'", CLI_MISUSE },
		{ "healthChecks.7.path=/", "set 'healthChecks.7.path=/': nothing can be below '7'", CLI_MISUSE },
		{ "cmd=\xff", "set 'cmd=\xff': not valid text", EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *app = parse(web), *changes = json_object();
		struct err e = { 0 };

		assert_int_equal(assignment_apply(rows[i].text, app, changes, &e), -rows[i].code);
		assert_string_equal(e.msg, rows[i].why);
		json_decref(changes);
		json_decref(app);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_named_is_sent),
		cmocka_unit_test(test_a_path_keeps_what_is_beside_it),
		cmocka_unit_test(test_a_place_in_a_list_is_a_number),
		cmocka_unit_test(test_env_and_labels_are_text),
		cmocka_unit_test(test_null_removes),
		cmocka_unit_test(test_what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
