/* The directory on the agent: what is taken of the master's messages, and what listeners are told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "tests/unit/own_agent.h"
#include "tests/unit/quoted.h"

#define NODE(id, address) "{'agent_id':'" id "','hostname':'h-" id "','address':'" address "'}"
#define SERVICE(name, address) "{'key':'" name ":80/tcp','name':'" name "','address':'" address "'," \
	"'port':80,'protocol':'tcp'}"
#define ENDPOINT(task, node, state, services) "{'key':'F/" task "','task_id':'" task "','name':'web'," \
	"'agent_id':'" node "','state':'" state "','ports':[{'protocol':'tcp','host_port':31000," \
	"'services':[" services "]}]}"

struct world {
	struct agent agent;
	struct own_id id;
	struct directory *directory;
	char told[4096];		/* one word for each call of the listener */
	uint64_t generation;		/* of the last message */
};

static void say(struct world *w, const char *what, const char *key)
{
	size_t n = strlen(w->told);

	assert_true(n + strlen(what) + strlen(key) + 3 < sizeof(w->told));
	(void)snprintf(w->told + n, sizeof(w->told) - n, "%s%s%s", n ? " " : "", what, key);
}

static void on_endpoint(void *arg, const struct directory_endpoint *before,
			const struct directory_endpoint *after)
{
	const char *what = !before ? "+" : !after ? "-" : before == after ? "@" : "*";

	say(arg, what, (after ? after : before)->info->key);
}

static void on_service(void *arg, const struct directory_service *service, bool is_removed)
{
	struct world *w = arg;

	assert_ptr_equal(directory_service_find(w->directory, service->info->key),
			 is_removed ? NULL : service);
	say(w, is_removed ? "-" : "", service->info->key);
}

static void on_settled(void *arg, uint64_t generation)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%u", (unsigned)generation);
	say(arg, "=", text);
}

static const struct directory_listener listener = {
	.endpoint = on_endpoint, .service = on_service, .settled = on_settled,
};

