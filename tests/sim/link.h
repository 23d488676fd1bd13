/* A client's connections with the master: a stream of events and calls beside it. */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct link;
struct scheduler;
struct sim;

/*
 * Each lane is one direction of one TCP connection: in order, late at will.  Lanes know nothing of
 * one another.
 */
enum lane {
	LANE_SUBSCRIBE,		/* to the master: SUBSCRIBE, and the end of the stream */
	LANE_CALLS,		/* to the master */
	LANE_MORE_CALLS,	/* to the master, on yet another connection */
	LANE_EVENTS,		/* from the master */
	LANE_ANSWERS,		/* from the master, to calls */
	N_LANES,
};

enum parcel_kind {
	PARCEL_DATA,
	PARCEL_ANSWER,		/* of a call that was taken */
	PARCEL_REFUSAL,		/* of a SUBSCRIBE or a call; CODE is an errno */
	PARCEL_END,		/* of the connection */
};

struct parcel {
	STAILQ_ENTRY(parcel) next;
	enum parcel_kind kind;
	enum lane lane;
	int code;
	int64_t at_ms;
	size_t size;
	uint8_t data[];
};
STAILQ_HEAD(parcels, parcel);

/* A place in the network: what lies between it and the master. */
struct place {
	int64_t cut_until_ms[2];	/* by direction: to the master, from the master */
	int64_t slow_until_ms;
};

struct link_client {
	void (*event)(void *arg, struct link *link, const struct parcel *parcel);
	void (*refused)(void *arg, struct link *link, const struct parcel *parcel);
	void (*closed)(void *arg, struct link *link);
};

struct link {
	struct sim *sim;
	char name[48];
	struct place *place;
	const struct link_client *client;
	void *arg;			/* the client's */
	bool is_agent;
	bool is_client_open;		/* false for good when the client has left */
	uint64_t host_run;		/* of the master's process that serves it; 0: none */
	bool is_broken;

	/* The master's side, while HOST_RUN is that of the host. */
	struct scheduler *scheduler;
	struct parcels outbox;		/* until the commit */
	bool is_closing, is_waiting;
	STAILQ_ENTRY(link) in_waiting;

	struct { struct parcels parcels; int64_t last_ms; bool is_armed; } lanes[N_LANES];
	SLIST_ENTRY(link) all;
};

/* Dial: SUBSCRIBE is on its way. */
struct link *link_open(struct sim *sim, const char *name, struct place *place, bool is_agent,
		       const struct link_client *client, void *arg,
		       const ProtobufCMessage *subscribe);
void link_call(struct link *link, enum lane lane, const ProtobufCMessage *call);
/* By the client: the master will see the end, unless POLITE is false (the power is off). */
void link_leave(struct link *link, bool is_polite);
/* The client's machine is off: nothing of what it has ever sent, on any connection, is sent again. */
void links_lose_power(struct sim *sim, const void *client_arg);
/* By the network: what is on the way is lost, and each side hears of it in its own time. */
void link_break(struct link *link);

struct parcel *parcel_new(enum lane lane, enum parcel_kind kind, const ProtobufCMessage *message,
			  int code);
/* PARCEL is taken. */
void link_send(struct link *link, struct parcel *parcel);
void links_free(struct sim *sim);

#endif
