/* App definitions: what is read, what is filled in, what is refused with which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/app.h"
#include "master_stub/marathon/app_id.h"
#include "master_stub/marathon/refusal.h"

static struct app *parse(const char *text)
{
	struct refusal refusal = { 0 };
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct app *app = NULL;
	char *body;

	assert_non_null(document);
	if (app_parse(document, NULL, &app, &refusal) < 0) {
		body = json_dumps(refusal.body, JSON_COMPACT);
		fail_msg("%s: %s", text, body);
	}
	json_decref(document);
	return app;
}

/* One error: its path and its first sentence. */
static const struct {
	const char *document, *path, *error;
} refused[] = {
	{ "{\"cmd\":\"x\"}", "/id", "error.path.missing" },
	{ "{\"id\":7,\"cmd\":\"x\"}", "/id", "error.expected.jsstring" },
	{ "{\"id\":\"/\",\"cmd\":\"x\"}", "/id", "Path must contain at least one path element" },
	{ "{\"id\":\"/a/tasks\",\"cmd\":\"x\"}", "/id",
	  "must not end with any of: restart, tasks, versions, ., .." },
	{ "{\"id\":\"/../a\",\"cmd\":\"x\"}", "/id", "must be a path below the root" },
	{ "{\"id\":\"a\"}", "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'." },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"args\":[\"y\"]}", "/",
	  "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'." },
	{ "{\"id\":\"a\",\"cmd\":\"\"}", "/cmd", "error.minLength" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"cpus\":0}", "/cpus", "error.min" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"cpus\":\"1\"}", "/cpus", "error.expected.jsnumber" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"instances\":1.5}", "/instances", "error.expected.int" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"instances\":-1}", "/instances", "error.min" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"A\":1}}", "/env/A", "error.expected.jsstring" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"env\":{\"A\":{\"secret\":\"s\"}}}", "/env/A",
	  "secrets are not supported by this version" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"labels\":[]}", "/labels", "error.expected.jsobject" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"portIndex\":1}]}", "/healthChecks(0)",
	  "Health check port indices must address an element of the ports array or container port "
	  "mappings." },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"path\":\"up\"}]}", "/healthChecks(0)",
	  "path: must start with '/'" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"COMMAND\"}]}",
	  "/healthChecks(0)", "command: a COMMAND check needs one" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"protocol\":\"ICMP\"}]}",
	  "/healthChecks(0)/protocol", "error.unknown.enum.literal" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{\"intervalSecond\":1}]}",
	  "/healthChecks(0)/intervalSecond", "is not a known field" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"healthChecks\":[{},{}]}", "/healthChecks",
	  "at most one health check is supported by this version" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"upgradeStrategy\":{\"minimumHealthCapacity\":1}}",
	  "/upgradeStrategy/maximumOverCapacity", "error.path.missing" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"upgradeStrategy\":{\"minimumHealthCapacity\":1.5,"
	  "\"maximumOverCapacity\":1}}", "/upgradeStrategy/minimumHealthCapacity", "error.max" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"resourceLimits\":{\"memory\":1}}",
	  "/resourceLimits/memory", "is not a known field" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"mem\":64,\"resourceLimits\":{\"mem\":32}}",
	  "/resourceLimits/mem",
	  "resource limit must be greater than or equal to requested resource value" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"unreachableStrategy\":\"off\"}", "/unreachableStrategy",
	  "must be \"disabled\" or an object" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"unreachableStrategy\":{\"inactiveAfterSeconds\":2,"
	  "\"expungeAfterSeconds\":1}}", "/unreachableStrategy/inactiveAfterSeconds",
	  "must be less than or equal to expungeAfterSeconds" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"role\":\"dev\"}", "/role",
	  "got dev, expected one of: [*]" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"fetch\":[{\"uri\":\"http://x/\"}]}", "/fetch",
	  "fetch: not supported by this version" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":[\"http://x/\"]}", "/fetch",
	  "fetch: not supported by this version" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"uris\":[\"http://x/\"],"
	  "\"fetch\":[{\"uri\":\"http://x/\"}]}",
	  "/uris", "may not be set in conjunction with fetch" },
	{ "{\"id\":\"a\",\"container\":{\"docker\":{}},\"cmd\":\"x\"}",
	  "/container/docker/image", "not defined" },
	{ "{\"id\":\"a\",\"container\":{\"docker\":{\"image\":\"i\",\"privileged\":true}}}",
	  "/container/docker/privileged", "not supported by this version" },
	{ "{\"id\":\"a\",\"container\":{\"docker\":{\"image\":\"i\",\"network\":\"BRIDGE\"}}}",
	  "/container/docker/network", "only host networking is supported by this version" },
	{ "{\"id\":\"a\",\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"containerPath\":\"c\","
	  "\"mode\":\"RW\",\"persistent\":{\"size\":1}}]},\"cmd\":\"x\"}",
	  "/container/volumes(0)", "persistent volumes are not supported by this version" },
	{ "{\"id\":\"a\",\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"containerPath\":\"c\","
	  "\"mode\":\"RW\"}]},\"cmd\":\"x\"}",
	  "/container/volumes(0)", "hostPath is missing" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"container/bridge\"}]}",
	  "/networks(0)", "network mode container/bridge is not supported by this version" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"networks\":[{\"mode\":\"host\",\"name\":\"n\"}]}",
	  "/networks(0)", "Host networks may not have names or labels" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"gpus\":1}", "/gpus", "gpus: not supported by this version" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"port\":1},{\"port\":1}]}",
	  "/portDefinitions", "Ports must be unique." },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"name\":\"p\"},{\"name\":\"p\"}]}",
	  "/portDefinitions", "Port names must be unique." },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"portDefinitions\":[{\"name\":\"P\"}]}",
	  "/portDefinitions(0)/name", "error.pattern" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"ports\":[1],\"portDefinitions\":[{\"port\":2}]}", "/ports",
	  "cannot specify both ports and port definitions" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\"]]}", "/constraints(0)",
	  "Each constraint must have either 2 or 3 fields" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"LIKE\",\"(\"]]}",
	  "/constraints(0)", "LIKE and UNLIKE require a non-empty, regular expression value" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"UNIQUE\",\"x\"]]}",
	  "/constraints(0)", "UNIQUE does not accept a value" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"MAX_PER\",\"x\"]]}",
	  "/constraints(0)", "MAX_PER requires an integer value" },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"dependencies\":[\"/a\"]}", "/dependencies",
	  "Dependency graph has cyclic dependencies." },
	{ "{\"id\":\"a\",\"cmd\":\"x\",\"instances\":2,\"labels\":"
	  "{\"MARATHON_SINGLE_INSTANCE_APP\":\"true\"}}", "/instances",
	  "Single instance app may only have one instance" },
};

