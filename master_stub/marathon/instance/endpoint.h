/* Where an instance is reached. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_ENDPOINT_H
#define MASTER_STUB_MARATHON_INSTANCE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

struct instance;

/* Borrowed from the instance. */
struct endpoint {
	const char *host;
	uint16_t port;
};

/* The port NAME of INSTANCE.  False: it has none yet. */
bool endpoint_find(const struct instance *instance, const char *name, struct endpoint *ret);

#endif
