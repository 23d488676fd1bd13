/* Instances of pods: several tasks that are launched, judged and ended as one. */
#include "controller_world.h"

enum { N = 2 };		/* containers of the pods here */

/* Of one instance; MORE are fields of the pod, FRONT of its first container, with the comma before them. */
static void post_pod(const char *more, const char *front)
{
	char definition[2048];

	(void)snprintf(definition, sizeof(definition),
		       "{\"id\":\"/shop/web\"%s,\"containers\":["
		       "{\"name\":\"front\",\"exec\":{\"command\":{\"shell\":\"serve\"}},"
		       "\"resources\":{\"cpus\":1,\"mem\":64}%s},"
		       "{\"name\":\"back\",\"exec\":{\"command\":{\"argv\":[\"run\",\"-v\"]}},"
		       "\"resources\":{\"cpus\":0.5,\"mem\":32},"
		       "\"endpoints\":[{\"name\":\"db\",\"hostPort\":31005}]}]}", more, front);
	post(definition);
}

static const char *const instances_3 = ",\"scaling\":{\"kind\":\"fixed\",\"instances\":3}";

/* The UUID of the instance that task I is of. */
static const char *uuid_of(unsigned i)
{
	return strstr(task_at(i)->info->task_id->value, ".instance-") + strlen(".instance-");
}

static void say_state(unsigned i, Mesos__V1__TaskState state)
{
	say(task_at(i), state, UNKNOWN_HEALTH);
}

static const struct instance *instance_of(unsigned i)
{
	return instance_find_task(world.controller, task_at(i)->info->task_id->value);
}

static const char *variable(unsigned i, const char *name)
{
	const Mesos__V1__Environment *environment = task_at(i)->info->command->environment;

	for (size_t k = 0; k < environment->n_variables; k++) {
		if (strcmp(environment->variables[k]->name, name) == 0)
			return environment->variables[k]->value;
	}
	return "none";
}

/* ---- What is launched ---- */

static void test_a_pod_is_one_group_of_an_executor_of_its_own(void **state)
{
	const Mesos__V1__ExecutorInfo *executor;
	struct resources of_executor = { 0 }, of_back = { 0 };
	struct err e = { 0 };
	char expected[256];

	(void)state;
	post_pod(",\"labels\":{\"team\":\"a\"},\"executorResources\":{\"cpus\":0.2,\"mem\":40,\"disk\":1}", "");
	offer();
	assert_int_equal(world.scheduler.n_tasks, N);
	executor = task_at(1)->info->executor;
	assert_int_equal(executor->type, MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT);
	assert_string_equal(task_at(0)->info->executor->executor_id->value, executor->executor_id->value);
	(void)snprintf(expected, sizeof(expected), "instance-shop_web.%.36s", uuid_of(0));
	assert_string_equal(executor->executor_id->value, expected);
	(void)snprintf(expected, sizeof(expected), "shop_web.instance-%.36s.front.1", uuid_of(0));
	assert_string_equal(task_at(0)->info->task_id->value, expected);
	(void)snprintf(expected, sizeof(expected), "shop_web.instance-%.36s.back.1", uuid_of(0));
	assert_string_equal(task_at(1)->info->task_id->value, expected);
	assert_string_equal(executor->labels->labels[0]->key, "team");
	assert_int_equal(resources_from_messages(executor->resources, executor->n_resources, &of_executor,
						 &e), 0);
	assert_int_equal(of_executor.scalar[RESOURCE_CPUS], 200);
	assert_int_equal(of_executor.scalar[RESOURCE_MEM], 40000);
	assert_true(ranges_contains(&of_executor.ports, 31005, 31005));
	assert_int_equal(resources_from_messages(task_at(1)->info->resources, task_at(1)->info->n_resources,
						 &of_back, &e), 0);
	assert_int_equal(of_back.scalar[RESOURCE_CPUS], 500);
	assert_int_equal(ranges_count(&of_back.ports), 0);
	assert_true(task_at(0)->info->container->linux_info->has_share_cgroups);
	assert_false(task_at(0)->info->container->linux_info->share_cgroups);
	resources_done(&of_executor);
	resources_done(&of_back);
}

