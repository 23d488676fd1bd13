#include "master_stub/marathon/rest/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "master_stub/marathon/definition/label_selector.h"
#include "master_stub/marathon/deployment/plan.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

/* The first match wins: what ends in a word stands before the bare id. */
static const struct route routes[] = {
	{ HTTP_GET, "/ping", api_ping, 0 },
	{ HTTP_GET, "/v2/apps", api_list_apps, 0 },
	{ HTTP_POST, "/v2/apps", api_create_app, 0 },
	{ HTTP_PUT, "/v2/apps", api_put_apps, 0 },
	{ HTTP_PATCH, "/v2/apps", api_patch_apps, 0 },
	{ HTTP_POST, "/v2/apps/*/restart", api_restart_app, 0 },
	{ HTTP_GET, "/v2/apps/*/tasks", api_list_app_tasks, 0 },
	{ HTTP_DELETE, "/v2/apps/*/tasks", api_kill_app_tasks, 0 },
	{ HTTP_DELETE, "/v2/apps/*/tasks/:task", api_kill_app_task, 0 },
	{ HTTP_GET, "/v2/apps/*/autoscale", api_get_autoscale, 0 },
	{ HTTP_GET, "/v2/apps/*/effective", api_get_effective, 0 },
	{ HTTP_GET, "/v2/apps/*/versions", api_list_versions, 0 },
	{ HTTP_GET, "/v2/apps/*/versions/:version", api_get_version, 0 },
	{ HTTP_GET, "/v2/apps/*", api_get_app, 0 },
	{ HTTP_PUT, "/v2/apps/*", api_put_app, 0 },
	{ HTTP_PATCH, "/v2/apps/*", api_patch_app, 0 },
	{ HTTP_DELETE, "/v2/apps/*", api_delete_app, 0 },
	{ HTTP_GET, "/v2/pods", api_list_pods, 0 },
	{ HTTP_POST, "/v2/pods", api_create_pod, 0 },
	{ HTTP_GET, "/v2/pods/*", api_get_pod, 0 },
	{ HTTP_PUT, "/v2/pods/*", api_put_pod, 0 },
	{ HTTP_DELETE, "/v2/pods/*", api_delete_pod, 0 },
	{ HTTP_GET, "/v2/tasks", api_list_tasks, 0 },
	{ HTTP_POST, "/v2/tasks/delete", api_delete_tasks, 0 },
	{ HTTP_GET, "/v2/deployments", api_list_deployments, 0 },
	{ HTTP_GET, "/v2/deployments/:id", api_get_deployment, 0 },
	{ HTTP_DELETE, "/v2/deployments/:id", api_cancel_deployment, 0 },
	{ HTTP_POST, "/v2/deployments/:id/promote", api_promote_deployment, 0 },
	{ HTTP_POST, "/v2/deployments/:id/pause", api_pause_deployment, 0 },
	{ HTTP_POST, "/v2/deployments/:id/resume", api_resume_deployment, 0 },
	{ HTTP_POST, "/v2/deployments/:id/abort", api_abort_deployment, 0 },
	{ HTTP_POST, "/v2/deployments/:id/weight", api_weigh_deployment, 0 },
	{ HTTP_GET, "/v2/queue", api_get_queue, 0 },
	{ HTTP_DELETE, "/v2/queue/*/delay", api_reset_delay, 0 },
	{ HTTP_GET, "/v2/events", api_events, 0 },
	{ HTTP_GET, "/v2/eventSubscriptions", api_list_subscriptions, 0 },
	{ HTTP_POST, "/v2/eventSubscriptions", api_subscribe, 0 },
	{ HTTP_DELETE, "/v2/eventSubscriptions", api_unsubscribe, 0 },
	{ HTTP_GET, "/v2/info", api_get_info, 0 },
	{ HTTP_GET, "/v2/leader", api_get_leader, 0 },
	{ HTTP_DELETE, "/v2/leader", api_abdicate, 0 },
	{ HTTP_GET, "/v2/plugins", api_get_plugins, 0 },
	{ HTTP_GET, "/v2/plugins/:id/*", api_use_plugin, 0 },
	{ HTTP_PUT, "/v2/plugins/:id/*", api_use_plugin, 0 },
	{ HTTP_POST, "/v2/plugins/:id/*", api_use_plugin, 0 },
	{ HTTP_DELETE, "/v2/plugins/:id/*", api_use_plugin, 0 },
	{ HTTP_GET, "/help", api_help, 0 },
	{ HTTP_GET, "/v2/groups", api_get_group, 0 },
	{ HTTP_POST, "/v2/groups", api_create_group, 0 },
	{ HTTP_PUT, "/v2/groups", api_put_group, 0 },
	{ HTTP_DELETE, "/v2/groups", api_delete_group, 0 },
	{ HTTP_GET, "/v2/groups/apps", api_list_group_apps, 0 },
	{ HTTP_GET, "/v2/groups/versions", api_list_group_versions, 0 },
	{ HTTP_GET, "/v2/groups/versions/:version", api_get_group_version, 0 },
	{ HTTP_GET, "/v2/groups/*/apps", api_list_group_apps, 0 },
	{ HTTP_GET, "/v2/groups/*/versions", api_list_group_versions, 0 },
	{ HTTP_GET, "/v2/groups/*/versions/:version", api_get_group_version, 0 },
	{ HTTP_GET, "/v2/groups/*", api_get_group, 0 },
	{ HTTP_POST, "/v2/groups/*", api_create_group, 0 },
	{ HTTP_PUT, "/v2/groups/*", api_put_group, 0 },
	{ HTTP_PATCH, "/v2/groups/*", api_patch_group, 0 },
	{ HTTP_DELETE, "/v2/groups/*", api_delete_group, 0 },
	{ HTTP_GET, "/v1/jobs", api_list_jobs, 0 },
	{ HTTP_POST, "/v1/jobs", api_create_job, 0 },
	{ HTTP_GET, "/v1/jobs/:id", api_get_job, 0 },
	{ HTTP_PUT, "/v1/jobs/:id", api_put_job, 0 },
	{ HTTP_DELETE, "/v1/jobs/:id", api_delete_job, 0 },
	{ HTTP_GET, "/v1/jobs/:id/schedules", api_list_schedules, 0 },
	{ HTTP_POST, "/v1/jobs/:id/schedules", api_create_schedule, 0 },
	{ HTTP_GET, "/v1/jobs/:id/schedules/:schedule", api_get_schedule, 0 },
	{ HTTP_PUT, "/v1/jobs/:id/schedules/:schedule", api_put_schedule, 0 },
	{ HTTP_DELETE, "/v1/jobs/:id/schedules/:schedule", api_delete_schedule, 0 },
	{ HTTP_GET, "/v1/jobs/:id/runs", api_list_runs, 0 },
	{ HTTP_POST, "/v1/jobs/:id/runs", api_start_run, 0 },
	{ HTTP_GET, "/v1/jobs/:id/runs/:run", api_get_run, 0 },
	{ HTTP_POST, "/v1/jobs/:id/runs/:run/actions/stop", api_stop_run, 0 },
	{ HTTP_GET, "/v1/queue", api_get_run_queue, 0 },
	{ HTTP_GET, "/v1/metrics", api_get_metronome_metrics, 0 },
	{ HTTP_GET, "/info", api_get_metronome, 0 },
	{ HTTP_GET, "/leader", api_get_leader, 0 },
	{ HTTP_POST, "/v0/scheduled-jobs", api_create_scheduled_job, 0 },
	{ HTTP_PUT, "/v0/scheduled-jobs/:id", api_put_scheduled_job, 0 },
};

