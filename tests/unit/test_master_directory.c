/* What agents are told of what runs where, and when those who leave are killed. */
#include "tests/unit/directory_world.h"

#include "master_stub/drain.h"

/* ---- what is told ---- */

static void test_a_task_is_told_from_its_launch_to_its_end(void **state)
{
	struct scene *s = begin();
	const Tepui__Endpoint *told;
	const Tepui__Service *web;

	(void)state;
	assert_true(s->a.mirror.is_whole);
	launch(s, "t1", 31000, WEB);
	read_events(&s->a);
	told = endpoint(s, "t1");
	assert_non_null(told);
	assert_int_equal(told->state, TEPUI__ENDPOINT__STATE__STARTING);
	assert_string_equal(told->name, "web");
	assert_string_equal(told->framework, "test");
	assert_string_equal(told->agent_id, s->a.agent.id);
	assert_int_equal(told->n_addresses, 0);
	assert_int_equal(told->n_ports, 1);
	assert_string_equal(told->ports[0]->name, "http");
	assert_int_equal(told->ports[0]->host_port, 31000);
	assert_int_equal(told->ports[0]->container_port, 0);
	assert_string_equal(told->ports[0]->services[0], "web:80/tcp");
	web = service(s, "web:80/tcp");
	assert_non_null(web);
	assert_string_equal(web->address, "10.96.0.2");
	assert_string_equal(web->name, "web");
	assert_string_equal(web->framework, "test");
	run(s, "t1");
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__SERVING);
	say(s, &s->a, &s->framework, "t1", "TASK_FINISHED", "");
	assert_null(endpoint(s, "t1"));
	/* For some time: whoever connects is refused at once. */
	assert_non_null(service(s, "web:80/tcp"));
	cluster_wait(s->cluster, 11 * 60 * 1000);
	read_events(&s->a);
	assert_null(service(s, "web:80/tcp"));
	end(s);
}

static void test_health_is_told_at_once(void **state)
{
	struct scene *s = begin();
	size_t before;

	(void)state;
	launch_on(&s->framework, &s->a, "t1", 31000, WEB,
		  ",\"health_check\":{\"type\":\"TCP\",\"tcp\":{\"port\":31000}}");
	run(s, "t1");
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__STARTING);
	say(s, &s->a, &s->framework, "t1", "TASK_RUNNING", ",\"healthy\":true");
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__SERVING);
	say(s, &s->a, &s->framework, "t1", "TASK_RUNNING", ",\"healthy\":false");
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__UNHEALTHY);
	/* What is as it was is not told. */
	before = agent_count(&s->a.agent, TEPUI__AGENT_EVENT__TYPE__DIRECTORY);
	say(s, &s->a, &s->framework, "t1", "TASK_RUNNING", ",\"healthy\":false");
	assert_int_equal(agent_count(&s->a.agent, TEPUI__AGENT_EVENT__TYPE__DIRECTORY), before);
	end(s);
}

#define BRIDGE ",\"container\":{\"type\":\"MESOS\",\"network_infos\":[{\"name\":\"mesos-bridge\"," \
	"\"port_mappings\":[{\"host_port\":31000,\"container_port\":8080,\"protocol\":\"tcp\"}]}]}"

static void test_a_container_of_its_own_network(void **state)
{
	struct scene *s = begin();
	const Tepui__Endpoint *told;

	(void)state;
	launch_on(&s->framework, &s->a, "t1", 31000, WEB, BRIDGE);
	say(s, &s->a, &s->framework, "t1", "TASK_RUNNING",
	    ",\"container_status\":{\"network_infos\":[{\"ip_addresses\":["
	    "{\"ip_address\":\"172.29.0.5\"},{\"ip_address\":\"rubbish\"},"
	    "{\"ip_address\":\"fd00::5\"}]}]}");
	told = endpoint(s, "t1");
	assert_int_equal(told->n_addresses, 2);
	assert_string_equal(told->addresses[0], "172.29.0.5");
	assert_string_equal(told->addresses[1], "fd00::5");
	assert_int_equal(told->ports[0]->host_port, 31000);
	assert_int_equal(told->ports[0]->container_port, 8080);
	/* The service has it by the port of the container, too; no protocol is TCP. */
	launch_on(&s->framework, &s->a, "t3", 31003, WEB,
		  ",\"container\":{\"type\":\"MESOS\",\"network_infos\":[{\"name\":\"mesos-bridge\","
		  "\"port_mappings\":[{\"host_port\":31002,\"container_port\":31003,\"protocol\":\"\"}]}]}");
	read_events(&s->a);
	assert_int_equal(endpoint(s, "t3")->ports[0]->host_port, 31002);
	assert_int_equal(endpoint(s, "t3")->ports[0]->container_port, 31003);
	/* A port that is one of the container's own. */
	launch_on(&s->framework, &s->a, "t2", 31001,
		  WEB "," LABEL("network-scope", "container"),
		  ",\"container\":{\"type\":\"MESOS\",\"network_infos\":[{\"name\":\"dev\"}]}");
	read_events(&s->a);
	told = endpoint(s, "t2");
	assert_int_equal(told->ports[0]->host_port, 0);
	assert_int_equal(told->ports[0]->container_port, 31001);
	end(s);
}

