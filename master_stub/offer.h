/* Offers: resources of one agent that one framework may use until it answers or time is over. */
#ifndef MASTER_STUB_OFFER_H
#define MASTER_STUB_OFFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "lib/resources.h"
#include "proto/mesos.pb-c.h"

struct agent;
struct framework;
struct framework_role;
struct master;

struct offer {
	char *id;
	struct agent *agent;
	struct framework *framework;
	struct framework_role *role;
	struct resources resources;	/* charged to the role on the agent's node */
	bool is_told;
	int64_t made_ms, deadline_ms;	/* INT64_MAX: no timeout */
	UT_hash_handle hh;
	LIST_ENTRY(offer) on_agent, of_framework;
	TAILQ_ENTRY(offer) in_timeouts;
};

/* Whether the agent NODE_OWNER is one for the role CLIENT_OWNER, whatever is free on it. */
bool offer_is_for(const void *node_owner, const void *client_owner);
/* Whether the role CLIENT_OWNER can be told of what is reserved more than once. */
bool offer_takes_refined(const void *client_owner);
/* Run the allocator and tell what it grants; true if anything was granted. */
bool offers_allocate(struct master *master, int64_t now_ms);
/* Rescind what is too old. */
void offers_turn(struct master *master, int64_t now_ms);
int64_t offers_next_ms(const struct master *master);

struct offer *offer_find(const struct master *master, const char *id);
/* The offer ends and its resources are free again. */
void offer_free(struct offer *offer);
/* The same, and the framework is told. */
void offer_rescind(struct offer *offer);
void offers_rescind_of_agent(struct agent *agent);
/* Inverse ones too. */
void offers_free_of_framework(struct framework *framework);
/* For the id of an offer of any kind: never given twice. */
uint64_t offer_take_number(struct master *master);

/* Milliseconds of FILTERS (may be NULL: the default); odd values are the default, too. */
int64_t offer_refusal_ms(const Mesos__V1__Filters *filters);

#endif
