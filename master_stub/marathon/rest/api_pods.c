/* /v2/pods (reference/marathon.md 1.10). */
#include "master_stub/marathon/rest/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/deployment/group_role.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/rest/api_lists.h"
#include "master_stub/marathon/rest/representation.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

/* "/a/b::versions/2026-..." is the pod "/a/b", of it "versions", of them one. */
struct address {
	char id[API_ID_SIZE];
	char *aspect; /* into ID's buffer; "" without */
	char *part;   /* likewise */
};

static void read_address(const struct http_request *req, struct address *ret)
{
	static char none[] = "";
	char *mark;

	api_path_id(req, ret->id);
	ret->aspect = ret->part = none;
	mark = strstr(ret->id, "::");
	if (!mark)
		return;
	ret->aspect = mark + 2;
	while (mark > ret->id + 1 && mark[-1] == '/')
		mark--;
	*mark = '\0';
	mark = strchr(ret->aspect, '/');
	if (!mark)
		return;
	*mark = '\0';
	ret->part = mark + 1;
}

static int refuse_no_pod(struct refusal *refusal, const char *id)
{
	return refuse(refusal, 404, "Pod '%s' does not exist", id);
}

static int refuse_address(struct http_request *req)
{
	struct refusal refusal = { 0 };

	(void)refuse(&refusal, 404, "URI not found");
	return marathon_refuse(req, &refusal);
}

/* ---- Reading ---- */

static int reply_list(struct http_request *req, enum api_list_of of, struct err *e)
{
	struct api_list list = { .group = "/", .of = of };

	return api_reply_list(req, &list, e);
}

int api_list_pods(struct http_request *req, struct err *e)
{
	return reply_list(req, LIST_PODS, e);
}

static int get_definition(struct http_request *req, const struct entry *entry, const char *part)
{
	(void)part;
	return api_reply_tagged(req, spec_view(entry->target), entry->target->version);
}

static int get_status(struct http_request *req, const struct entry *entry, const char *part)
{
	(void)part;
	return marathon_reply(req, 200, pod_status_view(api_of(req)->controller, entry));
}

static int get_version(struct http_request *req, const struct entry *entry, const char *text)
{
	struct refusal refusal = { 0 };
	const struct app *pod = NULL;
	int64_t time;

	if (clock_parse(text, &time) < 0)
		(void)refuse(&refusal, 422,
			     "Invalid timestamp provided '%s'. Expecting ISO-8601 datetime string.",
			     text);
	else if (!(pod = entry_version(entry, text)) || !entry_is_like(entry, pod))
		(void)refuse_no_pod(&refusal, entry->id);
	return !refusal.status ? marathon_reply(req, 200, spec_view(pod)) : marathon_refuse(req, &refusal);
}

static int get_versions(struct http_request *req, const struct entry *entry, const char *part)
{
	const struct version *version;
	json_t *list;

	if (*part)
		return get_version(req, entry, part);
	list = json_array();
	TAILQ_FOREACH(version, &entry->versions, of_app) {
		if (entry_is_like(entry, version->app))
			(void)json_array_append_new(list, json_string(version->app->version));
	}
	return marathon_reply(req, 200, list);
}

/* What there is to read of a pod. */
static const struct {
	const char *name;
	bool has_parts;
	bool is_of_leaving; /* of one that is being deleted, too */
	int (*get)(struct http_request *req, const struct entry *entry, const char *part);
} aspects[] = {
	{ "", false, false, get_definition },
	{ "status", false, true, get_status },
	{ "versions", true, false, get_versions },
};

int api_get_pod(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	struct address address;

	read_address(req, &address);
	if (strcmp(address.id, "/") == 0 && strcmp(address.aspect, "status") == 0)
		return reply_list(req, LIST_POD_STATUSES, e);
	for (size_t i = 0; i < ARRAY_SIZE(aspects); i++) {
		const struct entry *entry = aspects[i].is_of_leaving
						    ? entry_find(c, address.id)
						    : entry_find_live(c, address.id);

		if (strcmp(aspects[i].name, address.aspect) != 0 ||
		    (*address.part && !aspects[i].has_parts))
			continue;
		if (entry && entry_is_pod(entry))
			return aspects[i].get(req, entry, address.part);
		(void)refuse_no_pod(&refusal, address.id);
		return marathon_refuse(req, &refusal);
	}
	return refuse_address(req);
}

