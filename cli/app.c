/* tepui app: lists, and the commands there are. */
#include <stdio.h>

#include "cli/app.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void running_cell(struct table *table, const json_t *app)
{
	double running = member_number(app, "tasksRunning");
	bool is_short = running < member_number(app, "instances");

	table_cell(table, is_short ? TABLE_BUSY : TABLE_PLAIN, "%.0f", running);
}

static void unhealthy_cell(struct table *table, const json_t *app)
{
	double unhealthy = member_number(app, "tasksUnhealthy");

	table_cell(table, unhealthy > 0 ? TABLE_BAD : TABLE_PLAIN, "%.0f", unhealthy);
}

static void state_cell(struct table *table, const json_t *app)
{
	double wanted = member_number(app, "instances");

	if (json_array_size(json_object_get(app, "deployments")) > 0)
		table_cell(table, TABLE_BUSY, "deploying");
	else if (member_number(app, "tasksRunning") < wanted)
		table_cell(table, TABLE_BAD, "waiting");
	else
		table_cell(table, TABLE_GOOD, "%s", wanted > 0 ? "running" : "suspended");
}

static int app_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list_column columns[] = {
		{ "APP", .text = "id" },
		{ "WANTED", .number = "instances", .is_right = true },
		{ "RUNNING", .cell = running_cell, .is_right = true },
		{ "HEALTHY", .number = "tasksHealthy", .is_right = true },
		{ "UNHEALTHY", .cell = unhealthy_cell, .is_right = true },
		{ "CPUS", .number = "cpus", .is_right = true },
		{ "MEM", .mib = "mem", .is_right = true },
		{ "STATE", .cell = state_cell },
		{ 0 },
	};
	static const struct list list = { .columns = columns, .if_empty = "no apps", .key = "id" };

	(void)args, (void)n;
	return list_get(cli, &list, "/v2/apps", "apps", e);
}

static int app_versions(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = client_app_path(args[0], "/versions");
	json_t *reply = NULL;
	int r;

	(void)n;
	r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");
	if (r < 0)
		return r;
	list_texts(cli, reply, json_object_get(reply, "versions"));
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
	  "change fields: mem=128 env.COLOR=red container.docker.image=web:2; null removes",
	  app_set },
	{ "app", "rollback", "ID [VERSION]", 1, 2, "dry-run in-place wait timeout force quiet",
	  "make it what it was at a version; without one, before its last change", app_rollback },
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
