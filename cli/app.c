/* tepui app: lists, and the commands there are. */
#include <stdio.h>

#include "cli/app.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int print_apps(const struct cli *cli, const json_t *apps)
{
	static const struct table_column columns[] = {
		{ "APP", false }, { "WANTED", true }, { "RUNNING", true }, { "HEALTHY", true },
		{ "UNHEALTHY", true }, { "CPUS", true }, { "MEM", true }, { "STATE", false },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	size_t i;
	json_t *app;

	json_array_foreach(apps, i, app) {
		double wanted = member_number(app, "instances");
		double running = member_number(app, "tasksRunning");
		size_t deployments = json_array_size(json_object_get(app, "deployments"));
		char mem[HUMAN_SIZE];

		table_cell(table, TABLE_PLAIN, "%s", member_text(app, "id"));
		table_cell(table, TABLE_PLAIN, "%.0f", wanted);
		table_cell(table, running < wanted ? TABLE_BUSY : TABLE_PLAIN, "%.0f", running);
		table_cell(table, TABLE_PLAIN, "%.0f", member_number(app, "tasksHealthy"));
		table_cell(table, member_number(app, "tasksUnhealthy") > 0 ? TABLE_BAD : TABLE_PLAIN,
			   "%.0f", member_number(app, "tasksUnhealthy"));
		table_cell(table, TABLE_PLAIN, "%g", member_number(app, "cpus"));
		human_bytes((uint64_t)(member_number(app, "mem") * 1048576), mem);
		table_cell(table, TABLE_PLAIN, "%s", mem);
		if (deployments)
			table_cell(table, TABLE_BUSY, "deploying");
		else if (running < wanted)
			table_cell(table, TABLE_BAD, "waiting");
		else
			table_cell(table, TABLE_GOOD, "%s", wanted > 0 ? "running" : "suspended");
	}
	table_print(cli, table, "no apps");
	return 0;
}

static int app_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *reply = NULL, *apps, *app;
	size_t i;
	int r;

	(void)args, (void)n;
	r = client_get(cli, NULL, "/v2/apps", &reply, e);
	if (r < 0)
		return r;
	apps = json_object_get(reply, "apps");
	if (cli->options.json)
		print_json(reply);
	else if (cli->options.quiet)
		json_array_foreach(apps, i, app)
			puts(member_text(app, "id"));
	else
		print_apps(cli, apps);
	json_decref(reply);
	return 0;
}

static int app_versions(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = client_app_path(args[0], "/versions");
	json_t *reply = NULL, *version;
	size_t i;
	int r;

	(void)n;
	r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");
	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(reply);
	else
		json_array_foreach(json_object_get(reply, "versions"), i, version)
			puts(json_string_value(version));
	json_decref(reply);
	return 0;
}

const struct command app_commands[] = {
	{ "app", "", "", 0, 0, "quiet", "list apps", app_list },
	{ "app", "list", "", 0, 0, "quiet", "list apps", app_list },
	{ "app", "show", "ID", 1, 1, "",
	  "one app: what it is, what it waits for, why it failed", app_show },
	{ "app", "add", "FILE", 1, 1, "dry-run wait timeout force quiet",
	  "create from a JSON file, - for stdin", app_add },
	{ "app", "update", "ID FILE", 2, 2, "dry-run in-place wait timeout force quiet",
	  "change what the file names",
	  app_update },
	{ "app", "set", "ID KEY=VALUE ...", 2, 64, "dry-run in-place wait timeout force quiet",
	  "change fields: mem=128 env.COLOR=red", app_set },
	{ "app", "scale", "ID N", 2, 2, "dry-run wait timeout force quiet", "change the number of instances",
	  app_scale },
	{ "app", "restart", "ID", 1, 1, "dry-run wait timeout force quiet", "replace every instance, rolling",
	  app_restart },
	{ "app", "remove", "ID", 1, 1, "dry-run wait timeout force quiet", "stop and forget", app_remove },
	{ "app", "versions", "ID", 1, 1, "", "stored versions", app_versions },
	{ "app", "autoscale", "ID", 1, 1, "", "the load, what the autoscaler did and why",
	  app_autoscale },
	{ 0 },
};
