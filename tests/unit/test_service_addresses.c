/* Stable addresses: who gets which, for how long, and who does not. */
#include "tests/unit/directory_world.h"

#include "lib/json_source.h"
#include "master_stub/service_listing.h"

enum { KEPT_MS = 11 * 60 * 1000 };

/* All that GET /services tells. */
static json_t *list(struct scene *s, const char *name)
{
	struct json_source source;
	struct err e = { 0 };
	json_t *json;

	assert_int_equal(service_listing_new(s->cluster->master, name, &source, &e), 0);
	while (source.step(source.arg))
		;
	json = json_loadb(source.out(source.arg)->data, source.out(source.arg)->size, 0, NULL);
	assert_non_null(json);
	source.free(source.arg);
	return json;
}

/* The sentences of all problems, in TEXT. */
static const char *problems(struct scene *s)
{
	static char text[4000];
	json_t *json = list(s, NULL), *problem;
	size_t i;

	text[0] = '\0';
	json_array_foreach(json_object_get(json, "problems"), i, problem)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
			 json_string_value(json_object_get(problem, "why")));
	json_decref(json);
	return text;
}

static void finish(struct scene *s, struct fake_framework *framework, const char *task_id)
{
	say(s, &s->a, framework, task_id, "TASK_FINISHED", "");
}

/* Nobody else is heard of meanwhile. */
static void wait_long(struct scene *s, int64_t millis)
{
	for (; millis > 0; millis -= 15000) {
		assert_int_equal(agent_heartbeat(s->cluster, &s->a.agent), 0);
		cluster_wait(s->cluster, 15000);
	}
	read_events(&s->a);
}

static struct scene *begin_with(const char *range)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->cluster = cluster_new();
	s->cluster->options.service_addresses = range;
	cluster_restart(s->cluster);
	join(s, &s->a, NULL, "node-a", TAKES("10.0.0.1"), NULL);
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	return s;
}

/* Another framework, which is offered all that there is. */
static struct fake_framework *add_framework(struct scene *s)
{
	struct fake_framework *other = calloc(1, sizeof(*other));

	assert_non_null(other);
	framework_call(&s->framework, NULL, "\"type\":\"SUPPRESS\"");
	framework_subscribe(s->cluster, other,
			    "{\"user\":\"root\",\"name\":\"other\",\"failover_timeout\":100}");
	if (offer_of(&s->framework, s->a.agent.id))
		framework_call(&s->framework, NULL, "\"type\":\"DECLINE\",\"decline\":{\"offer_ids\":["
			       "{\"value\":\"%s\"}],\"filters\":{\"refuse_seconds\":1000000}}",
			       offer_of(&s->framework, s->a.agent.id)->id->value);
	cluster_wait(s->cluster, 2000);
	return other;
}

static void free_framework(struct fake_framework *framework)
{
	framework_forget(framework);
	free(framework);
}

/* ---- names ---- */

static void test_a_name_has_one_address_for_all_of_its_ports(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, LABEL("VIP_0", "/web:80") "," LABEL("VIP_1", "/web:443") ","
	       LABEL("VIP_2", "/db:80"));
	assert_string_equal(service(s, "web:80/tcp")->address, "10.96.0.2");
	assert_string_equal(service(s, "web:443/tcp")->address, "10.96.0.2");
	assert_string_equal(service(s, "db:80/tcp")->address, "10.96.0.3");
	assert_int_equal(endpoint(s, "t1")->ports[0]->n_services, 3);
	end(s);
}

static void test_a_name_keeps_its_address_over_everything(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, LABEL("VIP_0", "/first:80"));
	launch(s, "t2", 31001, LABEL("VIP_0", "/second:80"));
	assert_string_equal(service(s, "second:80/tcp")->address, "10.96.0.3");
	finish(s, &s->framework, "t1");
	finish(s, &s->framework, "t2");
	wait_long(s, KEPT_MS);
	assert_null(service(s, "second:80/tcp"));
	cluster_restart(s->cluster);
	rejoin(s, &s->a, "node-a", "t3", LABEL("VIP_0", "/second:80"));
	assert_string_equal(service(s, "second:80/tcp")->address, "10.96.0.3");
	end(s);
}

