/* The node as it is told to the master: resources, attributes, names. */
#ifndef AGENT_NODE_H
#define AGENT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

struct agent_flags;
struct err;

enum { NODE_BOOT_ID_SIZE = 37, NODE_HOSTNAME_MAX = 256 };

struct node {
	char hostname[NODE_HOSTNAME_MAX];
	char boot_id[NODE_BOOT_ID_SIZE];	/* changes with every boot of the kernel */
	struct resources total;
	Mesos__V1__Attribute **attributes;	/* owned */
	size_t n_attributes;
};

/*
 * Find what the node has (reference/mesos.md 4.8); flags win name by name.  WORK_FD is where
 * sandboxes will be, for the disk's size.
 */
int node_discover(const struct agent_flags *flags, int work_fd, struct node *ret, struct err *e);
void node_done(struct node *node);

/* The parts that need no host, for tests: sizes in bytes. */
int64_t node_offered_mem(uint64_t total_bytes);		/* thousandths of a MiB */
int64_t node_offered_disk(uint64_t total_bytes);
int node_merge_resources(const char *text, struct resources *found, struct err *e);
int node_parse_attributes(const char *text, Mesos__V1__Attribute ***ret, size_t *ret_n,
			  struct err *e);
void node_free_attributes(Mesos__V1__Attribute **attributes, size_t n);

/* Owned message, freed with mesos__v1__agent_info__free_unpacked(); AGENT_ID may be NULL. */
int node_agent_info(const struct node *node, const char *agent_id, uint16_t port,
		    Mesos__V1__AgentInfo **ret, struct err *e);

#endif
