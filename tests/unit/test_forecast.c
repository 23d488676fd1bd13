/* Dry runs: what a change would come to, and that nothing comes of it. */
#include "controller_world.h"
#include "master_stub/marathon/deployment/deployment.h"

/* The answer as text, sorted; or the refusal's body.  Until the next call. */
static const char *dry_run(struct change_set *set)
{
	static char text[16384];
	struct refusal refusal = { 0 };
	json_t *view = NULL;
	char *dump;

	if (changes_dry_run(world.controller, set, world.now_ms, &view, &refusal) < 0)
		view = json_incref(refusal.body);
	change_set_done(set);
	dump = json_dumps(view, JSON_COMPACT | JSON_SORT_KEYS);
	assert_non_null(dump);
	(void)snprintf(text, sizeof(text), "%s", dump);
	free(dump);
	json_decref(view);
	refusal_done(&refusal);
	return text;
}

static void add(struct change_set *set, const char *definition)
{
	json_t *document = json_loads(definition, 0, NULL);
	const char *id = json_string_value(json_object_get(document, "id"));
	struct change *change = change_set_app(set, id);
	const struct entry *entry = entry_find_live(world.controller, id);
	struct refusal refusal = { 0 };

	assert_non_null(change);
	if (entry)
		assert_int_equal(app_parse_update(entry->target, document, NULL, &change->app, &refusal), 0);
	else
		assert_int_equal(app_parse(document, NULL, NULL, &change->app, &refusal), 0);
	json_decref(document);
}

static const char *dry_run_of(const char *definition)
{
	struct change_set set = { 0 };

	add(&set, definition);
	return dry_run(&set);
}

/* Two nodes with room for two instances of a cpu each. */
static void offer_two(void)
{
	offer_from("agent-1", "node-1", "cpus:2;mem:2048;disk:2048;ports:[31000-31009]", "r1");
	offer_from("agent-2", "node-2", "cpus:2;mem:2048;disk:2048;ports:[31000-31009]", "r2");
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in %s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in %s", part, text);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void test_instances_are_placed_on_paper_only(void **state)
{
	static const char three[] = "{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":3}";
	char first[16384];

	(void)state;
	offer_two();
	(void)snprintf(first, sizeof(first), "%s", dry_run_of(three));
	assert_has(first, "\"steps\":[{\"actions\":[{\"action\":\"StartApplication\",\"app\":\"/web\"}]},"
			  "{\"actions\":[{\"action\":\"ScaleApplication\",\"app\":\"/web\"}]}]");
	assert_has(first, "\"cancels\":[]");
	assert_int_equal(count(first, "\"hostname\":\"node-"), 3);
	assert_in_range(count(first, "\"hostname\":\"node-1\""), 1, 2);
	assert_lacks(first, "waiting");
	assert_null(world.controller->entries);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(world.controller->n_pasts, 0);
	assert_false(store_is_dirty(world.store));
	assert_string_equal(world.events, strstr(world.events, "scheduler_registered_event"));
	assert_string_equal(dry_run_of(three), first);
}

static void test_what_finds_no_place_is_told_for_each_node(void **state)
{
	const char *text;

	(void)state;
	assert_has(dry_run_of("{\"id\":\"/web\",\"cmd\":\"x\"}"),
		   "no node has offered anything yet");
	offer_two();
	text = dry_run_of("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":7}");
	assert_has(text, "\"count\":3");
	assert_int_equal(count(text, "\"reason\":\"InsufficientCpus\""), 2);
	assert_has(text, "1 cpus are needed, 0 are free");
	text = dry_run_of("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":2,"
			  "\"constraints\":[[\"rack\",\"CLUSTER\",\"r2\"],[\"hostname\",\"UNIQUE\"]]}");
	assert_has(text, "\"placed\":[{\"agentId\":\"agent-2\",\"hostname\":\"node-2\"}]");
	assert_int_equal(count(text, "\"reason\":\"UnfulfilledConstraint\""), 2);
}

