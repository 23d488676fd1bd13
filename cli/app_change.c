/* tepui app: what creates, changes and removes apps. */
#include "cli/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/change.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* Known, and yet not always in what is read back. */
static const char *const known_keys[] = {
	"uris", "ports", "portDefinitions", "version", "versionInfo", "tasks", "tasksStats",
	"taskStats", "lastTaskFailure", "readinessCheckResults",
};

static bool is_known(const json_t *app, const char *key, const json_t *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_keys); i++) {
		if (strcmp(known_keys[i], key) == 0)
			return true;
	}
	/* What is empty need not be shown. */
	if (json_is_object(value) || json_is_array(value))
		return json_object_get(app, key) ||
		       json_object_size(value) + json_array_size(value) == 0;
	return json_object_get(app, key) || json_is_null(value);
}

/* Marathon passes over keys that it does not know; a reader of its answer should not. */
static void warn_unknown_keys(struct cli *cli, const char *id, json_t *document)
{
	AUTO_FREE char *path = client_app_path(id, "");
	struct err ignored = { 0 };
	json_t *reply = NULL, *value;
	const char *key;

	if (!path || client_get(cli, NULL, path, &reply, &ignored) < 0)
		return;
	json_object_foreach(document, key, value) {
		AUTO_FREE char *shown = strdup(key);

		if (!shown || is_known(json_object_get(reply, "app"), key, value))
			continue;
		print_tame(shown);
		fprintf(stderr, "warning: the master does not know '%s'\n", shown);
	}
	json_decref(reply);
}

/* After a dry run there is nothing to read back. */
static int send(struct cli *cli, enum http_method method, const char *path, const char *id,
		json_t *body, const char *what, struct err *e)
{
	struct reply reply;
	int r = change_call(cli, method, path, body, &reply, e);

	if (r < 0)
		return r;
	if (!cli->options.dry_run)
		warn_unknown_keys(cli, id, body);
	return change_finish(cli, &reply, what, e);
}

static int change(struct cli *cli, enum http_method method, const char *id, const char *suffix,
		  json_t *body, const char *what, struct err *e)
{
	AUTO_FREE char *path = client_app_path(id, suffix);

	if (!path)
		return err_set(e, ENOMEM, "build the path of app '%s'", id);
	return send(cli, method, path, id, body, what, e);
}

int app_add(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = NULL;
	int r = document_read(args[0], &body, e);

	(void)n;
	if (r < 0)
		return r;
	r = send(cli, HTTP_POST, "/v2/apps", member_text(body, "id"), body, "created", e);
	json_decref(body);
	return r;
}

/* PUT creates an app that is not there: what changes one asks for it first.  RET may be NULL. */
static int get_app(struct cli *cli, const char *id, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = client_app_path(id, "");
	json_t *reply = NULL;
	int r;

	r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");
	if (r >= 0 && ret)
		*ret = json_incref(json_object_get(reply, "app"));
	json_decref(reply);
	return r;
}

int app_update(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = NULL;
	int r;

	(void)n;
	r = document_read(args[1], &body, e);
	if (r >= 0)
		r = get_app(cli, args[0], NULL, e);
	if (r >= 0)
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
		return err_set(e, CLI_MISUSE, "set '%s': not KEY=VALUE", assignment);
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
	json_t *app = NULL;
	int r = get_app(cli, id, &app, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 2; i++) {
		const char *map = i ? "labels" : "env";
		json_t *old = json_object_get(app, map);

		(void)json_object_set_new(object, map, old ? json_deep_copy(old) : json_object());
	}
	json_decref(app);
	return 0;
}

int app_set(struct cli *cli, char **args, size_t n, struct err *e)
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

int app_scale(struct cli *cli, char **args, size_t n, struct err *e)
{
	char *end;
	long instances = strtol(args[1], &end, 10);
	json_t *body;
	int r;

	(void)n;
	if (*end || end == args[1] || instances < 0)
		return err_set(e, CLI_MISUSE, "scale app '%s': '%s' is not a number of instances",
			       args[0], args[1]);
	r = get_app(cli, args[0], NULL, e);
	if (r < 0)
		return r;
	body = json_pack("{s:I}", "instances", (json_int_t)instances);
	r = change(cli, HTTP_PUT, args[0], "", body, "scaling", e);
	json_decref(body);
	return r;
}

int app_restart(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change(cli, HTTP_POST, args[0], "/restart", NULL, "restarting", e);
}

int app_remove(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change(cli, HTTP_DELETE, args[0], "", NULL, "removing", e);
}

