/* One instance on one offer: what it takes, its operations, its record. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_LAUNCH_H
#define MASTER_STUB_MARATHON_PLACEMENT_LAUNCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/resources.h"
#include "master_stub/marathon/placement/resident.h"
#include "proto/mesos.pb-c.h"

struct controller;
struct entry;
struct instance;
struct node;
struct residence;

/* An offer of this batch, and what is launched on it. */
struct bid {
	const Mesos__V1__Offer *offer;
	json_t *view;			/* of the offer, for who cannot use it; NULL: none yet */
	const struct node *node;	/* NULL: memory was out when it was to be learnt */
	const char *role;		/* that it is to */
	struct resources left;
	bool is_usable;
	struct operations changes;	/* what is done to its resources first */
	struct instance **instances;	/* and, in the same order, what launches them */
	Mesos__V1__Offer__Operation **operations;
	size_t n, cap;
	size_t size;			/* of the operations, packed */
};

/*
 * An instance of ENTRY's launch_spec takes what it needs of what is left of BID, where HOME is (NULL: it
 * has none yet), and is recorded; the operations are BID's to be sent.  -ENOMEM: there is none.
 */
int launch_instance(struct controller *c, struct entry *entry, struct bid *bid,
		    struct residence *home, struct instance **ret);

#endif
