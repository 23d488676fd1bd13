#include "agent/api.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"
#include "lib/log_toggle.h"
#include "lib/version.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"

enum { MAX_ACTION = 4096 };

int api_reply(struct http_request *req, json_t *body_take, struct err *e)
{
	return http_reply_jsonp(req, body_take, e);
}

/* For people who open the address in a browser. */
static int get_index(struct http_request *req, struct err *e)
{
	return api_reply(req, json_pack("{s:s, s:s, s:[s,s,s,s,s,s]}", "name", "tepui-agent",
					"version", TEPUI_VERSION, "see", "/state", "/containers",
					"/monitor/statistics", "/metrics", "/flags", "/health"), e);
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

/* Without a query it tells the level; with level=N&duration=15mins that is the level for so long. */
static int logging_toggle(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	const char *level = http_request_query(req, "level");
	const char *duration = http_request_query(req, "duration");
	const uint64_t ns_per_ms = 1000000;
	char text[16], *end = text;
	unsigned long asked;
	uint64_t ms;
	int r;

	if (!level && !duration) {
		int n = snprintf(text, sizeof(text), "%" PRIu32 "\n",
				 log_toggle_verbosity(agent->log_toggle));

		http_reply(req, 200, "text/plain; charset=utf-8", text, (size_t)n);
		return 0;
	}
	errno = 0;
	asked = level ? strtoul(level, &end, 10) : 0;
	if (!level || !isdigit((unsigned char)level[0]) || *end || errno || asked > UINT32_MAX)
		return err_set(e, EINVAL, "read query: level is missing or not a number");
	if (!duration || flags_parse_millis(duration, &ms) < 0 || ms > INT64_MAX / ns_per_ms)
		return err_set(e, EINVAL, "read query: duration is missing or not like 15mins");
	r = log_toggle_set(agent->log_toggle, (uint32_t)asked, (int64_t)(ms * ns_per_ms), e);
	if (r >= 0)
		http_reply(req, 200, NULL, NULL, 0);
	return r;
}

/* Each is served with and without the prefix of the agent's process name. */
#define BOTH(path, handler) \
	{ HTTP_GET, path, handler, 0 }, { HTTP_GET, "/slave(1)" path, handler, 0 }

static const struct route routes[] = {
	{ HTTP_GET, "/", get_index, 0 },
	BOTH("/health", health),
	BOTH("/version", version),
	BOTH("/flags", flags),
	BOTH("/state", api_state),
	BOTH("/state.json", api_state),
	BOTH("/containers", api_containers),
	BOTH("/containers/:id/history", api_history),
	BOTH("/monitor/statistics", api_statistics),
	BOTH("/monitor/statistics.json", api_statistics),
	BOTH("/metrics/snapshot", api_metrics_snapshot),
	BOTH("/metrics", api_metrics_text),
	BOTH("/files/browse", api_files_browse),
	BOTH("/files/read", api_files_read),
	BOTH("/files/download", api_files_download),
	BOTH("/logging/toggle", logging_toggle),
	{ HTTP_POST, "/logging/toggle", logging_toggle, MAX_ACTION },
	{ HTTP_GET, "/files/log", api_log, 0 },
	{ HTTP_POST, "/containers/:id/pause", api_pause, MAX_ACTION },
	{ HTTP_POST, "/containers/:id/resume", api_resume, MAX_ACTION },
	{ HTTP_POST, "/containers/:id/signal", api_signal, MAX_ACTION },
	{ HTTP_POST, "/containers/:id/resize", api_resize, MAX_ACTION },
	{ HTTP_POST, "/api/v1", api_operator, HTTP_BODY_LATER },
	{ HTTP_POST, "/slave(1)/api/v1", api_operator, HTTP_BODY_LATER },
};

static void reply_error(struct http_request *req, int status, const struct err *e)
{
	http_reply(req, status, "text/plain; charset=utf-8", e->msg, strlen(e->msg));
}

int api_mount(struct agent *agent, struct http_server *server, struct err *e)
{
	return http_server_mount(server, routes, ARRAY_SIZE(routes), reply_error, agent, e);
}