static int set_up(void **state)
{
	static char own_id[] = "A1";
	struct world *w = calloc(1, sizeof(*w));
	struct err e = { 0 };

	assert_non_null(w);
	own_id_set(&w->id, &w->agent, own_id);
	assert_int_equal(directory_new(&w->agent, &w->directory, &e), 0);
	assert_int_equal(directory_listen(w->directory, &listener, w, &e), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	directory_free(w->directory);
	free(w);
	return 0;
}

static Tepui__Directory *read_message(const char *text)
{
	return (Tepui__Directory *)load_quoted_message(&tepui__directory__descriptor, text);
}

static int apply_as(struct world *w, uint64_t generation, const char *text)
{
	Tepui__Directory *message = read_message(text);
	struct err e = { 0 };
	int r;

	w->told[0] = '\0';
	message->has_generation = 1;
	message->generation = w->generation = generation;
	r = directory_apply(w->directory, message, &e);
	assert_int_equal(r, -e.code);
	return r;
}

/* As the next message of the stream; what it tells is TOLD. */
static void apply(struct world *w, const char *text, const char *told)
{
	assert_int_equal(apply_as(w, w->generation + 1, text), 0);
	assert_string_equal(w->told, told);
}

static void begin(struct world *w)
{
	directory_begin(w->directory);
	w->generation = 0;
}

static size_t backends_of(const struct world *w, const char *key)
{
	const struct directory_service *service = directory_service_find(w->directory, key);
	const struct directory_backend *backend;
	size_t n = 0;

	if (!service)
		return 0;
	TAILQ_FOREACH(backend, &service->backends, of_service) {
		assert_ptr_equal(backend->service, service);
		n++;
	}
	assert_int_equal(n, service->n_backends);
	return n;
}

#define WHOLE "{'is_whole':true,'nodes':[" NODE("A1", "10.0.0.1") "," NODE("A2", "10.0.0.2") "]," \
	"'services':[" SERVICE("web", "10.96.0.1") "]," \
	"'endpoints':[" ENDPOINT("t1", "A1", "SERVING", "'web:80/tcp'") "," \
	ENDPOINT("t2", "A2", "STARTING", "'web:80/tcp'") "]}"

static void test_whole_is_told_and_linked(void **state)
{
	const struct directory_service *service;
	const struct directory_backend *backend;
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	service = directory_service_find(w->directory, "web:80/tcp");
	assert_int_equal(backends_of(w, "web:80/tcp"), 2);
	backend = TAILQ_FIRST(&service->backends);
	assert_string_equal(backend->endpoint->info->task_id, "t1");
	assert_int_equal(backend->port->host_port, 31000);
	assert_string_equal(backend->endpoint->node->info->address, "10.0.0.1");
	assert_true(backend->endpoint->is_here);
	backend = TAILQ_NEXT(backend, of_service);
	assert_int_equal(backend->endpoint->info->state, TEPUI__ENDPOINT__STATE__STARTING);
	assert_int_equal(backend->endpoint->info->weight, 1);
	assert_false(backend->endpoint->is_here);
	assert_int_equal(directory_count(w->directory).nodes, 2);
}

static void test_only_what_has_changed_is_told(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	begin(w);
	apply(w, WHOLE, "=2");
	apply(w, "{'endpoints':[" ENDPOINT("t1", "A1", "SERVING", "'web:80/tcp'") "]}", "=3");
	apply(w, "{'endpoints':[" ENDPOINT("t1", "A1", "DRAINING", "'web:80/tcp'") "]}",
	      "*F/t1 web:80/tcp =4");
	/* In its place: t1 comes first as before. */
	assert_string_equal(TAILQ_FIRST(&directory_service_find(w->directory, "web:80/tcp")->backends)
				    ->endpoint->info->task_id, "t1");
	apply(w, "{'nodes':[" NODE("A2", "10.0.0.22") "]}", "@F/t2 web:80/tcp =5");
	apply(w, "{'services':[" SERVICE("web", "10.96.0.7") "]}", "web:80/tcp =6");
	apply(w, "{}", "=7");
}

static void test_whole_forgets_what_it_does_not_name(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	begin(w);
	apply(w, "{'is_whole':true,'nodes':[" NODE("A1", "10.0.0.1") "],"
	      "'services':[" SERVICE("api", "10.96.0.1") "],"
	      "'endpoints':[" ENDPOINT("t1", "A1", "SERVING", "'api:80/tcp'") "]}",
	      "-F/t2 *F/t1 -web:80/tcp api:80/tcp =2");
	assert_int_equal(backends_of(w, "api:80/tcp"), 1);
	assert_int_equal(directory_count(w->directory).services, 1);
	assert_int_equal(directory_count(w->directory).nodes, 1);
	assert_int_equal(directory_count(w->directory).endpoints, 1);
}

static void test_an_endpoint_moves_between_services(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	apply(w, "{'services':[" SERVICE("api", "10.96.0.2") "],"
	      "'endpoints':[" ENDPOINT("t2", "A2", "SERVING", "'api:80/tcp','api:80/tcp'") "]}",
	      "*F/t2 api:80/tcp web:80/tcp =2");
	assert_int_equal(backends_of(w, "web:80/tcp"), 1);
	assert_int_equal(backends_of(w, "api:80/tcp"), 1);
	apply(w, "{'endpoints':[" ENDPOINT("t2", "A2", "SERVING", "'api:80/tcp','web:80/tcp'") "]}",
	      "*F/t2 api:80/tcp web:80/tcp =3");
	assert_int_equal(backends_of(w, "web:80/tcp"), 2);
	apply(w, "{'removed_endpoints':['F/t2','F/none']}", "-F/t2 api:80/tcp web:80/tcp =4");
	assert_int_equal(backends_of(w, "api:80/tcp"), 0);
}

static void test_the_service_comes_after_its_backend(void **state)
{
	struct world *w = *state;

	apply(w, "{'is_whole':true,'endpoints':[" ENDPOINT("t1", "A9", "SERVING", "'web:80/tcp'") "]}",
	      "+F/t1 =1");
	assert_null(directory_service_find(w->directory, "web:80/tcp"));
	assert_null(directory_service_next(w->directory, NULL));
	assert_null(directory_node_next(w->directory, NULL));
	assert_null(directory_endpoint_find(w->directory, "F/t1")->node);
	apply(w, "{'services':[" SERVICE("web", "10.96.0.1") "]}", "web:80/tcp =2");
	assert_int_equal(backends_of(w, "web:80/tcp"), 1);
	apply(w, "{'nodes':[" NODE("A9", "fd00::9") "]}", "@F/t1 web:80/tcp =3");
	/* And goes before it. */
	apply(w, "{'removed_services':['web:80/tcp']}", "-web:80/tcp =4");
	apply(w, "{'services':[" SERVICE("web", "10.96.0.1") "]}", "web:80/tcp =5");
	assert_int_equal(backends_of(w, "web:80/tcp"), 1);
}

static void test_removed_and_told_again_in_one_message(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	apply(w, "{'removed_services':['web:80/tcp'],'services':[" SERVICE("web", "10.96.0.9") "]}",
	      "web:80/tcp =2");
	assert_int_equal(backends_of(w, "web:80/tcp"), 2);
}

static void test_a_run_is_told_at_its_end(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	begin(w);
	apply(w, "{'has_more':true,'nodes':[" NODE("A1", "10.0.0.1") "]}", "");
	assert_int_equal(directory_count(w->directory).nodes, 2);
	apply(w, "{'has_more':true,'services':[" SERVICE("web", "10.96.0.1") "]}", "");
	apply(w, "{'is_whole':true,'endpoints':[" ENDPOINT("t1", "A1", "SERVING", "'web:80/tcp'") "]}",
	      "-F/t2 web:80/tcp =4");
	assert_int_equal(directory_count(w->directory).nodes, 1);
	/* One that the stream does not end is as if it had not begun. */
	apply(w, "{'has_more':true,'removed_services':['web:80/tcp']}", "");
	begin(w);
	apply(w, WHOLE, "+F/t2 web:80/tcp =5");
}

/* A master that has begun anew: who comes back to it is told first, and in the end that these are all. */
static void test_what_is_not_known_yet_is_kept(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	begin(w);
	apply(w, "{}", "=2");
	assert_int_equal(backends_of(w, "web:80/tcp"), 2);
	/* A1 is back, and t1 is not there any more. */
	apply(w, "{'nodes':[" NODE("A1", "10.0.0.1") "]}", "-F/t1 web:80/tcp =3");
	apply(w, "{'endpoints':[" ENDPOINT("t3", "A1", "SERVING", "'web:80/tcp'") "]}",
	      "+F/t3 web:80/tcp =4");
	apply(w, "{'nodes':[" NODE("A1", "10.0.0.1") "]}", "=5");
	apply(w, "{'is_whole':true,'services':[" SERVICE("web", "10.96.0.1") "]}",
	      "-F/t2 web:80/tcp =6");
	assert_int_equal(backends_of(w, "web:80/tcp"), 1);
	assert_null(directory_node_find(w->directory, "A2"));
	assert_non_null(directory_node_find(w->directory, "A1"));
}

static void test_a_removed_node_takes_its_endpoints_along(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	apply(w, "{'endpoints':[" ENDPOINT("t9", "A9", "SERVING", "'web:80/tcp'") "]}",
	      "+F/t9 web:80/tcp =2");
	apply(w, "{'removed_nodes':['A2','A9','A7']}", "-F/t2 -F/t9 web:80/tcp =3");
	assert_int_equal(backends_of(w, "web:80/tcp"), 1);
	assert_int_equal(directory_count(w->directory).nodes, 1);
}

static void test_a_missing_message_is_noticed(void **state)
{
	struct world *w = *state;

	assert_int_equal(apply_as(w, 2, WHOLE), -EPROTO);
	assert_int_equal(apply_as(w, 0, WHOLE), -EPROTO);
	assert_string_equal(w->told, "");
	w->generation = 0;
	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	assert_int_equal(apply_as(w, 3, "{'removed_services':['web:80/tcp']}"), -EPROTO);
	assert_int_equal(backends_of(w, "web:80/tcp"), 2);
}

static void test_bad_entries_are_refused_and_others_taken(void **state)
{
	static const char *const bad_services[] = {
		"{'key':'x:1/tcp','name':'x','address':'10.96.0.300','port':1,'protocol':'tcp'}",
		"{'key':'x:1/tcp','name':'x','address':'0.0.0.0','port':1,'protocol':'tcp'}",
		"{'key':'x:1/tcp','name':'x','address':'10.96.0.3','port':0,'protocol':'tcp'}",
		"{'key':'x:1/tcp','name':'x','address':'10.96.0.3','port':65536,'protocol':'tcp'}",
		"{'key':'x:1/tcp','name':'x','address':'10.96.0.3','port':1,'protocol':'sctp'}",
		"{'key':'x:1/tcp','name':'x','address':'10.96.0.3','port':1}",
		"{'key':'','name':'x','address':'10.96.0.3','port':1,'protocol':'tcp'}",
		"{'key':'x:1/tcp','name':'a\\nb','address':'10.96.0.3','port':1,'protocol':'tcp'}",
		"{'key':'x:1/tcp','address':'10.96.0.3','port':1,'protocol':'tcp','node_port':70000}",
		/* Of the service that has it. */
		"{'key':'x:80/tcp','name':'x','address':'10.96.0.1','port':80,'protocol':'tcp'}",
	};
	struct world *w = *state;
	char text[1024];

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	for (size_t i = 0; i < ARRAY_SIZE(bad_services); i++) {
		(void)snprintf(text, sizeof(text), "{'services':[%s," SERVICE("ok", "10.96.1.1") "],"
			       "'removed_services':['ok:80/tcp']}", bad_services[i]);
		assert_int_equal(apply_as(w, w->generation + 1, text), 0);
		assert_non_null(directory_service_find(w->directory, "ok:80/tcp"));
		assert_int_equal(directory_count(w->directory).services, 2);
		assert_int_equal(directory_count(w->directory).refused, i + 1);
	}
	apply(w, "{'services':[{'key':'x:80/udp','address':'10.96.0.1','port':80,'protocol':'udp'}]}",
	      "x:80/udp =12");
}

static void test_bad_endpoints_are_refused(void **state)
{
	static const char *const bad[] = {
		"{'key':'F/t1','agent_id':'A1','weight':1001}",
		"{'key':'F/t1','agent_id':'A1','addresses':['10.0.0']}",
		"{'key':'F/t1','agent_id':'A1','ports':[{'host_port':80}]}",
		"{'key':'F/t1','agent_id':'A1','ports':[{'protocol':'tcp','host_port':65536}]}",
		"{'key':'F/t1','agent_id':'A1','ports':[{'protocol':'tcp','services':['']}]}",
		"{'key':'F/t1','agent_id':''}",
	};
	struct world *w = *state;
	char text[512];

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(w);
		assert_int_equal(apply_as(w, 1, WHOLE), 0);
		(void)snprintf(text, sizeof(text), "{'endpoints':[%s]}", bad[i]);
		/* What was told of it before holds no more. */
		assert_int_equal(apply_as(w, 2, text), 0);
		assert_null(directory_endpoint_find(w->directory, "F/t1"));
		assert_int_equal(backends_of(w, "web:80/tcp"), 1);
	}
	apply(w, "{'nodes':[{'agent_id':'a/b'},{'agent_id':'A2','address':'nowhere'}]}",
	      "@F/t2 web:80/tcp =14");
	assert_int_equal(directory_count(w->directory).refused, ARRAY_SIZE(bad) + 2);
}