static void test_each_container_runs_its_own(void **state)
{
	const Mesos__V1__TaskInfo *front, *back;
	const Mesos__V1__Volume *volume;

	(void)state;
	post_pod(",\"user\":\"nobody\",\"volumes\":[{\"name\":\"data\"},{\"name\":\"etc\",\"host\":\"/etc/x\"}]",
		 ",\"user\":\"root\",\"labels\":{\"a\":\"b\"},\"lifecycle\":{\"killGracePeriodSeconds\":7},"
		 "\"resourceLimits\":{\"mem\":100},"
		 "\"endpoints\":[{\"name\":\"http\",\"labels\":{\"VIP\":\"x\"}}],"
		 "\"healthCheck\":{\"http\":{\"endpoint\":\"http\",\"path\":\"/ping\"},\"maxConsecutiveFailures\":5},"
		 "\"volumeMounts\":[{\"name\":\"data\",\"mountPath\":\"shared\"},"
		 "{\"name\":\"etc\",\"mountPath\":\"/e\",\"readOnly\":true}]");
	offer();
	front = task_at(0)->info;
	back = task_at(1)->info;
	assert_string_equal(front->name, "front");
	assert_string_equal(front->command->value, "serve");
	assert_true(front->command->shell);
	assert_string_equal(front->command->user, "root");
	assert_string_equal(back->command->user, "nobody");
	assert_false(back->command->shell);
	assert_string_equal(back->command->value, "run");
	assert_int_equal(back->command->n_arguments, 2);
	assert_string_equal(front->labels->labels[0]->key, "a");
	assert_null(back->labels);
	assert_int_equal(front->kill_policy->grace_period->nanoseconds / 1000000, 7000);
	assert_null(back->kill_policy);
	assert_int_equal(front->n_limits, 1);
	assert_string_equal(front->limits[0]->key, "mem");
	assert_int_equal(front->health_check->consecutive_failures, 5);
	assert_int_equal(front->health_check->http->port, instance_of(0)->ports[0]);
	assert_null(back->health_check);
	assert_int_equal(front->discovery->ports->n_ports, 1);
	assert_int_equal(back->discovery->ports->ports[0]->number, 31005);
	assert_string_equal(back->discovery->name, "web.shop");
	assert_int_equal(front->container->n_volumes, 2);
	volume = front->container->volumes[0];
	assert_string_equal(volume->container_path, "shared");
	assert_string_equal(volume->source->sandbox_path->path, "volumes/data");
	assert_int_equal(volume->source->sandbox_path->type,
			 MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT);
	assert_string_equal(front->container->volumes[1]->host_path, "/etc/x");
	assert_int_equal(front->container->volumes[1]->mode, MESOS__V1__VOLUME__MODE__RO);
}

static void test_an_image_has_its_entrypoint_unless_that_is_overridden(void **state)
{
	static const char definition[] =
		"{\"id\":\"/i\",\"containers\":["
		"{\"name\":\"kept\",\"image\":{\"kind\":\"DOCKER\",\"id\":\"busybox:1\"},\"resources\":{},"
		"\"exec\":{\"command\":{\"argv\":[\"a\",\"b\"]}}},"
		"{\"name\":\"put\",\"image\":{\"kind\":\"DOCKER\",\"id\":\"busybox:1\"},\"resources\":{},"
		"\"exec\":{\"command\":{\"argv\":[\"a\",\"b\"]},\"overrideEntrypoint\":true}},"
		"{\"name\":\"own\",\"image\":{\"kind\":\"DOCKER\",\"id\":\"busybox:1\"},\"resources\":{}}]}";

	(void)state;
	post(definition);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(task_at(i)->info->container->mesos->image->docker->name, "busybox:1");
	assert_null(task_at(0)->info->command->value);
	assert_int_equal(task_at(0)->info->command->n_arguments, 2);
	assert_string_equal(task_at(1)->info->command->value, "a");
	assert_int_equal(task_at(1)->info->command->n_arguments, 2);
	assert_null(task_at(2)->info->command->value);
	assert_int_equal(task_at(2)->info->command->n_arguments, 0);
	assert_false(task_at(2)->info->command->shell);
}

