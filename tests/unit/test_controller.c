/* The controller's story: launch, status, scale, stop, failure, recovery. */
#include "controller_world.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/deployment/deployment.h"

static void test_app_is_launched_and_its_deployment_succeeds(void **state)
{
	const Mesos__V1__TaskInfo *info;
	const char *id;

	(void)state;
	assert_int_equal(world.scheduler.n_suppresses, 1);
	post("{\"id\":\"/group/web\",\"cmd\":\"serve $PORT0\",\"cpus\":0.5,\"mem\":64,"
	     "\"instances\":2}");
	assert_int_equal(world.scheduler.n_revives, 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	info = task_at(0)->info;
	id = info->task_id->value;
	assert_true(strncmp(id, "group_web.instance-", 19) == 0);
	assert_string_equal(id + strlen(id) - 7, "._app.1");
	assert_string_equal(info->name, "web.group");
	assert_string_equal(info->command->value, "serve $PORT0");
	assert_true(info->command->shell);
	assert_int_equal(world.controller->n_deployments, 1);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_events("deployment_success"), 1);
	assert_int_equal(world.scheduler.n_acks, 2);
	assert_int_equal(world.scheduler.n_suppresses, 2);
}

static const char *variable_of(const Mesos__V1__TaskInfo *info, const char *name)
{
	const Mesos__V1__Environment *env = info->command->environment;

	for (size_t i = 0; i < env->n_variables; i++) {
		if (strcmp(env->variables[i]->name, name) == 0)
			return env->variables[i]->value;
	}
	return NULL;
}

static void test_task_has_its_environment(void **state)
{
	const Mesos__V1__TaskInfo *info;
	char port[8], ports[16];

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"mem\":64,\"labels\":{\"vhost.name\":\"a b\"},"
	     "\"env\":{\"HOST\":\"mine\",\"A\":\"1\"},\"portDefinitions\":"
	     "[{\"port\":0,\"name\":\"http-api\"},{\"port\":12345,\"protocol\":\"udp\"}]}");
	offer();
	info = task_at(0)->info;
	assert_string_equal(variable_of(info, "MARATHON_APP_ID"), "/web");
	assert_string_equal(variable_of(info, "MARATHON_APP_RESOURCE_CPUS"), "1.0");
	assert_string_equal(variable_of(info, "MARATHON_APP_RESOURCE_MEM"), "64.0");
	assert_string_equal(variable_of(info, "MARATHON_APP_LABEL_VHOST_NAME"), "a b");
	assert_string_equal(variable_of(info, "MARATHON_APP_LABELS"), "VHOST_NAME");
	assert_string_equal(variable_of(info, "MESOS_TASK_ID"), info->task_id->value);
	assert_string_equal(variable_of(info, "HOST"), "mine");
	assert_string_equal(variable_of(info, "PORT"), variable_of(info, "PORT0"));
	assert_string_equal(variable_of(info, "PORT_HTTP_API"), variable_of(info, "PORT0"));
	assert_string_equal(variable_of(info, "PORT_12345"), variable_of(info, "PORT1"));
	(void)snprintf(port, sizeof(port), "%u", info->discovery->ports->ports[0]->number);
	assert_string_equal(variable_of(info, "PORT0"), port);
	(void)snprintf(ports, sizeof(ports), "%s,%s", port, variable_of(info, "PORT1"));
	assert_string_equal(variable_of(info, "PORTS"), ports);
}

static void test_health_check_and_limits_reach_the_task(void **state)
{
	const Mesos__V1__TaskInfo *info;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":0.1,\"mem\":32,"
	     "\"taskKillGracePeriodSeconds\":7,"
	     "\"resourceLimits\":{\"cpus\":2,\"mem\":\"unlimited\"},\"healthChecks\":"
	     "[{\"path\":\"/up\",\"intervalSeconds\":2,\"timeoutSeconds\":1,"
	     "\"maxConsecutiveFailures\":4}]}");
	offer();
	info = task_at(0)->info;
	assert_int_equal(info->health_check->type, MESOS__V1__HEALTH_CHECK__TYPE__HTTP);
	assert_string_equal(info->health_check->http->path, "/up");
	assert_int_equal(info->health_check->http->port, info->discovery->ports->ports[0]->number);
	/* It is killed on the failure after the last that is allowed: not in the same way as COMMAND. */
	assert_int_equal(info->health_check->consecutive_failures, 5);
	assert_true(info->health_check->delay_seconds == 2);
	assert_int_equal(info->kill_policy->grace_period->nanoseconds, 7000000000);
	assert_int_equal(info->n_limits, 2);
	assert_true(info->limits[0]->value->value == 2);
	assert_true(isinf(info->limits[1]->value->value));
}

