/* /v2/apps: reading, creating, changing, deleting. */
#include "master_stub/marathon/rest/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/deployment/group_role.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/rest/api_lists.h"
#include "master_stub/marathon/rest/representation.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/effective.h"
#include "master_stub/marathon/view/views.h"

enum {
	EMBED_ALWAYS = EMBED_COUNTS | EMBED_DEPLOYMENTS,
};

static bool is_forced(const struct http_request *req)
{
	return http_request_query_bool(req, "force", false);
}

static int refuse_no_app(struct refusal *refusal, const char *id)
{
	return refuse(refusal, 404, "App '%s' does not exist", id);
}

struct entry *api_find_app(const struct http_request *req, struct refusal *refusal)
{
	char id[API_ID_SIZE];
	struct entry *entry;

	api_path_id(req, id);
	entry = entry_find_app(api_of(req)->controller, id);
	if (!entry)
		(void)refuse_no_app(refusal, id);
	return entry;
}

/* ---- Reading ---- */

/* Such a list is written while it is sent, and so has no tag. */
static bool is_long(const struct controller *c, const struct app_page *page)
{
	return !(page->limit != 0 && page->limit <= API_WHOLE_APPS) && api_has_many(c);
}

static int list_long(struct http_request *req, const struct app_page *page,
		     struct app_filter *filter_take, struct err *e)
{
	struct api_list list = {
		.key = "apps", .group = "/", .filter = filter_take, .limit = page->limit,
		.embeds = api_embeds(req) | EMBED_ALWAYS, .cursor = page->cursor,
		.fields = http_request_query(req, "fields"),
	};

	return api_reply_list(req, &list, e);
}