enum { MANY = 2500 };

static void bring_many(struct scene *s, struct taker *taker)
{
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"TASK\",\"agent_id\":{\"value\":\"%s\"},\"task\":" BROUGHT "}",
		taker->agent.id, s->framework.id, "t", taker->agent.id, WEB, "t");
	char *id = call->task->task->task_id->value, name[32];
	struct err e = { 0 };

	call->task->task->task_id->value = name;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(master_agent_call(s->cluster->master, call, s->cluster->now_ms,
						   &e), 0);
	}
	call->task->task->task_id->value = id;
	pb_free(&call->base);
	cluster_turn(s->cluster);
	read_events(taker);
}

static void test_much_is_told_in_parts(void **state)
{
	struct scene *s = begin();

	(void)state;
	bring_many(s, &s->a);
	assert_int_equal(HASH_COUNT(s->a.mirror.endpoints), MANY);
	assert_false(s->a.mirror.is_open);
	assert_true(s->a.mirror.generation > 2);
	/* Who reads slowly is told no more before it has read; what changes meanwhile is not lost. */
	s->b.agent.queued = 1 << 20;
	join(s, &s->b, NULL, "node-b", TAKES("10.0.0.2"), NULL);
	assert_int_equal(s->b.mirror.generation, 0);
	assert_true(master_next_ms(s->cluster->master) <= s->cluster->now_ms + 100);
	say(s, &s->a, &s->framework, "t0", "TASK_FINISHED", "");
	s->b.agent.queued = 0;
	cluster_wait(s->cluster, 100);
	read_events(&s->b);
	assert_true(s->b.mirror.is_whole);
	assert_int_equal(HASH_COUNT(s->b.mirror.endpoints), MANY - 1);
	assert_int_equal(HASH_COUNT(s->b.mirror.nodes), 2);
	assert_float_equal(cluster_metric(s->cluster, "master/directory/agents_behind"), 0, 0);
	assert_float_equal(cluster_metric(s->cluster, "master/directory/endpoints"), MANY - 1, 0);
	end(s);
}

static void test_a_node_that_is_cut_off(void **state)
{
	struct scene *s = begin();

	(void)state;
	join(s, &s->b, NULL, "node-b", TAKES("10.0.0.2"), NULL);
	launch_on(&s->framework, &s->b, "t1", 31000, WEB, "");
	say(s, &s->b, &s->framework, "t1", "TASK_RUNNING", "");
	for (int i = 0; i < 6; i++) {
		assert_int_equal(agent_heartbeat(s->cluster, &s->a.agent), 0);
		cluster_wait(s->cluster, 15000);
	}
	read_events(&s->a);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__UNREACHABLE);
	rejoin(s, &s->b, "node-b", "t1", WEB);
	read_events(&s->a);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__SERVING);
	end(s);
}

/* ---- the master begins anew ---- */

static struct scene *begin_with_two(void)
{
	struct scene *s = begin();

	join(s, &s->b, NULL, "node-b", TAKES("10.0.0.2"), NULL);
	launch(s, "t1", 31000, WEB);
	run(s, "t1");
	launch_on(&s->framework, &s->b, "t2", 31000, WEB, "");
	say(s, &s->b, &s->framework, "t2", "TASK_RUNNING", "");
	read_events(&s->a);
	assert_non_null(endpoint(s, "t2"));
	cluster_restart(s->cluster);
	return s;
}

static void test_nobody_vanishes_through_a_restart(void **state)
{
	struct scene *s = begin_with_two();

	(void)state;
	rejoin(s, &s->a, "node-a", "t1", WEB);
	assert_false(s->a.mirror.is_whole);
	assert_int_equal(endpoint(s, "t2")->state, TEPUI__ENDPOINT__STATE__SERVING);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__SERVING);
	assert_string_equal(service(s, "web:80/tcp")->address, "10.96.0.2");
	rejoin(s, &s->b, "node-b", "t2", WEB);
	read_events(&s->a);
	assert_true(s->a.mirror.is_whole);
	assert_true(s->b.mirror.is_whole);
	assert_int_equal(HASH_COUNT(s->a.mirror.endpoints), 2);
	assert_int_equal(HASH_COUNT(s->b.mirror.endpoints), 2);
	end(s);
}

