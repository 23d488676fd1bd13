/* Nodes where an app's starts keep failing are avoided while there are others. */
#include "controller_world.h"

static const char *agent_of(unsigned i)
{
	return task_at(i)->info->agent_id->value;
}

/* Every start on "bad" fails at once, until N did. */
static void fail_on_bad(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		offer_from("bad", "bad-host", "cpus:64;mem:65536;ports:[31000-32000]", NULL);
		assert_string_equal(agent_of(world.scheduler.n_tasks - 1), "bad");
		say(task_at(world.scheduler.n_tasks - 1), MESOS__V1__TASK_STATE__TASK_FAILED,
		    UNKNOWN_HEALTH);
	}
}

static void test_a_bad_node_is_taken_when_no_other_has_room(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"backoffSeconds\":0}");
	fail_on_bad(2);
	assert_int_equal(world.scheduler.n_tasks, 2);
	offer_from("good", "good-host", "cpus:0.1;mem:65536;ports:[31000-32000]", NULL);
	offer_from("bad", "bad-host", "cpus:64;mem:65536;ports:[31000-32000]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 3);
	assert_string_equal(agent_of(2), "bad");
}

static void test_it_is_waited_for_the_offer_of_a_node_with_room(void **state)
{
	(void)state;
	/* Known with room, for something else was started there. */
	post("{\"id\":\"/other\",\"cmd\":\"y\"}");
	offer_from("good", "good-host", "cpus:64;mem:65536;ports:[31000-32000]", NULL);
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"backoffSeconds\":0}");
	fail_on_bad(2);
	offer_from("bad", "bad-host", "cpus:64;mem:65536;ports:[31000-32000]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 3);
	offer_from("good", "good-host", "cpus:64;mem:65536;ports:[31000-32000]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 4);
	assert_string_equal(agent_of(3), "good");
}

/* One that has not been heard of for a while is not waited for. */
static void test_nobody_waits_for_a_node_that_offers_nothing(void **state)
{
	(void)state;
	post("{\"id\":\"/other\",\"cmd\":\"y\"}");
	offer_from("good", "good-host", "cpus:64;mem:65536;ports:[31000-32000]", NULL);
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"backoffSeconds\":0}");
	fail_on_bad(2);
	wait_ms(10000);
	offer_from("bad", "bad-host", "cpus:64;mem:65536;ports:[31000-32000]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 4);
}

static json_t *first_in_queue(void)
{
	json_t *queue = queue_view(world.controller, 0);
	json_t *item = json_incref(json_array_get(json_object_get(queue, "queue"), 0));

	json_decref(queue);
	return item;
}

static void test_the_queue_tells_after_a_restart_as_before(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"backoffSeconds\":3,\"backoffFactor\":1}");
	fail_on_bad(1);
	wait_ms(3000);
	fail_on_bad(1);
	wait_ms(1000);
	for (int pass = 0; pass < 2; pass++) {
		json_t *item = first_in_queue();
		const json_t *fault = json_array_get(json_object_get(item, "nodeFailures"), 0);
		const char *why = json_string_value(json_object_get(item, "explanation"));

		assert_string_equal(json_string_value(json_object_get(fault, "host")), "bad-host");
		assert_int_equal(json_integer_value(json_object_get(fault, "failedStarts")), 2);
		assert_string_equal(json_string_value(json_object_get(fault, "lastFailureAt")),
				    "2020-09-13T12:43:23.000Z");
		assert_string_equal(json_string_value(json_object_get(fault, "avoidedUntil")),
				    "2020-09-13T12:48:23.000Z");
		assert_string_equal(json_string_value(json_object_get(item, "nextStart")),
				    "2020-09-13T12:43:26.000Z");
		assert_non_null(strstr(why, "backing off for 2.000 s after 2 failed starts, "
					    "the last: instance 'web.instance-"));
		assert_non_null(strstr(why, "' on node 'bad-host' ended: TASK_FAILED: said by "
					    "the test"));
		json_decref(item);
		restart_controller();
	}
}

static void test_a_reset_forgets_the_nodes_too(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"backoffSeconds\":0}");
	fail_on_bad(2);
	assert_int_equal(app("/web")->faults.n, 1);
	assert_int_equal(changes_reset_delay(world.controller, "/web", world.now_ms,
					     &last_refusal), 0);
	assert_int_equal(app("/web")->faults.n, 0);
}

static void test_failures_far_apart_and_of_too_many_nodes_are_forgotten(void **state)
{
	struct node_faults faults = { 0 };

	(void)state;
	assert_int_equal(node_faults_add(&faults, "a", "h", 1000, 1), 0);
	assert_int_equal(node_faults_add(&faults, "a", "h", 1000, 1001), 0);
	assert_int_equal(node_faults_avoided_until(&faults, "a", 1000), 0);
	assert_int_equal(node_faults_add(&faults, "a", "h", 1000, 2000), 0);
	assert_int_equal(node_faults_avoided_until(&faults, "a", 1000), 3000);
	for (int i = 0; i < NODE_FAULTS_KEPT; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "n%d", i);
		assert_int_equal(node_faults_add(&faults, id, "h", 1000, 2001 + i), 0);
	}
	assert_int_equal(faults.n, NODE_FAULTS_KEPT);
	assert_int_equal(node_faults_avoided_until(&faults, "a", 1000), 0);
	node_faults_reset(&faults);
}

/* Whoever is moved by an operator does not wait for what happened before. */
static void test_the_drain_of_a_node_ends_the_delay(void **state)
{
	static const Mesos__V1__TaskState ends[] = {
		MESOS__V1__TASK_STATE__TASK_KILLED,
		MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR,
		MESOS__V1__TASK_STATE__TASK_DROPPED,
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		char definition[64], id[16];

		(void)snprintf(id, sizeof(id), "/a%u", i);
		(void)snprintf(definition, sizeof(definition), "{\"id\":\"%s\",\"cmd\":\"x\","
			       "\"instances\":2}", id);
		post(definition);
		offer();
		say_full(TAILQ_FIRST(&app(id)->instances)->tasks[0].id,
			 MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH, "by itself", -1);
		assert_true(app(id)->backoff.delay_ms == 1000);
		say_full(TAILQ_FIRST(&app(id)->instances)->tasks[0].id, ends[i], UNKNOWN_HEALTH,
			 "the agent is drained",
			 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING);
		assert_true(app(id)->backoff.delay_ms == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_a_bad_node_is_taken_when_no_other_has_room),
		WORLD_TEST(test_it_is_waited_for_the_offer_of_a_node_with_room),
		WORLD_TEST(test_nobody_waits_for_a_node_that_offers_nothing),
		WORLD_TEST(test_the_queue_tells_after_a_restart_as_before),
		WORLD_TEST(test_the_drain_of_a_node_ends_the_delay),
		WORLD_TEST(test_a_reset_forgets_the_nodes_too),
		cmocka_unit_test(test_failures_far_apart_and_of_too_many_nodes_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
