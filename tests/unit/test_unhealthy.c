/* What becomes of unhealthy instances: who decides it, what replaces them, and when nobody is killed. */
#include "controller_world.h"
#include "master_stub/marathon/instance/unhealthy.h"

static void test_the_limit_is_that_of_the_kind_of_check(void **state)
{
	static const struct {
		const char *check;
		uint32_t limit;
	} rows[] = {
		{ "{}", 4 },
		{ "{\"protocol\":\"TCP\",\"maxConsecutiveFailures\":1}", 2 },
		{ "{\"protocol\":\"HTTPS\",\"maxConsecutiveFailures\":0}", UINT32_MAX },
		{ "{\"protocol\":\"MESOS_TCP\"}", 3 },
		{ "{\"protocol\":\"MESOS_HTTP\",\"maxConsecutiveFailures\":0}", 1 },
		{ "{\"protocol\":\"COMMAND\",\"command\":{\"value\":\"x\"}}", 3 },
		{ "{\"protocol\":\"COMMAND\",\"command\":{\"value\":\"x\"},"
		  "\"maxConsecutiveFailures\":0}", 1 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		char definition[256];
		const Mesos__V1__TaskInfo *info;

		(void)snprintf(definition, sizeof(definition),
			       "{\"id\":\"/a%u\",\"cmd\":\"x\",\"healthChecks\":[%s]}", i,
			       rows[i].check);
		post(definition);
		offer();
		info = task_at(i)->info;
		assert_int_equal(info->health_check->consecutive_failures, rows[i].limit);
	}
}

/* N healthy instances of /web with STRATEGY, killed on the second failure. */
static void start(unsigned n, const char *strategy, const char *over)
{
	char definition[512];

	(void)snprintf(definition, sizeof(definition),
		       "{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":%u,\"unhealthyStrategy\":%s,"
		       "\"upgradeStrategy\":{\"minimumHealthCapacity\":1,"
		       "\"maximumOverCapacity\":%s},\"healthChecks\":"
		       "[{\"maxConsecutiveFailures\":1}]}", n, strategy, over);
	post(definition);
	offer();
	let_it_be(1);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(task_at(0)->info->health_check->consecutive_failures, UINT32_MAX);
}

static void fail_check(unsigned i)
{
	say(task_at(i), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	say(task_at(i), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
}

static unsigned count_killed(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.scheduler.n_tasks; i++)
		n += task_at(i)->is_killed;
	return n;
}

static void test_the_controller_kills_on_the_same_failure(void **state)
{
	(void)state;
	start(2, "{}", "1");
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	assert_int_equal(count_killed(), 0);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	assert_true(task_at(0)->is_killed);
	assert_int_equal(count_events("unhealthy_instance_kill_event"), 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_KILLED, UNKNOWN_HEALTH);
	assert_true(app("/web")->backoff.delay_ms == 0);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
}

/* What is only repeated was counted when it was told. */
static void test_a_failure_that_the_master_repeats_is_no_other(void **state)
{
	const char *id;

	(void)state;
	start(1, "{}", "1");
	id = task_at(0)->info->task_id->value;
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	for (int i = 0; i < 3; i++)
		say_full(id, MESOS__V1__TASK_STATE__TASK_RUNNING, 0, "again",
			 MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	assert_int_equal(count_events("failed_health_check_event"), 1);
	assert_int_equal(count_killed(), 0);
	/* One that was missed is seen to have been there. */
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	say_full(id, MESOS__V1__TASK_STATE__TASK_RUNNING, 0, "missed",
		 MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	assert_int_equal(count_events("failed_health_check_event"), 2);
	assert_int_equal(count_killed(), 0);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	assert_true(task_at(0)->is_killed);
}

static void test_another_is_healthy_before_it_is_killed(void **state)
{
	(void)state;
	start(2, "{\"replaceFirst\":true}", "0.5");
	fail_check(0);
	assert_int_equal(count_killed(), 0);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	say(task_at(2), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	assert_int_equal(count_killed(), 0);
	say(task_at(2), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	assert_true(task_at(0)->is_killed);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_KILLED, UNKNOWN_HEALTH);
	offer();
	assert_int_equal(count_killed(), 1);
	assert_int_equal(world.scheduler.n_tasks, 3);
}

static void test_one_that_recovers_is_not_killed_for_it(void **state)
{
	(void)state;
	start(2, "{\"replaceFirst\":true}", "0.5");
	fail_check(0);
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	/* There is one too many, and that is the one which does not serve yet. */
	assert_false(task_at(0)->is_killed);
	assert_true(task_at(2)->is_killed);
}

static void test_without_room_it_is_killed_first(void **state)
{
	(void)state;
	start(2, "{\"replaceFirst\":true}", "0");
	fail_check(0);
	assert_true(task_at(0)->is_killed);
}

static void test_nobody_is_killed_while_too_many_are_unhealthy(void **state)
{
	json_t *view;

	(void)state;
	start(6, "{\"maxKillPercent\":34}", "1");
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 6; i++)
			say(task_at(i), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	}
	assert_int_equal(count_killed(), 0);
	assert_int_equal(count_events("unhealthy_kills_stopped_event"), 1);
	view = app_view(world.controller, app("/web"), 0);
	assert_non_null(strstr(json_string_value(json_object_get(view, "unhealthyKillsStopped")),
			       "6 of 6 instances of '/web' are unhealthy at once, more than 34 %"));
	json_decref(view);
	/* Two of six are within 34 %. */
	for (unsigned i = 0; i < 3; i++)
		say(task_at(i), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	assert_int_equal(count_killed(), 0);
	say(task_at(3), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	assert_int_equal(count_killed(), 2);
	assert_int_equal(count_events("unhealthy_kills_resumed_event"), 1);
	view = app_view(world.controller, app("/web"), 0);
	assert_null(json_object_get(view, "unhealthyKillsStopped"));
	json_decref(view);
}

/* New ones that are unhealthy would hold their deployment up: there is a plan that replaces them. */
static void test_an_unhealthy_one_of_a_deployment_is_killed(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"unhealthyStrategy\":{\"replaceFirst\":true},"
	     "\"healthChecks\":[{\"maxConsecutiveFailures\":1}]}");
	offer();
	let_it_be(1);
	post("{\"id\":\"/web\",\"cmd\":\"y\"}");
	offer();
	say(task_at(1), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	fail_check(1);
	assert_true(task_at(1)->is_killed);
	assert_false(task_at(0)->is_killed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_the_limit_is_that_of_the_kind_of_check),
		WORLD_TEST(test_the_controller_kills_on_the_same_failure),
		WORLD_TEST(test_a_failure_that_the_master_repeats_is_no_other),
		WORLD_TEST(test_another_is_healthy_before_it_is_killed),
		WORLD_TEST(test_one_that_recovers_is_not_killed_for_it),
		WORLD_TEST(test_without_room_it_is_killed_first),
		WORLD_TEST(test_nobody_is_killed_while_too_many_are_unhealthy),
		WORLD_TEST(test_an_unhealthy_one_of_a_deployment_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
