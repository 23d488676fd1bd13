/* Why an app waits, as a sentence with figures. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_EXPLANATION_H
#define MASTER_STUB_MARATHON_PLACEMENT_EXPLANATION_H

#include <jansson.h>
#include <stddef.h>

struct controller;
struct entry;

enum { EXPLANATION_SIZE = 512 };

/*
 * "no node has 100 cpus free (most: 1.7)", from what was left of each node's last offer.  ENTRY
 * wants something launched.  "" when memory is out.
 */
void explanation_format(const struct controller *c, const struct entry *entry,
			char ret[EXPLANATION_SIZE]);

/*
 * The same node by node: [{"hostname", "agentId", "reason", "missing"}], of at most 1000 nodes; without
 * the last two where it fits.  A new reference.
 */
json_t *explanation_nodes(const struct controller *c, const struct entry *entry);

#endif
