/* What is reserved for instances of resident apps, as offers show it and operations change it. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_RESERVATION_H
#define MASTER_STUB_MARATHON_PLACEMENT_RESERVATION_H

#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

struct app;
struct controller;
struct residence;

struct reservation {
	struct resources bare;		/* before there are volumes on it: what RESERVE makes */
	struct resources volumes;	/* what CREATE makes of some of that */
	struct resources whole;		/* what the task takes: both */
};

/* That of RESIDENCE, for an instance of SPEC.  -ENOMEM; freed with reservation_done(). */
int reservation_make(const struct residence *residence, const struct app *spec,
		     struct reservation *ret);
void reservation_done(struct reservation *reservation);

enum reservation_state { RESERVATION_MISSING, RESERVATION_BARE, RESERVATION_WHOLE };

/* How much of it is LEFT of an offer. */
enum reservation_state reservation_find(const struct reservation *reservation,
					const struct resources *left);

/*
 * RESERVE or UNRESERVE (of WHAT is reserved), CREATE or DESTROY (of the volumes WHAT), in an offer to
 * ROLE.  Owned; freed with protobuf_c_message_free_unpacked().  NULL: no memory.
 */
Mesos__V1__Offer__Operation *reservation_operation(Mesos__V1__Offer__Operation__Type type,
						   const struct resources *what,
						   const char *role);

/*
 * What of LEFT is reserved under our labels for nobody: its instance was given up and has ended, or no
 * record knows it.  All of it, and the volumes among it; freed with resources_done().  -ENOMEM.
 */
int reservations_find_stale(const struct controller *c, const struct resources *left,
			    struct resources *ret_all, struct resources *ret_volumes);

/* Of the instance that PART is reserved for, as its label says; NULL: none of ours.  Borrowed. */
const char *reservation_instance(const struct controller *c, const struct resource_part *part);

#endif