/* ---- Answers ---- */

struct marathon_api *api_of(const struct http_request *req)
{
	return http_request_app(req);
}

/* Of several origins a browser wants to see its own; who is none gets the first. */
static void allow_origin(struct http_request *req, const char *list)
{
	const char *origin = http_request_header(req, "Origin"), *at = list;
	char allowed[256] = "";

	while (*at) {
		size_t size = strcspn(at, ", ");
		bool is_own = origin && strlen(origin) == size && strncasecmp(at, origin, size) == 0;

		if (is_own || !allowed[0])
			(void)snprintf(allowed, sizeof(allowed), "%.*s", (int)size, at);
		if (is_own)
			break;
		at += size;
		at += strspn(at, ", ");
	}
	http_reply_header(req, "Access-Control-Allow-Origin", allowed);
	if (strcmp(allowed, "*") != 0)
		http_reply_header(req, "Vary", "Origin");
}

void api_set_headers(struct http_request *req)
{
	const char *origins = api_of(req)->controller->options.allow_origin;
	char leader[320];

	(void)snprintf(leader, sizeof(leader), "http://%s", api_of(req)->leader);
	http_reply_header(req, "X-Marathon-Leader", leader);
	http_reply_header(req, "Cache-Control", "no-cache, no-store, must-revalidate");
	http_reply_header(req, "Pragma", "no-cache");
	http_reply_header(req, "Expires", "0");
	http_reply_header(req, "X-Frame-Options", "DENY");
	http_reply_header(req, "X-XSS-Protection", "1; mode=block");
	if (origins)
		allow_origin(req, origins);
	http_reply_gzip(req);
}