static void test_the_first_check_comes_when_it_would_come_from_marathon(void **state)
{
	static const struct {
		const char *check;
		double delay;
	} rows[] = {
		{ "{}", 5 },
		{ "{\"protocol\":\"TCP\",\"intervalSeconds\":3,\"delaySeconds\":0}", 3 },
		{ "{\"protocol\":\"HTTPS\",\"delaySeconds\":60}", 5 },
		{ "{\"protocol\":\"MESOS_HTTP\",\"path\":\"/\"}", 15 },
		{ "{\"protocol\":\"MESOS_TCP\",\"delaySeconds\":0}", 0 },
		{ "{\"protocol\":\"COMMAND\",\"command\":{\"value\":\"x\"},\"delaySeconds\":7}", 7 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *definition = NULL;

		assert_true(asprintf(&definition, "{\"id\":\"/a%u\",\"cmd\":\"x\","
				     "\"healthChecks\":[%s]}", i, rows[i].check) > 0);
		post(definition);
		offer();
		assert_true(task_at(i)->info->health_check->delay_seconds == rows[i].delay);
	}
}

static void test_deployment_waits_for_health(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"healthChecks\":[{}]}");
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	assert_int_equal(world.controller->n_deployments, 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_events("health_status_changed_event"), 2);
}

