#include "tests/sim/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/host.h"
#include "tests/sim/sim.h"

static bool is_upward(enum lane lane)
{
	return lane < LANE_EVENTS;
}

struct parcel *parcel_new(enum lane lane, enum parcel_kind kind, const ProtobufCMessage *message,
			  int code)
{
	size_t size = message ? protobuf_c_message_get_packed_size(message) : 0;
	struct parcel *parcel = sim_alloc(sizeof(*parcel) + size);

	parcel->kind = kind;
	parcel->lane = lane;
	parcel->code = code;
	parcel->size = size;
	if (message)
		(void)protobuf_c_message_pack(message, parcel->data);
	return parcel;
}

static void drop_parcels(struct parcels *parcels)
{
	struct parcel *parcel;

	while ((parcel = STAILQ_FIRST(parcels))) {
		STAILQ_REMOVE_HEAD(parcels, next);
		free(parcel);
	}
}

/* ---- delivery ---- */

static int64_t delay(struct link *link)
{
	struct sim *sim = link->sim;

	if (link->place->slow_until_ms > sim->now_ms)
		return sim_between(sim, 100, 8000);
	return sim_chance(sim, 20) ? sim_between(sim, 20, 1500) : sim_between(sim, 1, 12);
}

/* The other side is not there: the kernel there says so. */
static void bounce(struct link *link, enum lane lane)
{
	if (is_upward(lane))
		link_send(link, parcel_new(LANE_EVENTS, PARCEL_END, NULL, 0));
	else
		link_send(link, parcel_new(LANE_SUBSCRIBE, PARCEL_END, NULL, 0));
}

static void to_client(struct link *link, const struct parcel *parcel)
{
	switch (parcel->kind) {
	case PARCEL_DATA:
	case PARCEL_ANSWER:
		link->client->event(link->arg, link, parcel);
		break;
	case PARCEL_REFUSAL:
		link->client->refused(link->arg, link, parcel);
		break;
	case PARCEL_END:
		link->client->closed(link->arg, link);
		break;
	}
}

static void deliver(struct link *link, const struct parcel *parcel)
{
	link->sim->n_messages++;
	if (!is_upward(parcel->lane)) {
		if (link->is_client_open)
			to_client(link, parcel);
		else if (parcel->kind != PARCEL_END)
			bounce(link, parcel->lane);
		return;
	}
	if (!host_receive(link->sim->host, link, parcel) && parcel->kind != PARCEL_END)
		bounce(link, parcel->lane);
}

static void pump(void *arg, uint64_t lane_number);

static void arm(struct link *link, enum lane lane)
{
	const struct parcel *head = STAILQ_FIRST(&link->lanes[lane].parcels);

	if (link->lanes[lane].is_armed || !head)
		return;
	link->lanes[lane].is_armed = true;
	sim_at(link->sim, head->at_ms, pump, link, lane);
}

/* What meets a partition waits behind it, as TCP's segments do. */
static void pump(void *arg, uint64_t lane_number)
{
	struct link *link = arg;
	struct sim *sim = link->sim;
	enum lane lane = (enum lane)lane_number;
	struct parcel *head = STAILQ_FIRST(&link->lanes[lane].parcels);
	int64_t cut = link->place->cut_until_ms[!is_upward(lane)];

	link->lanes[lane].is_armed = false;
	if (!head)
		return;
	if (cut > sim->now_ms) {
		head->at_ms = cut + sim_between(sim, 0, 3000);
	} else if (head->at_ms <= sim->now_ms) {
		STAILQ_REMOVE_HEAD(&link->lanes[lane].parcels, next);
		deliver(link, head);
		free(head);
		head = STAILQ_FIRST(&link->lanes[lane].parcels);
		if (head && head->at_ms < sim->now_ms)
			head->at_ms = sim->now_ms;
	}
	arm(link, lane);
}

void link_send(struct link *link, struct parcel *parcel)
{
	enum lane lane = parcel->lane;
	int64_t at = link->sim->now_ms + delay(link);

	if (link->is_broken && parcel->kind != PARCEL_END) {
		free(parcel);
		link_send(link, parcel_new(is_upward(lane) ? LANE_EVENTS : LANE_SUBSCRIBE,
					   PARCEL_END, NULL, 0));
		return;
	}
	if (at < link->lanes[lane].last_ms)
		at = link->lanes[lane].last_ms;
	link->lanes[lane].last_ms = parcel->at_ms = at;
	STAILQ_INSERT_TAIL(&link->lanes[lane].parcels, parcel, next);
	arm(link, lane);
}

/* ---- life ---- */

struct link *link_open(struct sim *sim, const char *name, struct place *place, bool is_agent,
		       const struct link_client *client, void *arg,
		       const ProtobufCMessage *subscribe)
{
	struct link *link = sim_alloc(sizeof(*link));

	link->sim = sim;
	(void)snprintf(link->name, sizeof(link->name), "%s", name);
	link->place = place;
	link->is_agent = is_agent;
	link->client = client;
	link->arg = arg;
	link->is_client_open = true;
	STAILQ_INIT(&link->outbox);
	for (int i = 0; i < N_LANES; i++)
		STAILQ_INIT(&link->lanes[i].parcels);
	SLIST_INSERT_HEAD(&sim->links, link, all);
	link_send(link, parcel_new(LANE_SUBSCRIBE, PARCEL_DATA, subscribe, 0));
	return link;
}

void link_call(struct link *link, enum lane lane, const ProtobufCMessage *call)
{
	if (!link->is_client_open)
		return;
	link_send(link, parcel_new(lane, PARCEL_DATA, call, 0));
	/* A proxy that lost the answer asks again. */
	if (!link->sim->is_calm && sim_chance(link->sim, 10)) {
		sim_fault(link->sim, FAULT_DUPLICATE);
		link_send(link, parcel_new(lane, PARCEL_DATA, call, 0));
	}
}

/* Nobody is left to send it again. */
static void drop_upward(struct link *link)
{
	for (int i = 0; i < N_LANES; i++) {
		if (is_upward((enum lane)i))
			drop_parcels(&link->lanes[i].parcels);
	}
}

void link_leave(struct link *link, bool is_polite)
{
	if (!link->is_client_open)
		return;
	link->is_client_open = false;
	if (is_polite)
		link_send(link, parcel_new(LANE_SUBSCRIBE, PARCEL_END, NULL, 0));
	else
		drop_upward(link);
}

void links_lose_power(struct sim *sim, const void *client_arg)
{
	struct link *link;

	SLIST_FOREACH(link, &sim->links, all) {
		if (link->arg == client_arg)
			drop_upward(link);
	}
}

void link_break(struct link *link)
{
	for (int i = 0; i < N_LANES; i++)
		drop_parcels(&link->lanes[i].parcels);
	/* Whoever does not hear of it now finds out by silence, or when it speaks. */
	if (sim_chance(link->sim, 700))
		link_send(link, parcel_new(LANE_SUBSCRIBE, PARCEL_END, NULL, 0));
	if (sim_chance(link->sim, 700))
		link_send(link, parcel_new(LANE_EVENTS, PARCEL_END, NULL, 0));
	link->is_broken = true;
}

void links_free(struct sim *sim)
{
	struct link *link;

	while ((link = SLIST_FIRST(&sim->links))) {
		SLIST_REMOVE_HEAD(&sim->links, all);
		for (int i = 0; i < N_LANES; i++)
			drop_parcels(&link->lanes[i].parcels);
		drop_parcels(&link->outbox);
		free(link);
	}
}
