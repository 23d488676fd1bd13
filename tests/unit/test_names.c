#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/directory.h"
#include "agent/names_label.h"
#include "agent/names_look.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* ---- labels ---- */

static void test_labels(void **state)
{
	static const struct {
		const char *text, *label, *labels;	/* LABELS NULL: refused */
	} rows[] = {
		{ "web", "web", "web." },
		{ "db.prod", "db-prod", "db.prod." },
		{ "/prod/db", "prod-db", "proddb." },
		{ "/db.prod", "db-prod", "db.prod." },
		{ "My App_1", "my-app-1", "my-app-1." },
		{ "-.x.-", "x", "x." },
		{ "caf\xc3\xa9", "caf", "caf." },
		{ "...", "", NULL },
		{ "", "", NULL },
		{ "1234567890123456789012345678901234567890123456789012345678901234567890",
		  "123456789012345678901234567890123456789012345678901234567890123",
		  "123456789012345678901234567890123456789012345678901234567890123." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char label[NAMES_LABEL_SIZE], text[DNS_NAME_TEXT_SIZE] = "";
		struct dns_name name;
		int r;

		names_label(rows[i].text, label);
		assert_string_equal(label, rows[i].label);
		r = names_labels(rows[i].text, &name);
		assert_int_equal(r, rows[i].labels ? 0 : -EINVAL);
		if (r >= 0)
			dns_name_format(&name, text);
		assert_string_equal(text, rows[i].labels ? rows[i].labels : "");
	}
}

static void test_instances_have_labels_of_their_own(void **state)
{
	char a[NAMES_LABEL_SIZE], b[NAMES_LABEL_SIZE], task[NAMES_LABEL_SIZE];

	(void)state;
	names_label_instance("web", "web.instance-1", "0f3a-S12", a);
	names_label_instance("web", "web.instance-2", "0f3a-S12", b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), strlen("web-12345-s12"));
	assert_memory_equal(a, "web-", 4);
	assert_string_equal(a + 9, "-s12");
	memset(task, 'x', sizeof(task) - 1);
	task[sizeof(task) - 1] = '\0';
	names_label_instance(task, "x", "S123456789012345678901234567890", a);
	assert_int_equal(strlen(a), DNS_MAX_LABEL);
}

/* ---- a cluster ---- */

struct world {
	struct names_zone *zone;
	struct names_finding finding;
	struct directory_node nodes[3];
	struct directory_endpoint endpoints[8];
	size_t n;
	struct directory_service services[2];
};

static Tepui__DirectoryNode node_infos[3];
static Tepui__Endpoint infos[8];
static Tepui__EndpointPort ports[8][2];
static Tepui__EndpointPort *port_lists[8][2];
static char *address_lists[8][2];
static Tepui__Service service_infos[2];

static void add_node(struct world *w, size_t i, const char *id, const char *address)
{
	struct err e = { 0 };

	tepui__directory_node__init(&node_infos[i]);
	node_infos[i].agent_id = (char *)(uintptr_t)id;
	node_infos[i].address = (char *)(uintptr_t)address;
	node_infos[i].port = 5051;
	w->nodes[i].info = &node_infos[i];
	assert_int_equal(names_zone_set_node(w->zone, &w->nodes[i], &e), 0);
}

/* A task of PROTOCOL at HOST_PORT and, with an address of its own, at CONTAINER_PORT. */
static struct directory_endpoint *add_task(struct world *w, const char *name, size_t node,
					   const char *address, unsigned host_port,
					   unsigned container_port)
{
	static char keys[8][16];
	size_t i = w->n++;
	Tepui__Endpoint *info = &infos[i];
	struct err e = { 0 };

	(void)snprintf(keys[i], sizeof(keys[i]), "f/task-%zu", i);
	tepui__endpoint__init(info);
	info->key = keys[i];
	info->task_id = keys[i] + 2;
	info->name = (char *)(uintptr_t)name;
	info->framework = (char *)(uintptr_t)"marathon";
	info->agent_id = node_infos[node].agent_id;
	info->state = TEPUI__ENDPOINT__STATE__SERVING;
	if (address) {
		address_lists[i][0] = (char *)(uintptr_t)address;
		info->addresses = address_lists[i];
		info->n_addresses = 1;
	}
	tepui__endpoint_port__init(&ports[i][0]);
	ports[i][0].name = (char *)(uintptr_t)"http";
	ports[i][0].protocol = (char *)(uintptr_t)"tcp";
	ports[i][0].host_port = host_port;
	ports[i][0].container_port = container_port;
	port_lists[i][0] = &ports[i][0];
	info->ports = port_lists[i];
	info->n_ports = 1;
	w->endpoints[i].info = info;
	w->endpoints[i].node = &w->nodes[node];
	w->endpoints[i].is_here = node == 0;
	assert_int_equal(names_zone_set_endpoint(w->zone, &w->endpoints[i], &e), 0);
	return &w->endpoints[i];
}