/* A body that could not be made is the only thing that goes wrong this late. */
int marathon_reply(struct http_request *req, int status, json_t *body_take)
{
	api_set_headers(req);
	if (!body_take)
		http_reply_json(req, 503, json_pack("{s:s}", "message", "out of memory"));
	else
		http_reply_json(req, status, body_take);
	return 0;
}

int marathon_refuse(struct http_request *req, struct refusal *refusal)
{
	json_t *body = TAKE_PTR(refusal->body);

	return marathon_reply(req, refusal->status ? refusal->status : 503, body);
}

void api_changed(struct http_request *req)
{
	struct marathon_api *api = api_of(req);

	api->io.changed(api->io.arg);
}

int api_apply(struct http_request *req, struct change_set *set, struct change_result *ret,
	      struct refusal *refusal)
{
	struct controller *c = api_of(req)->controller;
	json_t *view = NULL;
	int r;

	if (!http_request_query_bool(req, "dryRun", false))
		return changes_apply(c, set, clock_boot_ms(), ret, refusal);
	r = changes_dry_run(c, set, clock_boot_ms(), &view, refusal);
	if (r < 0)
		return r;
	(void)marathon_reply(req, 200, view);
	return API_ANSWERED;
}

int api_refuse_taken(const struct http_request *req, const char *id, struct refusal *refusal)
{
	const struct entry *entry = entry_find_live(api_of(req)->controller, id);

	return entry ? plan_refuse_taken(entry, refusal) : 0;
}

int api_reply_deployment(struct http_request *req, int status, const struct change_result *result)
{
	json_t *body = json_pack("{s:s, s:s}", "version", result->version, "deploymentId",
				 result->deployment_id);

	api_changed(req);
	http_reply_header(req, "Marathon-Deployment-Id", result->deployment_id);
	return marathon_reply(req, status, body);
}

/* What a browser asks before it lets a page of another site use another method. */
static void reply_preflight(struct http_request *req)
{
	const char *headers = http_request_header(req, "Access-Control-Request-Headers");

	http_reply_header(req, "Access-Control-Allow-Methods",
			  "GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD");
	http_reply_header(req, "Access-Control-Allow-Headers",
			  headers ? headers : "Origin, Accept, Content-Type");
	http_reply_header(req, "Access-Control-Max-Age", "86400");
	http_reply(req, 200, NULL, NULL, 0);
}