static void test_what_containers_are_told(void **state)
{
	char port[16];

	(void)state;
	post_pod(",\"environment\":{\"A\":\"pod\",\"B\":\"pod\",\"HOST\":\"mine\"},\"labels\":{\"Tier-1\":\"x\"}",
		 ",\"environment\":{\"B\":\"front\"},\"endpoints\":[{\"name\":\"web-ui\"}]");
	offer();
	(void)snprintf(port, sizeof(port), "%u", instance_of(0)->ports[0]);
	assert_string_equal(variable(0, "A"), "pod");
	assert_string_equal(variable(0, "B"), "front");
	assert_string_equal(variable(1, "B"), "pod");
	assert_string_equal(variable(0, "HOST"), "node-1");
	assert_string_equal(variable(0, "MESOS_TASK_ID"), task_at(0)->info->task_id->value);
	assert_string_equal(variable(0, "MESOS_EXECUTOR_ID"),
			    task_at(0)->info->executor->executor_id->value);
	assert_string_equal(variable(1, "MARATHON_CONTAINER_ID"), "back");
	assert_string_equal(variable(1, "MARATHON_APP_ID"), "/shop/web");
	assert_string_equal(variable(1, "MARATHON_APP_VERSION"), app("/shop/web")->target->version);
	assert_string_equal(variable(1, "MARATHON_CONTAINER_RESOURCE_CPUS"), "0.5");
	assert_string_equal(variable(1, "MARATHON_CONTAINER_RESOURCE_MEM"), "32.0");
	assert_string_equal(variable(1, "MARATHON_CONTAINER_RESOURCE_GPUS"), "0");
	assert_string_equal(variable(1, "MARATHON_APP_LABEL_TIER_1"), "x");
	/* Of all containers, in all. */
	assert_string_equal(variable(0, "EP_HOST_DB"), "31005");
	assert_string_equal(variable(0, "ENDPOINT_DB"), "31005");
	assert_string_equal(variable(1, "EP_HOST_WEB_UI"), port);
	assert_string_equal(variable(1, "EP_CONTAINER_WEB_UI"), "none");
	assert_string_equal(variable(1, "PORT0"), "none");
}

