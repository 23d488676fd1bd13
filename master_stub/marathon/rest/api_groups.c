/* /v2/groups. */
#include "master_stub/marathon/rest/api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json_source.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/group_update.h"
#include "master_stub/marathon/rest/api_lists.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

static int refuse_no_group(struct http_request *req, const char *id)
{
	struct refusal refusal = { 0 };

	(void)refuse(&refusal, 404, "Group '%s' does not exist", id);
	return marathon_refuse(req, &refusal);
}

/* ---- Reading ---- */

static int reply_or_404(struct http_request *req, const char *id, json_t *view_take)
{
	return view_take ? marathon_reply(req, 200, view_take) : refuse_no_group(req, id);
}

/* SOURCE was made with result R. */
static int reply_source_or_404(struct http_request *req, const char *id, int r,
			       const struct json_source *source_take, struct err *e)
{
	if (r == 0)
		return api_reply_source(req, source_take, e);
	return r == -ENOENT ? refuse_no_group(req, id) : marathon_reply(req, 200, NULL);
}

int api_get_group(struct http_request *req, struct err *e)
{
	unsigned embeds = api_group_embeds(req) | EMBED_COUNTS | EMBED_DEPLOYMENTS;
	struct json_source source;
	char id[API_ID_SIZE];
	int r;

	api_path_id(req, id);
	r = group_source(api_of(req)->controller, id, embeds, &source);
	return reply_source_or_404(req, id, r, &source, e);
}

int api_list_group_apps(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	unsigned embeds = api_embeds(req) | EMBED_COUNTS | EMBED_DEPLOYMENTS;
	const struct entry *entry = NULL;
	char id[API_ID_SIZE];
	json_t *apps;

	(void)e;
	api_path_id(req, id);
	if (!group_exists(c, id))
		return refuse_no_group(req, id);
	apps = json_array();
	while ((entry = group_next_app(c, id, entry))) {
		if (!entry_is_pod(entry))
			(void)json_array_append_new(apps, app_view(c, entry, embeds));
	}
	return marathon_reply(req, 200, apps);
}

int api_list_group_versions(struct http_request *req, struct err *e)
{
	char id[API_ID_SIZE];

	(void)e;
	api_path_id(req, id);
	return reply_or_404(req, id, group_versions_view(api_of(req)->controller, id));
}

/* The version is what stands last: the root's address has it alone. */
int api_get_group_version(struct http_request *req, struct err *e)
{
	bool is_root = !*http_request_arg(req, 1);
	const char *version = http_request_arg(req, is_root ? 0 : 1);
	struct refusal refusal = { 0 };
	char id[API_ID_SIZE] = "/";
	struct json_source source;
	int64_t time;
	int r;

	if (!is_root)
		api_path_id(req, id);
	if (clock_parse(version, &time) < 0) {
		(void)refuse(&refusal, 422, "Invalid timestamp provided '%s'. Expecting ISO-8601 "
					    "datetime string.", version);
		return marathon_refuse(req, &refusal);
	}
	r = group_version_source(api_of(req)->controller, id, version, api_group_embeds(req),
				 &source);
	return reply_source_or_404(req, id, r, &source, e);
}

/* ---- Changing ---- */

/* What the request says, and of which group. */
struct group_request {
	char path[API_ID_SIZE];		/* of the address */
	char id[API_ID_SIZE];		/* that is meant */
	char where[API_ID_SIZE];	/* told of in the events: the group around that of the address */
	json_t *update;
};

static int read_request(struct http_request *req, struct group_request *ret,
			struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *document = NULL;
	const char *complaint;
	int r;

	api_path_id(req, ret->path);
	complaint = app_id_path_complaint(ret->path);
	if (complaint)
		return refuse(refusal, 422, "'%s' %s", ret->path, complaint);
	memcpy(ret->id, ret->path, sizeof(ret->id));
	(void)app_id_resolve(ret->path, "..", ret->where);
	r = api_read_json(req, &document, refusal);
	return r < 0 ? r : group_update_read(document, ret->id, &ret->update, refusal);
}

static int change_group(struct http_request *req, struct group_request *g,
			struct change_result *result, struct refusal *refusal)
{
	struct change_set set = {
		.where = g->where, .force = http_request_query_bool(req, "force", false),
	};
	int r = group_update_changes(api_of(req)->controller, g->id, g->update, &set, refusal);

	if (r == 0)
		r = api_apply(req, &set, result, refusal);
	change_set_done(&set);
	return r;
}

static int refuse_existing(const struct controller *c, const char *id, struct refusal *refusal)
{
	if (group_exists(c, id))
		return refuse(refusal, 409, "Group %s is already created. Use PUT to change this "
					    "group.", id);
	if (entry_find_app(c, id))
		return refuse(refusal, 409, "An app with the path %s already exists.", id);
	if (entry_find_pod(c, id))
		return refuse(refusal, 409, "A pod with the path %s already exists.", id);
	return 0;
}

/* Made anew, or changed: what came of it is in *RET. */
static int write_group(struct http_request *req, bool is_new, struct change_result *ret,
		       struct refusal *refusal)
{
	struct group_request g = { 0 };
	int r = read_request(req, &g, refusal);

	if (r == 0 && is_new)
		r = refuse_existing(api_of(req)->controller, g.id, refusal);
	if (r == 0)
		r = change_group(req, &g, ret, refusal);
	json_decref(g.update);
	if (r == 0 && is_new)
		http_reply_header(req, "Location", g.id);
	return r;
}

int api_create_group(struct http_request *req, struct err *e)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	int r = write_group(req, true, &result, &refusal);

	(void)e;
	if (r < 0)
		return marathon_refuse(req, &refusal);
	return r == API_ANSWERED ? 0 : api_reply_deployment(req, 201, &result);
}

int api_put_group(struct http_request *req, struct err *e)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	int r = write_group(req, false, &result, &refusal);

	(void)e;
	return api_reply_change(req, r, &result, &refusal);
}

int api_patch_group(struct http_request *req, struct err *e)
{
	struct change_set set = { .force = http_request_query_bool(req, "force", false) };
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	struct group_request g = { 0 };
	int r;

	(void)e;
	r = read_request(req, &g, &refusal);
	set.where = g.where;
	if (r == 0)
		r = group_patch_changes(api_of(req)->controller, g.path, g.update, &set, &refusal);
	if (r == 0 && set.n_groups > 0)
		r = api_apply(req, &set, &result, &refusal);
	change_set_done(&set);
	json_decref(g.update);
	if (r < 0)
		return marathon_refuse(req, &refusal);
	if (r == API_ANSWERED)
		return 0;
	api_changed(req);
	api_set_headers(req);
	http_reply(req, 200, NULL, NULL, 0);
	return 0;
}

int api_delete_group(struct http_request *req, struct err *e)
{
	struct change_set set = { .force = http_request_query_bool(req, "force", false) };
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	char id[API_ID_SIZE], where[API_ID_SIZE];
	int r;

	(void)e;
	api_path_id(req, id);
	(void)app_id_resolve(id, "..", where);
	set.where = where;
	r = group_delete_changes(api_of(req)->controller, id, &set, &refusal);
	if (r == 0)
		r = api_apply(req, &set, &result, &refusal);
	change_set_done(&set);
	return api_reply_change(req, r, &result, &refusal);
}