int api_list_apps(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	unsigned embeds = api_embeds(req) | EMBED_ALWAYS;
	const char *fields = http_request_query(req, "fields");
	const struct entry *entry, *next;
	struct refusal refusal = { 0 };
	struct app_filter *filter;
	struct app_page page;
	json_t *apps, *body;

	if (app_page_read(req, &page, &refusal) < 0 ||
	    app_filter_new(req, &filter, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	if (is_long(c, &page))
		return list_long(req, &page, filter, e);
	apps = json_array();
	HASH_ITER(by_id, c->entries, entry, next) {
		if (!entry->is_deleting && !entry_is_pod(entry) &&
		    app_filter_matches(filter, entry->target) &&
		    app_page_takes(&page, entry->id))
			(void)json_array_append_new(
				apps, app_fields(fields, app_view(c, entry, embeds)));
	}
	app_filter_free(filter);
	body = json_pack("{s:o}", "apps", apps);
	if (page.has_more)
		(void)json_object_set_new(body, "nextCursor", json_string(page.last));
	return api_reply_tagged(req, body, NULL);
}

/* "/group/" and a star at the end of a path: all apps below the group. */
static bool is_group_pattern(char id[API_ID_SIZE])
{
	size_t size = strlen(id);

	if (size < 2 || strcmp(id + size - 2, "/*") != 0)
		return false;
	id[size == 2 ? 1 : size - 2] = '\0';
	return true;
}

/* The odd key is the reference's. */
static int list_group(struct http_request *req, const char *group, struct err *e)
{
	struct api_list list = { .key = "*", .embeds = api_embeds(req) | EMBED_ALWAYS };

	(void)snprintf(list.group, sizeof(list.group), "%s", group);
	return api_reply_list(req, &list, e);
}

/* Everything that can be known of one app: tasks and the last failure are always there. */
int api_reply_app(struct http_request *req, const struct entry *entry)
{
	unsigned embeds = api_embeds(req) | EMBED_ALWAYS | EMBED_TASKS | EMBED_FAILURE;

	return api_reply_tagged(
		req,
		json_pack("{s:o}", "app",
			  app_fields(http_request_query(req, "fields"),
				     app_view(api_of(req)->controller, entry, embeds))),
		entry->target->version);
}

int api_get_app(struct http_request *req, struct err *e)
{
	struct refusal refusal = { 0 };
	const struct entry *entry;
	char id[API_ID_SIZE];

	(void)e;
	api_path_id(req, id);
	if (is_group_pattern(id))
		return list_group(req, id, e);
	entry = api_find_app(req, &refusal);
	return entry ? api_reply_app(req, entry) : marathon_refuse(req, &refusal);
}

int api_list_versions(struct http_request *req, struct err *e)
{
	struct refusal refusal = { 0 };
	const struct version *version;
	const struct entry *entry = api_find_app(req, &refusal);
	json_t *list;

	(void)e;
	if (!entry)
		return marathon_refuse(req, &refusal);
	list = json_array();
	TAILQ_FOREACH(version, &entry->versions, of_app) {
		if (entry_is_like(entry, version->app))
			(void)json_array_append_new(list, json_string(version->app->version));
	}
	return marathon_reply(req, 200, json_pack("{s:o}", "versions", list));
}

/* The stored definition of VERSION, borrowed; NULL with REFUSAL set. */
static struct app *find_version(const struct controller *c, const char *id, const char *version,
				struct refusal *refusal)
{
	const struct entry *entry = entry_find_app(c, id);
	struct app *app = NULL;
	int64_t time;

	if (!entry)
		(void)refuse_no_app(refusal, id);
	else if (clock_parse(version, &time) < 0)
		(void)refuse(refusal, 422, "Invalid timestamp provided '%s'. Expecting ISO-8601 "
					   "datetime string.", version);
	else if (!(app = entry_version(entry, version)) || !entry_is_like(entry, app))
		(void)refuse(refusal, 404, "App '%s' does not exist in version %s", id, version);
	return refusal->status ? NULL : app;
}

int api_get_version(struct http_request *req, struct err *e)
{
	struct refusal refusal = { 0 };
	const struct app *app;
	char id[API_ID_SIZE];

	(void)e;
	api_path_id(req, id);
	app = find_version(api_of(req)->controller, id, http_request_arg(req, 1), &refusal);
	if (!app)
		return marathon_refuse(req, &refusal);
	return marathon_reply(req, 200, app_to_json(app));
}

/* ?task=ID: what that one was launched with. */
int api_get_effective(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	const char *task_id = http_request_query(req, "task");
	const struct instance_task *task = task_id ? instance_task_find(c, task_id) : NULL;
	struct refusal refusal = { 0 };
	const struct entry *entry = api_find_app(req, &refusal);

	(void)e;
	if (entry && task_id && (!task || task->instance->entry != entry))
		(void)refuse(&refusal, 404, "Task '%s' does not exist", task_id);
	if (refusal.status)
		return marathon_refuse(req, &refusal);
	return marathon_reply(req, 200,
			      json_pack("{s:o}", "effective",
					effective_view(api_of(req)->controller, entry, task)));
}

/* ---- Changing ---- */

static int check_match(const struct http_request *req, const char *id, struct refusal *refusal)
{
	const struct entry *entry = entry_find_app(api_of(req)->controller, id);

	return api_check_match(req, "App", id, entry ? entry->target : NULL, refusal);
}

static void tell_post(struct http_request *req, const struct app *app)
{
	char ip[API_PEER_SIZE];

	api_client_ip(req, ip);
	event_api_post(api_of(req)->controller, ip, http_request_path(req), app);
}

/* Takes APP into a set of one. */
static int apply_one(struct http_request *req, const char *id, struct app *app_take,
		     bool is_restart, bool force, struct change_result *result,
		     struct refusal *refusal)
{
	char where[APP_ID_SIZE];
	struct change_set set = { .where = where, .force = force };
	struct change *change = change_set_app(&set, id);
	int r;

	if (!change) {
		app_unref(app_take);
		return refuse_memory(refusal);
	}
	change->app = app_take;
	change->is_restart = is_restart;
	app_id_parent(id, where);
	r = api_apply(req, &set, result, refusal);
	change_set_done(&set);
	return r;
}

/* Nothing runs yet, whatever the deployment has come to by the time this is read. */
static json_t *created_view(const struct app *app, const struct change_result *result)
{
	json_t *view = app_to_json(app);

	(void)json_object_update_new(
		view, json_pack("{s:i, s:i, s:i, s:i, s:[{s:s}]}", "tasksStaged", 0,
				"tasksRunning", 0, "tasksHealthy", 0, "tasksUnhealthy", 0,
				"deployments", "id", result->deployment_id));
	return view;
}

static int reply_created(struct http_request *req, const struct app *app,
			 const struct change_result *result)
{
	json_t *conflicts = app_port_conflicts_view(api_of(req)->controller, app);
	json_t *view = created_view(app, result);

	if (conflicts)
		(void)json_object_set_new(view, "portConflicts", conflicts);
	tell_post(req, app);
	api_changed(req);
	http_reply_header(req, "Location", app->id);
	http_reply_header(req, "Marathon-Deployment-Id", result->deployment_id);
	return marathon_reply(req, 201, view);
}

/* Only here an app that exists is refused: go-marathon tells it from a lock by the body. */
int api_create_app(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	AUTO(json_decrefp) json_t *document = NULL;
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	struct app *app = NULL;
	struct role_rules rules;
	int r;

	(void)e;
	r = api_read_json(req, &document, &refusal);
	rules = group_role_rules_of(c, document);
	if (r == 0)
		r = app_parse(document, NULL, &rules, &app, &refusal);
	if (r == 0)
		r = api_refuse_taken(req, app->id, &refusal);
	if (r == 0)
		r = apply_one(req, app->id, app_ref(app), false, is_forced(req), &result,
			      &refusal);
	if (r < 0)
		(void)marathon_refuse(req, &refusal);
	else if (r != API_ANSWERED)
		(void)reply_created(req, app, &result);
	app_unref(app);
	return 0;
}

/* {"version": ...} with nothing but an id: go back to that version. */
static int parse_rollback(const struct controller *c, const json_t *document, const char *id,
			  struct app **ret, struct refusal *refusal)
{
	const char *version = json_string_value(json_object_get(document, "version"));
	size_t n_allowed = json_object_get(document, "id") ? 2 : 1;
	struct problems problems = { 0 };
	struct app *old;
	int r;

	if (json_object_size(document) > n_allowed) {
		problems_add(&problems, "/version", "The 'version' field may only be combined "
						    "with the 'id' field.");
		r = refuse_problems(refusal, "Object is not valid", &problems);
		problems_done(&problems);
		return r;
	}
	old = find_version(c, id, version ? version : "", refusal);
	if (!old)
		return -1;
	*ret = app_with_instances(old, old->instances);
	return *ret ? 0 : refuse_memory(refusal);
}

/* The definition that an update of the app ID makes; *RET_IS_NEW: there was none. */
static int parse_update(const struct controller *c, const json_t *document, const char *id,
			bool is_partial, bool may_create, struct app **ret, bool *ret_is_new,
			struct refusal *refusal)
{
	const struct entry *entry = entry_find_app(c, id);
	const struct role_rules rules = group_role_rules(c, NULL, id);
	const char *own = json_string_value(json_object_get(document, "id"));
	char own_id[APP_ID_SIZE];

	*ret_is_new = !entry;
	if (!json_is_object(document))
		return app_parse(document, id, &rules, ret, refusal);
	if (own && (app_id_resolve("/", own, own_id) < 0 || strcmp(own_id, id) != 0))
		return refuse(refusal, 400, "'%s' does not match definition's id ('%s')", id, own);
	if (!entry && !may_create)
		return refuse_no_app(refusal, id);
	if (json_is_string(json_object_get(document, "version")))
		return parse_rollback(c, document, id, ret, refusal);
	if (entry && is_partial)
		return app_parse_update(entry->target, document, &rules, ret, refusal);
	return app_parse(document, id, &rules, ret, refusal);
}

/* Of the request, not of the app: what is read back and sent again is not in place by that. */
static int take_in_place(const struct http_request *req, struct app *app, struct refusal *refusal)
{
	const struct entry *entry = entry_find_app(api_of(req)->controller, app->id);

	if (!entry || !http_request_query_bool(req, "inPlace", false))
		return 0;
	return app_set_in_place(app, entry->target, refusal);
}

/* PUT and PATCH of one app differ in what an absent field and an absent app mean. */
static int update_app(struct http_request *req, bool is_partial, bool may_create)
{
	AUTO(json_decrefp) json_t *document = NULL;
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	struct app *app = NULL;
	char id[API_ID_SIZE];
	bool is_new = false;
	int r;

	api_path_id(req, id);
	r = check_match(req, id, &refusal);
	if (r == 0)
		r = api_read_json(req, &document, &refusal);
	if (r == 0)
		r = parse_update(api_of(req)->controller, document, id, is_partial, may_create,
				 &app, &is_new, &refusal);
	if (r == 0)
		r = take_in_place(req, app, &refusal);
	if (r == 0)
		r = apply_one(req, app->id, app_ref(app), false, is_forced(req), &result,
			      &refusal);
	if (r != 0) {
		app_unref(app);
		return api_reply_change(req, r, &result, &refusal);
	}
	tell_post(req, app);
	if (is_new)
		http_reply_header(req, "Location", app->id);
	app_unref(app);
	return api_reply_deployment(req, is_new ? 201 : 200, &result);
}

int api_put_app(struct http_request *req, struct err *e)
{
	(void)e;
	return update_app(req, http_request_query_bool(req, "partialUpdate", true), true);
}

int api_patch_app(struct http_request *req, struct err *e)
{
	(void)e;
	return update_app(req, true, false);
}

/* ---- Several at once ---- */

static int parse_element(const struct controller *c, const json_t *document, bool is_partial,
			 bool may_create, struct change *change, struct refusal *refusal)
{
	const char *text = json_string_value(json_object_get(document, "id"));
	struct problems problems = { 0 };
	char id[APP_ID_SIZE];
	bool is_new;
	int r;

	if (!text || app_id_resolve("/", text, id) < 0) {
		problems_add(&problems, "/id", text ? "must be a path below the root"
						    : "error.path.missing");
		r = refuse_problems(refusal, "Invalid JSON", &problems);
		problems_done(&problems);
		return r;
	}
	(void)snprintf(change->app_id, sizeof(change->app_id), "%s", id);
	return parse_update(c, document, id, is_partial, may_create, &change->app, &is_new,
			    refusal);
}

static int parse_list(const struct http_request *req, const json_t *list, bool is_partial,
		      bool may_create, struct change_set *set, struct refusal *refusal)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct change change = { 0 }, *kept;
		int r = parse_element(api_of(req)->controller, json_array_get(list, i), is_partial,
				      may_create, &change, refusal);

		if (r == 0)
			r = take_in_place(req, change.app, refusal);
		if (r == 0 && change_set_find(set, change.app_id))
			r = refuse(refusal, 422, "App '%s' is given more than once",
				   change.app_id);
		kept = r == 0 ? change_set_app(set, change.app_id) : NULL;
		if (!kept) {
			app_unref(change.app);
			return r < 0 ? r : refuse_memory(refusal);
		}
		*kept = change;
	}
	return 0;
}

