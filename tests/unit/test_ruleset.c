/* What is written to nftables of services and of containers: the whole, and of a change no more than changed. */
#include <arpa/inet.h>
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
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "tests/unit/own_agent.h"
#include "tests/unit/quoted.h"

#define NODES "'nodes':[{'agent_id':'A1','address':'10.0.0.1'},{'agent_id':'A2','address':'10.0.0.2'}," \
	"{'agent_id':'A3','address':'fd00::3'},{'agent_id':'A4','address':'127.0.0.1'}]"
#define SERVICE(more) "{'key':'web:80/tcp','name':'web','address':'10.96.0.1','port':80,'protocol':'tcp'" more "}"
#define ENDPOINT(task, node, more) ENDPOINT_IN(task, node, "SERVING", more)
#define ENDPOINT_IN(task, node, state, more) "{'key':'F/" task "','task_id':'" task "','name':'web','agent_id':'" node \
	"','state':'" state "','ports':[{'protocol':'tcp','host_port':31000,'services':['web:80/tcp']" more
#define ELEMENT "add element ip tepui "

struct world {
	struct agent agent;
	struct own_id id;
	struct ruleset ruleset;
	uint64_t generation;
	char *text;
};

static int set_up(void **state)
{
	static char own_id[] = "A1";
	struct world *w = calloc(1, sizeof(*w));
	struct err e = { 0 };

	assert_non_null(w);
	own_id_set(&w->id, &w->agent, own_id);
	w->agent.flags.nftables = true;
	w->ruleset.agent = &w->agent;
	TAILQ_INIT(&w->ruleset.dirty);
	TAILQ_INIT(&w->ruleset.uncounted);
	assert_int_equal(directory_new(&w->agent, &w->agent.directory, &e), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	ruleset_free_services(&w->ruleset);
	ruleset_free_containers(&w->ruleset);
	free(w->ruleset.flows);
	directory_free(w->agent.directory);
	free(w->text);
	free(w);
	return 0;
}

/* The master says BODY, members of a Directory. */
static void tell(struct world *w, const char *body)
{
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };

	w->generation++;
	assert_true(asprintf(&text, "{'generation':%u,'is_whole':%s,%s}", (unsigned)w->generation,
			     w->generation == 1 ? "true" : "false", body) > 0);
	assert_int_equal(directory_apply(w->agent.directory,
					 (Tepui__Directory *)load_quoted_message(&tepui__directory__descriptor, text),
					 &e), 0);
}

/* What is written then: of all, or of service "web:80/tcp". */
static const char *write_services(struct world *w, bool is_whole)
{
	struct err e = { 0 };
	size_t size;
	FILE *out;
	bool is_moved;

	free(w->text);
	out = open_memstream(&w->text, &size);
	if (!is_whole)
		assert_int_equal(ruleset_mark_service(&w->ruleset, "web:80/tcp", &e), 0);
	assert_int_equal(ruleset_write_services(&w->ruleset, is_whole, out, &is_moved, &e), 0);
	fclose(out);
	return w->text;
}

static const struct {
	const char *name, *body, *text;
} loads[] = {
	{ "of another node, by its mapped port", "'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A2", "}]}]"),
	  "add chain ip tepui s0\n"
	  "add rule ip tepui s0 counter meta mark set numgen inc mod 1 offset 2113929216 goto translate\n"
	  ELEMENT "services { 10.96.0.1 . tcp . 80 : goto s0 }\n"
	  ELEMENT "backends { 2113929216 : 10.0.0.2 . 31000 }\n"
	  ELEMENT "own { 10.96.0.1 }\n" },
	{ "of this node, by its own port",
	  "'services':[" SERVICE(",'balance':'RANDOM'") "],'endpoints':["
	  ENDPOINT("t1", "A1", ",'container_port':80}],'addresses':['fd00::5','172.29.0.5']}]"),
	  "add chain ip tepui s0\n"
	  "add rule ip tepui s0 counter meta mark set numgen random mod 1 offset 2113929216 goto translate\n"
	  ELEMENT "services { 10.96.0.1 . tcp . 80 : goto s0 }\n"
	  ELEMENT "backends { 2113929216 : 172.29.0.5 . 80 }\n"
	  ELEMENT "own { 10.96.0.1 }\n" },
	{ "nothing that IPv4 reaches", "'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A3", "}]}]"),
	  ELEMENT "vacant { 10.96.0.1 . tcp . 80 }\n" ELEMENT "own { 10.96.0.1 }\n" },
	{ "a node that nobody knows", "'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A9", "}]}]"),
	  ELEMENT "vacant { 10.96.0.1 . tcp . 80 }\n" ELEMENT "own { 10.96.0.1 }\n" },
	{ "by a fixed address, and a port of each node",
	  "'services':[{'key':'web:80/tcp','address':'10.1.2.3','port':80,'protocol':'udp','node_port':30080}],"
	  "'endpoints':[" ENDPOINT("t1", "A2", "}]}]"),
	  "add chain ip tepui s0\n"
	  "add rule ip tepui s0 counter meta mark set numgen inc mod 1 offset 2113929216 goto translate\n"
	  ELEMENT "services { 10.1.2.3 . udp . 80 : goto s0 }\n"
	  ELEMENT "node_ports { udp . 30080 : goto s0 }\n"
	  ELEMENT "backends { 2113929216 : 10.0.0.2 . 31000 }\n" },
	{ "names are not written, whatever they are",
	  "'services':[{'key':'web:80/tcp','name':'x }; flush ruleset','address':'10.96.0.1','port':80,'protocol':'tcp'}]",
	  ELEMENT "vacant { 10.96.0.1 . tcp . 80 }\n" ELEMENT "own { 10.96.0.1 }\n" },
};