static void test_a_node_must_have_room_for_all_of_it(void **state)
{
	(void)state;
	post_pod(",\"executorResources\":{\"cpus\":0.1,\"mem\":32,\"disk\":1}", "");
	offer_from("agent-1", "node-1", "cpus:1.5;mem:1024;disk:100;ports:[31000-32000]", NULL);
	offer_from("agent-1", "node-1", "cpus:4;mem:127;disk:100;ports:[31000-32000]", NULL);
	offer_from("agent-1", "node-1", "cpus:4;mem:1024;disk:100;ports:[31006-32000]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 0);
	offer_from("agent-1", "node-1", "cpus:1.6;mem:128;disk:100;ports:[31005-31005]", NULL);
	assert_int_equal(world.scheduler.n_tasks, N);
}

/* ---- What becomes of it ---- */

static void test_it_runs_when_all_of_it_runs(void **state)
{
	(void)state;
	post_pod("", "");
	offer();
	assert_string_equal(instance_condition(instance_of(0)), "Provisioned");
	say_state(0, MESOS__V1__TASK_STATE__TASK_STARTING);
	assert_string_equal(instance_condition(instance_of(0)), "Starting");
	say_state(0, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_string_equal(instance_condition(instance_of(0)), "Staging");
	assert_int_equal(world.controller->n_deployments, 1);
	say_state(1, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_string_equal(instance_condition(instance_of(0)), "Running");
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_events("status_update_event"), 3);
	assert_int_equal(count_events("instance_changed_event"), 4);
}

static void test_it_is_healthy_when_all_that_are_asked_are(void **state)
{
	(void)state;
	post_pod("", ",\"healthCheck\":{\"exec\":{\"command\":{\"argv\":[\"look\",\"-q\"]}}}");
	offer();
	assert_string_equal(task_at(0)->info->health_check->command->value, "look");
	assert_int_equal(task_at(0)->info->health_check->command->n_arguments, 2);
	say_state(1, MESOS__V1__TASK_STATE__TASK_RUNNING);
	say_state(0, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_int_equal(world.controller->n_deployments, 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	assert_true(instance_of(0)->has_health && !instance_of(0)->is_healthy);
	assert_int_equal(world.controller->n_deployments, 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_true(instance_of(0)->has_health && instance_of(0)->is_healthy);
}

/* As the executor does: the others of the group are killed with it. */
static void test_one_that_fails_ends_all_of_it_and_another_comes_after_a_delay(void **state)
{
	(void)state;
	post_pod("", "");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say_state(0, MESOS__V1__TASK_STATE__TASK_FAILED);
	assert_true(instance_of(1)->is_doomed);
	assert_true(task_at(1)->is_killed);
	assert_string_equal(json_string_value(json_object_get(app("/shop/web")->last_failure, "taskId")),
			    task_at(0)->info->task_id->value);
	assert_int_equal(app("/shop/web")->backoff.failures, 1);
	/* What the agent repeats is not another failure. */
	say_state(0, MESOS__V1__TASK_STATE__TASK_FAILED);
	assert_int_equal(app("/shop/web")->backoff.failures, 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, N);
	say_state(1, MESOS__V1__TASK_STATE__TASK_KILLED);
	assert_int_equal(app("/shop/web")->n_instances, 0);
	assert_int_equal(app("/shop/web")->backoff.failures, 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, N);
	wait_ms(1001);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2 * N);
	assert_string_not_equal(uuid_of(N), uuid_of(0));
}

/* Updates of different tasks come in any order: that of the cause may be the last. */
static void test_the_failure_counts_though_the_others_are_told_first(void **state)
{
	(void)state;
	post_pod("", ",\"endpoints\":[]");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say_state(1, MESOS__V1__TASK_STATE__TASK_KILLED);
	assert_int_equal(app("/shop/web")->backoff.failures, 0);
	assert_true(task_at(0)->is_killed);
	/* Also when the process ends in between. */
	restart_controller();
	say_state(0, MESOS__V1__TASK_STATE__TASK_FAILED);
	assert_int_equal(app("/shop/web")->n_instances, 0);
	assert_int_equal(app("/shop/web")->backoff.failures, 1);
	assert_string_equal(json_string_value(json_object_get(app("/shop/web")->last_failure, "taskId")),
			    task_at(0)->info->task_id->value);
}

static void test_one_that_finishes_leaves_the_others_alone(void **state)
{
	(void)state;
	post_pod("", "");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say_state(0, MESOS__V1__TASK_STATE__TASK_FINISHED);
	assert_string_equal(instance_condition(instance_of(1)), "Running");
	assert_false(task_at(1)->is_killed);
	/* Also of a process that has only read of it; what has ended is not asked for. */
	restart_controller();
	wait_ms(100);
	assert_int_equal(world.scheduler.n_explicit, 1);
	assert_string_equal(instance_condition(instance_of(1)), "Running");
	say_full(task_at(1)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH, NULL,
		 MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	assert_true(instance_of(1)->is_confirmed);
	say_state(1, MESOS__V1__TASK_STATE__TASK_FINISHED);
	assert_int_equal(app("/shop/web")->n_instances, 0);
	assert_int_equal(app("/shop/web")->backoff.failures, 1);
}

static void test_one_that_is_ended_for_its_health_ends_all(void **state)
{
	(void)state;
	post_pod("", ",\"healthCheck\":{\"exec\":{\"command\":{\"shell\":\"x\"}}}");
	offer();
	let_it_be(1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, 0);
	assert_true(task_at(1)->is_killed);
	assert_int_equal(count_events("unhealthy_instance_kill_event"), 1);
}

static void test_a_kill_is_of_all_its_tasks(void **state)
{
	struct instance *instance;
	struct refusal refusal = { 0 };

	(void)state;
	post_pod("", "");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	instance = instance_find_task(world.controller, task_at(1)->info->task_id->value);
	assert_int_equal(changes_kill(world.controller, &instance, 1, false, world.now_ms, &refusal), 0);
	turn();
	assert_true(task_at(0)->is_killed && task_at(1)->is_killed);
	say_state(0, MESOS__V1__TASK_STATE__TASK_KILLED);
	assert_int_equal(app("/shop/web")->n_instances, 1);
	/* Until the last has ended another kill goes to that one alone. */
	world.scheduler.n_kills = 0;
	wait_ms(30000);
	assert_int_equal(world.scheduler.n_kills, 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, N);
	say_state(1, MESOS__V1__TASK_STATE__TASK_KILLED);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2 * N);
	assert_int_equal(app("/shop/web")->backoff.failures, 0);
}

static void test_a_lost_node_is_one_failure(void **state)
{
	(void)state;
	post_pod("", "");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say_state(0, MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR);
	say_state(1, MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR);
	assert_int_equal(app("/shop/web")->n_instances, 0);
	assert_int_equal(app("/shop/web")->backoff.failures, 1);
}

static void test_it_is_out_of_reach_until_all_of_it_is_back(void **state)
{
	(void)state;
	post_pod(",\"scheduling\":{\"unreachableStrategy\":{\"inactiveAfterSeconds\":10,"
		 "\"expungeAfterSeconds\":100}}", "");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say_state(0, MESOS__V1__TASK_STATE__TASK_UNREACHABLE);
	say_state(1, MESOS__V1__TASK_STATE__TASK_UNREACHABLE);
	assert_string_equal(instance_condition(instance_of(0)), "Unreachable");
	wait_ms(11000);
	assert_string_equal(instance_condition(instance_of(0)), "UnreachableInactive");
	say_state(0, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_string_equal(instance_condition(instance_of(0)), "UnreachableInactive");
	say_state(1, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_string_equal(instance_condition(instance_of(0)), "Running");
}

static void test_the_tasks_of_one_that_was_forgotten_are_killed(void **state)
{
	(void)state;
	post_pod("", "");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say_state(0, MESOS__V1__TASK_STATE__TASK_UNREACHABLE);
	say_state(1, MESOS__V1__TASK_STATE__TASK_UNREACHABLE);
	assert_int_equal(app("/shop/web")->n_instances, 0);
	say_state(0, MESOS__V1__TASK_STATE__TASK_RUNNING);
	say_state(1, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_true(task_at(0)->is_killed && task_at(1)->is_killed);
	say_state(0, MESOS__V1__TASK_STATE__TASK_KILLED);
	assert_int_equal(count_events("unknown_instance_terminated_event"), 1);
}

/* ---- Other processes, other versions ---- */

static void test_a_launch_that_is_refused_leaves_nothing(void **state)
{
	(void)state;
	post_pod("", "");
	world.scheduler.refuses_launch = true;
	offer();
	assert_int_equal(app("/shop/web")->n_instances, 0);
	world.scheduler.refuses_launch = false;
	wait_ms(2000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, N);
}

static void test_another_process_goes_on_with_it(void **state)
{
	uint16_t port;

	(void)state;
	post_pod(instances_3, ",\"endpoints\":[{\"name\":\"http\"}]");
	for (unsigned i = 0; i < 3; i++)
		offer_from(i == 0 ? "agent-1" : i == 1 ? "agent-2" : "agent-3", "node", "cpus:64;mem:65536;"
			   "disk:100000;ports:[31000-32000]", NULL);
	assert_int_equal(world.scheduler.n_tasks, 3 * N);
	let_it_be(UNKNOWN_HEALTH);
	port = instance_of(0)->ports[0];
	restart_controller();
	wait_ms(100);
	assert_int_equal(app("/shop/web")->n_instances, 3);
	assert_int_equal(world.scheduler.n_explicit, 3 * N);
	assert_int_equal(instance_of(0)->n_tasks, N);
	assert_ptr_equal(instance_of(0), instance_of(1));
	assert_int_equal(instance_of(1)->ports[0], port);
	say_state(0, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_false(instance_of(0)->is_confirmed);
	say_state(1, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_true(instance_of(0)->is_confirmed);
	say_state(2, MESOS__V1__TASK_STATE__TASK_FAILED);
	assert_true(task_at(3)->is_killed);
}

/* The arithmetic is that of apps: one above, and never fewer than all. */
static void test_it_is_restarted_as_an_app_is(void **state)
{
	static const char *const scheduling =
		",\"scaling\":{\"kind\":\"fixed\",\"instances\":3},\"scheduling\":{\"upgrade\":"
		"{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":0.4}}";
	static const char *const agents[] = { "agent-1", "agent-2", "agent-3", "agent-4" };
	unsigned n_alive;

	(void)state;
	post_pod(scheduling, "");
	for (unsigned i = 0; i < 3; i++)
		offer_from(agents[i], agents[i], "cpus:64;mem:65536;disk:100000;ports:[31000-32000]", NULL);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 0);
	post_pod(scheduling, ",\"labels\":{\"new\":\"x\"}");
	for (unsigned round = 0; round < 12 && world.controller->n_deployments > 0; round++) {
		for (unsigned i = 0; i < 4; i++)
			offer_from(agents[i], agents[i], "cpus:64;mem:65536;disk:100000;ports:[31000-32000]",
				   NULL);
		let_it_be(UNKNOWN_HEALTH);
		n_alive = count_alive_tasks();
		assert_in_range(n_alive, 3 * N, 4 * N);
	}
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_alive_tasks(), 3 * N);
	assert_int_equal(app("/shop/web")->n_instances, 3);
	for (unsigned i = 0; i < 3 * N; i++)
		assert_true(task_at(i)->is_over);
	assert_string_equal(task_at(3 * N)->info->labels->labels[0]->key, "new");
}

static void test_a_deleted_pod_is_gone_when_all_its_tasks_are(void **state)
{
	(void)state;
	post_pod("", "");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(apply(NULL, "/shop/web", false), 0);
	say_state(0, MESOS__V1__TASK_STATE__TASK_KILLED);
	assert_non_null(app("/shop/web"));
	say_state(1, MESOS__V1__TASK_STATE__TASK_KILLED);
	assert_null(app("/shop/web"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_a_pod_is_one_group_of_an_executor_of_its_own),
		WORLD_TEST(test_each_container_runs_its_own),
		WORLD_TEST(test_an_image_has_its_entrypoint_unless_that_is_overridden),
		WORLD_TEST(test_what_containers_are_told),
		WORLD_TEST(test_a_node_must_have_room_for_all_of_it),
		WORLD_TEST(test_it_runs_when_all_of_it_runs),
		WORLD_TEST(test_it_is_healthy_when_all_that_are_asked_are),
		WORLD_TEST(test_one_that_fails_ends_all_of_it_and_another_comes_after_a_delay),
		WORLD_TEST(test_the_failure_counts_though_the_others_are_told_first),
		WORLD_TEST(test_one_that_finishes_leaves_the_others_alone),
		WORLD_TEST(test_one_that_is_ended_for_its_health_ends_all),
		WORLD_TEST(test_a_kill_is_of_all_its_tasks),
		WORLD_TEST(test_a_lost_node_is_one_failure),
		WORLD_TEST(test_it_is_out_of_reach_until_all_of_it_is_back),
		WORLD_TEST(test_the_tasks_of_one_that_was_forgotten_are_killed),
		WORLD_TEST(test_a_launch_that_is_refused_leaves_nothing),
		WORLD_TEST(test_another_process_goes_on_with_it),
		WORLD_TEST(test_it_is_restarted_as_an_app_is),
		WORLD_TEST(test_a_deleted_pod_is_gone_when_all_its_tasks_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
