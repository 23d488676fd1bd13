/* What agents are told of what runs where, and when those who leave are killed. */
#include "tests/unit/master_harness.h"

#include "master_stub/drain.h"
#include "tests/directory_mirror.h"

struct taker {
	struct fake_agent agent;
	struct mirror mirror;
	size_t n_seen;			/* of its events */
};

struct scene {
	struct cluster *cluster;
	struct taker a, b;
	struct fake_framework framework;
};

#define TAKES(address) ",\"takes_directory\":true,\"address\":\"" address "\""

/* What it was told since is taken over; a new stream begins with SUBSCRIBED. */
static void read_events(struct taker *taker)
{
	for (; taker->n_seen < taker->agent.n_events; taker->n_seen++) {
		const Tepui__AgentEvent *event = taker->agent.events[taker->n_seen];

		if (event->subscribed)
			mirror_begin(&taker->mirror);
		if (event->directory)
			mirror_apply(&taker->mirror, event->directory);
		assert_false(taker->mirror.is_broken);
	}
}

static void apply(struct scene *s, struct taker *taker)
{
	Tepui__AgentCall *call;
	struct err e = { 0 };

	read_events(taker);
	call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"DIRECTORY_APPLIED\",\"agent_id\":{\"value\":\"%s\"},"
		"\"directory_generation\":%llu}", taker->agent.id,
		(unsigned long long)taker->mirror.generation);
	assert_int_equal(master_agent_call(s->cluster->master, call, s->cluster->now_ms, &e), 0);
	pb_free(&call->base);
	cluster_turn(s->cluster);
}

static void join(struct scene *s, struct taker *taker, const char *id, const char *hostname,
		 const char *more, const char *tasks)
{
	agent_subscribe(s->cluster, &taker->agent, (struct subscribe){
		.id = id, .hostname = hostname, .more = more, .tasks = tasks });
	read_events(taker);
}

static struct scene *begin(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->cluster = cluster_new();
	join(s, &s->a, NULL, "node-a", TAKES("10.0.0.1"), NULL);
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	return s;
}

static void end(struct scene *s)
{
	struct taker *takers[] = { &s->a, &s->b };

	for (size_t i = 0; i < ARRAY_SIZE(takers); i++) {
		agent_forget(&takers[i]->agent);
		mirror_done(&takers[i]->mirror);
	}
	framework_forget(&s->framework);
	cluster_free(s->cluster);
	free(s);
}

#define LABEL(key, value) "{\"key\":\"" key "\",\"value\":\"" value "\"}"
#define WEB LABEL("VIP_0", "/web:80")

/* One task at PORT, with LABELS of that port (JSON, without brackets); MORE members of it. */
static void launch_on(struct fake_framework *framework, const char *task_id, int port,
		      const char *labels, const char *more)
{
	const Mesos__V1__Offer *offer = framework_offer(framework);
	char resources[512];

	assert_non_null(offer);
	snprintf(resources, sizeof(resources), RESOURCES_JSON, 0.1, 10.0, port, port);
	framework_call(framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"filters\":{\"refuse_seconds\":0},\"operations\":[{\"type\":\"LAUNCH\","
		       "\"launch\":{\"task_infos\":[{\"name\":\"t\",\"task_id\":{\"value\":\"%s\"},"
		       "\"agent_id\":{\"value\":\"%s\"},\"command\":{\"value\":\"true\"},"
		       "\"resources\":%s,\"discovery\":{\"visibility\":\"CLUSTER\",\"name\":\"web\","
		       "\"ports\":{\"ports\":[{\"number\":%d,\"name\":\"http\",\"protocol\":\"tcp\","
		       "\"labels\":{\"labels\":[%s]}}]}}%s}]}}]}",
		       offer->id->value, task_id, offer->agent_id->value, resources, port, labels,
		       more);
	cluster_turn(framework->cluster);
	cluster_wait(framework->cluster, 2000);
}

static void launch(struct scene *s, const char *task_id, int port, const char *labels)
{
	launch_on(&s->framework, task_id, port, labels, "");
}

static void say(struct scene *s, struct taker *taker, struct fake_framework *framework,
		const char *task_id, const char *state, const char *more)
{
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"UPDATE\",\"agent_id\":{\"value\":\"%s\"},\"update\":{"
		"\"framework_id\":{\"value\":\"%s\"},\"status\":{\"task_id\":{\"value\":\"%s\"},"
		"\"state\":\"%s\",\"uuid\":\"" UUID_A "\"%s}}}",
		taker->agent.id, framework->id, task_id, state, more);
	struct err e = { 0 };

	assert_int_equal(master_agent_call(s->cluster->master, call, s->cluster->now_ms, &e), 0);
	pb_free(&call->base);
	cluster_turn(s->cluster);
	read_events(taker);
}

static void run(struct scene *s, const char *task_id)
{
	say(s, &s->a, &s->framework, task_id, "TASK_RUNNING", "");
}

static const Tepui__Endpoint *endpoint_of(const struct taker *taker,
					  const struct fake_framework *framework, const char *task_id)
{
	char key[600];

	snprintf(key, sizeof(key), "%s/%s", framework->id, task_id);
	return mirror_endpoint(&taker->mirror, key);
}

static const Tepui__Endpoint *endpoint(const struct scene *s, const char *task_id)
{
	return endpoint_of(&s->a, &s->framework, task_id);
}

static void kill_task(struct scene *s, const char *task_id)
{
	framework_call(&s->framework, NULL,
		       "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"%s\"}}", task_id);
	cluster_turn(s->cluster);
	read_events(&s->a);
}

static size_t count_kills(const struct taker *taker)
{
	return agent_count(&taker->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK);
}

/* ---- what is told ---- */

static void test_a_task_is_told_from_its_launch_to_its_end(void **state)
{
	struct scene *s = begin();
	const Tepui__Endpoint *told;
	const Tepui__Service *service;

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
	service = mirror_service(&s->a.mirror, "web:80/tcp");
	assert_non_null(service);
	assert_string_equal(service->address, "10.96.0.2");
	assert_string_equal(service->name, "web");
	assert_string_equal(service->framework, "test");
	run(s, "t1");
	assert_int_equal(endpoint(s, "t1")->state, TEPUI__ENDPOINT__STATE__SERVING);
	say(s, &s->a, &s->framework, "t1", "TASK_FINISHED", "");
	assert_null(endpoint(s, "t1"));
	/* For some time: whoever connects is refused at once. */
	assert_non_null(mirror_service(&s->a.mirror, "web:80/tcp"));
	cluster_wait(s->cluster, 11 * 60 * 1000);
	read_events(&s->a);
	assert_null(mirror_service(&s->a.mirror, "web:80/tcp"));
	end(s);
}

static void test_health_is_told_at_once(void **state)
{
	struct scene *s = begin();
	size_t before;

	(void)state;
	launch_on(&s->framework, "t1", 31000, WEB,
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_task_is_told_from_its_launch_to_its_end),
		cmocka_unit_test(test_health_is_told_at_once),
		cmocka_unit_test(test_a_serving_task_is_killed_when_all_have_let_go_of_it),
		cmocka_unit_test(test_nobody_is_waited_for_too_long),
		cmocka_unit_test(test_a_task_without_services_is_killed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