static void test_addresses_run_out(void **state)
{
	struct scene *s = begin_with("10.96.0.0/30");

	(void)state;
	launch(s, "t1", 31000, LABEL("VIP_0", "/first:80"));
	launch(s, "t2", 31001, LABEL("VIP_0", "/second:80"));
	assert_string_equal(service(s, "first:80/tcp")->address, "10.96.0.2");
	assert_null(service(s, "second:80/tcp"));
	assert_int_equal(endpoint(s, "t2")->ports[0]->n_services, 0);
	assert_non_null(strstr(s->cluster->explained_all, "all 1 of '--service_addresses' are in use"));
	assert_non_null(strstr(problems(s), "all 1 of '--service_addresses' are in use"));
	/* When there is one again, who asked for it gets it; its old name has to take another then. */
	finish(s, &s->framework, "t1");
	wait_long(s, KEPT_MS);
	assert_null(service(s, "first:80/tcp"));
	assert_string_equal(service(s, "second:80/tcp")->address, "10.96.0.2");
	assert_string_equal(endpoint(s, "t2")->ports[0]->services[0], "second:80/tcp");
	assert_string_equal(problems(s), "");
	end(s);
}

static void test_another_range_after_a_restart(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, WEB);
	s->cluster->options.service_addresses = "10.97.0.0/16";
	cluster_restart(s->cluster);
	assert_non_null(strstr(s->cluster->explained_all, "does not keep the address '10.96.0.2'"));
	rejoin(s, &s->a, "node-a", "t1", WEB);
	assert_string_equal(service(s, "web:80/tcp")->address, "10.97.0.2");
	end(s);
}

static void test_ranges_that_are_none(void **state)
{
	static const char *const bad[] = { "", "10.96.0.0", "10.96.0.1/16", "10.96.0.0/31", "10.0.0.0/7",
					   "127.0.0.0/8", "224.0.0.0/8", "0.0.0.0/8", "fd00::/64",
					   "10.96.0.0/16x", "10.96.0.0/" };
	struct cluster *cluster = cluster_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct master_io io = { .explain = harness_explain, .wall_ms = harness_wall_ms,
					      .arg = cluster };
		struct master_options options = master_default_options;
		struct master *master = NULL;
		struct err e = { 0 };

		options.service_addresses = bad[i];
		if (master_new(&options, &io, cluster->store, &cluster->rng, 1, &master, &e) != -EINVAL)
			fail_msg("'%s' is taken for a range", bad[i]);
	}
	cluster_free(cluster);
}

/* ---- owners ---- */

static void test_a_name_is_of_the_framework_that_had_it_first(void **state)
{
	struct scene *s = begin();
	struct fake_framework *other;

	(void)state;
	launch(s, "t1", 31000, WEB);
	other = add_framework(s);
	launch_on(other, &s->a, "u1", 31001, WEB, "");
	read_events(&s->a);
	assert_int_equal(endpoint_of(&s->a, other, "u1")->ports[0]->n_services, 0);
	assert_non_null(strstr(s->cluster->explained_all, "which had it first"));
	assert_non_null(strstr(problems(s), "which had it first"));
	/* Not even while its owner's tasks have not come back to a new master. */
	cluster_restart(s->cluster);
	rejoin_with(s, &s->a, "node-a", other, "u1", WEB);
	assert_int_equal(endpoint_of(&s->a, other, "u1")->ports[0]->n_services, 0);
	assert_non_null(strstr(problems(s), "which had it first"));
	end(s);
	free_framework(other);
}

static void test_what_is_left_behind_is_anybodys(void **state)
{
	struct scene *s = begin();
	struct fake_framework *other;
	struct err e = { 0 };

	(void)state;
	launch(s, "t1", 31000, WEB);
	run(s, "t1");
	other = add_framework(s);
	launch_on(other, &s->a, "u1", 31001, WEB, "");
	assert_int_equal(master_teardown(s->cluster->master, s->framework.id, &e), 0);
	cluster_turn(s->cluster);
	read_events(&s->a);
	assert_int_equal(endpoint_of(&s->a, other, "u1")->ports[0]->n_services, 1);
	assert_string_equal(service(s, "web:80/tcp")->framework, "other");
	end(s);
	free_framework(other);
}