static void test_who_is_back_without_its_task(void **state)
{
	struct scene *s = begin_with_two();

	(void)state;
	rejoin(s, &s->b, "node-b", NULL, NULL);
	assert_false(s->b.mirror.is_whole);
	assert_null(endpoint_of(&s->b, &s->framework, "t2"));
	assert_non_null(endpoint_of(&s->b, &s->framework, "t1"));
	end(s);
}

static void test_who_does_not_come_back(void **state)
{
	struct scene *s = begin_with_two();

	(void)state;
	rejoin(s, &s->a, "node-a", "t1", WEB);
	for (int i = 0; i < 4; i++) {
		cluster_wait(s->cluster, 15000);
		assert_int_equal(agent_heartbeat(s->cluster, &s->a.agent), 0);
	}
	read_events(&s->a);
	assert_non_null(endpoint(s, "t2"));
	cluster_wait(s->cluster, 15000);
	read_events(&s->a);
	assert_null(endpoint(s, "t2"));
	assert_non_null(endpoint(s, "t1"));
	assert_false(s->a.mirror.is_whole);
	end(s);
}

static void test_a_service_waits_for_its_backends(void **state)
{
	struct scene *s = begin_with_two();

	(void)state;
	rejoin(s, &s->a, "node-a", NULL, NULL);
	rejoin(s, &s->b, "node-b", NULL, NULL);
	read_events(&s->a);
	assert_true(s->a.mirror.is_whole);
	assert_int_equal(HASH_COUNT(s->a.mirror.endpoints), 0);
	assert_string_equal(service(s, "web:80/tcp")->address, "10.96.0.2");
	end(s);
}

/* ---- who is killed ---- */

static void test_a_serving_task_is_killed_when_all_have_let_go_of_it(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, WEB);
	run(s, "t1");
	join(s, &s->b, NULL, "node-b", TAKES("10.0.0.2"), NULL);
	apply(s, &s->a);
	apply(s, &s->b);
	kill_task(s, "t1");
	read_events(&s->b);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__DRAINING);
	assert_int_equal(endpoint_of(&s->b, &s->framework, "t1")->state,
			 TEPUI__ENDPOINT__STATE__DRAINING);
	assert_int_equal(count_kills(&s->a), 0);
	apply(s, &s->b);
	assert_int_equal(count_kills(&s->a), 0);
	apply(s, &s->a);
	assert_int_equal(count_kills(&s->a), 1);
	end(s);
}

static void test_nobody_is_waited_for_too_long(void **state)
{
	struct scene *s = begin();
	int64_t next;

	(void)state;
	launch(s, "t1", 31000, WEB);
	run(s, "t1");
	apply(s, &s->a);
	kill_task(s, "t1");
	next = master_next_ms(s->cluster->master);
	assert_true(next <= s->cluster->now_ms + 1000);
	cluster_wait(s->cluster, 999);
	assert_int_equal(count_kills(&s->a), 0);
	cluster_wait(s->cluster, 1);
	assert_int_equal(count_kills(&s->a), 1);
	/* Again: there is nothing left to wait for, but that nobody has said so. */
	apply(s, &s->a);
	kill_task(s, "t1");
	assert_int_equal(count_kills(&s->a), 2);
	end(s);
}

static void test_a_task_without_services_is_killed_at_once(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, "");
	run(s, "t1");
	kill_task(s, "t1");
	assert_int_equal(count_kills(&s->a), 1);
	end(s);
}

static void test_all_of_a_framework_leave_before_they_are_killed(void **state)
{
	struct scene *s = begin();
	struct err e = { 0 };

	(void)state;
	launch(s, "t1", 31000, WEB);
	launch(s, "t2", 31001, "");
	run(s, "t1");
	run(s, "t2");
	apply(s, &s->a);
	assert_int_equal(master_teardown(s->cluster->master, s->framework.id, &e), 0);
	cluster_turn(s->cluster);
	read_events(&s->a);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__DRAINING);
	assert_int_equal(count_kills(&s->a), 1);
	apply(s, &s->a);
	assert_int_equal(count_kills(&s->a), 2);
	end(s);
}

static void test_all_of_a_node_leave_before_it_is_drained(void **state)
{
	struct scene *s = begin();
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;
	struct err e = { 0 };

	(void)state;
	launch(s, "t1", 31000, WEB);
	run(s, "t1");
	apply(s, &s->a);
	assert_int_equal(drain_agent(s->cluster->master, s->a.agent.id, &config, &e), 0);
	cluster_turn(s->cluster);
	read_events(&s->a);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__DRAINING);
	assert_int_equal(agent_count(&s->a.agent, TEPUI__AGENT_EVENT__TYPE__DRAIN), 0);
	apply(s, &s->a);
	assert_int_equal(agent_count(&s->a.agent, TEPUI__AGENT_EVENT__TYPE__DRAIN), 1);
	end(s);
}

