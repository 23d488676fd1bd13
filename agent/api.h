/* The agent's side for operators, under the paths that Mesos has (reference/mesos.md 3.2). */
#ifndef AGENT_API_H
#define AGENT_API_H

#include <jansson.h>
#include <stdbool.h>

struct agent;
struct container;
struct err;
struct http_request;
struct http_server;
struct traffic_table;

int api_mount(struct agent *agent, struct http_server *server, struct err *e);

/* Handlers by topic; each is a route_fn. */
int api_state(struct http_request *req, struct err *e);
int api_containers(struct http_request *req, struct err *e);
int api_statistics(struct http_request *req, struct err *e);
int api_history(struct http_request *req, struct err *e);
int api_metrics_snapshot(struct http_request *req, struct err *e);
int api_metrics_text(struct http_request *req, struct err *e);
int api_files_debug(struct http_request *req, struct err *e);
int api_files_browse(struct http_request *req, struct err *e);
int api_files_read(struct http_request *req, struct err *e);
int api_files_download(struct http_request *req, struct err *e);
int api_networks(struct http_request *req, struct err *e);
int api_services(struct http_request *req, struct err *e);
int api_log(struct http_request *req, struct err *e);
int api_pause(struct http_request *req, struct err *e);
int api_resume(struct http_request *req, struct err *e);
int api_signal(struct http_request *req, struct err *e);
int api_resize(struct http_request *req, struct err *e);
int api_operator(struct http_request *req, struct err *e);	/* v1 calls; operator_api.c */

/* Answers REQ with what the node has counted of services; NULL where that failed: E says why. */
typedef void api_traffic_fn(struct http_request *req, const struct traffic_table *table,
			    const struct err *e);
/* Have FN answer REQ, perhaps later. */
int api_with_traffic(struct http_request *req, api_traffic_fn *fn, struct err *e);

/* What /metrics/snapshot tells: numbers by name; owned, NULL when memory is out. */
json_t *api_metrics_view(struct agent *agent);

/* The row of C in /containers or, without IS_WHOLE, in /monitor/statistics; NULL: it is in none. */
json_t *api_container_view(struct container *c, bool is_whole);

/* Answer with BODY (taken), wrapped for ?jsonp= where that was asked for. */
int api_reply(struct http_request *req, json_t *body_take, struct err *e);

#endif
