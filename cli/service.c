/* tepui service: stable addresses, and who is behind them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_parser.h"

static void name_cell(struct table *table, const json_t *service)
{
	const char *name = member_text(service, "name");

	table_cell(table, *name ? TABLE_PLAIN : TABLE_FAINT, "%s", *name ? name : "-");
}

/* One that waits for an address has none. */
static void address_cell(struct table *table, const json_t *row)
{
	const char *address = member_text(row, "address");

	if (*address)
		table_cell(table, TABLE_PLAIN, "%s:%.0f", address, member_number(row, "port"));
	else
		table_cell(table, TABLE_FAINT, "-");
}

static size_t count_serving(const json_t *service)
{
	size_t n = 0, i;
	json_t *backend;

	json_array_foreach(json_object_get(service, "backends"), i, backend)
		n += strcmp(member_text(backend, "state"), "SERVING") == 0;
	return n;
}

static void serving_cell(struct table *table, const json_t *service)
{
	size_t all = json_array_size(json_object_get(service, "backends"));
	size_t n = count_serving(service);

	table_cell(table, n == 0 ? TABLE_BAD : n < all ? TABLE_BUSY : TABLE_GOOD, "%zu/%zu", n, all);
}

static void state_cell(struct table *table, const json_t *backend)
{
	const char *state = member_text(backend, "state");

	table_cell(table, strcmp(state, "SERVING") == 0 ? TABLE_GOOD : TABLE_BAD, "%s", state);
}

/* What labels of tasks ask for and do not get. */
static void print_problems(const json_t *problems)
{
	json_t *problem;
	size_t i;

	json_array_foreach(problems, i, problem)
		print_field(member_text(problem, "task_id"), "%s", member_text(problem, "why"));
}

static int service_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list_column columns[] = {
		{ "SERVICE", .cell = name_cell },
		{ "ADDRESS", .cell = address_cell },
		{ "PROTOCOL", .text = "protocol" },
		{ "BALANCE", .text = "balance" },
		{ "SERVING", .cell = serving_cell, .is_right = true },
		{ "NODE PORT", .number = "node_port", .is_right = true, .if_any = "node_port" },
		{ "FRAMEWORK", .text = "framework" },
		{ 0 },
	};
	static const struct list list = {
		.columns = columns, .if_empty = "no services", .key = "key",
	};

	json_t *reply = NULL;
	int r = client_get(cli, NULL, "/services", &reply, e);

	(void)args, (void)n;
	if (r >= 0) {
		list_print(cli, &list, reply, json_object_get(reply, "services"));
		if (!cli->options.json && !cli->options.quiet)
			print_problems(json_object_get(reply, "problems"));
	}
	json_decref(reply);
	return r;
}

/* ---- show ---- */

static const char *const counters[] = { "connections", "sent_bytes", "received_bytes" };

static json_t *find_backend(const json_t *service, const json_t *like)
{
	json_t *backend;
	size_t i;

	json_array_foreach(json_object_get(service, "backends"), i, backend) {
		if (strcmp(member_text(backend, "task_id"), member_text(like, "task_id")) == 0 &&
		    member_number(backend, "port") == member_number(like, "port"))
			return backend;
	}
	return NULL;
}

/* What a node has counted for the backends of SERVICE, which it has told as ROW. */
static void add_counts(json_t *service, const json_t *row)
{
	json_t *theirs, *ours;
	size_t i;

	json_array_foreach(json_object_get(row, "backends"), i, theirs) {
		ours = find_backend(service, theirs);
		for (size_t k = 0; ours && k < ARRAY_SIZE(counters); k++) {
			json_int_t sum = (json_int_t)(member_number(ours, counters[k]) +
						      member_number(theirs, counters[k]));

			(void)json_object_set_new(ours, counters[k], json_integer(sum));
		}
	}
}

/* Services of NAME, with or without slash, or of a key, as the daemon at ADDRESS has them. */
static int get_services(struct cli *cli, const char *address, const char *name, json_t **ret,
			struct err *e)
{
	AUTO_FREE char *encoded = http_encode(name + (*name == '/')), *target = NULL;

