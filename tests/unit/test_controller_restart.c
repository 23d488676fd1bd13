/* Another process takes up where the one before it was ended. */
#include "controller_world.h"

static void test_restart_of_the_process_keeps_everything(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":2}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	restart_controller();
	assert_string_equal(world.scheduler.subscribed_as, "framework-1");
	assert_int_equal(app("/web")->n_instances, 2);
	assert_int_equal(world.scheduler.n_explicit, 0);	/* then implicitly */
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_int_equal(world.scheduler.n_kills, 0);
}

static void test_restart_in_a_deployment_resumes_it(void **state)
{
	char id[ID_UUID_SIZE];

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":3}");
	memcpy(id, last_result.deployment_id, sizeof(id));
	restart_controller();
	assert_int_equal(world.controller->n_deployments, 1);
	assert_string_equal(TAILQ_FIRST(&world.controller->deployments)->id, id);
	assert_int_equal(apply("{\"id\":\"/web\",\"instances\":2}", NULL, false), 409);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_launch_lost_in_a_crash_is_replaced_not_doubled(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	/* The agent is back and has never heard of it. */
	say_full(task_at(0)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_GONE,
		 UNKNOWN_HEALTH, "Reconciliation: task is unknown to the agent",
		 MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_true(app("/web")->backoff.delay_ms == 0);
}

static void test_reconciliation_is_repeated_until_answered(void **state)
{
	unsigned before;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	before = world.scheduler.n_reconciles;
	restart_controller();
	assert_true(world.scheduler.n_reconciles > before);
	before = world.scheduler.n_reconciles;
	wait_ms(1000);
	assert_int_equal(world.scheduler.n_reconciles, before + 1);
	assert_int_equal(world.scheduler.n_explicit, 1);
	let_it_be(UNKNOWN_HEALTH);
	wait_ms(10000);
	before = world.scheduler.n_reconciles;
	wait_ms(60000);
	assert_int_equal(world.scheduler.n_reconciles, before);
}

static void test_doomed_instance_is_killed_after_a_restart(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(apply(NULL, "/web", true), 0);
	restart_controller();
	assert_int_equal(world.scheduler.n_kills, 2);
	let_it_be(UNKNOWN_HEALTH);
	assert_null(app("/web"));
	restart_controller();
	assert_null(app("/web"));
}

static void test_backoff_survives_a_restart(void **state)
{
	(void)state;
	post("{\"id\":\"/bad\",\"cmd\":\"x\",\"backoffSeconds\":100}");
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	wait_ms(40000);
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_non_null(app("/bad")->last_failure);
	wait_ms(59000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	wait_ms(1000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_removed_framework_comes_back_as_a_new_one(void **state)
{
	(void)state;
	world.scheduler.refuses_framework = true;
	restart_controller();
	wait_ms(1000);
	assert_string_equal(world.scheduler.subscribed_as, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_restart_of_the_process_keeps_everything),
		WORLD_TEST(test_restart_in_a_deployment_resumes_it),
		WORLD_TEST(test_launch_lost_in_a_crash_is_replaced_not_doubled),
		WORLD_TEST(test_reconciliation_is_repeated_until_answered),
		WORLD_TEST(test_doomed_instance_is_killed_after_a_restart),
		WORLD_TEST(test_backoff_survives_a_restart),
		WORLD_TEST(test_removed_framework_comes_back_as_a_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
