/* The metrics of the master's process: those of the core, and of the state on the disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "master_stub/marathon/controller.h"
#include "master_stub/master.h"
#include "master_stub/metrics.h"
#include "master_stub/operator_api.h"
#include "master_stub/shell.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"

static void put_all(const struct shell *shell, struct metrics metrics)
{
	master_metrics(shell->master, clock_boot_ms(), &metrics);
	metrics_put(&metrics, "master/state_writes_failing", shell->is_full);
	metrics_put(&metrics, "registrar/state_fetch_ms", (double)shell->fetch_ns / 1e6);
	metrics_put_timings(&metrics, "registrar/state_store_ms", &shell->commits);
}

json_t *operator_metrics(const struct shell *shell)
{
	json_t *json = json_object();

	if (json)
		put_all(shell, metrics_as_json(json));
	return json;
}

int operator_get_snapshot(struct http_request *req, struct err *e)
{
	return http_reply_jsonp(req, operator_metrics(http_request_app(req)), e);
}

static void put_of_marathon(void *arg, const char *name, double value)
{
	metrics_put(arg, name, value);
}

int operator_get_prometheus(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	struct prometheus *prometheus = prometheus_new();
	struct metrics metrics;
	AUTO_FREE char *text = NULL;
	size_t size = 0;

	if (prometheus) {
		metrics = metrics_as_prometheus(prometheus);
		put_all(shell, metrics);
		marathon_api_metrics(shell->api, put_of_marathon, &metrics);
		text = prometheus_finish(prometheus, &size);
	}
	if (!text)
		return err_set(e, ENOMEM, "answer '%s'", http_request_path(req));
	http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
	return 0;
}

/*
 * Two habits meet in this path: exporters of Marathon say nothing of what they want, or JSON, and find
 * Marathon's port; Prometheus names text, and is pointed to either.
 */
static bool wants_json(const struct shell *shell, const struct http_request *req)
{
	const char *accept = http_request_header(req, "Accept");

	if (accept && strstr(accept, "application/json"))
		return true;
	if (accept && (strstr(accept, "text/plain") || strstr(accept, "openmetrics")))
		return false;
	return shell->http_port != 0 && http_request_port(req) == shell->http_port;
}

int operator_get_metrics(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);

	if (!wants_json(shell, req))
		return operator_get_prometheus(req, e);
	http_reply_json(req, 200, marathon_api_metrics_json(shell->api));
	return 0;
}
