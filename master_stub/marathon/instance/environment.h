/* The environment that a task is given (reference/marathon.md 2.6). */
#ifndef MASTER_STUB_MARATHON_INSTANCE_ENVIRONMENT_H
#define MASTER_STUB_MARATHON_INSTANCE_ENVIRONMENT_H

#include <jansson.h>
#include <stdint.h>

struct app;

/* Name to value, the app's own env last so that it wins.  New reference or NULL. */
json_t *environment_of(const struct app *app, const char *task_id, const char *host,
		       const uint16_t *ports, unsigned n_ports);

#endif
