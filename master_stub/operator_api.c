#include "master_stub/operator_api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/version.h"
#include "master_stub/agent_stream.h"
#include "master_stub/master.h"
#include "master_stub/shell.h"
#include "net/http_server.h"

enum { MAX_AGENT_CALL = 64 << 20, NAME_SIZE = 128 };

static int answer(struct http_request *req, json_t *body_take, struct err *e)
{
	if (!body_take)
		return err_set(e, ENOMEM, "answer '%s'", http_request_path(req));
	http_reply_json(req, 200, body_take);
	return 0;
}

static int get_state(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	json_t *json = master_state_json(shell->master, clock_boot_ms());

	if (json)
		json_object_set_new(json, "flags", shell_flags_json(&shell->flags));
	return answer(req, json, e);
}

static int get_slaves(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);

	return answer(req, master_slaves_json(shell->master, clock_boot_ms()), e);
}

static int get_flags(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);

	return answer(req, json_pack("{s:o}", "flags", shell_flags_json(&shell->flags)), e);
}

static int get_version(struct http_request *req, struct err *e)
{
	return answer(req, json_pack("{s:s, s:s}", "version", TEPUI_MESOS_VERSION, "tepui_version",
				     TEPUI_VERSION), e);
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

static json_t *metrics(const struct shell *shell)
{
	json_t *json = master_metrics_json(shell->master, clock_boot_ms());

	if (json)
		json_object_set_new(json, "master/state_writes_failing", json_real(shell->is_full));
	return json;
}

static int get_snapshot(struct http_request *req, struct err *e)
{
	return answer(req, metrics(http_request_app(req)), e);
}

/* Sums since the start; all others go up and down. */
static bool is_counter(const char *name)
{
	static const char *const prefixes[] = {
		"master/slave_re",        "master/slave_unreachable",
		"master/valid_",          "master/invalid_",
		"master/dropped_",        "master/offers/",
		"master/messages_",       "allocator/mesos/allocation_",
		"allocator/mesos/grants", "master/tasks_finished",
		"master/tasks_failed",    "master/tasks_killed",
		"master/tasks_lost",      "master/tasks_error",
		"master/tasks_dropped",   "master/tasks_gone",
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static void prometheus_name(const char *name, char ret[NAME_SIZE])
{
	size_t n = (size_t)snprintf(ret, NAME_SIZE, "tepui_%s", name);

	for (size_t i = 0; i < n && i < NAME_SIZE; i++) {
		if (ret[i] == '/' || ret[i] == '.' || ret[i] == '-')
			ret[i] = '_';
	}
}

static int get_prometheus(struct http_request *req, struct err *e)
{
	json_auto_t *json = metrics(http_request_app(req));
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *name;
	json_t *value;

	if (!json || !out) {
		if (out)
			(void)fclose(out);
		return err_set(e, ENOMEM, "answer '%s'", http_request_path(req));
	}
	json_object_foreach(json, name, value) {
		char own[NAME_SIZE];

		prometheus_name(name, own);
		fprintf(out, "# TYPE %s %s\n%s %.17g\n", own,
			is_counter(name) ? "counter" : "gauge", own, json_number_value(value));
	}
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "answer '%s'", http_request_path(req));
	http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
	return 0;
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

static const struct route routes[] = {
	{ HTTP_POST, "/api/v1/agent", agent_stream_handle, MAX_AGENT_CALL },
	BOTH(HTTP_GET, "/health", get_health, 0),
	BOTH(HTTP_GET, "/version", get_version, 0),
	BOTH(HTTP_GET, "/flags", get_flags, 0),
	BOTH(HTTP_GET, "/state", get_state, 0),
	BOTH(HTTP_GET, "/state.json", get_state, 0),
	BOTH(HTTP_GET, "/slaves", get_slaves, 0),
	BOTH(HTTP_GET, "/redirect", get_redirect, 0),
	BOTH(HTTP_GET, "/metrics/snapshot", get_snapshot, 0),
	BOTH(HTTP_GET, "/metrics", get_prometheus, 0),
};

int operator_api_mount(struct shell *shell, struct err *e)
{
	return http_server_mount(shell->server, routes, ARRAY_SIZE(routes), tell_error, shell, e);
}