int api_reply_change(struct http_request *req, int r, const struct change_result *result,
		     struct refusal *refusal)
{
	if (r < 0)
		return marathon_refuse(req, refusal);
	return r == API_ANSWERED ? 0 : api_reply_deployment(req, 200, result);
}

/* What the server itself refuses: no handler of ours ends so for want of an object. */
static void reply_error(struct http_request *req, int status, const struct err *e)
{
	const char *message = status == 404 ? "URI not found" :
			      status == 401 ? "Invalid username or password." : e->msg;

	api_set_headers(req);
	if (http_request_method(req) == HTTP_OPTIONS && status == 405 &&
	    api_of(req)->controller->options.allow_origin) {
		reply_preflight(req);
		return;
	}
	http_reply_json(req, status, json_pack("{s:s}", "message", message));
}

/* ---- Requests ---- */

int api_read_json(const struct http_request *req, json_t **ret, struct refusal *refusal)
{
	struct err e = { 0 };
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = json_in_parse(body, size, ret, &e);

	if (r == -ENOMEM)
		return refuse_memory(refusal);
	if (r == -E2BIG)
		return refuse_with_text(refusal, 400, "Invalid JSON", e.msg);
	if (r < 0)
		return refuse_with_text(refusal, 400, "Invalid JSON", e.msg);
	return 0;
}

void api_path_id(const struct http_request *req, char ret_id[API_ID_SIZE])
{
	const char *arg = http_request_arg(req, 0);
	size_t size;

	(void)snprintf(ret_id, API_ID_SIZE, "/%s", arg + strspn(arg, "/"));
	size = strlen(ret_id);
	while (size > 1 && ret_id[size - 1] == '/')
		ret_id[--size] = '\0';
}

/* "127.0.0.1:4711" and "[::1]:4711": the brackets go, too. */
void api_client_ip(const struct http_request *req, char ret_ip[API_PEER_SIZE])
{
	const char *peer = http_request_peer(req), *colon = strrchr(peer, ':');
	bool is_bracketed = peer[0] == '[';
	size_t size = strlen(peer);

	if (!http_request_is_local(req, NULL) && colon)
		size = (size_t)(colon - peer) - 2 * is_bracketed;
	(void)snprintf(ret_ip, API_PEER_SIZE, "%.*s", (int)size, peer + is_bracketed);
}

static const struct {
	const char *name;
	unsigned embeds;
} embed_names[] = {
	{ "tasks", EMBED_TASKS | EMBED_DEPLOYMENTS },
	{ "counts", EMBED_COUNTS },
	{ "count", EMBED_COUNTS },
	{ "deployments", EMBED_DEPLOYMENTS },
	{ "readiness", EMBED_READINESS },
	{ "lastTaskFailure", EMBED_FAILURE },
	{ "failures", EMBED_TASKS | EMBED_FAILURE | EMBED_DEPLOYMENTS },
	{ "taskStats", EMBED_STATS },
};

/* The prefix tells what is embedded into; clients are not careful with it, so it is ignored. */
static unsigned embed_of(const char *value)
{
	static const char *const prefixes[] = { "group.apps.", "apps.", "app." };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t size = strlen(prefixes[i]);

		if (strncmp(value, prefixes[i], size) == 0) {
			value += size;
			break;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(embed_names); i++) {
		if (strcmp(embed_names[i].name, value) == 0)
			return embed_names[i].embeds;
	}
	return 0;
}

unsigned api_embeds(const struct http_request *req)
{
	const char *compat = http_request_query(req, "compat"), *value;
	unsigned embeds = compat && strcmp(compat, "1.4") == 0 ? EMBED_LEGACY : 0;

	for (size_t i = 0; (value = http_request_query_at(req, "embed", i)); i++)
		embeds |= embed_of(value);
	return embeds;
}