static void test_errors_name_the_path_and_leave_the_result_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct refusal refusal = { 0 };
		json_t *document = json_loads(refused[i].document, 0, NULL), *detail;
		struct app *app = NULL;

		assert_non_null(document);
		assert_true(app_parse(document, NULL, &app, &refusal) < 0);
		assert_null(app);
		assert_int_equal(refusal.status, 422);
		detail = json_array_get(json_object_get(refusal.body, "details"), 0);
		assert_non_null(detail);
		assert_string_equal(json_string_value(json_object_get(detail, "path")),
				    refused[i].path);
		assert_string_equal(json_string_value(json_array_get(
					    json_object_get(detail, "errors"), 0)),
				    refused[i].error);
		refusal_done(&refusal);
		json_decref(document);
	}
}

static void test_every_error_is_told_at_once(void **state)
{
	struct refusal refusal = { 0 };
	json_t *document = json_loads("{\"cpus\":\"x\",\"mem\":-1,\"instances\":[]}", 0, NULL);
	struct app *app;

	(void)state;
	assert_true(app_parse(document, NULL, &app, &refusal) < 0);
	assert_int_equal(json_array_size(json_object_get(refusal.body, "details")), 4);
	refusal_done(&refusal);
	json_decref(document);
}

static void test_not_an_object_is_400(void **state)
{
	struct refusal refusal = { 0 };
	json_t *document = json_loads("[]", 0, NULL);
	struct app *app;

	(void)state;
	assert_true(app_parse(document, NULL, &app, &refusal) < 0);
	assert_int_equal(refusal.status, 400);
	assert_string_equal(json_string_value(json_object_get(refusal.body, "message")),
			    "Please specify data in JSON format");
	refusal_done(&refusal);
	json_decref(document);
}

