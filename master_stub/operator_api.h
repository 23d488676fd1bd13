/* What operators and their tools read from the master: state, agents, metrics, health. */
#ifndef MASTER_STUB_OPERATOR_API_H
#define MASTER_STUB_OPERATOR_API_H

#include <jansson.h>

struct err;
struct shell;

/* What /metrics/snapshot tells: numbers by name, a new reference; NULL when memory is out. */
json_t *operator_metrics(const struct shell *shell);

/* Mounts the routes, POST /api/v1/agent among them. */
int operator_api_mount(struct shell *shell, struct err *e);

#endif
