/* tepui app: apps are created, read, changed and removed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

enum { MAX_FILE = 1 << 20 };

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
	table_print(cli, table);
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

static void print_last_failure(const struct cli *cli, const json_t *failure)
{
	char age[HUMAN_SIZE];

	if (!failure)
		return;
	printf("last failure   ");
	print_colored(cli, TABLE_BAD, member_text(failure, "state"));
	printf(" %s ago on %s: %s\n", human_since(member_text(failure, "timestamp"), age),
	       member_text(failure, "host"), member_text(failure, "message"));
}

static void print_app(const struct cli *cli, const json_t *app)
{
	char age[HUMAN_SIZE];
	const char *cmd = member_text(app, "cmd");

	printf("app            %s\n", member_text(app, "id"));
	printf("version        %s (%s ago)\n", member_text(app, "version"),
	       human_since(member_text(app, "version"), age));
	if (*cmd)
		printf("command        %s\n", cmd);
	printf("each           %g cpus, %g MB memory, %g MB disk\n", member_number(app, "cpus"),
	       member_number(app, "mem"), member_number(app, "disk"));
	printf("instances      %.0f wanted, %.0f staged, %.0f running, %.0f healthy, %.0f unhealthy\n",
	       member_number(app, "instances"), member_number(app, "tasksStaged"),
	       member_number(app, "tasksRunning"), member_number(app, "tasksHealthy"),
	       member_number(app, "tasksUnhealthy"));
	print_last_failure(cli, json_object_get(app, "lastTaskFailure"));
}

static int app_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = client_app_path(args[0], "");
	json_t *reply = NULL;
	int r;

	(void)n;
	if (!path)
		return err_set(e, ENOMEM, "build the path of app '%s'", args[0]);
	r = client_get(cli, NULL, path, &reply, e);
	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(json_object_get(reply, "app"));
	else
		print_app(cli, json_object_get(reply, "app"));
	json_decref(reply);
	return 0;
}

static int read_document(const char *path, json_t **ret, struct err *e)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	AUTO_FREE char *text = malloc(MAX_FILE + 1);
	size_t size;
	int r;

	if (!file)
		return err_set(e, errno == ENOENT ? EINVAL : errno, "open '%s': %s", path,
			       strerror(errno));
	size = text ? fread(text, 1, MAX_FILE + 1, file) : 0;
	if (file != stdin)
		(void)fclose(file);
	if (!text)
		return err_set(e, ENOMEM, "read '%s'", path);
	if (size > MAX_FILE)
		return err_set(e, EFBIG, "read '%s': larger than 1 MiB", path);
	r = json_in_parse(text, size, ret, e);
	return r < 0 ? err_wrap(e, "read '%s'", path) : 0;
}

/* What every change ends with: the deployment's id, and with --wait its success. */
static int finish_change(struct cli *cli, struct reply *reply, const char *what, struct err *e)
{
	AUTO_FREE char *id = TAKE_PTR(reply->deployment_id);
	int r = 0;

	if (cli->options.json && reply->json)
		print_json(reply->json);
	else if (cli->options.quiet)
		puts(id ? id : "");
	else
		printf("%s%s%s\n", what, id ? ", deployment " : "", id ? id : "");
	(void)fflush(stdout);
	reply_done(reply);
	if (cli->options.wait && id)
		r = progress_wait_deployment(cli, id, e);
	if (r == 0 && cli->options.wait && !cli->options.json && !cli->options.quiet)
		puts("done");
	return r;
}

static int change(struct cli *cli, enum http_method method, const char *id, const char *suffix,
		  const json_t *body, const char *what, struct err *e)
{
	char query[64];
	AUTO_FREE char *path = NULL;
	struct reply reply;
	int r;

	(void)snprintf(query, sizeof(query), "%s%s", suffix,
		       cli->options.force ? "?force=true" : "");
	path = client_app_path(id, query);
	if (!path)
		return err_set(e, ENOMEM, "build the path of app '%s'", id);
	r = client_call(cli, NULL, method, path, body, &reply, e);
	return r < 0 ? r : finish_change(cli, &reply, what, e);
}

static int app_add(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = NULL;
	struct reply reply;
	int r;

	(void)n;
	r = read_document(args[0], &body, e);
	if (r < 0)
		return r;
	r = client_call(cli, NULL, HTTP_POST, "/v2/apps", body, &reply, e);
	json_decref(body);
	return r < 0 ? r : finish_change(cli, &reply, "created", e);
}

