/* Where the controller launches when machines are announced for maintenance. */
#include "tests/unit/controller_world.h"

#define OFFER(n, cpus, more) \
	"{\"id\":{\"value\":\"o" n "\"},\"agent_id\":{\"value\":\"agent-" n "\"}," \
	"\"framework_id\":{\"value\":\"framework-1\"},\"hostname\":\"node-" n "\",\"resources\":[" \
	"{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" cpus "}}," \
	"{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":4096}}," \
	"{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,\"end\":99}]}}]" \
	more "}"
#define AWAY(start, more) \
	",\"unavailability\":{\"start\":{\"nanoseconds\":" start "}" more "}"
#define FOR(ns) ",\"duration\":{\"nanoseconds\":" ns "}"

/* Years after the wall clock of the test, which begins in September 2020; and long before it. */
#define LATER "2000000000000000000"
#define BEFORE "1500000000000000000"
#define A_SECOND "1000000000"
#define TEN_YEARS "315000000000000000"

static void offer_all(const char *offers)
{
	Mesos__V1__Scheduler__Event *event;
	char text[4096];
	struct err e = { 0 };
	json_t *json;

	(void)snprintf(text, sizeof(text), "{\"type\":\"OFFERS\",\"offers\":{\"offers\":[%s]}}",
		       offers);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_int_equal(pb_from_json(&mesos__v1__scheduler__event__descriptor, json,
				      (ProtobufCMessage **)&event, &e), 0);
	json_decref(json);
	world.scheduler.event(world.scheduler.arg, event);
	turn();
	pb_free(&event->base);
}

static const struct {
	const char *offers;
	unsigned on_1, on_2;	/* of three instances */
} rows[] = {
	{ OFFER("1", "1", AWAY(LATER, "")) "," OFFER("2", "1", ""), 0, 3 },
	{ OFFER("2", "1", "") "," OFFER("1", "1", AWAY(LATER, FOR(A_SECOND))), 0, 3 },
	/* Elsewhere there is room for two. */
	{ OFFER("1", "1", AWAY(LATER, "")) "," OFFER("2", "0.2", ""), 1, 2 },
	{ OFFER("1", "1", AWAY(LATER, "")), 3, 0 },
	{ OFFER("1", "1", AWAY(BEFORE, "")), 0, 0 },
	{ OFFER("1", "1", AWAY(BEFORE, "")) "," OFFER("2", "0.2", ""), 0, 2 },
	{ OFFER("1", "1", AWAY(BEFORE, FOR(TEN_YEARS))), 0, 0 },
	{ OFFER("1", "1", AWAY(BEFORE, FOR(A_SECOND))), 3, 0 },
};

static unsigned count_on(const char *agent)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.scheduler.n_tasks; i++)
		n += strcmp(world.scheduler.tasks[i].info->agent_id->value, agent) == 0;
	return n;
}

static void test_it_is_the_last_resort_until_it_is_none(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		world_setup(state);
		post("{\"id\":\"/x\",\"cmd\":\"x\",\"instances\":3,\"cpus\":0.1}");
		offer_all(rows[i].offers);
		if (count_on("agent-1") != rows[i].on_1 || count_on("agent-2") != rows[i].on_2)
			fail_msg("row %zu: %u and %u", i, count_on("agent-1"), count_on("agent-2"));
		world_teardown(state);
	}
}

static void test_the_queue_tells_of_it(void **state)
{
	json_t *queue;
	const json_t *item;

	(void)state;
	post("{\"id\":\"/x\",\"cmd\":\"x\"}");
	offer_all(OFFER("1", "1", AWAY(BEFORE, "")));
	queue = queue_view(world.controller, 0);
	item = json_array_get(json_object_get(queue, "queue"), 0);
	assert_non_null(strstr(json_string_value(json_object_get(item, "explanation")),
			       "1 of 1 nodes under maintenance"));
	json_decref(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_the_last_resort_until_it_is_none),
		cmocka_unit_test_setup_teardown(test_the_queue_tells_of_it, world_setup,
						world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
