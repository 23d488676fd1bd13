/* The machines of a maintenance schedule, and how an agent is known to be on one of them. */
#ifndef MASTER_STUB_MACHINES_H
#define MASTER_STUB_MACHINES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hash.h"
#include "proto/maintenance.pb-c.h"

struct err;

/* When a machine shall be down; a value. */
struct unavailability {
	bool is_planned;
	int64_t start_ns;		/* of the wall clock */
	int64_t duration_ns;		/* -1: nobody said for how long */
};

/* As the API tells it, for as long as RET lives; NULL: nothing is planned. */
struct unavailability_message {
	Mesos__V1__Unavailability unavailability;
	Mesos__V1__TimeInfo start;
	Mesos__V1__DurationInfo duration;
};
Mesos__V1__Unavailability *unavailability_describe(const struct unavailability *unavailability,
						   struct unavailability_message *ret);

enum { MACHINE_MAX_NAME = 255, MACHINE_KEY_SIZE = 2 * MACHINE_MAX_NAME + 8 };

struct machine {
	const Mesos__V1__MachineID *id;	/* the schedule's */
	struct unavailability unavailability;
	bool is_down;
	bool is_leaving;		/* while the rest becomes a schedule */
	char key[MACHINE_KEY_SIZE], host[MACHINE_MAX_NAME + 1];
	Mesos__V1__Maintenance__ClusterStatus__DrainingMachine *row;	/* while a status is made */
	UT_hash_handle hh, hh_host;
};

struct machines {
	Mesos__V1__Maintenance__Schedule *schedule;	/* owned; NULL: there was never one */
	struct machine *by_id;
	struct machine *by_host;	/* the first of each host name */
};

/* -EINVAL: it has no name, or one that is none. */
int machine_check_id(const Mesos__V1__MachineID *id, struct err *e);
/* The same for ids that mean the same machine. */
void machine_make_key(const Mesos__V1__MachineID *id, char ret[MACHINE_KEY_SIZE]);
/* As Mesos writes it in its sentences. */
void machine_describe(const Mesos__V1__MachineID *id, char *ret, size_t size);

/* Of SCHEDULE (copied), checked; none is down.  *ret is the caller's to end, also on failure. */
int machines_make(const Mesos__V1__Maintenance__Schedule *schedule, struct machines *ret,
		  struct err *e);
void machines_done(struct machines *plan);

struct machine *machines_find(const struct machines *plan, const Mesos__V1__MachineID *id);
/*
 * Of an agent that calls itself HOSTNAME and is reached by ENDPOINT (may be NULL): every name that
 * the schedule gives fits, and an address that is not known could be any.
 */
const struct machine *machines_find_place(const struct machines *plan, const char *hostname,
					  const char *endpoint);

#endif