/* The apps of a group take from each other, and what is stopped makes room. */
static void test_one_app_sees_what_the_others_take(void **state)
{
	struct change_set set = { 0 };
	const char *text;

	(void)state;
	post("{\"id\":\"/old\",\"cmd\":\"x\",\"instances\":4}");
	offer_two();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_has(dry_run_of("{\"id\":\"/a\",\"cmd\":\"x\"}"), "\"count\":1");
	assert_non_null(change_set_app(&set, "/old"));
	add(&set, "{\"id\":\"/a\",\"cmd\":\"x\",\"instances\":3}");
	add(&set, "{\"id\":\"/b\",\"cmd\":\"x\",\"instances\":2,\"dependencies\":[\"/a\"]}");
	text = dry_run(&set);
	assert_has(text, "{\"action\":\"StopApplication\",\"app\":\"/old\"}");
	assert_int_equal(count(text, "\"hostname\":\"node-") - count(text, "\"reason\""), 4);
	assert_has(text, "\"app\":\"/b\",\"placed\":[{");
	assert_has(text, "\"count\":1");
	assert_int_equal(app("/old")->n_instances, 4);
}

/* With everything taken, a restart goes on only if something may be stopped first. */
static void test_a_restart_is_played_within_its_bounds(void **state)
{
	const char *text;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":4}");
	offer_two();
	let_it_be(UNKNOWN_HEALTH);
	text = dry_run_of("{\"id\":\"/web\",\"cmd\":\"y\"}");
	assert_has(text, "{\"action\":\"RestartApplication\",\"app\":\"/web\"}");
	assert_has(text, "\"placed\":[]");
	assert_has(text, "\"count\":4");
	text = dry_run_of("{\"id\":\"/web\",\"cmd\":\"y\",\"upgradeStrategy\":"
			  "{\"minimumHealthCapacity\":0.5,\"maximumOverCapacity\":0}}");
	assert_lacks(text, "waiting");
	assert_int_equal(count(text, "\"hostname\":\"node-"), 4);
	text = dry_run_of("{\"id\":\"/web\",\"instances\":1}");
	assert_has(text, "\"placements\":[]");
	text = dry_run_of("{\"id\":\"/web\",\"cmd\":\"x\"}");
	assert_has(text, "\"steps\":[]");
}

static void test_what_would_be_refused_or_cancelled_is_told(void **state)
{
	struct change_set set = { 0 };

	(void)state;
	offer_two();
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":100}");
	assert_has(dry_run_of("{\"id\":\"/web\",\"cpus\":1}"), "App is locked by one or more deployments");
	assert_int_equal(count_events("group_change_failed"), 0);
	set.force = true;
	add(&set, "{\"id\":\"/web\",\"cpus\":1}");
	assert_has(dry_run(&set), last_result.deployment_id);
	assert_int_equal(world.controller->n_deployments, 1);
	assert_non_null(deployment_find(world.controller, last_result.deployment_id));
}

/* No offer tells of it while nothing is wanted. */
static void test_what_an_ended_instance_took_is_free(void **state)
{
	(void)state;
	post("{\"id\":\"/old\",\"cmd\":\"x\",\"instances\":4}");
	offer_two();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(apply(NULL, "/old", false), 0);
	let_it_be(UNKNOWN_HEALTH);
	assert_null(entry_find(world.controller, "/old"));
	assert_int_equal(count(dry_run_of("{\"id\":\"/a\",\"cmd\":\"x\",\"instances\":4}"),
			       "\"hostname\":\"node-"), 4);
}

/* As a launch would: what is reserved for the app's role is taken before what everybody may have. */
static void test_what_is_reserved_is_taken_first(void **state)
{
	struct change_set set = { 0 };
	const char *text;

	(void)state;
	post("{\"id\":\"/known\",\"cmd\":\"x\",\"role\":\"dev\",\"instances\":0}");
	offer_to("dev", "agent-1", "node-1",
		 "cpus:1;cpus(dev):2;mem:128;mem(dev):256;ports:[31000-31001]",
		 NULL);
	add(&set, "{\"id\":\"/a\",\"cmd\":\"x\",\"role\":\"dev\",\"cpus\":2}");
	add(&set, "{\"id\":\"/b\",\"cmd\":\"x\",\"dependencies\":[\"/a\"]}");
	text = dry_run(&set);
	assert_lacks(text, "waiting");
	assert_int_equal(count(text, "\"hostname\":\"node-1\""), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_instances_are_placed_on_paper_only, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_what_finds_no_place_is_told_for_each_node, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_one_app_sees_what_the_others_take, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_a_restart_is_played_within_its_bounds, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_what_would_be_refused_or_cancelled_is_told, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_what_an_ended_instance_took_is_free, world_setup,
						world_teardown),
		WORLD_TEST(test_what_is_reserved_is_taken_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