static void test_all_of_a_service_is_written(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		struct world *w;
		AUTO_FREE char *body = NULL;

		(void)tear_down(state);
		(void)set_up(state);
		w = *state;
		assert_true(asprintf(&body, NODES ",%s", loads[i].body) > 0);
		tell(w, body);
		assert_string_equal(write_services(w, true), loads[i].text);
	}
}

static void test_of_a_change_no_more_is_written_than_has_changed(void **state)
{
	struct world *w = *state;

	tell(w, NODES ",'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A2", "}]}]"));
	(void)write_services(w, true);
	assert_string_equal(write_services(w, false), "");
	/* A second one: another number of turns, and one of the two slots is new. */
	tell(w, "'endpoints':[" ENDPOINT("t2", "A1", "}]}]"));
	assert_non_null(strstr(write_services(w, false), "flush chain ip tepui s0\nadd rule ip tepui s0 counter "
			       "meta mark set numgen inc mod 2 offset 2113929216 goto translate\n" ELEMENT "backends"));
	assert_null(strstr(w->text, "services"));
	/* One fewer: the slot of the other one is kept, for packets on their way, and names who is left. */
	tell(w, "'removed_endpoints':['F/t1']");
	assert_non_null(strstr(write_services(w, false), "mod 1 offset 2113929216"));
	assert_non_null(strstr(w->text, ": 10.0.0.1 . 31000 }\n"));
	tell(w, "'endpoints':[" ENDPOINT_IN("t2", "A1", "DRAINING", "}]}]"));
	assert_string_equal(write_services(w, false),
			    "delete element ip tepui services { 10.96.0.1 . tcp . 80 }\n"
			    "delete element ip tepui backends { 2113929216, 2113929217 }\n"
			    "flush chain ip tepui s0\ndelete chain ip tepui s0\n"
			    ELEMENT "vacant { 10.96.0.1 . tcp . 80 }\n");
	tell(w, "'removed_services':['web:80/tcp']");
	assert_string_equal(write_services(w, false),
			    "delete element ip tepui vacant { 10.96.0.1 . tcp . 80 }\n"
			    "delete element ip tepui own { 10.96.0.1 }\n");
	assert_null(w->ruleset.services);
}

static void test_a_service_that_grows_moves_to_a_larger_range(void **state)
{
	struct world *w = *state;

	tell(w, NODES ",'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A2", "}],'weight':16},")
	     ENDPOINT("t2", "A1", "}],'weight':1}]"));
	assert_non_null(strstr(write_services(w, true), "mod 17 offset 2113929216"));
	tell(w, "'endpoints':[" ENDPOINT("t2", "A1", "}],'weight':19}]"));
	assert_non_null(strstr(write_services(w, false), "mod 35 offset 2113929248"));
	assert_non_null(strstr(w->text, "delete chain ip tepui s0\n"));
	assert_non_null(strstr(w->text, "services { 10.96.0.1 . tcp . 80 : goto s32 }\n"));
	/* Smaller again, it stays where it is. */
	tell(w, "'endpoints':[" ENDPOINT("t2", "A1", "}],'weight':16}]"));
	assert_non_null(strstr(write_services(w, false), "mod 2 offset 2113929248"));
}

