/* Deployments that fail by themselves: their deadline, the number of attempts, and going back. */
#include "controller_world.h"
#include "master_stub/marathon/deployment/deployment.h"

static const char *member_of(const char *deployment, const char *key)
{
	static char text[1024];
	json_t *view = deployment_state_view(world.controller, deployment);
	const char *value = json_string_value(json_object_get(view, key));

	(void)snprintf(text, sizeof(text), "%s", value ? value : "");
	json_decref(view);
	return text;
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static const char *name_of(const struct paper_task *task)
{
	static char name[256];

	(void)snprintf(name, sizeof(name), "'%.*s'",
		       (int)(strlen(task->info->task_id->value) - strlen("._app.1")),
		       task->info->task_id->value);
	return name;
}

static void say_failed(const struct paper_task *task, const char *message)
{
	say_full(task->info->task_id->value, MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH,
		 message, -1);
}

/* Offers come and what is started runs, until nothing changes any more. */
static void settle(void)
{
	for (int i = 0; i < 8; i++) {
		offer();
		let_it_be(UNKNOWN_HEALTH);
	}
}

/* As Marathon's: up is up, if only for a moment.  It may be asked for more. */
static void test_one_that_is_up_for_a_moment_has_not_been_up(void **state)
{
	static const char *const policies[] = { "{\"deadlineSeconds\":60}",
						"{\"deadlineSeconds\":60,\"minUpSeconds\":5}" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(policies); i++) {
		char definition[256];

		(void)snprintf(definition, sizeof(definition), "{\"id\":\"/a%u\",\"cmd\":\"x\","
			       "\"deployment\":%s}", i, policies[i]);
		post(definition);
		offer();
		say(task_at(i), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	}
	assert_int_equal(world.controller->n_deployments, 1);
	wait_ms(4999);
	assert_int_equal(world.controller->n_deployments, 1);
	assert_true(controller_next_ms(world.controller) <= world.now_ms + 1);
	wait_ms(1);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_time_in_bad_health_is_not_time_up(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"healthChecks\":[{}],"
	     "\"deployment\":{\"minUpSeconds\":5}}");
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	wait_ms(4000);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	wait_ms(4999);
	assert_int_equal(world.controller->n_deployments, 1);
	wait_ms(1);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_without_a_deadline_a_deployment_waits_for_ever(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	wait_ms((int64_t)1000 * 86400 * 365);
	assert_int_equal(world.controller->n_deployments, 1);
}

static void test_a_deadline_ends_it_and_names_instance_node_and_message(void **state)
{
	char id[ID_UUID_SIZE];

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"deployment\":{\"deadlineSeconds\":10},"
	     "\"backoffSeconds\":60}");
	memcpy(id, last_result.deployment_id, sizeof(id));
	offer();
	say_failed(task_at(0), "exit status 3: no such table");
	wait_ms(9999);
	assert_string_equal(member_of(id, "state"), "running");
	assert_true(controller_next_ms(world.controller) <= world.now_ms + 1);
	wait_ms(1);
	assert_string_equal(member_of(id, "state"), "failed");
	assert_contains(member_of(id, "reason"), "app '/web' was not up within 10 s: instance ");
	assert_contains(member_of(id, "reason"), name_of(task_at(0)));
	assert_contains(member_of(id, "reason"),
			" on node 'node-1' ended: TASK_FAILED: exit status 3: no such table");
	assert_int_equal(count_events("deployment_step_failure"), 1);
	assert_int_equal(count_events("deployment_failed"), 1);
	/* The app itself is still wanted. */
	assert_int_equal(app("/web")->wanted, 1);
}

static void test_a_missed_deadline_says_what_has_not_come(void **state)
{
	static const struct {
		const char *more;
		Mesos__V1__TaskState state;
		int health;
		const char *reason;
	} rows[] = {
		{ "", MESOS__V1__TASK_STATE__TASK_STAGING, UNKNOWN_HEALTH,
		  " on node 'node-1' is TASK_STAGING" },
		{ ",\"healthChecks\":[{}]", MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH,
		  " on node 'node-1' has not passed its health check yet" },
		{ ",\"healthChecks\":[{}]", MESOS__V1__TASK_STATE__TASK_RUNNING, 0,
		  " on node 'node-1' is not healthy: said by the test" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		char definition[256];

		(void)snprintf(definition, sizeof(definition), "{\"id\":\"/a%u\",\"cmd\":\"x\","
			       "\"deployment\":{\"deadlineSeconds\":10}%s}", i, rows[i].more);
		post(definition);
		offer();
		say(task_at(i), rows[i].state, rows[i].health);
		wait_ms(10000);
		assert_contains(member_of(last_result.deployment_id, "reason"), rows[i].reason);
	}
	post("{\"id\":\"/huge\",\"cmd\":\"x\",\"cpus\":9999,"
	     "\"deployment\":{\"deadlineSeconds\":10}}");
	offer();
	wait_ms(10000);
	assert_contains(member_of(last_result.deployment_id, "reason"),
			"1 instances are not launched: no node has 9999 cpus free");
}

/* The time counts from where it is known: a new master waits as long again. */
static void test_the_deadline_holds_after_a_restart(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"deployment\":{\"deadlineSeconds\":10}}");
	offer();
	wait_ms(9000);
	restart_controller();
	wait_ms(9999);
	assert_int_equal(world.controller->n_deployments, 1);
	wait_ms(1);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_events("deployment_failed"), 1);
}

/* The version that did not come up goes; what was there before is not even restarted. */
static void test_a_broken_version_is_rolled_back_and_good_instances_stay(void **state)
{
	char id[ID_UUID_SIZE], by[ID_UUID_SIZE];
	const json_t *rollback;
	json_t *list;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"old\",\"instances\":2,\"deployment\":"
	     "{\"deadlineSeconds\":10,\"rollback\":true}}");
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	memcpy(id, last_result.deployment_id, sizeof(id));
	offer();
	assert_int_equal(world.scheduler.n_tasks, 4);
	say_failed(task_at(2), "cannot execute");
	say(task_at(3), MESOS__V1__TASK_STATE__TASK_STARTING, UNKNOWN_HEALTH);
	wait_ms(10000);
	assert_string_equal(member_of(id, "state"), "failed");
	assert_contains(member_of(id, "reason"), "cannot execute");
	assert_string_equal(app("/web")->target->cmd, "old");
	list = deployments_view(world.controller);
	assert_int_equal(json_array_size(list), 1);
	rollback = json_object_get(json_array_get(list, 0), "rollbackOf");
	assert_string_equal(json_string_value(json_object_get(rollback, "id")), id);
	assert_contains(json_string_value(json_object_get(rollback, "reason")), "cannot execute");
	(void)snprintf(by, sizeof(by), "%s",
		       json_string_value(json_object_get(json_array_get(list, 0), "id")));
	assert_string_equal(member_of(id, "rolledBackBy"), by);
	json_decref(list);
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_string_equal(member_of(id, "rolledBackBy"), by);
	assert_int_equal(count_alive_tasks(), 2);
	assert_false(task_at(0)->is_over || task_at(1)->is_over);
	assert_true(task_at(3)->is_over);
}

