/* Where an instance is reached. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_ENDPOINT_H
#define MASTER_STUB_MARATHON_INSTANCE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

struct instance;

/* The port INDEX of INSTANCE at its node's address; 0: it is not there, or not known yet. */
uint16_t instance_host_port(const struct instance *instance, unsigned index);
/* The same at its own address, or where it has none, its node's. */
uint16_t instance_container_port(const struct instance *instance, unsigned index);

/* Borrowed from the instance. */
struct endpoint {
	const char *host;
	uint16_t port;
};

/*
 * The port NAME (NULL: the first) of INSTANCE: of its node, or of its own address where only that has
 * it.  False: it has none yet.
 */
bool endpoint_find(const struct instance *instance, const char *name, struct endpoint *ret);
bool endpoint_at(const struct instance *instance, unsigned index, struct endpoint *ret);

#endif
