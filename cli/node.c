/* tepui node: the machines, what they have, and who uses it. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/list.h"
#include "cli/maintenance.h"
#include "cli/networks.h"
#include "cli/node_operate.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static double resource_of(const json_t *node, const char *kind, const char *name)
{
	return member_number(json_object_get(node, kind), name);
}

static const char *state_of(const json_t *node)
{
	const char *drain = member_text(json_object_get(node, "drain_info"), "state");

	if (*member_text(node, "degraded"))
		return "degraded";
	if (*drain)
		return strcmp(drain, "DRAINING") == 0 ? "draining" : "drained";
	if (json_is_true(json_object_get(node, "deactivated")))
		return "deactivated";
	return json_is_true(json_object_get(node, "active")) ? "active" : member_text(node, "state");
}

static void print_degraded(const json_t *node)
{
	const char *why = member_text(node, "degraded");

	if (*why)
		print_field(member_text(node, "hostname"), "gets no tasks: %s", why);
}

static void state_cell(struct table *table, const json_t *node)
{
	bool is_active = strcmp(state_of(node), "active") == 0;

	table_cell(table, is_active ? TABLE_GOOD : TABLE_BAD, "%s", state_of(node));
}

/* Those that are missed are not left out: it is they that somebody looks for. */
static json_t *all_nodes(const json_t *reply)
{
	static const char *const kinds[] = { "slaves", "recovered_slaves", "unreachable_slaves" };
	json_t *all = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		(void)json_array_extend(all, json_object_get(reply, kinds[i]));
	return all;
}

static int node_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list_column columns[] = {
		{ "NODE", .text = "id" },
		{ "HOST", .text = "hostname" },
		{ "STATE", .cell = state_cell },
		{ "CPUS", .number = "resources.cpus", .is_right = true },
		{ "USED", .number = "used_resources.cpus", .is_right = true },
		{ "MEM", .mib = "resources.mem", .is_right = true },
		{ "USED", .mib = "used_resources.mem", .is_right = true },
		{ "TASKS", .number = "tasks", .is_right = true },
		{ 0 },
	};
	static const struct list list = { .columns = columns, .if_empty = "no nodes", .key = "id" };
	json_t *reply = NULL, *here, *all, *node;
	size_t i;
	int r;

	(void)args, (void)n;
	r = client_get(cli, NULL, "/slaves", &reply, e);
	if (r < 0)
		return r;
	here = json_object_get(reply, "slaves");
	all = all_nodes(reply);
	/* Scripts go on with those that they can do something with. */
	list_print(cli, &list, reply, cli->options.quiet ? here : all);
	if (!cli->options.json && !cli->options.quiet) {
		json_array_foreach(here, i, node)
			print_degraded(node);
	}
	json_decref(all);
	json_decref(reply);
	return 0;
}

/* A figure of the agent's /metrics/snapshot; -1 if it is not told. */
static double metric(const json_t *metrics, const char *name)
{
	const json_t *value = json_object_get(metrics, name);

	return json_is_number(value) ? json_number_value(value) : -1;
}

static const struct {
	const char *title, *resource;	/* NULL: not a resource that is offered */
	const char *used, *total;	/* metrics of the agent */
	double scale;			/* of the resource's unit */
	bool is_bytes;
} node_rows[] = {
	{ "cpus", "cpus", "tepui/cpus_used", NULL, 1, false },
	{ "memory", "mem", "tepui/mem_used_bytes", NULL, 1048576, true },
	{ "disk", "disk", "tepui/disk_used_bytes", NULL, 1048576, true },
	{ "gpus", "gpus", NULL, NULL, 1, false },
	{ "pids", NULL, "tepui/pids_used", "tepui/pids_total", 1, false },
};