/* Two bad versions would take turns for ever. */
static void test_a_rollback_that_fails_is_not_rolled_back(void **state)
{
	char id[ID_UUID_SIZE];

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"old\",\"deployment\":{\"deadlineSeconds\":10,"
	     "\"rollback\":true}}");
	settle();
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	say_failed(task_at(0), "the old one fails, too");
	offer();
	wait_ms(10000);
	assert_int_equal(world.controller->n_deployments, 1);
	memcpy(id, TAILQ_FIRST(&world.controller->deployments)->id, sizeof(id));
	wait_ms(10000);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_string_equal(member_of(id, "state"), "failed");
	assert_string_equal(app("/web")->target->cmd, "old");
}

static void test_an_app_that_is_new_stays_when_its_deployment_fails(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"deployment\":{\"deadlineSeconds\":10,"
	     "\"rollback\":true}}");
	wait_ms(10000);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_string_equal(member_of(last_result.deployment_id, "state"), "failed");
	assert_non_null(entry_find_live(world.controller, "/web"));
}

static json_t *queue_item(void)
{
	json_t *queue = queue_view(world.controller, 0);
	json_t *item = json_incref(json_array_get(json_object_get(queue, "queue"), 0));

	json_decref(queue);
	return item;
}

static void fail_starts(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		offer();
		say_failed(task_at(world.scheduler.n_tasks - 1), "broken");
		wait_ms(200000);
	}
}

static void test_an_app_is_given_up_after_its_attempts(void **state)
{
	json_t *item;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"maxLaunchAttempts\":3}");
	fail_starts(3);
	assert_int_equal(count_events("app_launch_given_up_event"), 1);
	assert_string_equal(member_of(last_result.deployment_id, "state"), "failed");
	assert_contains(member_of(last_result.deployment_id, "reason"),
			"app '/web' is given up after 3 failed starts, the last: instance ");
	/* However long it is quiet, and whoever runs the controller. */
	wait_ms(4000000);
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	item = queue_item();
	assert_true(json_is_true(json_object_get(item, "givenUp")));
	assert_int_equal(json_integer_value(json_object_get(item, "failedStarts")), 3);
	assert_false(json_is_true(json_object_get(json_object_get(item, "delay"), "overdue")));
	assert_contains(json_string_value(json_object_get(item, "explanation")),
			"on node 'node-1' ended: TASK_FAILED: broken");
	json_decref(item);
	assert_int_equal(changes_reset_delay(world.controller, "/web", world.now_ms,
					     &last_refusal), 0);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 4);
}

static void test_a_new_version_is_tried_again(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"maxLaunchAttempts\":1}");
	fail_starts(1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	post("{\"id\":\"/web\",\"cmd\":\"y\"}");
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_attempts_are_forgotten_when_it_was_quiet(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"maxLaunchAttempts\":2,\"backoffSeconds\":0}");
	fail_starts(1);
	settle();
	wait_ms(300002);
	say_failed(task_at(world.scheduler.n_tasks - 1), "much later");
	assert_int_equal(app("/web")->backoff.failures, 1);
	offer();
	assert_int_equal(app("/web")->n_instances, 1);
}