static void test_counters_are_of_places_and_come_and_go_with_backends(void **state)
{
	static const char counter[] = "tcp . 10.96.0.1 . 80 . 10.0.0.2 . 31000 }\n";
	struct world *w = *state;
	size_t size;
	FILE *out;

	tell(w, NODES ",'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A2", "}]}]"));
	assert_null(strstr(write_services(w, true), "sent"));
	free(w->text);
	out = open_memstream(&w->text, &size);
	assert_true(ruleset_write_counters(&w->ruleset, out));
	assert_false(ruleset_write_counters(&w->ruleset, out));
	fclose(out);
	assert_non_null(strstr(w->text, ELEMENT "connections { tcp . 10.96.0.1 . 80 . 10.0.0.2 . 31000 }\n"));
	assert_non_null(strstr(w->text, counter));
	tell(w, "'endpoints':[" ENDPOINT("t2", "A1", "}]}]"));
	assert_non_null(strstr(write_services(w, false), ELEMENT "sent { tcp . 10.96.0.1 . 80 . 10.0.0.1 . 31000 }\n"));
	assert_null(strstr(w->text, counter));
	tell(w, "'removed_endpoints':['F/t1']");
	assert_non_null(strstr(write_services(w, false), "delete element ip tepui received { tcp . 10.96.0.1 . 80 . "
			       "10.0.0.2 . 31000 }\n"));
}

static void test_a_service_that_finds_no_room_has_no_backend_and_harms_no_other(void **state)
{
	struct world *w = *state;

	tell(w, NODES ",'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A2", "}]}]"));
	w->ruleset.space.next = RULESET_SPACE;
	assert_string_equal(write_services(w, false), ELEMENT "vacant { 10.96.0.1 . tcp . 80 }\n"
			    ELEMENT "own { 10.96.0.1 }\n");
	w->ruleset.space.next = 0;
	assert_non_null(strstr(write_services(w, false), ELEMENT "backends { 2113929216 : 10.0.0.2 . 31000 }\n"));
}

/* ---- where a backend is ---- */

static void set_bridge(struct world *w)
{
	struct err e = { 0 };

	(void)snprintf(w->ruleset.bridge.name, sizeof(w->ruleset.bridge.name), "tepui0");
	assert_int_equal(ip_prefix_parse("172.29.0.1/16", &w->ruleset.bridge.address, &e), 0);
}

static void test_nodes_known_by_loopback_are_reached_at_the_bridge(void **state)
{
	struct world *w = *state;

	tell(w, NODES ",'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A4", "}]}]"));
	assert_non_null(strstr(write_services(w, true), ": 127.0.0.1 . 31000 }"));
	set_bridge(w);
	assert_non_null(strstr(write_services(w, true), ": 172.29.0.1 . 31000 }"));
}

static void test_no_service_takes_the_place_of_the_master_or_of_containers(void **state)
{
	static const struct {
		const char *address;
		bool is_called;
	} rows[] = {
		{ "10.0.0.9", false }, { "172.29.0.5", false }, { "172.29.0.1", false }, { "10.0.0.8", true },
	};
	struct world *w = *state;

	w->ruleset.master = inet_addr("10.0.0.9");
	set_bridge(w);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *body = NULL;

		assert_true(asprintf(&body, NODES ",'services':[{'key':'web:80/tcp','address':'%s','port':80,"
				     "'protocol':'tcp'}],'endpoints':[" ENDPOINT("t1", "A2", "}]}]"), rows[i].address) > 0);
		tell(w, body);
		assert_int_equal(!!strstr(write_services(w, true), "services {"), rows[i].is_called);
	}
}

/* ---- nodes ---- */

static void test_the_master_is_closed_to_containers_where_it_was_dialed(void **state)
{
	struct world *w = *state;
	size_t size;
	FILE *out;

	set_bridge(w);
	w->ruleset.master = inet_addr("10.0.0.9");
	tell(w, NODES);
	out = open_memstream(&w->text, &size);
	ruleset_write_nodes(&w->ruleset, true, out);
	fclose(out);
	assert_non_null(strstr(w->text, ELEMENT "managed { 10.0.0.9, "));
}

/* ---- containers ---- */

static void test_a_mapped_port_of_no_protocol_is_of_tcp(void **state)
{
	static const char *const protocols[] = { "", ",'protocol':''", ",'protocol':'tcp'" };
	struct world *w = *state;
	struct err e = { 0 };

	set_bridge(w);
	w->ruleset.is_busy = true;	/* there is no loop to write it by itself */
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		AUTO_FREE char *body = NULL;
		Tepui__NetworkRecord *record;
		size_t size;
		FILE *out;

		assert_true(asprintf(&body, "{'container_id':'c1','attachments':[{'network':'bridge','interface':'eth0',"
				     "'link':'tepui-v2','addresses':['172.29.0.2/16']}],'port_mappings':"
				     "[{'host_port':31000,'container_port':80%s}]}", protocols[i]) > 0);
		record = (Tepui__NetworkRecord *)load_quoted_message(&tepui__network_record__descriptor, body);
		assert_int_equal(ruleset_set_container(&w->ruleset, record, &e), 0);
		free(w->text);
		out = open_memstream(&w->text, &size);
		assert_int_equal(ruleset_write_containers(&w->ruleset, true, out, &e), 0);
		fclose(out);
		assert_non_null(strstr(w->text, ELEMENT "ports { tcp . 31000 : 172.29.0.2 . 80 }\n"));
		ruleset_free_containers(&w->ruleset);
		pb_free(&record->base);
	}
}

