/* App definitions: what is read, what is filled in, what is refused with which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/refusal.h"

static struct app *parse(const char *text)
{
	struct refusal refusal = { 0 };
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct app *app = NULL;
	char *body;

	assert_non_null(document);
	if (app_parse(document, NULL, NULL, &app, &refusal) < 0) {
		body = json_dumps(refusal.body, JSON_COMPACT);
		fail_msg("%s: %s", text, body);
	}
	json_decref(document);
	return app;
}

static void test_every_error_is_told_at_once(void **state)
{
	struct refusal refusal = { 0 };
	json_t *document = json_loads("{\"cpus\":\"x\",\"mem\":-1,\"instances\":[]}", 0, NULL);
	struct app *app;

	(void)state;
	assert_true(app_parse(document, NULL, NULL, &app, &refusal) < 0);
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
	assert_true(app_parse(document, NULL, NULL, &app, &refusal) < 0);
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
	assert_int_equal(app_parse_update(base, document, NULL, &app, &refusal), 0);
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
