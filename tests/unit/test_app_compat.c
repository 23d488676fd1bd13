#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_compat.h"

static const struct {
	const char *app, *fields;	/* what is added or replaced */
} rows[] = {
	{ "{\"networks\":[{\"mode\":\"host\"}],\"portDefinitions\":[{\"port\":1},{\"port\":2}]}",
	  "{\"ports\":[1,2],\"uris\":[]}" },
	{ "{\"networks\":[{\"mode\":\"host\"}],\"portDefinitions\":[],"
	  "\"fetch\":[{\"uri\":\"http://x/a\",\"extract\":true},{\"uri\":\"http://x/b\"}]}",
	  "{\"ports\":[],\"uris\":[\"http://x/a\",\"http://x/b\"]}" },
	{ "{\"networks\":[{\"mode\":\"container/bridge\"}],\"container\":{\"docker\":{\"image\":\"x\"},"
	  "\"portMappings\":[{\"containerPort\":80,\"servicePort\":7}]}}",
	  "{\"ports\":[7],\"uris\":[],\"container\":{\"docker\":{\"image\":\"x\",\"network\":\"BRIDGE\","
	  "\"portMappings\":[{\"containerPort\":80,\"servicePort\":7}]},"
	  "\"portMappings\":[{\"containerPort\":80,\"servicePort\":7}]}}" },
	{ "{\"networks\":[{\"mode\":\"container\",\"name\":\"n\"}],\"container\":{\"docker\":{\"image\":\"x\"}}}",
	  "{\"ports\":[],\"uris\":[],\"ipAddress\":{\"networkName\":\"n\"},"
	  "\"container\":{\"docker\":{\"image\":\"x\",\"network\":\"USER\"}}}" },
	{ "{\"networks\":[{\"mode\":\"container/bridge\"}],\"container\":{\"type\":\"MESOS\"}}",
	  "{\"ports\":[],\"uris\":[]}" },
};

static void test_fields_of_old(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *app = json_loads(rows[i].app, 0, NULL);
		json_t *expected = json_deep_copy(app), *fields = json_loads(rows[i].fields, 0, NULL);

		assert_non_null(fields);
		assert_int_equal(json_object_update(expected, fields), 0);
		app_add_compat(app);
		if (!json_equal(app, expected))
			fail_msg("row %zu: %s", i, json_dumps(app, 0));
		json_decref(app);
		json_decref(expected);
		json_decref(fields);
	}
}

/* What is shown is shared with the definition, which does not change. */
static void test_the_definition_stays(void **state)
{
	json_t *container = json_loads("{\"docker\":{\"image\":\"x\"}}", 0, NULL);
	json_t *app = json_pack("{s:[{s:s}], s:O}", "networks", "mode", "host", "container", container);

	(void)state;
	app_add_compat(app);
	assert_null(json_object_get(json_object_get(container, "docker"), "network"));
	json_decref(app);
	json_decref(container);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_of_old),
		cmocka_unit_test(test_the_definition_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