static void test_fixed_addresses(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, LABEL("VIP_0", "192.168.7.7:80"));
	assert_string_equal(service(s, "192.168.7.7:80/tcp")->address, "192.168.7.7");
	assert_null(service(s, "192.168.7.7:80/tcp")->name);
	/* Of a node, nobody gets it; nor what a name has got, which does not get what is fixed. */
	launch(s, "t2", 31001, LABEL("VIP_0", "10.0.0.1:22"));
	assert_null(service(s, "10.0.0.1:22/tcp"));
	assert_non_null(strstr(problems(s), "is of agent"));
	launch(s, "t3", 31002, LABEL("VIP_0", "10.96.0.2:80"));
	launch(s, "t4", 31003, WEB);
	assert_string_equal(service(s, "web:80/tcp")->address, "10.96.0.3");
	launch(s, "t5", 31004, LABEL("VIP_0", "10.96.0.3:80"));
	assert_null(service(s, "10.96.0.3:80/tcp"));
	assert_non_null(strstr(problems(s), "was given to the service name 'web'"));
	/* It is forgotten with the last that has it. */
	finish(s, &s->framework, "t1");
	wait_long(s, KEPT_MS);
	cluster_restart(s->cluster);
	rejoin(s, &s->a, "node-a", NULL, NULL);
	assert_null(service(s, "192.168.7.7:80/tcp"));
	end(s);
}

static void test_a_fixed_address_that_becomes_a_nodes_is_a_services_no_more(void **state)
{
	struct scene *s = begin();
	char id[256];

	(void)state;
	launch(s, "t1", 31000, LABEL("VIP_0", "10.0.0.2:80") "," LABEL("VIP_1", "10.0.0.2:81") "," WEB);
	assert_non_null(service(s, "10.0.0.2:80/tcp"));
	assert_string_equal(problems(s), "");
	join(s, &s->b, NULL, "node-b", TAKES("10.0.0.2"), NULL);
	cluster_turn(s->cluster);
	read_events(&s->a);
	assert_null(service(s, "10.0.0.2:80/tcp"));
	assert_null(service(s, "10.0.0.2:81/tcp"));
	assert_int_equal(endpoint_of(&s->a, &s->framework, "t1")->ports[0]->n_services, 1);
	assert_non_null(service(s, "web:80/tcp"));
	assert_non_null(strstr(problems(s), "on 'node-b' itself"));
	assert_non_null(strstr(s->cluster->explained_all, "on 'node-b' itself"));
	/* Nor for long with a new master to which it comes back last. */
	cluster_restart(s->cluster);
	rejoin(s, &s->a, "node-a", "t1", LABEL("VIP_0", "10.0.0.2:80") "," WEB);
	assert_non_null(service(s, "10.0.0.2:80/tcp"));
	snprintf(id, sizeof(id), "%s", s->b.agent.id);
	join(s, &s->b, id, "node-b", TAKES("10.0.0.2"), NULL);
	cluster_turn(s->cluster);
	read_events(&s->a);
	assert_null(service(s, "10.0.0.2:80/tcp"));
	assert_non_null(strstr(problems(s), "on 'node-b' itself"));
	end(s);
}

/* ---- how ---- */

#define CHOICES(balance, port) \
	WEB "," LABEL("VIP_0_BALANCE", balance) "," LABEL("VIP_0_NODE_PORT", port)

static void test_the_newest_backend_decides(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, WEB);
	assert_int_equal(service(s, "web:80/tcp")->balance, TEPUI__SERVICE__BALANCE__ROUND_ROBIN);
	launch(s, "t2", 31001, CHOICES("random", "30080"));
	assert_int_equal(service(s, "web:80/tcp")->balance, TEPUI__SERVICE__BALANCE__RANDOM);
	assert_int_equal(service(s, "web:80/tcp")->node_port, 30080);
	/* Also for a new master, whoever comes back to it first. */
	cluster_restart(s->cluster);
	rejoin(s, &s->a, "node-a", "t2", CHOICES("random", "30080"));
	assert_int_equal(service(s, "web:80/tcp")->balance, TEPUI__SERVICE__BALANCE__RANDOM);
	assert_int_equal(service(s, "web:80/tcp")->node_port, 30080);
	end(s);
}

static void test_the_next_newest_decides_when_it_is_gone(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, WEB);
	launch(s, "t2", 31001, CHOICES("source", "30080"));
	finish(s, &s->framework, "t2");
	assert_int_equal(service(s, "web:80/tcp")->balance, TEPUI__SERVICE__BALANCE__ROUND_ROBIN);
	assert_int_equal(service(s, "web:80/tcp")->node_port, 0);
	end(s);
}

static void test_a_port_of_nodes_is_of_one_service(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, CHOICES("random", "30080"));
	launch(s, "t2", 31001, LABEL("VIP_0", "/db:80") "," LABEL("VIP_0_NODE_PORT", "30080"));
	assert_int_equal(service(s, "web:80/tcp")->node_port, 30080);
	assert_int_equal(service(s, "db:80/tcp")->node_port, 0);
	assert_non_null(strstr(s->cluster->explained_all, "does not get port 30080"));
	finish(s, &s->framework, "t1");
	wait_long(s, KEPT_MS);
	assert_int_equal(service(s, "db:80/tcp")->node_port, 30080);
	end(s);
}