/* ---- what is to be forgotten ---- */

static struct directory_endpoint as(const struct directory_endpoint *endpoint, Tepui__Endpoint *info,
				    Tepui__Endpoint__State state)
{
	struct directory_endpoint copy = *endpoint;

	*info = *endpoint->info;
	info->state = state;
	copy.info = info;
	return copy;
}

static void test_connections_are_forgotten_when_nobody_would_end_them(void **state)
{
	static const struct {
		Tepui__Endpoint__State state;	/* UNKNOWN: it is gone */
		bool is_forgotten[3];		/* tcp of a node's port, of a container's, udp of either */
	} rows[] = {
		{ TEPUI__ENDPOINT__STATE__SERVING, { false, false, false } },
		{ TEPUI__ENDPOINT__STATE__DRAINING, { false, false, false } },
		{ TEPUI__ENDPOINT__STATE__UNHEALTHY, { false, false, true } },
		{ TEPUI__ENDPOINT__STATE__UNREACHABLE, { true, true, true } },
		{ TEPUI__ENDPOINT__STATE__UNKNOWN, { false, true, true } },
	};
	static const char *const keys[] = { "F/t1", "F/t2", "F/t3" };
	struct world *w = *state;

	tell(w, NODES ",'services':[" SERVICE("") "],'endpoints':[" ENDPOINT("t1", "A2", "}]},")
	     ENDPOINT("t2", "A1", ",'container_port':80}],'addresses':['172.29.0.5']},")
	     "{'key':'F/t3','task_id':'t3','agent_id':'A2','state':'SERVING','ports':[{'protocol':'udp',"
	     "'host_port':31001,'services':['web:80/tcp']},{'protocol':'tcp','host_port':31002}]}]");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			const struct directory_endpoint *before =
				directory_endpoint_find(w->agent.directory, keys[k]);
			Tepui__Endpoint info;
			struct directory_endpoint after = as(before, &info, rows[i].state);

			w->ruleset.n_flows = 0;
			ruleset_note_flows(&w->ruleset, before,
					   rows[i].state == TEPUI__ENDPOINT__STATE__UNKNOWN ? NULL : &after);
			assert_int_equal(w->ruleset.n_flows, rows[i].is_forgotten[k]);
		}
	}
	assert_int_equal(w->ruleset.flows[0].address, inet_addr("10.0.0.2"));
	assert_int_equal(ntohs(w->ruleset.flows[0].port), 31001);
	assert_int_equal(w->ruleset.flows[0].protocol, IPPROTO_UDP);
}

static void test_datagrams_are_forgotten_once_when_their_service_comes(void **state)
{
	struct world *w = *state;

	tell(w, NODES ",'services':[{'key':'web:80/tcp','address':'10.1.2.3','port':80,'protocol':'udp',"
	     "'node_port':30080}],'endpoints':[" ENDPOINT("t1", "A2", "}]}]"));
	(void)write_services(w, true);
	assert_int_equal(w->ruleset.n_flows, 2);
	assert_int_equal(w->ruleset.flows[0].address, inet_addr("10.1.2.3"));
	assert_int_equal(ntohs(w->ruleset.flows[1].port), 30080);
	/* Those that go to its backends already are nobody's to end. */
	tell(w, "'endpoints':[" ENDPOINT("t2", "A1", "}]}]"));
	(void)write_services(w, false);
	assert_int_equal(w->ruleset.n_flows, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_of_a_service_is_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_of_a_change_no_more_is_written_than_has_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_service_that_grows_moves_to_a_larger_range, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counters_are_of_places_and_come_and_go_with_backends, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_service_that_finds_no_room_has_no_backend_and_harms_no_other,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nodes_known_by_loopback_are_reached_at_the_bridge, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_no_service_takes_the_place_of_the_master_or_of_containers, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_master_is_closed_to_containers_where_it_was_dialed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_mapped_port_of_no_protocol_is_of_tcp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_connections_are_forgotten_when_nobody_would_end_them, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_datagrams_are_forgotten_once_when_their_service_comes, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