/* ---- Changing ---- */

static void tell(struct http_request *req, const char *type)
{
	char ip[API_PEER_SIZE];

	api_client_ip(req, ip);
	event_pod(api_of(req)->controller, type, ip, http_request_path(req));
	api_changed(req);
}

/* The one change of POD, which is a reference or NULL: delete it. */
static int apply(struct http_request *req, const char *id, struct app *pod,
		 struct change_result *ret, struct refusal *refusal)
{
	char where[APP_ID_SIZE];
	struct change_set set = { .where = where,
				  .force = http_request_query_bool(req, "force", false) };
	struct change *change = change_set_app(&set, id);
	int r;

	if (!change)
		return refuse_memory(refusal);
	change->app = pod ? app_ref(pod) : NULL;
	app_id_parent(id, where);
	r = api_apply(req, &set, ret, refusal);
	change_set_done(&set);
	return r;
}

/* R is what apply() came to. */
static int reply_pod(struct http_request *req, int r, const struct app *pod, const char *event,
		     const struct change_result *result, struct refusal *refusal)
{
	bool is_created = strcmp(event, "pod_created_event") == 0;

	if (r < 0)
		return marathon_refuse(req, refusal);
	if (r == API_ANSWERED)
		return 0;
	tell(req, event);
	if (is_created)
		http_reply_header(req, "Location", pod->id);
	http_reply_header(req, "Marathon-Deployment-Id", result->deployment_id);
	return marathon_reply(req, is_created ? 201 : 200, spec_view(pod));
}

int api_create_pod(struct http_request *req, struct err *e)
{
	AUTO(json_decrefp) json_t *document = NULL;
	AUTO(app_unrefp) struct app *pod = NULL;
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	struct role_rules rules;
	int r;

	(void)e;
	r = api_read_json(req, &document, &refusal);
	rules = group_role_rules_of(api_of(req)->controller, document);
	if (r == 0)
		r = pod_parse(document, NULL, &rules, &pod, &refusal);
	if (r == 0)
		r = api_refuse_taken(req, pod->id, &refusal);
	if (r == 0)
		r = apply(req, pod->id, pod, &result, &refusal);
	return reply_pod(req, r, pod, "pod_created_event", &result, &refusal);
}

static int check_id(const struct app *pod, const json_t *document, const char *id,
		    struct refusal *refusal)
{
	if (strcmp(pod->id, id) == 0)
		return 0;
	return refuse(refusal, 400, "'%s' does not match definition's id ('%s')", id,
		      json_string_value(json_object_get(document, "id")));
}

/* The whole definition; one that is not there is created. */
int api_put_pod(struct http_request *req, struct err *e)
{
	const struct entry *entry;
	AUTO(json_decrefp) json_t *document = NULL;
	AUTO(app_unrefp) struct app *pod = NULL;
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	struct role_rules rules;
	struct address address;
	int r;

	(void)e;
	read_address(req, &address);
	if (*address.aspect)
		return refuse_address(req);
	rules = group_role_rules(api_of(req)->controller, NULL, address.id);
	entry = entry_find_pod(api_of(req)->controller, address.id);
	r = api_check_match(req, "Pod", address.id, entry ? entry->target : NULL, &refusal);
	if (r == 0)
		r = api_read_json(req, &document, &refusal);
	if (r == 0)
		r = pod_parse(document, NULL, &rules, &pod, &refusal);
	if (r == 0)
		r = check_id(pod, document, address.id, &refusal);
	if (r == 0)
		r = apply(req, pod->id, pod, &result, &refusal);
	return reply_pod(req, r, pod, "pod_updated_event", &result, &refusal);
}

static int delete_pod(struct http_request *req, const struct entry *entry)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	int r = api_check_match(req, "Pod", entry->id, entry->target, &refusal);

	if (r == 0)
		r = apply(req, entry->id, NULL, &result, &refusal);
	if (r < 0)
		return marathon_refuse(req, &refusal);
	if (r == API_ANSWERED)
		return 0;
	tell(req, "pod_deleted_event");
	api_set_headers(req);
	http_reply_header(req, "Location", result.deployment_id);
	http_reply_header(req, "Marathon-Deployment-Id", result.deployment_id);
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

/* ---- Killing ---- */