static void test_too_many_ports_are_refused(void **state)
{
	Tepui__Directory *message = read_message("{'is_whole':true,'generation':1,'endpoints':["
						 ENDPOINT("t1", "A1", "SERVING", "") "]}");
	Tepui__Endpoint *endpoint = message->endpoints[0];
	struct world *w = *state;
	struct err e = { 0 };

	endpoint->n_ports = DIRECTORY_MAX_PORTS + 1;
	endpoint->ports = reallocarray(endpoint->ports, endpoint->n_ports, sizeof(*endpoint->ports));
	assert_non_null(endpoint->ports);
	for (size_t i = 1; i < endpoint->n_ports; i++)
		endpoint->ports[i] = (Tepui__EndpointPort *)pb_copy(&endpoint->ports[0]->base);
	assert_int_equal(directory_apply(w->directory, message, &e), 0);
	assert_int_equal(directory_count(w->directory).refused, 1);
	assert_null(directory_endpoint_next(w->directory, NULL));
}

static void test_unknown_enum_values_are_unset(void **state)
{
	Tepui__Directory *message = read_message("{'is_whole':true,'generation':1,'services':["
						 SERVICE("web", "10.96.0.1") "],'endpoints':["
						 ENDPOINT("t1", "A1", "SERVING", "'web:80/tcp'") "]}");
	struct world *w = *state;
	struct err e = { 0 };

	message->services[0]->has_balance = 1;
	message->services[0]->balance = (Tepui__Service__Balance)77;
	message->endpoints[0]->state = (Tepui__Endpoint__State)77;
	assert_int_equal(directory_apply(w->directory, message, &e), 0);
	assert_int_equal(directory_service_find(w->directory, "web:80/tcp")->info->balance,
			 TEPUI__SERVICE__BALANCE__ROUND_ROBIN);
	assert_int_equal(directory_endpoint_find(w->directory, "F/t1")->info->state,
			 TEPUI__ENDPOINT__STATE__UNKNOWN);
}

static void test_what_is_in_force_only_grows(void **state)
{
	struct world *w = *state;

	apply(w, WHOLE, "+F/t1 +F/t2 web:80/tcp =1");
	apply(w, "{}", "=2");
	directory_in_force(w->directory, 2);
	directory_in_force(w->directory, 1);
	assert_int_equal(directory_count(w->directory).in_force, 2);
	directory_in_force(w->directory, 9);	/* nobody was told of it */
	assert_int_equal(directory_count(w->directory).in_force, 2);
	begin(w);
	apply(w, WHOLE, "=3");
	directory_in_force(w->directory, 3);
	assert_int_equal(directory_count(w->directory).in_force, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole_is_told_and_linked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_what_has_changed_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whole_forgets_what_it_does_not_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_an_endpoint_moves_between_services, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_service_comes_after_its_backend, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_removed_and_told_again_in_one_message, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_run_is_told_at_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_known_yet_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_removed_node_takes_its_endpoints_along, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_missing_message_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_entries_are_refused_and_others_taken, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_bad_endpoints_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_ports_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_enum_values_are_unset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_in_force_only_grows, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
