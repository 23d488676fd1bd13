/* /v2/tasks and /v2/apps/ID/tasks. */
#include "master_stub/marathon/rest/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/rest/api_lists.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

/* ---- Reading ---- */

/* Scripts of old read one line an app and service port: id, port, host:port... */
static bool wants_text(const struct http_request *req)
{
	const char *accept = http_request_header(req, "Accept");

	return accept && strstr(accept, "text/plain") && !strstr(accept, "application/json");
}

static void print_line(FILE *out, const struct entry *entry, unsigned index)
{
	const struct app *app = entry->target;
	const struct instance *instance;
	char safe[APP_ID_SIZE];
	struct endpoint at;

	app_id_to_safe(entry->id, safe);
	if (index < app_n_ports(app))
		(void)fprintf(out, "%s\t%u\t", safe, app_service_port(app, index));
	else
		(void)fprintf(out, "%s\t \t", safe);
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (!instance_is_running(instance) || instance->is_doomed)
			continue;
		if (endpoint_at(instance, index, &at))
			(void)fprintf(out, "%s:%u\t", at.host, at.port);
		else
			(void)fprintf(out, "%s\t", instance->host);
	}
	(void)fputc('\n', out);
}

static int reply_text(struct http_request *req, const char *group)
{
	const struct controller *c = api_of(req)->controller;
	const struct entry *entry, *next;
	AUTO_FREE char *text = NULL;
	struct refusal refusal = { 0 };
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	HASH_ITER(by_id, c->entries, entry, next) {
		unsigned n = app_n_ports(entry->target);

		if (!out || entry->is_deleting || entry_is_pod(entry) ||
		    !app_id_is_within(entry->id, group))
			continue;
		for (unsigned i = 0; i < (n ? n : 1); i++)
			print_line(out, entry, i);
	}
	if (!out || fclose(out) != 0) {
		(void)refuse_memory(&refusal);
		return marathon_refuse(req, &refusal);
	}
	api_set_headers(req);
	http_reply(req, 200, "text/plain; charset=utf-8", text, size);
	return 0;
}

/* A value that is neither filters nothing: old scripts send odd ones. */
static unsigned statuses_of(const struct http_request *req)
{
	static const char *const names[] = { "status", "status[]" };
	unsigned statuses = 0;

	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		const char *value;

		for (size_t i = 0; (value = http_request_query_at(req, names[n], i)); i++) {
			if (strcasecmp(value, "running") == 0)
				statuses |= STATUS_RUNNING;
			if (strcasecmp(value, "staging") == 0)
				statuses |= STATUS_STAGING;
		}
	}
	return statuses ? statuses : STATUS_RUNNING | STATUS_STAGING;
}

/* GROUP may be a single app: it is within itself. */
static int reply_tasks(struct http_request *req, const char *group, struct err *e)
{
	struct api_list list = {
		.key = "tasks", .of = LIST_TASKS, .statuses = statuses_of(req),
	};

	(void)snprintf(list.group, sizeof(list.group), "%s", group);
	return api_reply_list(req, &list, e);
}

int api_list_tasks(struct http_request *req, struct err *e)
{
	return wants_text(req) ? reply_text(req, "/") : reply_tasks(req, "/", e);
}

int api_list_app_tasks(struct http_request *req, struct err *e)
{
	struct refusal refusal = { 0 };
	char id[API_ID_SIZE];
	size_t size;

	api_path_id(req, id);
	size = strlen(id);
	if (size >= 2 && strcmp(id + size - 2, "/*") == 0)
		id[size == 2 ? 1 : size - 2] = '\0';
	else if (!api_find_app(req, &refusal))
		return marathon_refuse(req, &refusal);
	return wants_text(req) ? reply_text(req, id) : reply_tasks(req, id, e);
}

/* ---- Killing ---- */

/* What was asked for with the tasks to kill. */
struct kill_options {
	bool scale, wipe, force;
	bool replace_first;	/* past Marathon */
};

static int read_options(const struct http_request *req, struct kill_options *ret,
			struct refusal *refusal)
{
	ret->scale = http_request_query_bool(req, "scale", false);
	ret->wipe = http_request_query_bool(req, "wipe", false);
	ret->force = http_request_query_bool(req, "force", false);
	ret->replace_first = http_request_query_bool(req, "replaceFirst", false);
	if (ret->scale && ret->replace_first)
		return refuse(refusal, 400,
			      "You cannot use scale and replaceFirst at the same time.");
	if (ret->wipe && ret->replace_first)
		return refuse(refusal, 400,
			      "You cannot use wipe and replaceFirst at the same time.");
	if (ret->scale && ret->wipe)
		return refuse(refusal, 400, "You cannot use scale and wipe at the same time.");
	return 0;
}

/* As one deployment; that those and no others go is said by their being killed. */
static int scale_and_reply(struct http_request *req, struct instance **list, unsigned n, bool force)
{
	struct controller *c = api_of(req)->controller;
	struct change_set set = { .force = force };
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	int r = changes_scale_down(c, list, n, &set, &refusal);

	if (r == 0)
		r = api_apply(req, &set, &result, &refusal);
	change_set_done(&set);
	if (r == 0)
		r = changes_kill(c, list, n, false, clock_boot_ms(), &refusal);
	return api_reply_change(req, r, &result, &refusal);
}