static void print_resources(const struct cli *cli, const json_t *node, const json_t *metrics)
{
	static const struct table_column columns[] = {
		{ "", false }, { "TOTAL", true }, { "OFFERED", true }, { "ALLOCATED", true },
		{ "USED", true },
	};
	static const char *const kinds[] = { "resources", "offered_resources", "used_resources" };
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < ARRAY_SIZE(node_rows); i++) {
		void (*cell)(struct table *, double) = node_rows[i].is_bytes ? table_bytes : table_number;

		if (node_rows[i].resource && resource_of(node, kinds[0], node_rows[i].resource) <= 0)
			continue;
		table_cell(table, TABLE_PLAIN, "%s", node_rows[i].title);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			double value = -1;

			if (node_rows[i].resource)
				value = resource_of(node, kinds[k], node_rows[i].resource) *
					node_rows[i].scale;
			else if (k == 0 && node_rows[i].total)
				value = metric(metrics, node_rows[i].total);
			cell(table, value);
		}
		cell(table, node_rows[i].used ? metric(metrics, node_rows[i].used) : -1);
	}
	table_print(cli, table, NULL);
	printf("ports %s, allocated %s\n",
	       member_text(json_object_get(node, "resources"), "ports"),
	       *member_text(json_object_get(node, "used_resources"), "ports") ?
	       member_text(json_object_get(node, "used_resources"), "ports") : "none");
}

static void print_reservations(const struct cli *cli, json_t *reserved)
{
	static const struct table_column columns[] = {
		{ "RESERVED FOR", false }, { "CPUS", true }, { "MEM", true }, { "DISK", true },
		{ "PORTS", false },
	};
	struct table *table;
	const char *role;
	json_t *row;

	if (json_object_size(reserved) == 0)
		return;
	table = table_new(columns, ARRAY_SIZE(columns));
	json_object_foreach(reserved, role, row) {
		const char *ports = member_text(row, "ports");

		table_cell(table, TABLE_PLAIN, "%s", role);
		table_number(table, member_number(row, "cpus"));
		table_bytes(table, member_number(row, "mem") * 1048576);
		table_bytes(table, member_number(row, "disk") * 1048576);
		table_cell(table, *ports ? TABLE_PLAIN : TABLE_FAINT, "%s", *ports ? ports : "-");
	}
	putchar('\n');
	table_print(cli, table, NULL);
}

static void print_pressure(const struct cli *cli, const json_t *metrics)
{
	static const struct table_column columns[] = {
		{ "PRESSURE %", false }, { "SOME 10s", true }, { "60s", true }, { "300s", true },
		{ "FULL 10s", true }, { "60s", true }, { "300s", true },
	};
	static const char *const kinds[] = { "cpu", "memory", "io" };
	static const char *const figures[] = {
		"some_avg10", "some_avg60", "some_avg300", "full_avg10", "full_avg60", "full_avg300",
	};
	struct table *table;

	if (metric(metrics, "tepui/pressure/cpu_some_avg10") < 0) {
		puts("pressure is not told by this kernel");
		return;
	}
	table = table_new(columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		table_cell(table, TABLE_PLAIN, "%s", kinds[i]);
		for (size_t k = 0; k < ARRAY_SIZE(figures); k++) {
			char name[64];

			(void)snprintf(name, sizeof(name), "tepui/pressure/%s_%s", kinds[i],
				       figures[k]);
			table_number(table, metric(metrics, name));
		}
	}
	table_print(cli, table, NULL);
}

/* What holds a group, and an operator's container, is no task. */
static void task_cell(struct table *table, const json_t *row)
{
	const char *task = member_text(row, "executor_id");

	table_cell(table, TABLE_PLAIN, "%s", *task ? task : member_text(row, "container_id"));
}

static const struct list_column container_columns[] = {
	{ "TASK", .cell = task_cell },
	{ "CPUS", .number = "tepui.cpus_used", .is_right = true },
	{ "OF", .number = "tepui.cpus_requested", .is_right = true },
	{ "MEM", .bytes = "statistics.mem_total_bytes", .is_right = true },
	{ "PEAK", .bytes = "tepui.mem_peak_bytes", .is_right = true },
	{ "LIMIT", .bytes = "statistics.mem_limit_bytes", .is_right = true },
	{ "PIDS", .number = "tepui.pids", .is_right = true },
	{ "DISK", .bytes = "statistics.disk_used_bytes", .is_right = true },
	{ "PSI% CPU", .number = "tepui.pressure.cpu.some_avg10", .is_right = true },
	{ "MEM", .number = "tepui.pressure.memory.some_avg10", .is_right = true },
	{ "IO", .number = "tepui.pressure.io.some_avg10", .is_right = true },
	{ 0 },
};
static const struct list containers = {
	.columns = container_columns, .if_empty = "no containers",
};

