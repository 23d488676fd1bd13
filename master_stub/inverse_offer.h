/* Inverse offers: a framework is asked to leave an agent whose machine shall be down. */
#ifndef MASTER_STUB_INVERSE_OFFER_H
#define MASTER_STUB_INVERSE_OFFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "proto/allocator.pb-c.h"
#include "proto/scheduler.pb-c.h"

struct agent;
struct err;
struct framework;
struct master;

/* What is between one agent and one framework: asked again, under another id, until it has left. */
struct inverse_offer {
	struct agent *agent;
	struct framework *framework;
	char *id;			/* NULL: none is open */
	Mesos__V1__Allocator__InverseOfferStatus__Status answer;
	int64_t answered_wall_ms;
	int64_t next_ms;		/* an open one is rescinded; another one may be made */
	UT_hash_handle hh;		/* while open, by id */
	LIST_ENTRY(inverse_offer) on_agent, of_framework;
};

/* Something happened that may call for one: the next turn looks. */
void inverse_offers_wake(struct master *master);
void inverse_offers_turn(struct master *master, int64_t now_ms);
int64_t inverse_offers_next_ms(const struct master *master);

/* What was said of AGENT holds no longer; who has an open one is told. */
void inverse_offers_rescind_of_agent(struct agent *agent);
/* The same, and nobody is. */
void inverse_offers_free_of_agent(struct agent *agent);
/* It is not there to be asked, or was not when it was. */
void inverse_offers_free_of_framework(struct framework *framework);

/* ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS; what is not open any more is passed over. */
void inverse_offers_answer(struct framework *framework, Mesos__V1__OfferID *const *ids, size_t n,
			   Mesos__V1__Allocator__InverseOfferStatus__Status answer,
			   const Mesos__V1__Filters *filters, int64_t now_ms);

#endif
