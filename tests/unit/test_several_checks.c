/* Several health checks on one app: what the node is asked, what it tells, and what becomes of it. */
#include "controller_world.h"
#include "master_stub/marathon/instance/health_results.h"

#define CHECKS "\"healthChecks\":[{\"path\":\"/ping\",\"intervalSeconds\":3}," \
	       "{\"protocol\":\"COMMAND\",\"command\":{\"value\":\"x\"},\"delaySeconds\":7}]"

static const struct instance *instance(void)
{
	return TAILQ_FIRST(&app("/web")->instances);
}

static void tell(struct told_check first, struct told_check second, const char *message)
{
	const struct told_check checks[] = { first, second };
	int healthy = first.healthy == 0 || second.healthy == 0	? 0
		      : first.healthy == 1 && second.healthy == 1 ? 1
								  : UNKNOWN_HEALTH;

	say_checks(task_at(0)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_RUNNING, healthy,
		   message, -1, checks, ARRAY_SIZE(checks));
}

static void launch(const char *more)
{
	char definition[512];

	(void)snprintf(definition, sizeof(definition), "{\"id\":\"/web\",\"cmd\":\"x\"," CHECKS "%s}",
		       more);
	post(definition);
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
}

/* "alive" of each result, 'y' or 'n'. */
static void assert_alive(const char *expected)
{
	json_t *task = task_view(world.controller, instance()), *result;
	const json_t *results = json_object_get(task, "healthCheckResults");
	char alive[8] = "";
	size_t i;

	json_array_foreach(results, i, result)
		alive[i] = json_is_true(json_object_get(result, "alive")) ? 'y' : 'n';
	json_decref(task);
	assert_string_equal(alive, expected);
}

static long long shown(size_t index, const char *key)
{
	json_t *task = task_view(world.controller, instance());
	const json_t *result = json_array_get(json_object_get(task, "healthCheckResults"), index);
	long long value = json_integer_value(json_object_get(result, key));

	json_decref(task);
	return value;
}

static void test_the_node_is_given_each_with_its_own_times(void **state)
{
	const Mesos__V1__TaskInfo *info;

	(void)state;
	launch("");
	info = task_at(0)->info;
	assert_int_equal(info->health_check->type, MESOS__V1__HEALTH_CHECK__TYPE__HTTP);
	assert_true(info->health_check->delay_seconds == 3);
	assert_int_equal(info->health_check->consecutive_failures, 4);
	assert_int_equal(info->n_more_health_checks, 1);
	assert_int_equal(info->more_health_checks[0]->type, MESOS__V1__HEALTH_CHECK__TYPE__COMMAND);
	assert_true(info->more_health_checks[0]->delay_seconds == 7);
	assert_int_equal(info->more_health_checks[0]->consecutive_failures, 3);
	assert_int_equal(count_events("add_health_check_event"), 2);
}

static void test_it_is_healthy_when_all_are_well(void **state)
{
	(void)state;
	launch("");
	assert_alive("");
	tell((struct told_check){ 1, 0 }, (struct told_check){ UNKNOWN_HEALTH, 0 }, "first");
	assert_alive("yn");
	assert_false(instance()->has_health);
	assert_int_equal(count_events("health_status_changed_event"), 0);
	assert_int_equal(world.controller->n_deployments, 1);
	tell((struct told_check){ 1, 0 }, (struct told_check){ 1, 0 }, "second");
	assert_alive("yy");
	assert_true(instance()->has_health && instance()->is_healthy);
	assert_int_equal(count_events("health_status_changed_event"), 1);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_each_failure_counts_for_its_own_check(void **state)
{
	(void)state;
	launch("");
	tell((struct told_check){ 1, 0 }, (struct told_check){ 1, 0 }, "well");
	tell((struct told_check){ 1, 0 }, (struct told_check){ 0, 1 }, "the second");
	tell((struct told_check){ 1, 0 }, (struct told_check){ 0, 2 }, "the second again");
	assert_alive("yn");
	assert_true(instance()->has_health && !instance()->is_healthy);
	assert_int_equal(shown(0, "consecutiveFailures"), 0);
	assert_int_equal(shown(1, "consecutiveFailures"), 2);
	assert_string_equal(health_results_failing(instance())->failure_cause, "the second again");
	assert_int_equal(count_events("failed_health_check_event"), 2);
	/* Told again: reconciliation repeats the last update. */
	tell((struct told_check){ 1, 0 }, (struct told_check){ 0, 2 }, "the second again");
	assert_int_equal(count_events("failed_health_check_event"), 2);
	tell((struct told_check){ 0, 1 }, (struct told_check){ 1, 0 }, "the first");
	assert_alive("ny");
	assert_int_equal(shown(1, "consecutiveFailures"), 0);
	assert_int_equal(count_events("failed_health_check_event"), 3);
	assert_int_equal(count_events("health_status_changed_event"), 2);
}

static void test_what_each_has_shown_survives_a_restart(void **state)
{
	(void)state;
	launch("");
	tell((struct told_check){ UNKNOWN_HEALTH, 0 }, (struct told_check){ 1, 0 }, "well");
	restart_controller();
	assert_alive("ny");
	assert_false(instance()->has_health);
	tell((struct told_check){ 1, 0 }, (struct told_check){ 1, 0 }, "well");
	restart_controller();
	assert_alive("yy");
	assert_true(instance()->is_healthy);
}

/* The first is HTTP, which ends a task on the fourth failure, the second a command: on the third. */
static void test_the_controller_kills_by_the_limit_of_each(void **state)
{
	(void)state;
	launch(",\"unhealthyStrategy\":{}");
	assert_int_equal(task_at(0)->info->more_health_checks[0]->consecutive_failures, UINT32_MAX);
	tell((struct told_check){ 0, 3 }, (struct told_check){ 0, 2 }, "not yet");
	assert_false(task_at(0)->is_killed);
	tell((struct told_check){ 0, 3 }, (struct told_check){ 0, 3 }, "the second");
	assert_true(task_at(0)->is_killed);
	assert_int_equal(count_events("unhealthy_instance_kill_event"), 1);
}

/* Such a node knows of the first one only: what it tells must not pass for more. */
static void test_a_node_of_an_older_version_tells_of_the_first(void **state)
{
	(void)state;
	launch("");
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	assert_alive("yn");
	assert_false(instance()->has_health);
}

static void test_more_results_than_checks_are_passed_over(void **state)
{
	const struct told_check checks[] = { { 1, 0 }, { 1, 0 }, { 0, 9 } };

	(void)state;
	launch("");
	say_checks(task_at(0)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_RUNNING, 1, "well",
		   -1, checks, ARRAY_SIZE(checks));
	assert_alive("yy");
	assert_true(instance()->is_healthy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_the_node_is_given_each_with_its_own_times),
		WORLD_TEST(test_it_is_healthy_when_all_are_well),
		WORLD_TEST(test_each_failure_counts_for_its_own_check),
		WORLD_TEST(test_what_each_has_shown_survives_a_restart),
		WORLD_TEST(test_the_controller_kills_by_the_limit_of_each),
		WORLD_TEST(test_a_node_of_an_older_version_tells_of_the_first),
		WORLD_TEST(test_more_results_than_checks_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