unsigned api_group_embeds(const struct http_request *req)
{
	const char *value;
	unsigned embeds = api_embeds(req);

	if (!http_request_query(req, "embed"))
		return embeds | EMBED_APPS | EMBED_PODS | EMBED_GROUPS;
	for (size_t i = 0; (value = http_request_query_at(req, "embed", i)); i++) {
		if (strcmp(value, "group.apps") == 0)
			embeds |= EMBED_APPS;
		if (strcmp(value, "group.pods") == 0)
			embeds |= EMBED_PODS;
		if (strcmp(value, "group.groups") == 0)
			embeds |= EMBED_GROUPS;
	}
	return embeds;
}

/* ---- Filters ---- */

struct app_filter {
	char *cmd, *id;		/* NULL: any */
	struct label_selector *label;
};

int app_filter_new(const struct http_request *req, struct app_filter **ret,
		   struct refusal *refusal)
{
	struct app_filter *filter = calloc(1, sizeof(*filter));
	const char *label = http_request_query(req, "label");
	int r = 0;

	if (!filter)
		return refuse_memory(refusal);
	if (instance_set_text(&filter->cmd, http_request_query(req, "cmd")) < 0 ||
	    instance_set_text(&filter->id, http_request_query(req, "id")) < 0)
		r = -ENOMEM;
	if (r == 0 && label)
		r = label_selector_parse(label, &filter->label);
	if (r == 0) {
		*ret = filter;
		return 0;
	}
	app_filter_free(filter);
	if (r == -ENOMEM)
		return refuse_memory(refusal);
	return refuse(refusal, 422, "Can not parse label selector '%s'", label);
}

void app_filter_free(struct app_filter *filter)
{
	if (!filter)
		return;
	label_selector_free(filter->label);
	free(filter->cmd);
	free(filter->id);
	free(filter);
}

/* Substrings, whatever the case; all that are given have to hold. */
bool app_filter_matches(const struct app_filter *filter, const struct app *app)
{
	if (filter->cmd && !(app->cmd && strcasestr(app->cmd, filter->cmd)))
		return false;
	if (filter->id && !strcasestr(app->id, filter->id))
		return false;
	return !filter->label || label_selector_matches(filter->label, app->labels);
}

/* ---- Life ---- */

/* What there is, as it is asked for. */
int api_help(struct http_request *req, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; out && i < ARRAY_SIZE(routes); i++)
		(void)fprintf(out, "%-6s %s\n", http_method_name(routes[i].method),
			      routes[i].pattern);
	if (!out || fclose(out) != 0)
		return err_set(e, ENOMEM, "answer '/help'");
	api_set_headers(req);
	http_reply(req, 200, "text/plain; charset=utf-8", text, size);
	return 0;
}

int marathon_api_new(struct controller *controller, struct http_server *server,
		     const struct marathon_api_io *io, struct marathon_api **ret, struct err *e)
{
	struct marathon_api *api = calloc(1, sizeof(*api));
	int r;

	if (!api || event_streams_new(controller, &api->streams) < 0) {
		free(api);
		return err_set(e, ENOMEM, "start the /v2 API");
	}
	api->controller = controller;
	api->io = *io;
	api->started_ms = clock_boot_ms();
	api->started_wall_ms = controller_wall_ms(controller);
	(void)snprintf(api->leader, sizeof(api->leader), "%s:%u", controller->options.hostname,
		       controller->options.port);
	r = http_server_mount(server, routes, ARRAY_SIZE(routes), reply_error, api, e);
	if (r < 0) {
		marathon_api_free(api);
		return r;
	}
	*ret = api;
	return 0;
}

void marathon_api_event(struct marathon_api *api, const char *type, const json_t *event)
{
	event_streams_send(api->streams, type, event);
}

void marathon_api_keepalive(struct marathon_api *api)
{
	event_streams_keepalive(api->streams);
}

void marathon_api_free(struct marathon_api *api)
{
	if (!api)
		return;
	event_streams_free(api->streams);
	free(api);
}
