/* What operators and their tools read from the master: state, agents, metrics, health. */
#ifndef MASTER_STUB_OPERATOR_API_H
#define MASTER_STUB_OPERATOR_API_H

#include <jansson.h>

struct err;
struct http_request;
struct shell;

/* What /metrics/snapshot tells: numbers by name, a new reference; NULL when memory is out. */
json_t *operator_metrics(const struct shell *shell);

/* The routes of the same, and of the text format of Prometheus. */
int operator_get_snapshot(struct http_request *req, struct err *e);
int operator_get_prometheus(struct http_request *req, struct err *e);
/* Of "/metrics", which is Marathon's JSON to its clients. */
int operator_get_metrics(struct http_request *req, struct err *e);
/* "/logging", operator_logging.c */
int operator_get_logging(struct http_request *req, struct err *e);
int operator_post_logging(struct http_request *req, struct err *e);

/* Mounts the routes, POST /api/v1/agent among them. */
int operator_api_mount(struct shell *shell, struct err *e);

/* The older forms of the calls on roles (operator_roles.c). */
int operator_get_quota(struct http_request *req, struct err *e);
int operator_post_quota(struct http_request *req, struct err *e);
int operator_delete_quota(struct http_request *req, struct err *e);
int operator_get_weights(struct http_request *req, struct err *e);
int operator_put_weights(struct http_request *req, struct err *e);

#endif
