/* tepui app: what creates, changes and removes apps. */
#include "cli/app.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/assignment.h"
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

/* What has a versionInfo was read from the master, which takes no version beside other members. */
static void drop_read_only(json_t *app)
{
	if (!json_object_get(app, "versionInfo"))
		return;
	(void)json_object_del(app, "version");
	(void)json_object_del(app, "versionInfo");
}

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
	drop_read_only(body);
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
	drop_read_only(body);
	if (r >= 0)
		r = change(cli, HTTP_PUT, args[0], "", body, "updated", e);
	json_decref(body);
	return r;
}

/* A member that is null cannot be changed: without it the definition is sent whole. */
static int finish_changes(const json_t *app, json_t **changes, bool *ret_is_whole, struct err *e)
{
	json_t *whole, *value;
	const char *key;
	void *next;

	*ret_is_whole = false;
	json_object_foreach(*changes, key, value)
		*ret_is_whole |= json_is_null(value);
	if (!*ret_is_whole)
		return 0;
	whole = json_copy((json_t *)(uintptr_t)app);
	if (!whole || json_object_update(whole, *changes) < 0) {
		json_decref(whole);
		return err_set(e, ENOMEM, "change an app");
	}
	drop_read_only(whole);
	json_object_foreach_safe(whole, next, key, value) {
		if (json_is_null(value))
			(void)json_object_del(whole, key);
	}
	json_decref(*changes);
	*changes = whole;
	return 0;
}

int app_set(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *changes = json_object(), *app = NULL;
	bool is_whole = false;
	int r;

	r = get_app(cli, args[0], &app, e);
	for (size_t i = 1; r >= 0 && i < n; i++)
		r = assignment_apply(args[i], app, changes, e);
	if (r >= 0)
		r = finish_changes(app, &changes, &is_whole, e);
	if (r >= 0)
		r = change(cli, HTTP_PUT, args[0], is_whole ? "?partialUpdate=false" : "", changes,
			   "updated", e);
	json_decref(changes);
	json_decref(app);
	return r;
}

/* The newest version that is older than what the app is now. */
static int find_previous(struct cli *cli, const char *id, char **ret, struct err *e)
{
	AUTO_FREE char *path = client_app_path(id, "/versions");
	json_t *app = NULL, *reply = NULL, *version;
	size_t i;
	int r = get_app(cli, id, &app, e);

	if (r >= 0)
		r = path ? client_get(cli, NULL, path, &reply, e)
			 : err_set(e, ENOMEM, "build a path");
	json_array_foreach(json_object_get(reply, "versions"), i, version) {
		const char *text = json_string_value(version);

		if (!*ret && text && strcmp(text, member_text(app, "version")) < 0)
			*ret = strdup(text);
	}
	if (r >= 0 && !*ret)
		r = err_set(e, ENOENT, "roll back app '%s': there is no version before this one", id);
	json_decref(reply);
	json_decref(app);
	return r;
}

int app_rollback(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *version = n > 1 ? strdup(args[1]) : NULL;
	AUTO_FREE char *what = NULL;
	json_t *body;
	int r = n > 1 ? get_app(cli, args[0], NULL, e) : find_previous(cli, args[0], &version, e);

	if (r < 0)
		return r;
	if (!version || asprintf(&what, "going back to %s", version) < 0) {
		what = NULL;
		return err_set(e, ENOMEM, "roll back app '%s'", args[0]);
	}
	body = json_pack("{s:s}", "version", version);
	r = change(cli, HTTP_PUT, args[0], "", body, what, e);
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