static void test_defaults_are_those_of_the_reference(void **state)
{
	struct app *app = parse("{\"id\":\"web\",\"cmd\":\"sleep 1000\"}");
	json_t *expected = json_loads(
		"{\"id\":\"/web\",\"cmd\":\"sleep 1000\","
		"\"cpus\":1,\"mem\":128,\"disk\":0,\"gpus\":0,"
		"\"instances\":1,\"executor\":\"\",\"labels\":{},\"backoffSeconds\":1,"
		"\"backoffFactor\":1.15,\"maxLaunchDelaySeconds\":300,"
		"\"networks\":[{\"mode\":\"host\"}],"
		"\"portDefinitions\":[{"
		"\"labels\":{},\"name\":\"default\",\"port\":0,\"protocol\":\"tcp\"}],"
		"\"requirePorts\":false,\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
		"\"maximumOverCapacity\":1},\"killSelection\":\"YOUNGEST_FIRST\","
		"\"unreachableStrategy\":{\"inactiveAfterSeconds\":0,\"expungeAfterSeconds\":0},"
		"\"role\":\"*\"}", 0, NULL);

	(void)state;
	assert_true(json_equal(app->json, expected));
	assert_int_equal(app->kill_grace_ms, -1);
	json_decref(expected);
	app_unref(app);
}

static void test_deprecated_ports_become_definitions(void **state)
{
	struct app *app = parse("{\"id\":\"web\",\"cmd\":\"x\",\"ports\":[0,9000],\"uris\":[]}");

	(void)state;
	assert_int_equal(app_n_ports(app), 2);
	assert_int_equal(app_service_port(app, 1), 9000);
	assert_null(json_object_get(app->json, "ports"));
	assert_null(json_object_get(app->json, "uris"));
	app_unref(app);
}

static void test_null_is_absent_and_unknown_is_ignored(void **state)
{
	struct app *app = parse("{\"id\":\"web\",\"cmd\":\"x\",\"args\":null,\"cpus\":null,"
				"\"tasksRunning\":3,\"deployments\":[],\"residency\":null}");

	(void)state;
	assert_true(app->cpus == 1);
	assert_null(json_object_get(app->json, "tasksRunning"));
	app_unref(app);
}

static void test_no_ports_is_not_the_default(void **state)
{
	struct app *app = parse("{\"id\":\"web\",\"cmd\":\"x\",\"portDefinitions\":[]}");

	(void)state;
	assert_int_equal(app_n_ports(app), 0);
	app_unref(app);
}

static void test_single_instance_app_is_never_doubled(void **state)
{
	struct app *app = parse("{\"id\":\"web\",\"cmd\":\"x\",\"labels\":"
				"{\"MARATHON_SINGLE_INSTANCE_APP\":\"true\"}}");

	(void)state;
	assert_true(app->min_health == 0 && app->max_over == 0);
	app_unref(app);
}

static void test_dependencies_are_made_absolute(void **state)
{
	struct app *app = parse("{\"id\":\"/g/web\",\"cmd\":\"x\","
				"\"dependencies\":[\"db\",\"../x\"]}");

	(void)state;
	assert_string_equal(json_string_value(json_array_get(app->dependencies, 0)), "/g/db");
	assert_string_equal(json_string_value(json_array_get(app->dependencies, 1)), "/x");
	app_unref(app);
}

static struct app *update(const struct app *base, const char *text)
{
	struct refusal refusal = { 0 };
	json_t *document = json_loads(text, 0, NULL);
	struct app *app = NULL;

	assert_non_null(document);
	assert_int_equal(app_parse_update(base, document, &app, &refusal), 0);
	json_decref(document);
	return app;
}

