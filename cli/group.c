/* tepui group: apps that are changed together. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/list.h"
#include "cli/pod.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int get_group(struct cli *cli, const char *id, const char *suffix, json_t **ret,
		     struct err *e)
{
	AUTO_FREE char *path = client_group_path(id, suffix);

	return path ? client_get(cli, NULL, path, ret, e) : err_set(e, ENOMEM, "build a path");
}

/* ---- Lists ---- */

static void print_ids(const json_t *group)
{
	const json_t *below;
	size_t i;

	puts(member_text(group, "id"));
	json_array_foreach(json_object_get(group, "groups"), i, below)
		print_ids(below);
}

static void join(const json_t *list, char *ret, size_t size)
{
	size_t i, used = 0;
	const json_t *item;

	ret[0] = '\0';
	json_array_foreach(list, i, item) {
		int n = snprintf(ret + used, size - used, "%s%s", i ? " " : "",
				 json_string_value(item));

		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

/* The apps and pods that are directly in the group, the instances of the apps; those below have rows of their own. */
static void add_group(struct table *table, const json_t *group)
{
	const json_t *app, *below, *apps = json_object_get(group, "apps");
	double wanted = 0, running = 0;
	char dependencies[512];
	size_t i;

	json_array_foreach(apps, i, app) {
		wanted += member_number(app, "instances");
		running += member_number(app, "tasksRunning");
	}
	join(json_object_get(group, "dependencies"), dependencies, sizeof(dependencies));
	table_cell(table, TABLE_PLAIN, "%s", member_text(group, "id"));
	table_cell(table, TABLE_PLAIN, "%zu", json_array_size(apps));
	table_cell(table, TABLE_PLAIN, "%zu", json_array_size(json_object_get(group, "pods")));
	table_cell(table, TABLE_PLAIN, "%.0f", wanted);
	table_cell(table, running < wanted ? TABLE_BUSY : TABLE_PLAIN, "%.0f", running);
	table_cell(table, TABLE_PLAIN, "%s", dependencies);
	json_array_foreach(json_object_get(group, "groups"), i, below)
		add_group(table, below);
}

static void print_group(const struct cli *cli, const json_t *group)
{
	static const struct table_column columns[] = {
		{ "GROUP", false }, { "APPS", true }, { "PODS", true }, { "WANTED", true },
		{ "RUNNING", true }, { "DEPENDS ON", false },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	add_group(table, group);
	table_print(cli, table, NULL);
}

static int group_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *root = NULL;
	int r = get_group(cli, "/", "", &root, e);

	(void)args, (void)n;
	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(root);
	else if (cli->options.quiet)
		print_ids(root);
	else
		print_group(cli, root);
	json_decref(root);
	return 0;
}

static void dependencies_cell(struct table *table, const json_t *app)
{
	char dependencies[512];

	join(json_object_get(app, "dependencies"), dependencies, sizeof(dependencies));
	table_cell(table, TABLE_PLAIN, "%s", dependencies);
}

/* The pods of a group and of those below it, as their statuses. */
static void collect_pods(const json_t *group, json_t *pods)
{
	const json_t *below;
	size_t i;

	(void)json_array_extend(pods, json_object_get(group, "pods"));
	json_array_foreach(json_object_get(group, "groups"), i, below)
		collect_pods(below, pods);
}

static const struct list_column app_columns[] = {
	{ "APP", .text = "id" },
	{ "WANTED", .number = "instances", .is_right = true },
	{ "RUNNING", .number = "tasksRunning", .is_right = true },
	{ "HEALTHY", .number = "tasksHealthy", .is_right = true },
	{ "DEPENDS ON", .cell = dependencies_cell },
	{ 0 },
};
static const struct list app_list = { .columns = app_columns, .if_empty = "no apps" };

static void print_members(const struct cli *cli, const json_t *group, const json_t *apps)
{
	json_t *pods = json_array();
	size_t n_pods;

	collect_pods(group, pods);
	n_pods = json_array_size(pods);
	if (json_array_size(apps) > 0 || n_pods == 0)
		list_table(cli, &app_list, apps);
	if (json_array_size(apps) > 0 && n_pods > 0)
		putchar('\n');
	if (n_pods > 0)
		list_table(cli, &pod_statuses, pods);
	json_decref(pods);
}

static int group_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *group = NULL, *apps = NULL;
	int r = get_group(cli, args[0], "", &group, e);

	(void)n;
	if (r >= 0 && !cli->options.json)
		r = get_group(cli, args[0], "/apps", &apps, e);
	if (r >= 0 && cli->options.json) {
		print_json(group);
	} else if (r >= 0) {
		print_field("version", "%s", member_text(group, "version"));
		print_group(cli, group);
		putchar('\n');
		print_members(cli, group, apps);
	}
	json_decref(apps);
	json_decref(group);
	return r < 0 ? r : 0;
}

static int group_versions(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *versions = NULL;
	int r = get_group(cli, args[0], "/versions", &versions, e);

	(void)n;
	if (r < 0)
		return r;
	list_texts(cli, versions, versions);
	json_decref(versions);
	return 0;
}

/* ---- Changes ---- */

/* Takes BODY; NULL only with DELETE. */
static int change(struct cli *cli, enum http_method method, const char *id, json_t *body,
		  const char *what, struct err *e)
{
	AUTO_FREE char *path = client_group_path(id, "");

	return change_send(cli, method, path, body, what, e);
}

/* Its own id is relative to the root. */
static int group_add(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = NULL;
	AUTO_FREE char *id = NULL;
	int r = document_read(args[0], &body, e);

	(void)n;
	if (r < 0)
		return r;
	id = strdup(member_text(body, "id"));
	r = change(cli, HTTP_POST, "/", body, "created", e);
	/* Where the API says "Use PUT". */
	if (r == -EBUSY && id && strstr(e->msg, "already created")) {
		err_clear(e);
		return err_set(e, EBUSY, "group '%s' is there already: change it with 'tepui group update"
			       " %s %s'", id, id, args[0]);
	}
	return r;
}

/* PUT creates a group that is not there: what changes one asks for it first. */
static int change_existing(struct cli *cli, const char *id, json_t *body, const char *what,
			   struct err *e)
{
	json_t *group = NULL;
	int r = get_group(cli, id, "", &group, e);

	json_decref(group);
	if (r >= 0)
		return change(cli, HTTP_PUT, id, body, what, e);
	json_decref(body);
	return r;
}

static int group_update(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = NULL;
	int r = document_read(args[1], &body, e);

	(void)n;
	return r < 0 ? r : change_existing(cli, args[0], body, "updated", e);
}

static int group_scale(struct cli *cli, char **args, size_t n, struct err *e)
{
	char *end;
	double factor = strtod(args[1], &end);

	(void)n;
	if (*end || end == args[1] || !(factor >= 0))
		return err_set(e, CLI_MISUSE, "scale group '%s': '%s' is not a factor", args[0],
			       args[1]);
	return change_existing(cli, args[0], json_pack("{s:f}", "scaleBy", factor), "scaling", e);
}

static int group_rollback(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change_existing(cli, args[0], json_pack("{s:s}", "version", args[1]), "going back",
			       e);
}

static int group_remove(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change(cli, HTTP_DELETE, args[0], NULL, "removing", e);
}

const struct command group_commands[] = {
	{ "group", "", "", 0, 0, "quiet", "list groups", group_list },
	{ "group", "list", "", 0, 0, "quiet", "list groups", group_list },
	{ "group", "show", "ID", 1, 1, "", "one group, those below it, their apps and pods", group_show },
	{ "group", "add", "FILE", 1, 1, "dry-run wait timeout force quiet",
	  "create from a JSON file, - for stdin", group_add },
	{ "group", "update", "ID FILE", 2, 2, "dry-run wait timeout force quiet",
	  "change what the file names; its lists are complete", group_update },
	{ "group", "scale", "ID FACTOR", 2, 2, "dry-run wait timeout force quiet",
	  "multiply the instances of every app inside", group_scale },
	{ "group", "rollback", "ID VERSION", 2, 2, "dry-run wait timeout force quiet",
	  "make it what it was at a version", group_rollback },
	{ "group", "remove", "ID", 1, 1, "dry-run wait timeout force quiet",
	  "stop and forget everything inside", group_remove },
	{ "group", "versions", "ID", 1, 1, "", "versions to go back to", group_versions },
	{ 0 },
};
