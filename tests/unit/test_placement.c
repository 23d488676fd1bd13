/* Where instances go: spread over nodes and zones, or packed; and why they go nowhere. */
#include "tests/unit/controller_world.h"

/* What is offered, all at once; a zone of "region/zone" is a fault domain, any other a rack. */
struct paper_node {
	const char *name;
	double cpus, mem;
	const char *zone;
};

static json_t *scalar(const char *name, double value)
{
	return json_pack("{s:s, s:s, s:{s:f}, s:{s:s}}", "name", name, "type", "SCALAR", "scalar",
			 "value", value, "allocation_info", "role", "*");
}

static json_t *ports(void)
{
	return json_pack("{s:s, s:s, s:{s:[{s:i, s:i}]}, s:{s:s}}", "name", "ports", "type",
			 "RANGES", "ranges", "range", "begin", 31000, "end", 31999,
			 "allocation_info", "role", "*");
}

static json_t *offer_json(const struct paper_node *node)
{
	const char *slash = node->zone ? strchr(node->zone, '/') : NULL;
	char id[32];
	json_t *offer;

	(void)snprintf(id, sizeof(id), "offer-%u", world.n_offers++);
	offer = json_pack("{s:{s:s}, s:{s:s}, s:{s:s}, s:s, s:[o, o, o]}", "id", "value", id,
			  "agent_id", "value", node->name, "framework_id", "value",
			  world.scheduler.framework_id, "hostname", node->name, "resources",
			  scalar("cpus", node->cpus), scalar("mem", node->mem), ports());
	if (slash)
		(void)json_object_set_new(
			offer, "domain",
			json_pack("{s:{s:{s:s%}, s:{s:s}}}", "fault_domain", "region", "name",
				  node->zone, (size_t)(slash - node->zone), "zone", "name",
				  slash + 1));
	else if (node->zone)
		(void)json_object_set_new(
			offer, "attributes",
			json_pack("[{s:s, s:s, s:{s:s}}]", "name", "rack", "type", "TEXT", "text",
				  "value", node->zone));
	return offer;
}

static void offer_nodes(const struct paper_node *nodes, size_t n)
{
	json_t *list = json_array(), *json;
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, offer_json(&nodes[i]));
	json = json_pack("{s:s, s:{s:o}}", "type", "OFFERS", "offers", "offers", list);
	assert_int_equal(pb_from_json(&mesos__v1__scheduler__event__descriptor, json, &message, &e),
			 0);
	world.scheduler.event(world.scheduler.arg, (Mesos__V1__Scheduler__Event *)message);
	turn();
	protobuf_c_message_free_unpacked(message, NULL);
	json_decref(json);
}

/* Tasks launched on NAME since the first FROM. */
static unsigned count_at(const char *name, unsigned from)
{
	unsigned n = 0;

	for (unsigned i = from; i < world.scheduler.n_tasks; i++)
		n += strcmp(world.scheduler.tasks[i].info->agent_id->value, name) == 0;
	return n;
}

static void test_instances_go_where_the_fewest_of_the_app_are(void **state)
{
	/* The room on a node makes no difference. */
	static const struct paper_node nodes[] = {
		{ "a", 64, 65536, NULL }, { "b", 8, 8192, NULL }, { "c", 16, 16384, NULL },
	};

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":0.1,\"instances\":6}");
	post("{\"id\":\"/db\",\"cmd\":\"x\",\"cpus\":0.1,\"instances\":3}");
	offer_nodes(nodes, ARRAY_SIZE(nodes));
	assert_int_equal(world.scheduler.n_tasks, 9);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		assert_int_equal(count_at(nodes[i].name, 0), 3);
}

/* Three nodes fail together: two instances of two are never both among them. */
static void check_zones(const struct paper_node *nodes, size_t n)
{
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":0.1,\"instances\":2}");
	offer_nodes(nodes, n);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_int_equal(count_at("d", 0), 1);
}

static void test_among_nodes_with_as_many_the_zone_with_fewer_is_taken(void **state)
{
	static const struct paper_node domains[] = {
		{ "a", 8, 8192, "north/1" }, { "b", 8, 8192, "north/1" },
		{ "c", 8, 8192, "north/1" }, { "d", 8, 8192, "south/1" },
	};

	(void)state;
	check_zones(domains, ARRAY_SIZE(domains));
}