static int app_update(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = NULL;
	int r;

	(void)n;
	r = read_document(args[1], &body, e);
	if (r < 0)
		return r;
	r = change(cli, HTTP_PUT, args[0], "", body, "updated", e);
	json_decref(body);
	return r;
}

/* A value is JSON where it parses as JSON, and text otherwise: cpus=.5 must be written cpus=0.5. */
static int assign(json_t *object, const char *assignment, struct err *e)
{
	const char *equals = strchr(assignment, '=');
	AUTO_FREE char *key = NULL;
	json_t *value;
	char *dot;

	if (!equals || equals == assignment)
		return err_set(e, EINVAL, "set '%s': not KEY=VALUE", assignment);
	key = strndup(assignment, (size_t)(equals - assignment));
	value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!value)
		value = json_string(equals + 1);
	if (!key || !value) {
		json_decref(value);
		return err_set(e, EINVAL, "set '%s': not valid text", assignment);
	}
	dot = strchr(key, '.');
	if (dot) {
		json_t *inner;

		*dot = '\0';
		/* Marathon's maps (env, labels) hold text only. */
		if (!json_is_string(value)) {
			json_decref(value);
			value = json_string(equals + 1);
		}
		inner = json_object_get(object, key);
		if (!inner) {
			inner = json_object();
			(void)json_object_set_new(object, key, inner);
		}
		(void)json_object_set_new(inner, dot + 1, value);
	} else {
		(void)json_object_set_new(object, key, value);
	}
	return 0;
}

/* A map is replaced whole by the API: start from what the app has. */
static int copy_maps(struct cli *cli, const char *id, json_t *object, struct err *e)
{
	AUTO_FREE char *path = client_app_path(id, "");
	json_t *reply = NULL, *app;
	int r;

	r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");
	if (r < 0)
		return r;
	app = json_object_get(reply, "app");
	for (size_t i = 0; i < 2; i++) {
		const char *map = i ? "labels" : "env";
		json_t *old = json_object_get(app, map);

		(void)json_object_set_new(object, map, old ? json_deep_copy(old) : json_object());
	}
	json_decref(reply);
	return 0;
}

static int app_set(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = json_object();
	int r;

	r = copy_maps(cli, args[0], body, e);
	for (size_t i = 1; r >= 0 && i < n; i++)
		r = assign(body, args[i], e);
	if (r >= 0)
		r = change(cli, HTTP_PUT, args[0], "", body, "updated", e);
	json_decref(body);
	return r;
}

static int app_scale(struct cli *cli, char **args, size_t n, struct err *e)
{
	char *end;
	long instances = strtol(args[1], &end, 10);
	json_t *body;
	int r;

	(void)n;
	if (*end || end == args[1] || instances < 0)
		return err_set(e, EINVAL, "scale app '%s': '%s' is not a number of instances",
			       args[0], args[1]);
	body = json_pack("{s:I}", "instances", (json_int_t)instances);
	r = change(cli, HTTP_PUT, args[0], "", body, "scaling", e);
	json_decref(body);
	return r;
}

static int app_restart(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change(cli, HTTP_POST, args[0], "/restart", NULL, "restarting", e);
}

static int app_remove(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change(cli, HTTP_DELETE, args[0], "", NULL, "removing", e);
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
	{ "app", "show", "ID", 1, 1, "", "one app, with its last failure", app_show },
	{ "app", "add", "FILE", 1, 1, "wait timeout quiet", "create from a JSON file, - for stdin",
	  app_add },
	{ "app", "update", "ID FILE", 2, 2, "wait timeout force quiet", "change what the file names",
	  app_update },
	{ "app", "set", "ID KEY=VALUE ...", 2, 64, "wait timeout force quiet",
	  "change fields: mem=128 env.COLOR=red", app_set },
	{ "app", "scale", "ID N", 2, 2, "wait timeout force quiet", "change the number of instances",
	  app_scale },
	{ "app", "restart", "ID", 1, 1, "wait timeout force quiet", "replace every instance, rolling",
	  app_restart },
	{ "app", "remove", "ID", 1, 1, "wait timeout force quiet", "stop and forget", app_remove },
	{ "app", "versions", "ID", 1, 1, "", "stored versions", app_versions },
	{ 0 },
};