/* Something, a dot, "instance-" or "marathon-", and no more dots. */
static bool is_instance_id(const char *id)
{
	const char *dot = strrchr(id, '.');

	if (!dot || dot == id)
		return false;
	return (strncmp(dot, ".instance-", 10) == 0 || strncmp(dot, ".marathon-", 10) == 0) &&
	       dot[10];
}

static int read_id(const json_t *item, const char *path, const char **ret_id,
		   struct refusal *refusal)
{
	struct problems problems = { 0 };
	int r;

	*ret_id = json_string_value(item);
	if (*ret_id && is_instance_id(*ret_id))
		return 0;
	problems_add(&problems, path,
		     *ret_id ? "must fully match regular expression "
			       "'^(.+)\\.(instance-|marathon-)([^\\.]+)$'"
			     : "error.expected.jsstring");
	r = refuse_problems(refusal, *ret_id ? "Object is not valid" : "Invalid JSON", &problems);
	problems_done(&problems);
	return r;
}

/* Of ENTRY's instances those that are listed, each once; others that may be of another time are
 * skipped. */
static int select_instances(const struct entry *entry, const json_t *ids, struct instance **list,
			    unsigned *ret_n, struct refusal *refusal)
{
	struct instance *instance;

	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id;
		char path[32];
		int r;

		(void)snprintf(path, sizeof(path), "/(%zu)", i);
		r = read_id(json_array_get(ids, i), path, &id, refusal);
		if (r < 0)
			return r;
	}
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		bool is_listed = false;

		for (size_t i = 0; i < json_array_size(ids); i++)
			is_listed |= strcmp(json_string_value(json_array_get(ids, i)),
					    instance->id) == 0;
		if (is_listed)
			list[(*ret_n)++] = instance;
	}
	return 0;
}

/*
 * Others take their places.  Nothing is to be wiped: what a pod's instances have goes with them.
 * IS_ONE: it is answered for itself, and has to be there.
 */
static int kill_instances(struct http_request *req, const struct entry *entry, const json_t *ids,
			  bool is_one)
{
	struct controller *c = api_of(req)->controller;
	AUTO_FREE struct instance **list =
		calloc(entry->n_instances + 1, sizeof(struct instance *));
	AUTO(json_decrefp) json_t *views = json_array();
	struct refusal refusal = { 0 };
	unsigned n = 0;
	int r = list ? select_instances(entry, ids, list, &n, &refusal) : refuse_memory(&refusal);

	if (r == 0 && is_one && n == 0)
		r = refuse(&refusal, 404, "Task '%s' does not exist",
			   json_string_value(json_array_get(ids, 0)));
	for (unsigned i = 0; r == 0 && i < n; i++)
		(void)json_array_append_new(views, pod_instance_view(list[i]));
	if (r == 0 && !http_request_query_bool(req, "dryRun", false))
		r = changes_kill(c, list, n, false, clock_boot_ms(), &refusal);
	if (r < 0)
		return marathon_refuse(req, &refusal);
	api_changed(req);
	return marathon_reply(req, 200, json_incref(is_one ? json_array_get(views, 0) : views));
}

static int kill_listed(struct http_request *req, const struct entry *entry)
{
	AUTO(json_decrefp) json_t *ids = NULL;
	struct refusal refusal = { 0 };
	int r = api_read_json(req, &ids, &refusal);

	if (r == 0 && !json_is_array(ids))
		r = refuse_with_text(&refusal, 400, "Please specify data in JSON format",
				     "a list of ids of instances is expected");
	return r < 0 ? marathon_refuse(req, &refusal) : kill_instances(req, entry, ids, false);
}

int api_delete_pod(struct http_request *req, struct err *e)
{
	AUTO(json_decrefp) json_t *one = NULL;
	struct refusal refusal = { 0 };
	const struct entry *entry;
	struct address address;

	(void)e;
	read_address(req, &address);
	if (*address.aspect && strcmp(address.aspect, "instances") != 0)
		return refuse_address(req);
	entry = entry_find_pod(api_of(req)->controller, address.id);
	if (!entry) {
		(void)refuse_no_pod(&refusal, address.id);
		return marathon_refuse(req, &refusal);
	}
	if (!*address.aspect)
		return delete_pod(req, entry);
	if (!*address.part)
		return kill_listed(req, entry);
	one = json_pack("[s]", address.part);
	return kill_instances(req, entry, one, true);
}