/* All of them become one deployment, or none does. */
static int update_apps(struct http_request *req, bool is_partial, bool may_create)
{
	struct change_set set = { .force = is_forced(req) };
	AUTO(json_decrefp) json_t *list = NULL;
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	int r = api_read_json(req, &list, &refusal);

	if (r == 0 && !json_is_array(list))
		r = refuse_with_text(&refusal, 400, "Please specify data in JSON format",
				     "an array of app updates is expected");
	if (r == 0)
		r = parse_list(req, list, is_partial, may_create, &set, &refusal);
	if (r == 0)
		r = api_apply(req, &set, &result, &refusal);
	change_set_done(&set);
	return api_reply_change(req, r, &result, &refusal);
}

int api_put_apps(struct http_request *req, struct err *e)
{
	(void)e;
	return update_apps(req, http_request_query_bool(req, "partialUpdate", true), true);
}

int api_patch_apps(struct http_request *req, struct err *e)
{
	(void)e;
	return update_apps(req, true, false);
}

/* ---- Restarting and deleting ---- */

static int change_whole(struct http_request *req, bool is_restart, bool force)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	const struct entry *entry = api_find_app(req, &refusal);
	char id[API_ID_SIZE];
	struct app *app;
	int r;

	if (!entry)
		return marathon_refuse(req, &refusal);
	/* Its own ends with it. */
	(void)snprintf(id, sizeof(id), "%s", entry->id);
	app = app_ref(entry->target);
	r = check_match(req, id, &refusal);
	if (r == 0)
		r = apply_one(req, id, NULL, is_restart, force, &result, &refusal);
	if (r == 0 && !is_restart)
		tell_post(req, app);
	app_unref(app);
	return api_reply_change(req, r, &result, &refusal);
}

int api_restart_app(struct http_request *req, struct err *e)
{
	(void)e;
	return change_whole(req, true, is_forced(req));
}

/* Unlike everywhere else force is the default: what is to go need not be waited for. */
int api_delete_app(struct http_request *req, struct err *e)
{
	(void)e;
	return change_whole(req, false, http_request_query_bool(req, "force", true));
}
