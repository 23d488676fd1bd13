/* Where an instance is reached. */
#ifndef MASTER_STUB_MARATHON_ENDPOINT_H
#define MASTER_STUB_MARATHON_ENDPOINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct app;
struct instance;

/* Borrowed from the instance. */
struct endpoint {
	const char *host;
	uint16_t port;
};

/* The list of ports of the definition APP, which a container's network takes from elsewhere; or NULL. */
const json_t *endpoint_ports(const json_t *app);

/* The index of the port NAME of the definition APP, or with NULL of its first; -ENOENT. */
int endpoint_port_index(const json_t *app, const char *name);

/* The port NAME of INSTANCE.  False: it has none yet. */
bool endpoint_find(const struct instance *instance, const char *name, struct endpoint *ret);

#endif