static void test_update_replaces_whole_fields(void **state)
{
	struct app *base = parse("{\"id\":\"web\",\"cmd\":\"x\",\"env\":{\"A\":\"1\",\"B\":\"2\"},"
				 "\"mem\":64,\"resourceLimits\":{\"mem\":128}}");
	struct app *app = update(base, "{\"env\":{\"C\":\"3\"},\"mem\":null,\"tasks\":[]}");

	(void)state;
	assert_int_equal(json_object_size(app->env), 1);
	assert_true(app->mem_mb == 64);
	assert_string_equal(app->cmd, "x");
	assert_true(app->mem_limit_mb == 0);
	assert_true(app_needs_restart(base, app));
	app_unref(app);
	app = update(base, "{\"args\":[\"y\"],\"resourceLimits\":{\"mem\":128}}");
	assert_null(app->cmd);
	app_unref(app);
	app_unref(base);
}

static void test_scaling_needs_no_restart(void **state)
{
	struct app *base = parse("{\"id\":\"web\",\"cmd\":\"x\"}");
	struct app *app = update(base, "{\"instances\":5}");

	(void)state;
	assert_int_equal(app->instances, 5);
	assert_false(app_needs_restart(base, app));
	app_unref(app);
	app_unref(base);
}

static void test_stored_definition_comes_back_the_same(void **state)
{
	struct app *base = parse("{\"id\":\"web\",\"cmd\":\"x\",\"cpus\":0.25,\"constraints\":"
				 "[[\"rack\",\"GROUP_BY\",\"2\"]],"
				 "\"healthChecks\":[{\"path\":\"/\"}]}");
	struct refusal refusal = { 0 };
	struct app *app = NULL;
	json_t *a, *b;

	(void)state;
	strcpy(base->version, "2021-01-02T03:04:05.678Z");
	strcpy(base->last_scaling_at, "2021-01-02T03:04:05.000Z");
	strcpy(base->last_config_change_at, "2021-01-01T00:00:00.000Z");
	a = app_to_json(base);
	assert_int_equal(app_from_stored(a, &app, &refusal), 0);
	b = app_to_json(app);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	app_unref(app);
	app_unref(base);
}

static const struct {
	const char *text;
	bool is_good;
} ids[] = {
	{ "web", true },       { "/a/b/c", true },   { "a-b.c-d", true },  { "/a//b/", true },
	{ "", false },	       { "/", false },	     { "A", false },	   { "-a", false },
	{ "a-", false },       { "a..b", false },    { ".a", false },	   { "a.", false },
	{ "a.-b", false },     { "a_b", false },     { "a b", false },	   { "/x/versions", false },
	{ "/versions/x", true }, { "a/../b", true },
};

static void test_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if ((app_id_complaint(ids[i].text) == NULL) != ids[i].is_good)
			fail_msg("'%s' is judged wrongly", ids[i].text);
	}
}

static void test_ids_are_resolved(void **state)
{
	char id[APP_ID_SIZE], safe[APP_ID_SIZE];

	(void)state;
	assert_int_equal(app_id_resolve("/g", "a//b/../c/.", id), 0);
	assert_string_equal(id, "/g/a/c");
	assert_int_equal(app_id_resolve("/g", "../..", id), -EINVAL);
	assert_int_equal(app_id_resolve("/g", "..", id), 0);
	assert_string_equal(id, "/");
	app_id_to_safe("/g/a/c", safe);
	assert_string_equal(safe, "g_a_c");
	assert_true(app_id_is_within("/g/a", "/g"));
	assert_false(app_id_is_within("/ga", "/g"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_name_the_path_and_leave_the_result_alone),
		cmocka_unit_test(test_every_error_is_told_at_once),
		cmocka_unit_test(test_not_an_object_is_400),
		cmocka_unit_test(test_defaults_are_those_of_the_reference),
		cmocka_unit_test(test_deprecated_ports_become_definitions),
		cmocka_unit_test(test_null_is_absent_and_unknown_is_ignored),
		cmocka_unit_test(test_no_ports_is_not_the_default),
		cmocka_unit_test(test_single_instance_app_is_never_doubled),
		cmocka_unit_test(test_dependencies_are_made_absolute),
		cmocka_unit_test(test_update_replaces_whole_fields),
		cmocka_unit_test(test_scaling_needs_no_restart),
		cmocka_unit_test(test_stored_definition_comes_back_the_same),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_are_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
