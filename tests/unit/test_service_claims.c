/* Addresses of services that apps ask for: what of it is refused, with its path and the one who has it. */
#include "controller_world.h"
#include "refusals.h"

/* An app of one port with the labels given; in ' where JSON has ". */
#define PORT_OF(id, labels) "{'id':'" id "','cmd':'x','portDefinitions':[{'port':0,'labels':{" labels "}}]}"

/* What is said of DEFINITION at its one path; "": it is taken. */
static const char *refused(const char *definition, const char *path)
{
	static char text[1024];
	json_t *document = load_quoted(definition);
	struct change_set set = { 0 };
	struct refusal refusal = { 0 };
	struct app *app = NULL;
	parse_fn *parse = pod_is_document(document) ? pod_parse : app_parse;

	assert_int_equal(parse(document, NULL, NULL, &app, &refusal), 0);
	change_set_app(&set, app->id)->app = app;
	(void)changes_apply(world.controller, &set, world.now_ms, &last_result, &refusal);
	change_set_done(&set);
	turn();
	(void)snprintf(text, sizeof(text), "%s",
		       refusal.status == 0 ? "" : json_string_value(json_array_get(json_object_get(
			       json_array_get(json_object_get(refusal.body, "details"), 0), "errors"), 0)));
	if (refusal.status != 0) {
		const json_t *details = json_object_get(refusal.body, "details");

		assert_int_equal(refusal.status, 422);
		assert_int_equal(json_array_size(details), 1);
		assert_string_equal(refusal_text(json_array_get(details, 0), "path"), path);
	}
	refusal_done(&refusal);
	json_decref(document);
	return text;
}

static const char at_port[] = "/portDefinitions(0)/labels/VIP_0";

static void test_labels_of_wrong_form_are_refused_at_their_path(void **state)
{
	(void)state;
	assert_string_equal(refused(PORT_OF("/a", "'VIP_0':'web:80'"), at_port),
			    "'web' is neither an IPv4 address nor '/' and a name");
	assert_string_equal(refused(PORT_OF("/a", "'VIP_0':'/web'"), at_port),
			    "'/web' is not /NAME:PORT or ADDRESS:PORT");
	assert_string_equal(refused(PORT_OF("/a", "'VIP_0':'/web:80','VIP_0_BALANCE':'best'"), at_port),
			    "label 'VIP_0_BALANCE': 'best' is neither roundrobin, random nor source");
	assert_string_equal(refused(PORT_OF("/a", "'VIP_0':'/web:80','VIP_0_BALANCE':'','VIP_0_NODE_PORT':''"), at_port),
			    "label 'VIP_0_BALANCE': '' is neither roundrobin, random nor source");
	assert_string_equal(refused(PORT_OF("/a", "'VIP_0':'/web:80','VIP_0_PREFER':'near'"), at_port),
			    "label 'VIP_0_PREFER': 'near' is not local");
	assert_string_equal(refused(PORT_OF("/a", "'VIP_0':'/web:80','VIP_0_NODE_PORT':'80'"), at_port),
			    "label 'VIP_0_NODE_PORT': '80' is not one of the ports that services may have at "
			    "every node: 30000-30999 (--service_node_ports of the master)");
	assert_string_equal(
		refused("{'id':'/a','cmd':'x','networks':[{'mode':'container/bridge'}],'container':{'type':'MESOS',"
			"'portMappings':[{},{'labels':{'VIP_7':':80'}}]}}", "/container/portMappings(1)/labels/VIP_7"),
		"':80' is not /NAME:PORT or ADDRESS:PORT");
	assert_string_equal(
		refused("{'id':'/a','containers':[{'name':'one','resources':{},'exec':{'command':{'shell':'x'}},"
			"'endpoints':[{'name':'e'},{'name':'f'}]},{'name':'two','resources':{},"
			"'exec':{'command':{'shell':'x'}},'endpoints':[{'name':'g'},{'name':'h','labels':{'VIP_0':'x'}}]}]}",
			"/containers(1)/endpoints(1)/labels/VIP_0"),
		"'x' is not /NAME:PORT or ADDRESS:PORT");
	assert_null(world.controller->entries);
}

static void test_a_fixed_address_is_of_one_app_and_a_name_of_several(void **state)
{
	static const char first[] = PORT_OF("/a", "'VIP_0':'10.1.2.3:80','VIP_1':'/web:80'");

	(void)state;
	assert_string_equal(refused(first, at_port), "");
	assert_string_equal(refused(PORT_OF("/b", "'VIP_0':'10.1.2.3:80'"), at_port),
			    "10.1.2.3:80 is the address of '/a': a fixed address is of one app, a name "
			    "(/NAME:PORT) may be of several");
	assert_string_equal(refused(PORT_OF("/b", "'VIP_0':'10.1.2.3:81','VIP_1':'/web:80'"), at_port), "");
	/* It stays its own, also when it is changed. */
	assert_int_equal(apply("{\"id\":\"/a\",\"cmd\":\"y\"}", NULL, true), 0);
	assert_int_equal(apply(NULL, "/a", true), 0);
	assert_string_equal(refused(PORT_OF("/c", "'VIP_0':'10.1.2.3:80'"), at_port), "");
}

static void test_two_of_one_change_do_not_get_the_same(void **state)
{
	struct change_set set = { 0 };
	struct refusal refusal = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *document = load_quoted(i ? PORT_OF("/b", "'VIP_0':'10.1.2.3:80'")
						 : PORT_OF("/a", "'VIP_0':'10.1.2.3:80'"));
		struct app *app = NULL;

		assert_int_equal(app_parse(document, NULL, NULL, &app, &refusal), 0);
		change_set_app(&set, app->id)->app = app;
		json_decref(document);
	}
	(void)changes_apply(world.controller, &set, world.now_ms, &last_result, &refusal);
	assert_int_equal(refusal.status, 422);
	change_set_done(&set);
	refusal_done(&refusal);
}

static void test_a_port_of_every_node_is_of_one_service(void **state)
{
	(void)state;
	assert_string_equal(refused(PORT_OF("/a", "'VIP_0':'/web:80','VIP_0_NODE_PORT':'30080'"), at_port), "");
	assert_string_equal(refused(PORT_OF("/b", "'VIP_0':'/db:80','VIP_0_NODE_PORT':'30080'"), at_port),
			    "node port 30080 is that of the service web:80 of '/a'");
	assert_string_equal(refused(PORT_OF("/b", "'VIP_0':'/web:80','VIP_0_NODE_PORT':'30080'"), at_port), "");
	/* Of another protocol it is another one. */
	assert_string_equal(refused("{'id':'/c','cmd':'x','portDefinitions':[{'protocol':'udp','labels':{"
				    "'VIP_0':'/dns:53','VIP_0_NODE_PORT':'30080'}}]}", at_port), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_labels_of_wrong_form_are_refused_at_their_path),
		WORLD_TEST(test_a_fixed_address_is_of_one_app_and_a_name_of_several),
		WORLD_TEST(test_two_of_one_change_do_not_get_the_same),
		WORLD_TEST(test_a_port_of_every_node_is_of_one_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
