/* Launching instances of resident apps: on new reservations, or on their own. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_RESIDENT_H
#define MASTER_STUB_MARATHON_PLACEMENT_RESIDENT_H

#include <stddef.h>

#include "proto/mesos.pb-c.h"

struct controller;
struct entry;
struct instance;
struct residence;
struct resources;

/* Of one offer, in their order; owned. */
struct operations {
	Mesos__V1__Offer__Operation **items;
	size_t n;
};

/* Only the first N stay. */
void operations_cut(struct operations *operations, size_t n);

/*
 * Before anything is launched there: what OFFER has, of which LEFT is left, tells whether residences are
 * there as they should be; what is reserved for nobody is released.
 */
void resident_look(struct controller *c, const Mesos__V1__Offer *offer, struct resources *left,
		   struct operations *operations);

/* Where nobody is and whose reservation is among LEFT of an offer of that agent; NULL: none of ENTRY's. */
struct residence *resident_find_home(const struct entry *entry, const char *agent_id,
				     const struct resources *left);
/* A residence for instance ID, with the volumes that ENTRY's launch_spec asks for.  -ENOMEM. */
int resident_new(struct controller *c, struct entry *entry, const char *id,
		 const Mesos__V1__Offer *offer, struct residence **ret);

/*
 * What INSTANCE takes, NEED, is reserved for it, and its volumes are made: NEED is that then.  Its
 * ports are taken already.  -ENOMEM.
 */
int resident_settle(struct instance *instance, struct operations *operations,
		    struct resources *need);
/* INSTANCE takes of LEFT what is reserved for it.  -ENOMEM. */
int resident_return(struct instance *instance, struct resources *left,
		    struct operations *operations, struct resources *ret);

#endif