#define CUSTOM ",\"executor\":{\"executor_id\":{\"value\":\"x\"},\"command\":{\"value\":\"true\"}}"

static void test_all_of_an_executor_leave_before_it_is_shut_down(void **state)
{
	struct scene *s = begin();
	const Tepui__AgentEvent__Type shutdown = TEPUI__AGENT_EVENT__TYPE__SHUTDOWN_EXECUTOR;

	(void)state;
	launch_with(&s->framework, &s->a, "t1", 31000, WEB, CUSTOM, "");
	run(s, "t1");
	apply(s, &s->a);
	framework_call(&s->framework, NULL, "\"type\":\"SHUTDOWN\",\"shutdown\":{"
		       "\"executor_id\":{\"value\":\"x\"},\"agent_id\":{\"value\":\"%s\"}}",
		       s->a.agent.id);
	cluster_turn(s->cluster);
	read_events(&s->a);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__DRAINING);
	assert_int_equal(agent_count(&s->a.agent, shutdown), 0);
	apply(s, &s->a);
	assert_int_equal(agent_count(&s->a.agent, shutdown), 1);
	end(s);
}

static void test_a_kill_outlives_its_agents_stream(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, WEB);
	run(s, "t1");
	apply(s, &s->a);
	kill_task(s, "t1");
	rejoin(s, &s->a, "node-a", "t1", WEB);
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__DRAINING);
	assert_int_equal(count_kills(&s->a), 0);
	apply(s, &s->a);
	assert_int_equal(count_kills(&s->a), 1);
	/* One that ends by itself is not killed. */
	launch(s, "t2", 31001, WEB);
	run(s, "t2");
	apply(s, &s->a);
	kill_task(s, "t2");
	say(s, &s->a, &s->framework, "t2", "TASK_FINISHED", "");
	cluster_wait(s->cluster, 5000);
	assert_int_equal(count_kills(&s->a), 1);
	end(s);
}

static void test_who_serves_nobody_anyway_is_killed_at_once(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, WEB);
	kill_task(s, "t1");
	assert_int_equal(count_kills(&s->a), 1);
	launch(s, "t2", 31001, WEB);
	say(s, &s->a, &s->framework, "t2", "TASK_RUNNING", ",\"healthy\":false");
	kill_task(s, "t2");
	assert_int_equal(count_kills(&s->a), 2);
	end(s);
}

static void weigh(struct scene *s, const char *task_id, unsigned weight, int expected)
{
	struct err e = { 0 };

	assert_int_equal(framework_call(&s->framework, &e,
		"\"type\":\"WEIGH\",\"weigh\":{\"task_id\":{\"value\":\"%s\"},\"weight\":%u}",
		task_id, weight), expected);
	cluster_turn(s->cluster);
	read_events(&s->a);
}

static void test_weights(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, WEB);
	assert_int_equal(endpoint(s, "t1")->weight, 1);
	weigh(s, "t1", 7, 0);
	assert_int_equal(endpoint(s, "t1")->weight, 7);
	weigh(s, "t1", 1001, -EINVAL);
	weigh(s, "nobody", 1, 0);
	assert_non_null(strstr(s->cluster->explained, "nobody"));
	weigh(s, "t1", 0, 0);
	assert_int_equal(endpoint(s, "t1")->weight, 0);
	assert_float_equal(cluster_metric(s->cluster, "master/messages_weigh_task"), 4, 0);
	/* It is not known yet that nobody calls it any more. */
	run(s, "t1");
	kill_task(s, "t1");
	assert_int_equal(count_kills(&s->a), 0);
	apply(s, &s->a);
	assert_int_equal(count_kills(&s->a), 1);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_task_is_told_from_its_launch_to_its_end),
		cmocka_unit_test(test_health_is_told_at_once),
		cmocka_unit_test(test_a_container_of_its_own_network),
		cmocka_unit_test(test_much_is_told_in_parts),
		cmocka_unit_test(test_a_node_that_is_cut_off),
		cmocka_unit_test(test_nobody_vanishes_through_a_restart),
		cmocka_unit_test(test_who_is_back_without_its_task),
		cmocka_unit_test(test_who_does_not_come_back),
		cmocka_unit_test(test_a_service_waits_for_its_backends),
		cmocka_unit_test(test_a_serving_task_is_killed_when_all_have_let_go_of_it),
		cmocka_unit_test(test_nobody_is_waited_for_too_long),
		cmocka_unit_test(test_a_task_without_services_is_killed_at_once),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_who_serves_nobody_anyway_is_killed_at_once),
		cmocka_unit_test(test_all_of_an_executor_leave_before_it_is_shut_down),
		cmocka_unit_test(test_a_kill_outlives_its_agents_stream),
		cmocka_unit_test(test_all_of_a_node_leave_before_it_is_drained),
		cmocka_unit_test(test_all_of_a_framework_leave_before_they_are_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