	if (!encoded || asprintf(&target, "/services?name=%s%s", encoded,
				 address ? "&traffic=true" : "") < 0) {
		target = NULL;
		return err_set(e, ENOMEM, "ask for service '%s'", name);
	}
	return address ? client_get_soon(cli, address, target, ret, e) :
			 client_get(cli, NULL, target, ret, e);
}

static int add_node(struct cli *cli, const json_t *node, json_t *service, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *reply = NULL, *row;
	size_t i;
	int r = get_services(cli, cluster_address(node, address), member_text(service, "key"), &reply,
			     e);

	json_array_foreach(json_object_get(reply, "services"), i, row)
		add_counts(service, row);
	json_decref(reply);
	return r;
}

/* Each node counts the connections that begin on it or come to it; one that does not answer is told. */
static int add_traffic(struct cli *cli, json_t *service, struct err *e)
{
	json_t *reply = NULL, *node;
	size_t i;
	int r = client_get(cli, NULL, "/slaves", &reply, e);

	json_array_foreach(json_object_get(reply, "slaves"), i, node) {
		struct err why = { 0 };

		if (add_node(cli, node, service, &why) < 0)
			fprintf(stderr, "without node '%s': %s\n", member_text(node, "hostname"), why.msg);
	}
	json_decref(reply);
	return r;
}

static const struct list_column backend_columns[] = {
	{ "TASK", .text = "task_id" },
	{ "NODE", .text = "hostname" },
	{ "ADDRESS", .cell = address_cell },
	{ "STATE", .cell = state_cell },
	{ "WEIGHT", .number = "weight", .is_right = true },
	{ "CONNECTIONS", .number = "connections", .is_right = true, .if_any = "connections" },
	{ "SENT", .bytes = "sent_bytes", .is_right = true, .if_any = "connections" },
	{ "RECEIVED", .bytes = "received_bytes", .is_right = true, .if_any = "connections" },
	{ "WHY", .text = "why_out", .if_any = "why_out" },
	{ 0 },
};
static const struct list backend_list = {
	.columns = backend_columns, .if_empty = "no backends", .is_cut = true,
};

static void print_service(const struct cli *cli, const json_t *service)
{
	const char *name = member_text(service, "name"), *address = member_text(service, "address");

	print_field("service", "%s", *name ? name : member_text(service, "key"));
	print_field("address", "%s:%.0f/%s", *address ? address : "none", member_number(service, "port"),
		    member_text(service, "protocol"));
	print_field("balance", "%s%s", member_text(service, "balance"),
		    json_is_true(json_object_get(service, "prefers_local")) ?
			    ", of the client's own node first" : "");
	if (member_number(service, "node_port") > 0)
		print_field("node port", "%.0f", member_number(service, "node_port"));
	if (*member_text(service, "why_no_node_port"))
		print_field("node port", "none: %s", member_text(service, "why_no_node_port"));
	print_field("framework", "%s", member_text(service, "framework"));
	list_table(cli, &backend_list, json_object_get(service, "backends"));
}

/* One name may have several ports. */
static int service_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *reply = NULL, *found, *service;
	size_t i;
	int r = get_services(cli, NULL, args[0], &reply, e);

	(void)n;
	found = json_object_get(reply, "services");
	if (r >= 0 && json_array_size(found) == 0)
		r = err_set(e, ENOENT, "no service '%s' (see 'tepui service list')", args[0]);
	json_array_foreach(found, i, service) {
		if (r >= 0 && cli->options.traffic)
			r = add_traffic(cli, service, e);
		if (r < 0 || cli->options.json)
			continue;
		if (i > 0)
			putchar('\n');
		print_service(cli, service);
	}
	if (r >= 0 && cli->options.json)
		print_json(found);
	json_decref(reply);
	return r;
}

const struct command service_commands[] = {
	{ "service", "", "", 0, 0, "quiet", "list service addresses", service_list },
	{ "service", "list", "", 0, 0, "quiet", "list service addresses", service_list },
	{ "service", "show", "NAME", 1, 1, "traffic",
	  "one service: its address, a row per backend", service_show },
	{ 0 },
};