/* ---- bounds ---- */

static size_t count_explained(const struct scene *s, const char *what)
{
	size_t n = 0;

	for (const char *at = s->cluster->explained_all; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void test_bad_labels_are_explained_once(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", 31000, LABEL("VIP_0", "/Web:80") "," LABEL("VIP_1", "/web:80") ","
	       LABEL("VIP_1_BALANCE", "rubbish") "," LABEL("VIP_1_NODE_PORT", "22"));
	launch(s, "t2", 31001, LABEL("VIP_0", "/Web:80") "," LABEL("VIP_1", "/web:80") ","
	       LABEL("VIP_1_BALANCE", "rubbish"));
	assert_int_equal(count_explained(s, "not a name of DNS"), 1);
	assert_int_equal(count_explained(s, "neither roundrobin"), 1);
	assert_int_equal(endpoint(s, "t2")->ports[0]->n_services, 1);
	assert_non_null(strstr(problems(s), "not a name of DNS"));
	end(s);
}

static void test_too_many_labels(void **state)
{
	struct scene *s = begin();
	char labels[6000] = "";

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(labels + strlen(labels), sizeof(labels) - strlen(labels),
			 "%s{\"key\":\"VIP_%d\",\"value\":\"/s%d:80\"}", i ? "," : "", i, i);
	launch(s, "t1", 31000, labels);
	assert_int_equal(endpoint(s, "t1")->ports[0]->n_services, 16);
	assert_int_equal(HASH_COUNT(s->a.mirror.services), 16);
	assert_int_equal(count_explained(s, "more than 16 labels"), 1);
	/* The same one twice is one. */
	launch(s, "t2", 31001, LABEL("VIP_0", "/web:80") "," LABEL("VIP_1", "/web:80"));
	assert_int_equal(endpoint(s, "t2")->ports[0]->n_services, 1);
	end(s);
}

/* ---- what is told of it ---- */

static void test_a_backend_says_why_it_is_out(void **state)
{
	struct scene *s = begin();
	json_t *json, *web, *backend;

	(void)state;
	launch(s, "t1", 31000, WEB);
	json = list(s, "web");
	web = json_array_get(json_object_get(json, "services"), 0);
	assert_string_equal(json_string_value(json_object_get(web, "key")), "web:80/tcp");
	assert_string_equal(json_string_value(json_object_get(web, "address")), "10.96.0.2");
	backend = json_array_get(json_object_get(web, "backends"), 0);
	assert_string_equal(json_string_value(json_object_get(backend, "address")), "10.0.0.1");
	assert_int_equal(json_integer_value(json_object_get(backend, "port")), 31000);
	assert_string_equal(json_string_value(json_object_get(backend, "why_out")),
			    "it does not run yet: it is TASK_STAGING");
	json_decref(json);
	run(s, "t1");
	json = list(s, "web:80/tcp");
	backend = json_array_get(json_object_get(json_array_get(json_object_get(json, "services"), 0),
						 "backends"), 0);
	assert_string_equal(json_string_value(json_object_get(backend, "state")), "SERVING");
	assert_null(json_object_get(backend, "why_out"));
	json_decref(json);
	json = list(s, "nobody");
	assert_int_equal(json_array_size(json_object_get(json, "services")), 0);
	json_decref(json);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_has_one_address_for_all_of_its_ports),
		cmocka_unit_test(test_a_name_keeps_its_address_over_everything),
		cmocka_unit_test(test_addresses_run_out),
		cmocka_unit_test(test_another_range_after_a_restart),
		cmocka_unit_test(test_ranges_that_are_none),
		cmocka_unit_test(test_a_name_is_of_the_framework_that_had_it_first),
		cmocka_unit_test(test_what_is_left_behind_is_anybodys),
		cmocka_unit_test(test_fixed_addresses),
		cmocka_unit_test(test_a_fixed_address_that_becomes_a_nodes_is_a_services_no_more),
		cmocka_unit_test(test_the_newest_backend_decides),
		cmocka_unit_test(test_the_next_newest_decides_when_it_is_gone),
		cmocka_unit_test(test_a_port_of_nodes_is_of_one_service),
		cmocka_unit_test(test_bad_labels_are_explained_once),
		cmocka_unit_test(test_too_many_labels),
		cmocka_unit_test(test_a_backend_says_why_it_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
