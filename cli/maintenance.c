/* tepui node plan and the like: the schedule of maintenance, and each machine's way. */
#include "cli/maintenance.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/node_operate.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

enum { NS_PER_MS = 1000000 };

static bool is_named(const json_t *machine, const char *name)
{
	return strcmp(member_text(machine, "hostname"), name) == 0 ||
	       strcmp(member_text(machine, "ip"), name) == 0;
}

static int get_schedule(struct cli *cli, json_t **ret, struct err *e)
{
	json_t *body = NULL;
	int r = node_call(cli, "GET_MAINTENANCE_SCHEDULE", "get_maintenance_schedule", NULL, &body, e);

	if (r >= 0)
		*ret = json_incref(json_object_get(body, "schedule"));
	json_decref(body);
	return r;
}

static int put_schedule(struct cli *cli, json_t *schedule, struct err *e)
{
	return node_call(cli, "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule",
		    json_pack("{s:O}", "schedule", schedule), NULL, e);
}

/* The machines of the schedule that NAME is the hostname or the address of; with WITHOUT, off it. */
static json_t *find_machines(json_t *schedule, const char *name, bool without)
{
	json_t *windows = json_object_get(schedule, "windows"), *found = json_array();

	for (size_t i = json_array_size(windows); i > 0; i--) {
		json_t *ids = json_object_get(json_array_get(windows, i - 1), "machine_ids");

		for (size_t k = json_array_size(ids); k > 0; k--) {
			if (!is_named(json_array_get(ids, k - 1), name))
				continue;
			json_array_append(found, json_array_get(ids, k - 1));
			if (without)
				json_array_remove(ids, k - 1);
		}
		if (json_array_size(ids) == 0)
			json_array_remove(windows, i - 1);
	}
	return found;
}

/* A machine may be planned before it has a node, but as often its name is mistyped. */
static void warn_of_no_node(struct cli *cli, const char *name)
{
	json_t *reply = NULL, *node;
	struct err e = { 0 };
	size_t i, size = strlen(name);
	bool is_known = client_get(cli, NULL, "/slaves", &reply, &e) < 0;

	json_array_foreach(json_object_get(reply, "slaves"), i, node) {
		char address[CLUSTER_ADDRESS_SIZE];

		is_known |= strcmp(member_text(node, "hostname"), name) == 0 ||
			    (strncmp(cluster_address(node, address), name, size) == 0 &&
			     address[size] == ':');
	}
	if (!is_known)
		fprintf(stderr, "warning: there is no node on '%s' now\n", name);
	json_decref(reply);
}

static void tell_machine(const struct cli *cli, const char *name, const char *done)
{
	if (!cli->options.quiet)
		printf("machine %s %s\n", name, done);
}

int node_plan(struct cli *cli, char **args, size_t n, struct err *e)
{
	const struct cli_options *options = &cli->options;
	int64_t start_ns = (clock_wall_ms() + options->in_ms) * NS_PER_MS;
	json_t *schedule = NULL, *window, *windows, *id;
	int r = get_schedule(cli, &schedule, e);

	(void)n;
	if (r < 0)
		return r;
	json_decref(find_machines(schedule, args[0], true));
	id = json_pack("{s:s}", strspn(args[0], "0123456789.") == strlen(args[0]) ? "ip" :
		       "hostname", args[0]);
	window = json_pack("{s:[o], s:{s:{s:I}}}", "machine_ids", id, "unavailability", "start",
			   "nanoseconds", (json_int_t)start_ns);
	if (options->for_ms > 0)
		json_object_set_new(json_object_get(window, "unavailability"), "duration",
				    json_pack("{s:I}", "nanoseconds",
					      (json_int_t)(options->for_ms * NS_PER_MS)));
	windows = json_object_get(schedule, "windows");
	if (windows)
		json_array_append_new(windows, window);
	else
		json_object_set_new(schedule, "windows", json_pack("[o]", window));
	r = put_schedule(cli, schedule, e);
	if (r >= 0)
		warn_of_no_node(cli, args[0]);
	if (r >= 0)
		tell_machine(cli, args[0], "is on the schedule of maintenance");
	json_decref(schedule);
	return r;
}

int node_unplan(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *schedule = NULL, *found;
	int r = get_schedule(cli, &schedule, e);

	(void)n;
	if (r < 0)
		return r;
	found = find_machines(schedule, args[0], true);
	if (json_array_size(found) == 0)
		r = err_set(e, ENOENT, "no machine '%s' on the schedule", args[0]);
	else
		r = put_schedule(cli, schedule, e);
	if (r >= 0)
		tell_machine(cli, args[0], "is on the schedule of maintenance no more");
	json_decref(found);
	json_decref(schedule);
	return r;
}

