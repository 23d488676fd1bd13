#include "agent/api.h"

#include <string.h>

#include "agent/agent.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/version.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"
#include "net/operator_pages.h"

enum { MAX_ACTION = 4096 };

int api_reply(struct http_request *req, json_t *body_take, struct err *e)
{
	return http_reply_jsonp(req, body_take, e);
}

/* For people who open the address in a browser. */
static int get_index(struct http_request *req, struct err *e)
{
	return api_reply(req, json_pack("{s:s, s:s, s:[s,s,s,s,s,s,s,s]}", "name", "tepui-agent",
					"version", TEPUI_VERSION, "see", "/state", "/containers",
					"/monitor/statistics", "/networks", "/services", "/metrics", "/flags",
					"/health"), e);
}

static int health(struct http_request *req, struct err *e)
{
	(void)e;
	http_reply(req, 200, NULL, NULL, 0);
	return 0;
}

static int version(struct http_request *req, struct err *e)
{
	return api_reply(req, json_pack("{s:s, s:s, s:s, s:f, s:s, s:{s:s}}",
					"version", TEPUI_MESOS_VERSION, "build_date", "",
					"build_user", "", "build_time", 0.0, "git_sha", "",
					"tepui", "version", TEPUI_VERSION), e);
}

static int flags(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);

	return api_reply(req, json_pack("{s:o}", "flags", agent_flags_to_json(&agent->flags)), e);
}

static int logging_toggle(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);

	return operator_page_logging(req, agent->log_toggle, e);
}

/* Each is served with and without the prefix of the agent's process name. */
#define BOTH(method, path, handler, max) \
	{ method, path, handler, max }, { method, "/slave(1)" path, handler, max }

/* Older clients ask for "/state.json". */
#define LEGACY(path, handler) \
	BOTH(HTTP_GET, path, handler, 0), BOTH(HTTP_GET, path ".json", handler, 0)

static const struct route routes[] = {
	{ HTTP_GET, "/", get_index, 0 },
	LEGACY("/health", health),
	LEGACY("/version", version),
	LEGACY("/flags", flags),
	LEGACY("/state", api_state),
	LEGACY("/containers", api_containers),
	BOTH(HTTP_GET, "/containers/:id/history", api_history, 0),
	LEGACY("/monitor/statistics", api_statistics),
	LEGACY("/metrics/snapshot", api_metrics_snapshot),
	BOTH(HTTP_GET, "/metrics", api_metrics_text, 0),
	BOTH(HTTP_GET, "/files/debug", api_files_debug, 0),
	LEGACY("/files/browse", api_files_browse),
	LEGACY("/files/read", api_files_read),
	LEGACY("/files/download", api_files_download),
	{ HTTP_GET, "/system/stats.json", operator_page_system, 0 },
	BOTH(HTTP_GET, "/logging/toggle", logging_toggle, 0),
	BOTH(HTTP_POST, "/logging/toggle", logging_toggle, MAX_ACTION),
	{ HTTP_GET, "/networks", api_networks, 0 },
	{ HTTP_GET, "/services", api_services, 0 },
	{ HTTP_GET, "/files/log", api_log, 0 },
	{ HTTP_POST, "/containers/:id/pause", api_pause, MAX_ACTION },
	{ HTTP_POST, "/containers/:id/resume", api_resume, MAX_ACTION },
	{ HTTP_POST, "/containers/:id/signal", api_signal, MAX_ACTION },
	{ HTTP_POST, "/containers/:id/resize", api_resize, MAX_ACTION },
	/* What lies below belongs to the nearest handler above it (reference/mesos.md 10.5). */
	BOTH(HTTP_POST, "/api/v1", api_operator, HTTP_BODY_LATER),
	BOTH(HTTP_POST, "/api/v1/*", api_operator, HTTP_BODY_LATER),
};

static void reply_error(struct http_request *req, int status, const struct err *e)
{
	http_reply(req, status, "text/plain; charset=utf-8", e->msg, strlen(e->msg));
}

int api_mount(struct agent *agent, struct http_server *server, struct err *e)
{
	return http_server_mount(server, routes, ARRAY_SIZE(routes), reply_error, agent, e);
}