/* IS_ONE: it is shown under "task"; several are under "tasks". */
static int kill_and_reply(struct http_request *req, struct instance **list, unsigned n,
			  const struct kill_options *options, bool is_one)
{
	struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	json_t *tasks, *one;
	int r = 0;

	if (options->scale)
		return scale_and_reply(req, list, n, options->force);
	tasks = json_array();
	for (unsigned i = 0; i < n; i++)
		(void)json_array_append_new(tasks, task_view(c, list[i]));
	if (!http_request_query_bool(req, "dryRun", false))
		r = options->replace_first
			    ? changes_replace(c, list, n, clock_boot_ms(), &refusal)
			    : changes_kill(c, list, n, options->wipe, clock_boot_ms(), &refusal);
	if (r < 0) {
		json_decref(tasks);
		return marathon_refuse(req, &refusal);
	}
	api_changed(req);
	if (!is_one)
		return marathon_reply(req, 200, json_pack("{s:o}", "tasks", tasks));
	one = json_pack("{s:O}", "task", json_array_get(tasks, 0));
	json_decref(tasks);
	return marathon_reply(req, 200, one);
}

/* NULL: any. */
static const char *host_of(const struct http_request *req)
{
	const char *host = http_request_query(req, "host");

	return host && strcmp(host, "*") != 0 ? host : NULL;
}

/* Those that wait for their agent have no task that could be named, but data that may be wiped. */
static int wipe_vacant(struct http_request *req, const struct entry *entry, const char *host,
		       struct refusal *refusal)
{
	if (http_request_query_bool(req, "dryRun", false))
		return 0;
	return changes_wipe_vacant(api_of(req)->controller, entry, host, clock_boot_ms(), refusal);
}

int api_kill_app_tasks(struct http_request *req, struct err *e)
{
	const char *host = host_of(req);
	AUTO_FREE struct instance **list = NULL;
	struct kill_options options;
	struct refusal refusal = { 0 };
	struct entry *entry = api_find_app(req, &refusal);
	struct instance *instance;
	unsigned n = 0;

	(void)e;
	if (!entry || read_options(req, &options, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	list = calloc(entry->n_instances + 1, sizeof(struct instance *));
	if (!list) {
		(void)refuse_memory(&refusal);
		return marathon_refuse(req, &refusal);
	}
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (!host || strcmp(host, instance->host) == 0)
			list[n++] = instance;
	}
	if (options.wipe && wipe_vacant(req, entry, host, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	return kill_and_reply(req, list, n, &options, false);
}

int api_kill_app_task(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	const char *task_id = http_request_arg(req, 1);
	struct instance *instance = instance_find_task(c, task_id);
	struct kill_options options;
	struct refusal refusal = { 0 };
	const struct entry *entry = api_find_app(req, &refusal);

	(void)e;
	if (entry && (!instance || instance->entry != entry))
		(void)refuse(&refusal, 404, "Task '%s' does not exist", task_id);
	if (refusal.status || read_options(req, &options, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	return kill_and_reply(req, &instance, 1, &options, true);
}

/* Ids that look like ours but are of nothing are skipped. */
static int find_tasks(const struct controller *c, const json_t *ids, struct instance **list,
		      unsigned *ret_n, struct refusal *refusal)
{
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct instance *instance;

		if (!id || !id_is_valid(id) || !strchr(id, '.'))
			return refuse(refusal, 400, "Invalid task id '%s'. [%s]", id ? id : "",
				      "A task id is <app>.instance-<uuid>._app.<number>");
		instance = instance_find_task(c, id);
		for (unsigned k = 0; instance && k < *ret_n; k++) {
			if (list[k] == instance)
				instance = NULL;
		}
		if (instance)
			list[(*ret_n)++] = instance;
	}
	return 0;
}

/* Of an instance that does not run its last task is all that can be named. */
static int wipe_ended(struct controller *c, const json_t *ids, struct refusal *refusal)
{
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct residence *residence = residence_find_task(c, id);

		if (residence && !residence->instance &&
		    residence_give_up(c, residence, "wiped by request") < 0)
			return refuse_memory(refusal);
	}
	return 0;
}

int api_delete_tasks(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	AUTO(json_decrefp) json_t *document = NULL;
	AUTO_FREE struct instance **list = NULL;
	struct refusal refusal = { 0 };
	struct kill_options options;
	const json_t *ids;
	unsigned n = 0;
	int r;

	(void)e;
	r = api_read_json(req, &document, &refusal);
	ids = json_object_get(document, "ids");
	if (r == 0 && !json_is_array(ids))
		r = refuse_with_text(&refusal, 400, "Please specify data in JSON format",
				     "an object with the list 'ids' is expected");
	if (r == 0)
		r = read_options(req, &options, &refusal);
	if (r == 0) {
		list = calloc(json_array_size(ids) + 1, sizeof(struct instance *));
		r = list ? find_tasks(c, ids, list, &n, &refusal) : refuse_memory(&refusal);
	}
	if (r == 0 && options.wipe && !http_request_query_bool(req, "dryRun", false))
		r = wipe_ended(api_of(req)->controller, ids, &refusal);
	if (r < 0)
		return marathon_refuse(req, &refusal);
	return kill_and_reply(req, list, n, &options, false);
}