static void test_failure_backs_off_and_explains_itself(void **state)
{
	json_t *queue, *item;

	(void)state;
	post("{\"id\":\"/bad\",\"cmd\":\"x\",\"backoffSeconds\":2,\"backoffFactor\":3}");
	offer();
	say_full(task_at(0)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_FAILED,
		 UNKNOWN_HEALTH, "Memory limit exceeded: 48 MB", -1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	queue = queue_view(world.controller, QUEUE_EMBED_OFFERS);
	item = json_array_get(json_object_get(queue, "queue"), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(item, "delay"),
							    "timeLeftSeconds")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(item, "lastFailure"), "message")),
			    "Memory limit exceeded: 48 MB");
	json_decref(queue);
	assert_true(controller_next_ms(world.controller) <= world.now_ms + 2000);
	wait_ms(1999);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	wait_ms(1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	say(task_at(1), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_true(app("/bad")->backoff.delay_ms == 6000);
}

/* Three instances that one node refuses, or loses: the app has done nothing wrong. */
static void test_what_a_node_is_to_blame_for_does_not_lengthen_the_delay(void **state)
{
	static const Mesos__V1__TaskState ends[] = {
		MESOS__V1__TASK_STATE__TASK_DROPPED, MESOS__V1__TASK_STATE__TASK_GONE,
		MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR,
	};

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":3,\"backoffFactor\":3}");
	offer();
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
		say(task_at(i), ends[i], UNKNOWN_HEALTH);
	assert_true(app("/web")->backoff.delay_ms == 1000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	wait_ms(1000);
	offer();
	assert_true(world.scheduler.n_tasks > 3);
	say(task_at(3), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_true(app("/web")->backoff.delay_ms == 3000);
}

static const char *state_of(const char *deployment)
{
	static char text[32];
	json_t *view = deployment_state_view(world.controller, deployment);

	snprintf(text, sizeof(text), "%s",
		 view ? json_string_value(json_object_get(view, "state")) : "unknown");
	json_decref(view);
	return text;
}

static void test_how_deployments_ended_is_remembered_for_a_while(void **state)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	char first[ID_UUID_SIZE], id[ID_UUID_SIZE] = "";

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	snprintf(first, sizeof(first), "%s", last_result.deployment_id);
	assert_string_equal(state_of(first), "running");
	assert_int_equal(changes_cancel(world.controller, first, true, world.now_ms, &result,
					&refusal), 0);
	assert_string_equal(state_of(first), "failed");
	for (int i = 0; i < 255; i++) {
		char definition[64];

		snprintf(definition, sizeof(definition), "{\"id\":\"/a%d\",\"cmd\":\"x\","
			 "\"instances\":0}", i);
		assert_int_equal(apply(definition, NULL, false), 0);
		snprintf(id, sizeof(id), "%s", last_result.deployment_id);
		assert_string_equal(state_of(id), "succeeded");
	}
	assert_string_equal(state_of(first), "failed");
	/* Whoever runs the controller. */
	restart_controller();
	assert_string_equal(state_of(first), "failed");
	assert_string_equal(state_of(id), "succeeded");
	post("{\"id\":\"/one-more\",\"cmd\":\"x\",\"instances\":0}");
	assert_string_equal(state_of(first), "unknown");
	assert_string_equal(state_of(id), "succeeded");
}

static void test_killed_instance_is_replaced_without_delay(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_KILLED, UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_scaling_down_kills_the_youngest(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":1}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	wait_ms(5000);
	post("{\"id\":\"/web\",\"instances\":3}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	wait_ms(5000);
	post("{\"id\":\"/web\",\"instances\":1}");
	assert_int_equal(world.scheduler.n_kills, 2);
	assert_false(task_at(0)->is_killed);
	assert_int_equal(world.controller->n_deployments, 1);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_alive_tasks(), 1);
}

static void test_kill_is_repeated_until_the_end_is_told(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(apply(NULL, "/web", true), 0);
	assert_int_equal(world.scheduler.n_kills, 1);
	wait_ms(29999);
	assert_int_equal(world.scheduler.n_kills, 1);
	wait_ms(1);
	assert_int_equal(world.scheduler.n_kills, 2);
	let_it_be(UNKNOWN_HEALTH);
	assert_null(app("/web"));
	assert_int_equal(count_events("app_terminated_event"), 1);
}

static void test_locked_app_is_refused_unless_forced(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	assert_int_equal(apply("{\"id\":\"/web\",\"instances\":2}", NULL, false), 409);
	assert_int_equal(apply("{\"id\":\"/web\",\"instances\":2}", NULL, true), 0);
	assert_int_equal(count_events("deployment_failed"), 1);
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(count_alive_tasks(), 2);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_overdue_task_is_killed_and_replaced(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	wait_ms(300000);
	assert_true(task_at(0)->is_killed);
	let_it_be(UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_unreachable_instance_is_replaced_at_once_and_killed_when_back(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_UNREACHABLE, UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	assert_true(task_at(0)->is_killed);
	assert_false(task_at(1)->is_killed);
}

static void test_unreachable_strategy_waits(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"unreachableStrategy\":"
	     "{\"inactiveAfterSeconds\":60,\"expungeAfterSeconds\":120}}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_UNREACHABLE, UNKNOWN_HEALTH);
	wait_ms(59000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	wait_ms(1000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	say(task_at(1), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	/* It comes back before it is given up: one of the two is too many. */
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(count_alive_tasks(), 1);
}

static void test_one_whose_agent_goes_before_it_is_heard_of_is_unreachable(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"unreachableStrategy\":"
	     "{\"inactiveAfterSeconds\":60,\"expungeAfterSeconds\":120}}");
	offer();
	assert_string_equal(instance_condition(TAILQ_FIRST(&app("/web")->instances)), "Provisioned");
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_UNREACHABLE, UNKNOWN_HEALTH);
	assert_string_equal(instance_condition(TAILQ_FIRST(&app("/web")->instances)), "Unreachable");
}

static void test_unknown_task_is_killed(void **state)
{
	(void)state;
	say_full("other.instance-1._app.1", MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH,
		 NULL, -1);
	assert_int_equal(world.scheduler.n_kills, 1);
	assert_int_equal(world.scheduler.n_acks, 1);
	say_full("other.instance-1._app.1", MESOS__V1__TASK_STATE__TASK_KILLED, UNKNOWN_HEALTH,
		 NULL, -1);
	assert_int_equal(count_events("unknown_instance_terminated_event"), 1);
}

static void test_refused_accept_launches_nothing(void **state)
{
	(void)state;
	world.scheduler.refuses_launch = true;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	assert_int_equal(app("/web")->n_instances, 0);
	world.scheduler.refuses_launch = false;
	wait_ms(1000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
}

static void test_cancelled_deployment_goes_back(void **state)
{
	struct change_result result;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"old\"}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	assert_string_equal(app("/web")->target->cmd, "new");
	assert_int_equal(changes_cancel(world.controller, last_result.deployment_id, false,
					world.now_ms, &result, &last_refusal), 0);
	assert_string_equal(app("/web")->target->cmd, "old");
	turn();
	offer();
	for (int i = 0; i < 4; i++) {
		let_it_be(UNKNOWN_HEALTH);
		offer();
	}
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_alive_tasks(), 1);
}

static void test_dependencies_start_first(void **state)
{
	struct change_set set = { 0 };
	json_t *a = json_loads("{\"id\":\"/a\",\"cmd\":\"x\",\"dependencies\":[\"/b\"]}", 0, NULL);
	json_t *b = json_loads("{\"id\":\"/b\",\"cmd\":\"x\"}", 0, NULL);

	(void)state;
	assert_int_equal(app_parse(a, NULL, NULL, &change_set_app(&set, "/a")->app,
				   &last_refusal), 0);
	assert_int_equal(app_parse(b, NULL, NULL, &change_set_app(&set, "/b")->app,
				   &last_refusal), 0);
	assert_int_equal(changes_apply(world.controller, &set, world.now_ms, &last_result,
				       &last_refusal), 0);
	change_set_done(&set);
	json_decref(a);
	json_decref(b);
	turn();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_string_equal(task_at(0)->info->name, "b");
	let_it_be(UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(apply("{\"id\":\"/b\",\"dependencies\":[\"/a\"]}", NULL, false), 422);
}

static void test_instances_spread_over_nodes(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":2,\"constraints\":"
	     "[[\"hostname\",\"UNIQUE\"]]}");
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	offer_from("agent-2", "node-2", "cpus:1;mem:1024;ports:[1-10]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_scaling_down_keeps_groups_balanced(void **state)
{
	static const char resources[] = "cpus:8;mem:8192;ports:[1-100]";
	unsigned left[2] = { 0, 0 };

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":6,\"constraints\":"
	     "[[\"rack\",\"GROUP_BY\",\"2\"]]}");
	offer_from("agent-1", "node-1", resources, "r1");
	offer_from("agent-2", "node-2", resources, "r2");
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.scheduler.n_tasks, 6);
	post("{\"id\":\"/web\",\"instances\":2}");
	for (unsigned i = 0; i < 6; i++) {
		if (!task_at(i)->is_killed)
			left[strcmp(task_at(i)->info->agent_id->value, "agent-1") == 0]++;
	}
	assert_int_equal(left[0], 1);
	assert_int_equal(left[1], 1);
}

static void test_killing_with_scale_makes_the_app_smaller(void **state)
{
	struct change_set set = { 0 };
	struct change_result result;
	struct instance *instance;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":3}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	instance = instance_find_task(world.controller, task_at(1)->info->task_id->value);
	assert_int_equal(changes_scale_down(world.controller, &instance, 1, &set, &last_refusal), 0);
	assert_int_equal(changes_apply(world.controller, &set, world.now_ms, &result,
					   &last_refusal), 0);
	change_set_done(&set);
	assert_int_equal(changes_kill(world.controller, &instance, 1, false, world.now_ms, &last_refusal), 0);
	turn();
	assert_true(task_at(1)->is_killed);
	assert_int_equal(app("/web")->target->instances, 2);
	let_it_be(UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_service_ports_are_unique_and_kept(void **state)
{
	uint16_t a, b;

	(void)state;
	post("{\"id\":\"/a\",\"cmd\":\"x\"}");
	post("{\"id\":\"/b\",\"cmd\":\"x\"}");
	a = app_service_port(app("/a")->target, 0);
	b = app_service_port(app("/b")->target, 0);
	assert_true(a != b && a >= 10000 && a < 20000);
	assert_int_equal(apply("{\"id\":\"/a\",\"portDefinitions\":[{\"port\":0},{\"port\":0}]}",
			       NULL, true), 0);
	assert_int_equal(app_service_port(app("/a")->target, 0), a);
	assert_true(app_service_port(app("/a")->target, 1) != b);
}

static void test_a_kept_service_port_is_not_one_that_the_app_names_elsewhere(void **state)
{
	(void)state;
	post("{\"id\":\"/a\",\"cmd\":\"x\",\"portDefinitions\":[{\"port\":10500},{\"port\":10501}]}");
	assert_int_equal(apply("{\"id\":\"/a\",\"portDefinitions\":[{\"port\":0},{\"port\":10500}]}",
			       NULL, true), 0);
	assert_int_equal(app_service_port(app("/a")->target, 1), 10500);
	assert_int_not_equal(app_service_port(app("/a")->target, 0), 10500);
	assert_int_not_equal(app_service_port(app("/a")->target, 0), 0);
}

static void test_required_ports_are_those_of_the_host(void **state)
{
	(void)state;
	post("{\"id\":\"/a\",\"cmd\":\"x\",\"requirePorts\":true,"
	     "\"portDefinitions\":[{\"port\":0},{\"port\":31005}]}");
	offer_from("agent-1", "node-1", "cpus:8;mem:8192;ports:[31000-31004]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 0);
	offer_from("agent-1", "node-1", "cpus:8;mem:8192;ports:[31004-31005]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_int_equal(task_at(0)->info->discovery->ports->ports[0]->number, 31004);
	assert_int_equal(task_at(0)->info->discovery->ports->ports[1]->number, 31005);
}

static void test_task_is_shown_with_its_health(void **state)
{
	json_t *view, *health;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"healthChecks\":[{}]}");
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	view = app_view(world.controller, app("/web"), EMBED_TASKS | EMBED_COUNTS | EMBED_STATS);
	assert_int_equal(json_integer_value(json_object_get(view, "tasksHealthy")), 1);
	health = json_array_get(json_object_get(json_array_get(json_object_get(view, "tasks"), 0),
						"healthCheckResults"), 0);
	assert_true(json_is_true(json_object_get(health, "alive")));
	assert_true(json_is_string(json_object_get(health, "firstSuccess")));
	assert_true(json_is_null(json_object_get(health, "lastFailure")));
	assert_true(json_equal(json_object_get(view, "taskStats"),
			       json_object_get(view, "tasksStats")));
	json_decref(view);
}

static json_t *shown_health(void)
{
	json_t *view = app_view(world.controller, app("/web"), EMBED_TASKS);
	json_t *task = json_array_get(json_object_get(view, "tasks"), 0);
	json_t *health = json_incref(json_array_get(json_object_get(task, "healthCheckResults"), 0));

	json_decref(view);
	return health;
}

/* Balancers that look right after it find those that they had. */
static void test_health_is_known_after_a_restart(void **state)
{
	json_t *before, *after;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"healthChecks\":[{}]}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	restart_controller();
	assert_null(shown_health());
	let_it_be(1);
	before = shown_health();
	restart_controller();
	after = shown_health();
	assert_true(json_is_true(json_object_get(after, "alive")));
	assert_true(json_equal(before, after));
	/* It is no news then. */
	let_it_be(1);
	assert_int_equal(count_events("health_status_changed_event"), 0);
	let_it_be(0);
	json_decref(after);
	restart_controller();
	after = shown_health();
	assert_true(json_is_false(json_object_get(after, "alive")));
	assert_true(json_is_string(json_object_get(after, "lastFailure")));
	json_decref(before);
	json_decref(after);
}

static void test_unhealthy_end_is_told_and_remembered(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"healthChecks\":[{}]}");
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	say_full(task_at(0)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_KILLED, 0,
		 "HTTP health check failed: 500", -1);
	assert_int_equal(count_events("unhealthy_instance_kill_event"), 1);
	assert_string_equal(json_string_value(json_object_get(app("/web")->last_failure,
							      "message")),
			    "HTTP health check failed: 500");
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_an_end_told_in_bytes_that_are_no_text_is_remembered(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	offer();
	say_full(task_at(0)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_FAILED,
		 UNKNOWN_HEALTH, "half a \xc3", -1);
	assert_string_equal(json_string_value(json_object_get(app("/web")->last_failure,
							      "message")),
			    "half a \xef\xbf\xbd");
}

/* All at once they would fill the agent's stream, which is cut then, and every task is dropped. */
static void test_large_definitions_go_out_a_few_at_an_offer(void **state)
{
	enum { LABEL = 900000, INSTANCES = 12 };
	char *label = calloc(1, LABEL + 1), *definition = NULL;
	unsigned n_first;

	(void)state;
	assert_non_null(label);
	memset(label, 'x', LABEL);
	assert_true(asprintf(&definition, "{\"id\":\"/big\",\"cmd\":\"x\",\"instances\":%d,"
			     "\"cpus\":0.1,\"mem\":1,\"labels\":{\"a\":\"%s\"}}", INSTANCES, label) > 0);
	post(definition);
	offer();
	n_first = world.scheduler.n_tasks;
	assert_in_range(n_first, 1, (8 << 20) / LABEL);
	while (world.scheduler.n_tasks < INSTANCES && n_first > 0) {
		offer();
		n_first--;
	}
	assert_int_equal(world.scheduler.n_tasks, INSTANCES);
	free(definition);
	free(label);
}

static void test_versions_kept_are_bounded(void **state)
{
	char definition[64];

	(void)state;
	for (int i = 0; i < 70; i++) {
		(void)snprintf(definition, sizeof(definition),
			       "{\"id\":\"/web\",\"cmd\":\"x%d\",\"instances\":0}", i);
		post(definition);
	}
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(app("/web")->n_versions, 50);
	restart_controller();
	assert_int_equal(app("/web")->n_versions, 50);
	assert_string_equal(app("/web")->target->cmd, "x69");
}

static void test_queue_tells_what_is_missing(void **state)
{
	json_t *queue, *reasons;

	(void)state;
	post("{\"id\":\"/big\",\"cmd\":\"x\",\"mem\":999999}");
	offer();
	queue = queue_view(world.controller, QUEUE_EMBED_OFFERS);
	reasons = json_array_get(json_object_get(queue, "queue"), 0);
	reasons = json_object_get(json_object_get(reasons, "processedOffersSummary"),
				  "rejectSummaryLastOffers");
	assert_string_equal(json_string_value(json_object_get(json_array_get(reasons, 5),
							      "reason")), "InsufficientMemory");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(reasons, 5),
							    "declined")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(reasons, 4),
							    "declined")), 0);
	json_decref(queue);
	assert_int_equal(world.scheduler.n_declines, 1);
}

/* However many wait, and however many nodes there are. */
static void test_an_offer_that_nobody_can_use_is_kept_once(void **state)
{
	const json_t *shown[2];

	(void)state;
	post("{\"id\":\"/a\",\"cmd\":\"x\",\"mem\":999999}");
	post("{\"id\":\"/b\",\"cmd\":\"x\",\"cpus\":9999}");
	offer();
	shown[0] = json_array_get(app("/a")->waiting.last_unused, 0);
	shown[1] = json_array_get(app("/b")->waiting.last_unused, 0);
	assert_non_null(json_object_get(shown[0], "offer"));
	assert_ptr_equal(json_object_get(shown[0], "offer"), json_object_get(shown[1], "offer"));
	assert_false(json_equal(json_object_get(shown[0], "reason"),
				json_object_get(shown[1], "reason")));
}

/* The explanation of the only app that waits. */
static void assert_explained(const char *expected)
{
	json_t *queue = queue_view(world.controller, 0);
	const json_t *item = json_array_get(json_object_get(queue, "queue"), 0);
	const char *text = json_string_value(json_object_get(item, "explanation"));

	assert_non_null(text);
	assert_string_equal(text, expected);
	json_decref(queue);
}

static void test_queue_explains_itself_in_a_sentence(void **state)
{
	static const struct {
		const char *app, *expected;
	} rows[] = {
		{ "{\"id\":\"/x\",\"cmd\":\"x\",\"cpus\":100}",
		  "no node has 100 cpus free (most: 1.7)" },
		{ "{\"id\":\"/x\",\"cmd\":\"x\",\"cpus\":1.5,\"mem\":500}",
		  "1 of 2 nodes does not have 1.5 cpus free (most: 1); "
		  "1 of 2 nodes does not have 500 MB memory free (most: 256)" },
		{ "{\"id\":\"/x\",\"cmd\":\"x\",\"portDefinitions\":[{\"port\":80}],"
		  "\"requirePorts\":true}",
		  "no node has port 80 free (free are: 31000-31001)" },
		{ "{\"id\":\"/x\",\"cmd\":\"x\",\"ports\":[0,0,0]}",
		  "no node has 3 ports free (most: 2)" },
		{ "{\"id\":\"/x\",\"cmd\":\"x\",\"constraints\":[[\"hostname\",\"IS\",\"moon\"]]}",
		  "no node meets constraint hostname IS moon" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		world_teardown(NULL);
		world_setup(NULL);
		post(rows[i].app);
		assert_explained("no node has offered anything yet");
		offer_from("agent-1", "node-1", "cpus:1.7;mem:256;disk:9;ports:[31000-31001]", NULL);
		offer_from("agent-2", "node-2", "cpus:1;mem:1024;disk:9;ports:[31000-31001]", NULL);
		assert_explained(rows[i].expected);
	}
}

static void test_an_explanation_knows_what_was_launched(void **state)
{
	(void)state;
	post("{\"id\":\"/x\",\"cmd\":\"x\",\"instances\":3,"
	     "\"constraints\":[[\"hostname\",\"MAX_PER\",\"2\"]]}");
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_explained("no node meets constraint hostname MAX_PER 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_app_is_launched_and_its_deployment_succeeds),
		WORLD_TEST(test_task_has_its_environment),
		WORLD_TEST(test_health_check_and_limits_reach_the_task),
		WORLD_TEST(test_the_first_check_comes_when_it_would_come_from_marathon),
		WORLD_TEST(test_deployment_waits_for_health),
		WORLD_TEST(test_failure_backs_off_and_explains_itself),
		WORLD_TEST(test_what_a_node_is_to_blame_for_does_not_lengthen_the_delay),
		WORLD_TEST(test_how_deployments_ended_is_remembered_for_a_while),
		WORLD_TEST(test_killed_instance_is_replaced_without_delay),
		WORLD_TEST(test_scaling_down_kills_the_youngest),
		WORLD_TEST(test_kill_is_repeated_until_the_end_is_told),
		WORLD_TEST(test_locked_app_is_refused_unless_forced),
		WORLD_TEST(test_overdue_task_is_killed_and_replaced),
		WORLD_TEST(test_unreachable_instance_is_replaced_at_once_and_killed_when_back),
		WORLD_TEST(test_unreachable_strategy_waits),
		WORLD_TEST(test_one_whose_agent_goes_before_it_is_heard_of_is_unreachable),
		WORLD_TEST(test_unknown_task_is_killed),
		WORLD_TEST(test_refused_accept_launches_nothing),
		WORLD_TEST(test_cancelled_deployment_goes_back),
		WORLD_TEST(test_dependencies_start_first),
		WORLD_TEST(test_instances_spread_over_nodes),
		WORLD_TEST(test_queue_tells_what_is_missing),
		WORLD_TEST(test_an_offer_that_nobody_can_use_is_kept_once),
		WORLD_TEST(test_queue_explains_itself_in_a_sentence),
		WORLD_TEST(test_an_explanation_knows_what_was_launched),
		WORLD_TEST(test_scaling_down_keeps_groups_balanced),
		WORLD_TEST(test_killing_with_scale_makes_the_app_smaller),
		WORLD_TEST(test_service_ports_are_unique_and_kept),
		WORLD_TEST(test_a_kept_service_port_is_not_one_that_the_app_names_elsewhere),
		WORLD_TEST(test_required_ports_are_those_of_the_host),
		WORLD_TEST(test_task_is_shown_with_its_health),
		WORLD_TEST(test_health_is_known_after_a_restart),
		WORLD_TEST(test_unhealthy_end_is_told_and_remembered),
		WORLD_TEST(test_an_end_told_in_bytes_that_are_no_text_is_remembered),
		WORLD_TEST(test_large_definitions_go_out_a_few_at_an_offer),
		WORLD_TEST(test_versions_kept_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