static void user_cell(struct table *table, const json_t *row)
{
	const char *task = member_text(row, "task_id");

	table_cell(table, *task ? TABLE_PLAIN : TABLE_FAINT, "%s", *task ? task : "-");
}

static const struct list_column volume_columns[] = {
	{ "VOLUME", .text = "persistence.id" },
	{ "ROLE", .text = "role" },
	{ "SIZE", .bytes = "limit_bytes", .is_right = true },
	{ "USED", .bytes = "used_bytes", .is_right = true },
	{ "TASK", .cell = user_cell },
	{ 0 },
};
static const struct list volumes_list = { .columns = volume_columns };

/* Most nodes have none, and nothing to say of them. */
static void print_volumes(const struct cli *cli, const json_t *volumes)
{
	if (json_array_size(volumes) == 0)
		return;
	putchar('\n');
	list_table(cli, &volumes_list, volumes);
}

static int node_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *node = NULL, *metrics = NULL, *rows = NULL, *state = NULL, *networks = NULL, *volumes;
	int r;

	r = cluster_node(cli, n ? args[0] : NULL, &node, e);
	if (r < 0)
		return r;
	cluster_address(node, address);
	r = client_get(cli, address, "/metrics/snapshot", &metrics, e);
	if (r >= 0)
		r = client_get(cli, address, "/containers", &rows, e);
	if (r >= 0)
		r = client_get(cli, address, "/state", &state, e);
	if (r >= 0)
		r = client_get(cli, address, "/networks", &networks, e);
	volumes = json_object_get(state, "volumes");
	if (r >= 0 && cli->options.json) {
		json_t *all = json_pack("{s:O, s:O, s:O, s:O, s:O*}", "node", node, "metrics",
					metrics, "containers", rows, "networks", networks,
					"volumes", volumes);

		print_json(all);
		json_decref(all);
	} else if (r >= 0) {
		printf("node %s  host %s  agent %s  %s\n", member_text(node, "id"),
		       member_text(node, "hostname"), address, state_of(node));
		print_degraded(node);
		putchar('\n');
		print_resources(cli, node, metrics);
		print_reservations(cli, json_object_get(node, "reserved_resources"));
		putchar('\n');
		print_pressure(cli, metrics);
		putchar('\n');
		cluster_name_tasks(rows, state);
		list_table(cli, &containers, rows);
		networks_print(cli, networks);
		print_volumes(cli, volumes);
	}
	json_decref(node);
	json_decref(metrics);
	json_decref(rows);
	json_decref(state);
	json_decref(networks);
	return r;
}

const struct command node_commands[] = {
	{ "node", "", "", 0, 0, "quiet", "list nodes", node_list },
	{ "node", "list", "", 0, 0, "quiet", "list nodes", node_list },
	{ "node", "show", "[ID]", 0, 1, "", "one node: resources, pressure, networks, a row per container and volume",
	  node_show },
	{ "node", "drain", "ID", 1, 1, "replace-first grace gone wait timeout quiet",
	  "end its tasks and give it no others", node_drain },
	{ "node", "deactivate", "ID", 1, 1, "quiet", "give it no other tasks", node_deactivate },
	{ "node", "reactivate", "ID", 1, 1, "quiet", "give it tasks again", node_reactivate },
	{ "node", "gone", "ID", 1, 1, "quiet", "give it up: it may never come back", node_gone },
	{ "node", "prune", "ID [IMAGE ...]", 1, SIZE_MAX, "quiet",
	  "remove images that nothing runs on, but these", node_prune },
	{ "node", "maintenance", "", 0, 0, "", "machines that are or shall be down",
	  node_maintenance },
	{ "node", "plan", "HOST", 1, 1, "in for quiet", "ask frameworks to leave the machine", node_plan },
	{ "node", "unplan", "HOST", 1, 1, "quiet", "let them stay", node_unplan },
	{ "node", "down", "HOST", 1, 1, "quiet", "shut down the agents of a planned machine", node_down },
	{ "node", "up", "HOST", 1, 1, "quiet", "let agents of the machine come again", node_up },
	{ 0 },
};