static void test_a_rack_is_a_zone_where_there_are_no_fault_domains(void **state)
{
	static const struct paper_node racks[] = {
		{ "a", 8, 8192, "r1" }, { "b", 8, 8192, "r1" }, { "c", 8, 8192, "r1" },
		{ "d", 8, 8192, "r2" },
	};

	(void)state;
	check_zones(racks, ARRAY_SIZE(racks));
}

static const struct paper_node unequal[] = {
	{ "a", 8, 8192, NULL }, { "b", 2, 8192, NULL }, { "c", 4, 8192, NULL },
};

/* Two into "b", four into "c", two into "a". */
static void assert_packed(void)
{
	offer_nodes(unequal, ARRAY_SIZE(unequal));
	assert_int_equal(world.scheduler.n_tasks, 8);
	assert_int_equal(count_at("b", 0), 2);
	assert_int_equal(count_at("c", 0), 4);
	assert_int_equal(count_at("a", 0), 2);
}

static void test_an_app_may_be_packed(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":1,\"instances\":8,"
	     "\"placementStrategy\":\"BINPACK\"}");
	assert_packed();
}

static void test_all_apps_may_be_packed(void **state)
{
	(void)state;
	world.controller->options.placement = PLACEMENT_BINPACK;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":1,\"instances\":8}");
	assert_packed();
}

static void test_how_it_is_placed_restarts_no_instance(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":1,\"instances\":2}");
	offer_nodes(unequal, ARRAY_SIZE(unequal));
	let_it_be(UNKNOWN_HEALTH);
	post("{\"id\":\"/web\",\"placementStrategy\":\"BINPACK\",\"instances\":3}");
	offer_nodes(unequal, ARRAY_SIZE(unequal));
	assert_int_equal(world.scheduler.n_tasks, 3);
	assert_int_equal(world.scheduler.n_kills, 0);
	assert_int_equal(count_at("b", 2), 1);
}

static void test_an_offer_takes_as_many_as_it_may(void **state)
{
	(void)state;
	world.controller->options.max_instances_per_offer = 2;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":0.1,\"instances\":7}");
	offer_nodes(unequal, ARRAY_SIZE(unequal));
	assert_int_equal(world.scheduler.n_tasks, 6);
	offer_nodes(unequal, ARRAY_SIZE(unequal));
	assert_int_equal(world.scheduler.n_tasks, 7);
}

static void test_each_node_says_what_it_lacks(void **state)
{
	static const struct paper_node nodes[] = {
		{ "a", 1, 8192, "r1" }, { "b", 8, 64, "r1" }, { "c", 8, 8192, "r2" },
		{ "d", 8, 8192, NULL },
	};
	static const char *const expected[] = {
		"a: InsufficientCpus: 2 cpus are needed, 1 are free",
		"b: InsufficientMemory: 128 MB memory are needed, 64 are free",
		"c: UnfulfilledConstraint: constraint rack IS r1 is not met by r2",
		"d: UnfulfilledConstraint: constraint rack IS r1 is not met: it has no such value",
	};
	json_t *queue, *list, *node;
	size_t i;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":2,\"constraints\":[[\"rack\",\"IS\",\"r1\"]]}");
	offer_nodes(nodes, ARRAY_SIZE(nodes));
	queue = queue_view(world.controller, QUEUE_EMBED_NODES);
	list = json_object_get(json_array_get(json_object_get(queue, "queue"), 0), "nodes");
	assert_int_equal(json_array_size(list), ARRAY_SIZE(expected));
	json_array_foreach(list, i, node) {
		char text[256];

		(void)snprintf(text, sizeof(text), "%s: %s: %s",
			       json_string_value(json_object_get(node, "hostname")),
			       json_string_value(json_object_get(node, "reason")),
			       json_string_value(json_object_get(node, "missing")));
		assert_string_equal(text, expected[i]);
	}
	json_decref(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_instances_go_where_the_fewest_of_the_app_are),
		WORLD_TEST(test_among_nodes_with_as_many_the_zone_with_fewer_is_taken),
		WORLD_TEST(test_a_rack_is_a_zone_where_there_are_no_fault_domains),
		WORLD_TEST(test_an_app_may_be_packed),
		WORLD_TEST(test_all_apps_may_be_packed),
		WORLD_TEST(test_how_it_is_placed_restarts_no_instance),
		WORLD_TEST(test_an_offer_takes_as_many_as_it_may),
		WORLD_TEST(test_each_node_says_what_it_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