static int change_machine(struct cli *cli, const char *name, const char *type, const char *member,
			  const char *done, struct err *e)
{
	json_t *schedule = NULL, *found;
	int r = get_schedule(cli, &schedule, e);

	if (r < 0)
		return r;
	found = find_machines(schedule, name, false);
	if (json_array_size(found) == 0)
		r = err_set(e, ENOENT, "no machine '%s' on the schedule (see 'tepui node plan')",
			    name);
	else
		r = node_call(cli, type, member, json_pack("{s:O}", "machines", found), NULL, e);
	if (r >= 0)
		tell_machine(cli, name, done);
	json_decref(found);
	json_decref(schedule);
	return r;
}

int node_down(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change_machine(cli, args[0], "START_MAINTENANCE", "start_maintenance",
			      "is down: its agents are shut down", e);
}

int node_up(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change_machine(cli, args[0], "STOP_MAINTENANCE", "stop_maintenance",
			      "is up: its agents may come", e);
}

/* ---- what is planned ---- */

static void time_cell(struct table *table, const json_t *start)
{
	time_t seconds = (time_t)(json_integer_value(json_object_get(start, "nanoseconds")) /
				  (INT64_C(1000) * NS_PER_MS));
	char text[64];
	struct tm when;

	if (!gmtime_r(&seconds, &when) || strftime(text, sizeof(text), "%FT%TZ", &when) == 0)
		text[0] = '\0';
	table_cell(table, TABLE_PLAIN, "%s", text);
}

static void duration_cell(struct table *table, const json_t *duration)
{
	char text[HUMAN_SIZE];

	if (duration)
		table_cell(table, TABLE_PLAIN, "%s",
			   human_duration(json_integer_value(json_object_get(
				   duration, "nanoseconds")) / NS_PER_MS, text));
	else
		table_cell(table, TABLE_FAINT, "-");
}

/* How many frameworks said what; NULL STATUSES: the machine is down. */
static void answers_cell(struct table *table, const json_t *statuses)
{
	size_t i, n_accepted = 0;
	json_t *status;

	json_array_foreach(statuses, i, status)
		n_accepted += strcmp(member_text(status, "status"), "ACCEPT") == 0;
	table_cell(table, TABLE_PLAIN, "%zu leave, %zu stay", n_accepted,
		   json_array_size(statuses) - n_accepted);
}

static void machine_row(struct table *table, const json_t *machine, const json_t *window,
			const json_t *status)
{
	const json_t *unavailability = json_object_get(window, "unavailability");
	json_t *draining;
	size_t i;

	table_cell(table, TABLE_PLAIN, "%s", member_text(machine, "hostname"));
	table_cell(table, TABLE_PLAIN, "%s", member_text(machine, "ip"));
	time_cell(table, json_object_get(unavailability, "start"));
	duration_cell(table, json_object_get(unavailability, "duration"));
	json_array_foreach(json_object_get(status, "draining_machines"), i, draining) {
		if (!json_equal(json_object_get(draining, "id"), machine))
			continue;
		table_cell(table, TABLE_BUSY, "planned");
		answers_cell(table, json_object_get(draining, "statuses"));
		return;
	}
	table_cell(table, TABLE_BAD, "down");
	table_cell(table, TABLE_FAINT, "-");
}

static void print_schedule(const struct cli *cli, const json_t *schedule, const json_t *status)
{
	static const struct table_column columns[] = {
		{ "HOST", false }, { "ADDRESS", false }, { "FROM", false }, { "FOR", true },
		{ "STATE", false }, { "FRAMEWORKS", false },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	json_t *window, *machine;
	size_t i, k;

	json_array_foreach(json_object_get(schedule, "windows"), i, window) {
		json_array_foreach(json_object_get(window, "machine_ids"), k, machine)
			machine_row(table, machine, window, status);
	}
	table_print(cli, table, "no maintenance is planned");
}

int node_maintenance(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *schedule = NULL, *body = NULL, *status, *both;
	int r = get_schedule(cli, &schedule, e);

	(void)args, (void)n;
	if (r >= 0)
		r = node_call(cli, "GET_MAINTENANCE_STATUS", "get_maintenance_status", NULL, &body, e);
	status = json_object_get(body, "status");
	if (r >= 0 && cli->options.json) {
		both = json_pack("{s:O, s:O}", "schedule", schedule, "status", status);
		print_json(both);
		json_decref(both);
	} else if (r >= 0) {
		print_schedule(cli, schedule, status);
	}
	json_decref(schedule);
	json_decref(body);
	return r;
}
