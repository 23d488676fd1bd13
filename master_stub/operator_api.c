#include "master_stub/operator_api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/version.h"
#include "master_stub/agent_stream.h"
#include "master_stub/master.h"
#include "master_stub/operator_calls.h"
#include "master_stub/operator_frameworks.h"
#include "master_stub/operator_lists.h"
#include "master_stub/operator_maintenance.h"
#include "master_stub/operator_resources.h"
#include "master_stub/scheduler_stream.h"
#include "master_stub/shell.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"
#include "net/operator_pages.h"

enum { MAX_AGENT_CALL = 64 << 20, MAX_SCHEDULER_CALL = 16 << 20, MAX_OPERATOR_CALL = 4 << 20 };

static int answer(struct http_request *req, json_t *body_take, struct err *e)
{
	return http_reply_jsonp(req, body_take, e);
}

/* For people who open the address in a browser. */
static int get_index(struct http_request *req, struct err *e)
{
	return answer(req, json_pack("{s:s, s:s, s:[s,s,s,s,s,s,s,s]}", "name", "tepui-master",
				     "version", TEPUI_VERSION, "see", "/v2/info", "/v2/apps",
				     "/state", "/slaves", "/services", "/metrics", "/flags",
				     "/health"), e);
}

static int get_flags(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);

	return answer(req, json_pack("{s:o}", "flags", shell_flags_json(&shell->flags)), e);
}

static int get_version(struct http_request *req, struct err *e)
{
	return answer(req, json_pack("{s:s, s:s, s:s, s:f, s:s, s:{s:s}}",
				     "version", TEPUI_MESOS_VERSION, "build_date", "",
				     "build_user", "", "build_time", 0.0, "git_sha", "",
				     "tepui", "version", TEPUI_VERSION), e);
}

static int logging_toggle(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);

	return operator_page_logging(req, shell->log_toggle, e);
}

static int get_health(struct http_request *req, struct err *e)
{
	(void)e;
	http_reply(req, 200, NULL, NULL, 0);
	return 0;
}

static int get_redirect(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	AUTO_FREE char *location = NULL;

	if (asprintf(&location, "//%s:%u", shell->hostname, shell->port) < 0)
		return err_set(e, ENOMEM, "answer '%s'", http_request_path(req));
	http_reply_header(req, "Location", location);
	http_reply(req, 307, NULL, NULL, 0);
	return 0;
}

/* The log goes to standard error, where others keep it: there is no file to read. */
static int get_no_files(struct http_request *req, struct err *e)
{
	return answer(req, json_object(), e);
}

static int get_file(struct http_request *req, struct err *e)
{
	static const char *const verbs[] = { "browse", "read", "download" };
	const char *path = http_request_query(req, "path");

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(http_request_arg(req, 0), verbs[i]) == 0 && (!path || !*path))
			return err_set(e, EINVAL, "Expecting 'path=value' in query.");
	}
	return err_set(e, ENOENT, "there is no '%.255s'", path ? path : http_request_path(req));
}

/* One sentence, for people who look at it with curl. */
static void tell_error(struct http_request *req, int status, const struct err *e)
{
	char text[sizeof(e->msg) + 1];
	int size = snprintf(text, sizeof(text), "%s\n", e->msg);

	http_reply(req, status, "text/plain; charset=utf-8", text, (size_t)size);
}

#define BOTH(method, path, handle, max) \
	{ (method), (path), (handle), (max) }, { (method), "/master" path, (handle), (max) }

/* Older clients ask for "/state.json". */
#define LEGACY(path, handle) \
	BOTH(HTTP_GET, path, handle, 0), BOTH(HTTP_GET, path ".json", handle, 0)

static const struct route routes[] = {
	{ HTTP_POST, "/api/v1/agent", agent_stream_handle, MAX_AGENT_CALL },
	BOTH(HTTP_POST, "/api/v1/scheduler", scheduler_stream_handle, MAX_SCHEDULER_CALL),
	/* What lies below belongs to the nearest handler above it (reference/mesos.md 10.5). */
	BOTH(HTTP_POST, "/api/v1", operator_calls_handle, MAX_OPERATOR_CALL),
	BOTH(HTTP_POST, "/api/v1/*", operator_calls_handle, MAX_OPERATOR_CALL),
	{ HTTP_GET, "/", get_index, 0 },
	LEGACY("/health", get_health),
	LEGACY("/version", get_version),
	LEGACY("/flags", get_flags),
	LEGACY("/state", operator_get_state),
	LEGACY("/state-summary", operator_get_state_summary),
	LEGACY("/slaves", operator_get_slaves),
	LEGACY("/frameworks", operator_get_frameworks),
	LEGACY("/tasks", operator_get_tasks),
	LEGACY("/roles", operator_get_roles),
	BOTH(HTTP_GET, "/services", operator_get_services, 0),
	BOTH(HTTP_POST, "/teardown", operator_post_teardown, 0),
	BOTH(HTTP_POST, "/reserve", operator_post_resources, MAX_OPERATOR_CALL),
	BOTH(HTTP_POST, "/unreserve", operator_post_resources, MAX_OPERATOR_CALL),
	BOTH(HTTP_POST, "/create-volumes", operator_post_resources, MAX_OPERATOR_CALL),
	BOTH(HTTP_POST, "/destroy-volumes", operator_post_resources, MAX_OPERATOR_CALL),
	BOTH(HTTP_GET, "/files/debug", get_no_files, 0),
	BOTH(HTTP_GET, "/files/:verb", get_file, 0),
	BOTH(HTTP_GET, "/quota", operator_get_quota, 0),
	BOTH(HTTP_POST, "/quota", operator_post_quota, 0),
	BOTH(HTTP_DELETE, "/quota/*", operator_delete_quota, 0),
	BOTH(HTTP_GET, "/weights", operator_get_weights, 0),
	BOTH(HTTP_PUT, "/weights", operator_put_weights, 0),
	BOTH(HTTP_GET, "/redirect", get_redirect, 0),
	BOTH(HTTP_GET, "/maintenance/schedule", maintenance_get_schedule, 0),
	BOTH(HTTP_POST, "/maintenance/schedule", maintenance_post_schedule, MAX_OPERATOR_CALL),
	BOTH(HTTP_GET, "/maintenance/status", maintenance_get_status, 0),
	BOTH(HTTP_POST, "/machine/down", maintenance_machine_down, MAX_OPERATOR_CALL),
	BOTH(HTTP_POST, "/machine/up", maintenance_machine_up, MAX_OPERATOR_CALL),
	BOTH(HTTP_GET, "/logging/toggle", logging_toggle, 0),
	BOTH(HTTP_POST, "/logging/toggle", logging_toggle, 0),
	{ HTTP_GET, "/system/stats.json", operator_page_system, 0 },
	LEGACY("/metrics/snapshot", operator_get_snapshot),
	BOTH(HTTP_GET, "/metrics", operator_get_metrics, 0),
	{ HTTP_GET, "/metrics/prometheus", operator_get_prometheus, 0 },
	{ HTTP_GET, "/config", get_flags, 0 },
	{ HTTP_GET, "/logging", operator_get_logging, 0 },
	{ HTTP_POST, "/logging", operator_post_logging, 0 },
};

int operator_api_mount(struct shell *shell, struct err *e)
{
	return http_server_mount(shell->server, routes, ARRAY_SIZE(routes), tell_error, shell, e);
}