static void add_service(struct world *w, size_t i, const char *name, const char *address)
{
	struct err e = { 0 };

	tepui__service__init(&service_infos[i]);
	service_infos[i].key = (char *)(uintptr_t)name;
	service_infos[i].name = (char *)(uintptr_t)name;
	service_infos[i].address = (char *)(uintptr_t)address;
	service_infos[i].port = 5432;
	service_infos[i].protocol = (char *)(uintptr_t)"tcp";
	service_infos[i].framework = (char *)(uintptr_t)"marathon";
	w->services[i].info = &service_infos[i];
	assert_int_equal(names_zone_set_service(w->zone, &w->services[i], &e), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct names_address master = { .family = AF_INET };
	struct err e = { 0 };

	assert_int_equal(names_zone_new("Mesos", &w->zone, &e), 0);
	w->finding.found = calloc(NAMES_MAX_FOUND, sizeof(struct names_found));
	add_node(w, 0, "m-S0", "10.0.0.1");
	add_node(w, 1, "m-S1", "10.0.0.2");
	add_node(w, 2, "m-S2", "fd00::3");
	assert_int_equal(inet_pton(AF_INET, "10.0.0.9", &master.v4), 1);
	assert_int_equal(names_zone_set_master(w->zone, &master, 5050, &e), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	names_zone_free(w->zone);
	free(w->finding.found);
	free(w);
	return 0;
}

static void describe(const struct world *w, const struct names_found *found, char *ret)
{
	struct names_address address;
	struct dns_name name;
	char text[DNS_NAME_TEXT_SIZE];

	if (found->type == DNS_A || found->type == DNS_AAAA) {
		(void)inet_ntop(found->address.family, &found->address.v4, ret, INET6_ADDRSTRLEN);
		return;
	}
	assert_int_equal(names_target_name(w->zone, found, &name), 0);
	dns_name_format(&name, text);
	/* The hash in an instance's label is whatever it is. */
	if (strstr(text, "-s") && strstr(text, "-s") - text > 5)
		memcpy(strstr(text, "-s") - 5, "HASH5", 5);
	if (found->type == DNS_PTR) {
		strcpy(ret, text);
		return;
	}
	ret += sprintf(ret, "%s:%u@", text, found->target.port);
	if (names_target_addresses(found, &(struct names_address){ .family = 0 }, &address, 1) == 1)
		(void)inet_ntop(address.family, &address.v4, ret, INET6_ADDRSTRLEN);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What is found, in order; "-": no such name, "?": not ours, "": nothing of that type. */
static void assert_found(struct world *w, const char *text, uint16_t type, const char *wanted)
{
	static const struct names_address nowhere = { .family = 0 };
	char rows[16][1100], all[4096] = "";
	struct dns_name name;
	enum names_verdict verdict;

	assert_int_equal(dns_name_parse(text, &name), 0);
	verdict = names_look(w->zone, &name, type, &nowhere, &w->finding);
	for (size_t i = 0; i < w->finding.n; i++)
		describe(w, &w->finding.found[i], rows[i]);
	qsort(rows, w->finding.n, sizeof(rows[0]), compare);
	for (size_t i = 0; i < w->finding.n; i++)
		sprintf(all + strlen(all), "%s%s", i ? " " : "", rows[i]);
	if (verdict != NAMES_SOME)
		strcpy(all, verdict == NAMES_NONE ? "-" : "?");
	if (strcmp(all, wanted) != 0)
		fail_msg("%s type %u: '%s' instead of '%s'", text, type, all, wanted);
}

static void test_forms(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *found;
	} rows[] = {
		/* Here on the bridge: its own address; elsewhere mapped: the node's; at the node's network twice: once. */
		{ "web.marathon.mesos", DNS_A, "10.0.0.2 172.29.0.5" },
		{ "WEB.Marathon.MESOS", DNS_A, "10.0.0.2 172.29.0.5" },
		{ "web.marathon.mesos", DNS_AAAA, "fd00::3" },
		{ "web.marathon.mesos", DNS_ANY, "10.0.0.2 172.29.0.5 fd00::3" },
		{ "web.marathon.slave.mesos", DNS_A, "10.0.0.1 10.0.0.2" },
		{ "web.marathon.mesos", DNS_SRV, "" },
		{ "web.marathon.mesos", 16, "" },
		/* Routable from everywhere: nothing of it is mapped. */
		{ "db-prod.marathon.mesos", DNS_A, "10.7.0.4" },
		{ "_db-prod._tcp.marathon.mesos", DNS_SRV, "db-prod-HASH5-s1.marathon.mesos.:5432@10.7.0.4" },
		{ "_web._tcp.marathon.mesos", DNS_SRV,
		  "web-HASH5-s0.marathon.mesos.:80@172.29.0.5 web-HASH5-s1.marathon.mesos.:31001@10.0.0.2"
		  " web-HASH5-s1.marathon.mesos.:31002@10.0.0.2 web-HASH5-s2.marathon.mesos.:31003@fd00::3" },
		{ "_http._web._tcp.marathon.slave.mesos", DNS_SRV,
		  "web-HASH5-s0.marathon.slave.mesos.:31000@10.0.0.1"
		  " web-HASH5-s1.marathon.slave.mesos.:31001@10.0.0.2"
		  " web-HASH5-s1.marathon.slave.mesos.:31002@10.0.0.2"
		  " web-HASH5-s2.marathon.slave.mesos.:31003@fd00::3" },
		{ "_web._udp.marathon.mesos", DNS_SRV, "-" },
		{ "_admin._web._tcp.marathon.mesos", DNS_SRV, "-" },
		{ "_web._tcp.marathon.mesos", DNS_A, "" },
		/* What there is only because of what is below it. */
		{ "_tcp.marathon.mesos", DNS_SRV, "" },
		{ "_tcp.mesos", DNS_SRV, "" },
		{ "marathon.slave.mesos", DNS_A, "" },
		{ "l4lb.mesos", DNS_A, "" },
		{ "prod.marathon.l4lb.mesos", DNS_A, "" },
		{ "mesos", DNS_A, "" },
		/* What there is not. */
		{ "nothing.marathon.mesos", DNS_A, "-" },
		{ "web.other.mesos", DNS_A, "-" },
		{ "a.web.marathon.mesos", DNS_A, "-" },
		{ "_tcp.web.marathon.mesos", DNS_SRV, "-" },
		{ "_web._sctp.marathon.mesos", DNS_SRV, "-" },
		{ "_x._http._web._tcp.marathon.mesos", DNS_SRV, "-" },
		/* Services. */
		{ "db.prod.marathon.l4lb.mesos", DNS_A, "10.96.0.7" },
		{ "db.prod.l4lb.mesos", DNS_A, "10.96.0.7" },
		/* Masters and nodes. */
		{ "leader.mesos", DNS_A, "10.0.0.9" },
		{ "master.mesos", DNS_A, "10.0.0.9" },
		{ "marathon.mesos", DNS_A, "10.0.0.9" },
		{ "_leader._tcp.mesos", DNS_SRV, "leader.mesos.:5050@10.0.0.9" },
		{ "_leader._udp.mesos", DNS_SRV, "leader.mesos.:5050@10.0.0.9" },
		{ "_framework._tcp.marathon.mesos", DNS_SRV, "leader.mesos.:5050@10.0.0.9" },
		{ "slave.mesos", DNS_A, "10.0.0.1 10.0.0.2" },
		{ "slave.mesos", DNS_AAAA, "fd00::3" },
		{ "s1.slave.mesos", DNS_A, "10.0.0.2" },
		{ "_slave._tcp.mesos", DNS_SRV, "s0.slave.mesos.:5051@10.0.0.1 s1.slave.mesos.:5051@10.0.0.2"
		  " s2.slave.mesos.:5051@fd00::3" },
		{ "_slave._udp.mesos", DNS_SRV, "-" },
		/* Back. */
		{ "2.0.0.10.in-addr.arpa", DNS_PTR, "s1.slave.mesos." },
		{ "5.0.29.172.in-addr.arpa", DNS_PTR, "web-HASH5-s0.marathon.mesos." },
		{ "7.0.96.10.in-addr.arpa", DNS_PTR, "db.prod.marathon.l4lb.mesos." },
		{ "7.0.96.10.in-addr.arpa", DNS_A, "" },
		{ "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", DNS_PTR,
		  "s2.slave.mesos." },
		{ "8.8.8.8.in-addr.arpa", DNS_PTR, "?" },
		{ "debian.org", DNS_A, "?" },
		{ "notmesos", DNS_A, "?" },
	};
	struct world *w = *state;

	add_task(w, "web", 0, "172.29.0.5", 31000, 80);
	add_task(w, "web", 1, NULL, 31001, 0);
	add_task(w, "web", 1, "172.29.0.6", 31002, 80);
	add_task(w, "web", 2, NULL, 31003, 0);
	add_task(w, "db.prod", 1, "10.7.0.4", 0, 5432);
	add_service(w, 0, "db.prod", "10.96.0.7");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_found(w, rows[i].name, rows[i].type, rows[i].found);
}

static void set_state(struct world *w, struct directory_endpoint *endpoint, Tepui__Endpoint__State now)
{
	struct err e = { 0 };

	endpoint->info->state = now;
	assert_int_equal(names_zone_set_endpoint(w->zone, endpoint, &e), 0);
}

static void test_those_that_serve_are_named_or_else_those_that_run(void **state)
{
	struct world *w = *state;
	struct directory_endpoint *a = add_task(w, "web", 0, "172.29.0.5", 0, 80);
	struct directory_endpoint *b = add_task(w, "web", 1, NULL, 31001, 0);

	set_state(w, a, TEPUI__ENDPOINT__STATE__UNHEALTHY);
	assert_found(w, "web.marathon.mesos", DNS_A, "10.0.0.2");
	assert_found(w, "_web._tcp.marathon.mesos", DNS_SRV, "web-HASH5-s1.marathon.mesos.:31001@10.0.0.2");
	set_state(w, b, TEPUI__ENDPOINT__STATE__DRAINING);
	assert_found(w, "web.marathon.mesos", DNS_A, "10.0.0.2 172.29.0.5");
	set_state(w, b, TEPUI__ENDPOINT__STATE__UNREACHABLE);
	assert_found(w, "web.marathon.mesos", DNS_A, "172.29.0.5");
	set_state(w, a, TEPUI__ENDPOINT__STATE__UNKNOWN);
	assert_found(w, "web.marathon.mesos", DNS_A, "-");
	assert_found(w, "5.0.29.172.in-addr.arpa", DNS_PTR, "?");
	set_state(w, a, TEPUI__ENDPOINT__STATE__SERVING);
	assert_found(w, "web.marathon.mesos", DNS_A, "172.29.0.5");
	names_zone_drop(w->zone, NAMES_ENDPOINT, a->info->key);
	names_zone_drop(w->zone, NAMES_ENDPOINT, a->info->key);
	assert_found(w, "web.marathon.mesos", DNS_A, "-");
	/* The framework "marathon" is the master's. */
	assert_found(w, "marathon.mesos", DNS_A, "10.0.0.9");
}

static void test_loopback_is_where_the_reader_has_reached_us(void **state)
{
	struct names_address bridge = { .family = AF_INET }, local = { .family = AF_INET };
	struct world *w = *state;
	struct dns_name name;

	add_node(w, 0, "m-S0", "127.0.0.1");
	add_task(w, "web", 0, NULL, 31000, 0);
	assert_int_equal(inet_pton(AF_INET, "172.29.0.1", &bridge.v4), 1);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.53", &local.v4), 1);
	assert_int_equal(dns_name_parse("web.marathon.mesos", &name), 0);
	assert_int_equal(names_look(w->zone, &name, DNS_A, &bridge, &w->finding), NAMES_SOME);
	assert_int_equal(w->finding.found[0].address.v4.s_addr, bridge.v4.s_addr);
	assert_int_equal(names_look(w->zone, &name, DNS_A, &local, &w->finding), NAMES_SOME);
	assert_int_equal(w->finding.found[0].address.v4.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(dns_name_parse("ns1.mesos", &name), 0);
	assert_int_equal(names_look(w->zone, &name, DNS_A, &local, &w->finding), NAMES_SOME);
	assert_int_equal(w->finding.found[0].address.v4.s_addr, local.v4.s_addr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_instances_have_labels_of_their_own),
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_those_that_serve_are_named_or_else_those_that_run,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_loopback_is_where_the_reader_has_reached_us,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
