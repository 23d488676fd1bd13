/* The default devices of a container: nodes in /dev, and what the device filter lets through. */
#ifndef ISOLATORS_DEVICES_H
#define ISOLATORS_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device_node {
	const char *name;	/* below /dev */
	uint32_t major, minor;	/* a character device */
};

/* null zero full random urandom tty: made in every container. */
extern const struct device_node device_nodes[];
extern const size_t n_device_nodes;

/* Is NAME ("pts/0") at or below one of the other things that are made in every /dev? */
bool is_dev_name(const char *name);

/*
 * The kinds of a document's devices: /dev/ptmx is a link into the own devpts wherever it is listed,
 * a FIFO leads to no driver, and all others are the host's.
 */
struct spec_device;
bool device_is_ptmx(const struct spec_device *device);
bool device_is_hosts(const struct spec_device *device);

#endif