/* What no instance ever sees restarts none, though everything else does. */
static void test_a_change_of_policy_alone_restarts_nothing(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	settle();
	post("{\"id\":\"/web\",\"maxLaunchAttempts\":5,\"deployment\":{\"deadlineSeconds\":60}}");
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_int_equal(app("/web")->target->max_launch_attempts, 5);
	assert_string_equal(app("/web")->target->version, last_result.version);
}

/* The number of problems; 0: taken. */
static unsigned change_in_place(const char *definition)
{
	struct change_set set = { 0 };
	struct change *change = change_set_app(&set, "/web");
	json_t *document = json_loads(definition, 0, NULL);
	const struct app *old = app("/web")->target;
	struct refusal refusal = { 0 };
	unsigned n = 0;

	assert_non_null(change);
	assert_int_equal(app_parse_update(old, document, NULL, &change->app, &refusal), 0);
	if (app_set_in_place(change->app, old, &refusal) < 0)
		n = (unsigned)json_array_size(json_object_get(refusal.body, "details"));
	else
		assert_int_equal(changes_apply(world.controller, &set, world.now_ms,
					       &last_result, &refusal), 0);
	change_set_done(&set);
	json_decref(document);
	refusal_done(&refusal);
	turn();
	return n;
}

static void test_a_change_in_place_is_adopted_without_a_restart(void **state)
{
	const struct instance *instance;
	char since[CLOCK_TEXT_SIZE];

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":2}");
	settle();
	memcpy(since, app("/web")->target->last_config_change_at, sizeof(since));
	assert_int_equal(change_in_place("{\"labels\":{\"a\":\"b\"},\"killSelection\":"
					 "\"OLDEST_FIRST\",\"taskKillGracePeriodSeconds\":7}"), 0);
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_events("deployment_success"), 2);
	assert_string_equal(app("/web")->target->version, last_result.version);
	assert_string_equal(app("/web")->target->last_config_change_at, since);
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	TAILQ_FOREACH(instance, &app("/web")->instances, of_app) {
		assert_string_equal(instance->spec->version, last_result.version);
		assert_int_equal(instance->spec->kill_grace_ms, 7000);
	}
	assert_int_equal(world.scheduler.n_tasks, 2);
	/* The same change asked for as Marathon knows it restarts. */
	post("{\"id\":\"/web\",\"labels\":{\"a\":\"c\"}}");
	offer();
	assert_true(world.scheduler.n_tasks > 2);
}

static void test_what_running_tasks_would_not_have_is_not_changed_in_place(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"env\":{\"A\":\"1\"}}");
	settle();
	assert_int_equal(change_in_place("{\"cmd\":\"y\",\"healthChecks\":[{}],\"env\":{},"
					 "\"labels\":{\"a\":\"b\"}}"), 3);
	assert_string_equal(app("/web")->target->cmd, "x");
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_a_rollback_that_nothing_can_bring_about_is_refused(void **state)
{
	(void)state;
	assert_int_equal(apply("{\"id\":\"/web\",\"cmd\":\"x\",\"deployment\":"
			       "{\"rollback\":true}}", NULL, false), 422);
	assert_int_equal(apply("{\"id\":\"/web\",\"cmd\":\"x\",\"deployment\":"
			       "{\"deadlineSeconds\":0}}", NULL, false), 422);
	assert_int_equal(apply("{\"id\":\"/web\",\"cmd\":\"x\",\"deployment\":"
			       "{\"deadline\":1}}", NULL, false), 422);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_one_that_is_up_for_a_moment_has_not_been_up),
		WORLD_TEST(test_time_in_bad_health_is_not_time_up),
		WORLD_TEST(test_without_a_deadline_a_deployment_waits_for_ever),
		WORLD_TEST(test_a_deadline_ends_it_and_names_instance_node_and_message),
		WORLD_TEST(test_a_missed_deadline_says_what_has_not_come),
		WORLD_TEST(test_the_deadline_holds_after_a_restart),
		WORLD_TEST(test_a_broken_version_is_rolled_back_and_good_instances_stay),
		WORLD_TEST(test_a_rollback_that_fails_is_not_rolled_back),
		WORLD_TEST(test_an_app_that_is_new_stays_when_its_deployment_fails),
		WORLD_TEST(test_an_app_is_given_up_after_its_attempts),
		WORLD_TEST(test_a_new_version_is_tried_again),
		WORLD_TEST(test_attempts_are_forgotten_when_it_was_quiet),
		WORLD_TEST(test_a_change_of_policy_alone_restarts_nothing),
		WORLD_TEST(test_a_change_in_place_is_adopted_without_a_restart),
		WORLD_TEST(test_what_running_tasks_would_not_have_is_not_changed_in_place),
		WORLD_TEST(test_a_rollback_that_nothing_can_bring_about_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
