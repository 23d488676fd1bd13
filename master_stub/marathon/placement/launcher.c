#include "master_stub/marathon/placement/launcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "lib/rng.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/instance/launch_operation.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
#include "master_stub/marathon/placement/fit.h"
#include "master_stub/marathon/placement/launch.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/preference.h"
#include "master_stub/marathon/placement/queue.h"
#include "master_stub/marathon/placement/roles.h"
#include "master_stub/marathon/placement/resident.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

/* What one offer's tasks may take together: they wait in the master for their agent to read them. */
enum { MAX_BID_BYTES = 4 << 20 };

/* Whoever wants offers is shown every node at least so often. */
enum { OFFERED_LATELY_MS = 10000 };

/* An offer that is kept out of the way, and one of which a part was used. */
static const double idle_refuse_seconds = 120, busy_refuse_seconds = 5;

typedef Mesos__V1__Offer__Operation Operation;

struct batch {
	struct bid *bids;
	size_t n;
};

bool launch_is_wanted(const struct controller *c, const struct entry *entry)
{
	return entry->wanted > 0 && entry->launch_spec &&
	       !backoff_is_waiting(&entry->backoff, c->now_ms) &&
	       !backoff_has_given_up(&entry->backoff, entry->target);
}

/* What is offered to others is nothing to it. */
static const char *role_of(const struct entry *entry)
{
	return entry->launch_spec ? entry->launch_spec->role : entry->target->role;
}

/* ---- Choosing ---- */

static struct spot spot_of(const struct controller *c, const struct bid *bid)
{
	return (struct spot){
		.place = {
			.hostname = bid->offer->hostname,
			.domain = bid->offer->domain,
			.attributes = bid->offer->attributes,
			.n_attributes = bid->offer->n_attributes,
		},
		.role = bid->role,
		.left = &bid->left,
		.is_usable = bid->is_usable,
		.is_unavailable = node_is_unavailable(c, bid->offer),
		.is_to_leave = bid->offer->unavailability != NULL,
	};
}

static bool is_full(const struct controller *c, const struct bid *bid)
{
	unsigned max = c->options.max_instances_per_offer;

	return bid->size >= MAX_BID_BYTES || (max > 0 && bid->n >= max);
}

static bool is_avoided(const struct controller *c, const struct entry *entry, const char *agent_id)
{
	return c->now_ms < node_faults_avoided_until(&entry->faults, agent_id,
						     entry->target->max_delay_ms);
}

/* Its starts keep failing here, and another node, that is not in this batch, has room. */
static bool is_better_elsewhere(const struct controller *c, const struct entry *entry,
				const struct bid *bid)
{
	const struct node *node, *next;
	struct fit fit;
	bool is_better = false;

	if (!is_avoided(c, entry, bid->offer->agent_id->value) ||
	    fit_prepare(c, entry, &fit) < 0)
		return false;
	HASH_ITER(by_id, c->nodes, node, next) {
		const struct spot spot = node_spot(node);

		is_better |= node->has_offered &&
			     c->now_ms < node->offered_ms + OFFERED_LATELY_MS &&
			     !is_avoided(c, entry, node->id) &&
			     fit_why_not(&fit, &spot) == N_REASONS;
	}
	fit_done(&fit);
	return is_better;
}

/* The node that is preferred, among equals by chance. */
static struct bid *choose(struct controller *c, const struct entry *entry,
			  const struct batch *batch)
{
	struct rank best_rank = { 0 };
	struct bid *best = NULL;
	unsigned n_equal = 0;
	struct fit fit;

	if (fit_prepare(c, entry, &fit) < 0) {
		c->is_out_of_memory = true;
		return NULL;
	}
	preference_prepare(c, entry);
	for (size_t i = 0; i < batch->n; i++) {
		struct bid *bid = &batch->bids[i];
		struct spot spot = spot_of(c, bid);
		struct rank rank;
		int order;

		if (is_full(c, bid) || fit_why_not(&fit, &spot) != N_REASONS)
			continue;
		spot.is_avoided = is_avoided(c, entry, bid->offer->agent_id->value);
		rank = preference_rank(c, entry, bid->node, &spot);
		order = best ? rank_compare(&rank, &best_rank) : -1;
		if (order > 0)
			continue;
		n_equal = order < 0 ? 1 : n_equal + 1;
		if (rng_below(c->rng, n_equal) == 0)
			best = bid;
		best_rank = rank;
	}
	fit_done(&fit);
	return best;
}

/* ---- Launching ---- */

/* Where it was at home, whatever else is there; NULL: no such place is in BATCH. */
static struct bid *find_home(const struct controller *c, const struct entry *entry,
			     const struct batch *batch, struct residence **ret)
{
	for (size_t i = 0; entry->launch_spec->is_resident && i < batch->n; i++) {
		struct bid *bid = &batch->bids[i];

		if (!bid->is_usable || is_full(c, bid) || node_is_unavailable(c, bid->offer))
			continue;
		*ret = resident_find_home(entry, bid->offer->agent_id->value, &bid->left);
		if (*ret)
			return bid;
	}
	return NULL;
}

static bool launch_one(struct controller *c, struct entry *entry, const struct batch *batch)
{
	struct residence *home = NULL;
	struct bid *bid = find_home(c, entry, batch, &home);
	struct instance *instance;

	if (!bid)
		bid = choose(c, entry, batch);
	if (!bid || (!home && is_better_elsewhere(c, entry, bid)))
		return false;
	if (launch_instance(c, entry, bid, home, &instance) < 0) {
		c->is_out_of_memory = true;
		return false;
	}
	entry->wanted--;
	if (entry->backoff.delay_ms > 0) {
		backoff_moved(&entry->backoff, c->now_ms);
		entry->is_dirty = true;
	}
	queue_used(c, entry);
	c->n_launched++;
	event_instance_changed(c, instance);
	return true;
}

/* One of each app at a time, so that a large one does not take everything. */
static void launch_all(struct controller *c, const struct batch *batch)
{
	struct entry *entry;
	bool again = true;

	while (again && !c->is_out_of_memory) {
		again = false;
		for (entry = entries_first(c); entry; entry = entries_next(c, entry)) {
			if (launch_is_wanted(c, entry))
				again |= launch_one(c, entry, batch);
		}
	}
}

/* After everything is placed: what an app still lacks, it lacks with what is left. */
static void note_unused(struct controller *c, const struct batch *batch)
{
	struct entry *entry;
	struct fit fit;

	for (entry = entries_first(c); entry; entry = entries_next(c, entry)) {
		if (!launch_is_wanted(c, entry) || fit_prepare(c, entry, &fit) < 0)
			continue;
		for (size_t i = 0; i < batch->n; i++) {
			struct bid *bid = &batch->bids[i];
			struct spot spot = spot_of(c, bid);

			if (!bid->view)
				bid->view = queue_offer_view(bid->offer);
			queue_unused(c, entry, bid->view, fit_why_not(&fit, &spot));
		}
		fit_done(&fit);
	}
}

/* ---- Answers ---- */

/* The master did not take the call: nothing of it was launched. */
static void take_back(struct controller *c, const struct bid *bid)
{
	for (size_t i = 0; i < bid->n; i++) {
		struct instance *instance = bid->instances[i];

		backoff_failed(&instance->entry->backoff, instance->spec, c->now_ms);
		instance->entry->is_dirty = true;
		records_delete_instance(c, instance);
		instance_free(c, instance);
	}
}

/* What is changed first, the launches use. */
static int accept_offer(struct controller *c, const struct bid *bid)
{
	AUTO_FREE Operation **all = calloc(bid->changes.n + bid->n + 1, sizeof(*all));
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < bid->changes.n; i++)
		all[n++] = bid->changes.items[i];
	for (size_t i = 0; i < bid->n; i++)
		all[n++] = bid->operations[i];
	return calls_accept(c, bid->offer->id->value, all, n, busy_refuse_seconds);
}

static void answer(struct controller *c, struct bid *bid)
{
	const struct role *role = role_find(c, bid->role);

	if (bid->n == 0 && bid->changes.n == 0)
		calls_decline(c, bid->offer->id->value,
			      !role || role->is_idle ? idle_refuse_seconds : busy_refuse_seconds);
	else if (accept_offer(c, bid) < 0)
		take_back(c, bid);
	for (size_t i = 0; i < bid->n; i++)
		launch_operation_free(bid->operations[i]);
	operations_cut(&bid->changes, 0);
	free(bid->changes.items);
	free(bid->operations);
	free(bid->instances);
	json_decref(bid->view);
	if (node_left(c, bid->offer, bid->role, bid->is_usable ? &bid->left : NULL) < 0)
		c->is_out_of_memory = true;
}

/* Those for which nothing is wanted, not even when a backoff has ended. */
static void find_idle_roles(struct controller *c)
{
	struct role *role, *next;

	HASH_ITER(by_name, c->roles, role, next)
		role->is_idle = true;
	for (const struct entry *entry = entries_first(c); entry; entry = entries_next(c, entry)) {
		role = entry->wanted > 0 ? role_find(c, role_of(entry)) : NULL;
		if (role)
			role->is_idle = false;
	}
}

static void note_offered(struct controller *c, const char *name)
{
	struct role *role = role_find(c, name);

	if (role)
		role->was_offered = true;
}

/* One that cannot be understood is declined like any that does not fit. */
static void read_offer(struct controller *c, const Mesos__V1__Offer *offer, struct bid *bid)
{
	struct err e = { 0 };

	bid->offer = offer;
	bid->role = offer->allocation_info ? offer->allocation_info->role : "*";
	note_offered(c, bid->role);
	bid->is_usable =
		resources_from_messages(offer->resources, offer->n_resources, &bid->left, &e) == 0;
	if (nodes_learn(c, offer) < 0)
		c->is_out_of_memory = true;
	bid->node = node_find(c, offer->agent_id->value);
}

void launch_offers(struct controller *c, Mesos__V1__Offer *const *offers, size_t n)
{
	AUTO_FREE struct bid *bids = calloc(n + 1, sizeof(*bids));
	struct batch batch = { .bids = bids, .n = n };
	if (!bids) {
		c->is_out_of_memory = true;
		for (size_t i = 0; i < n; i++)
			calls_decline(c, offers[i]->id->value, busy_refuse_seconds);
		return;
	}
	entries_balance(c);
	for (size_t i = 0; i < n; i++)
		read_offer(c, offers[i], &bids[i]);
	for (size_t i = 0; i < n; i++) {
		if (bids[i].is_usable)
			resident_look(c, offers[i], &bids[i].left, &bids[i].changes);
	}
	launch_all(c, &batch);
	note_unused(c, &batch);
	find_idle_roles(c);
	for (size_t i = 0; i < n; i++)
		answer(c, &bids[i]);
}

/* ---- Reviving ---- */

/* Something to launch now that was not there before? */
static bool is_news(struct controller *c, struct entry *entry)
{
	bool is_waiting = entry->wanted > 0 && backoff_is_waiting(&entry->backoff, c->now_ms);
	bool is_new = launch_is_wanted(c, entry) &&
		      (entry->was_waiting || entry->wanted > entry->wanted_before);

	if (is_waiting)
		controller_wake_at(c, backoff_deadline(&entry->backoff));
	entry->was_waiting = is_waiting;
	entry->wanted_before = entry->wanted;
	return is_new;
}

void launch_turn(struct controller *c)
{
	struct role *role = NULL;

	roles_begin(c);
	for (struct entry *entry = entries_first(c); entry; entry = entries_next(c, entry)) {
		bool is_new = is_news(c, entry);

		queue_note(c, entry);
		/* That of the entry before it, as a rule. */
		if ((!role || strcmp(role->name, role_of(entry)) != 0) &&
		    role_take(c, role_of(entry), &role) < 0) {
			c->is_out_of_memory = true;
			continue;
		}
		role->is_used = true;
		role->is_new |= is_new;
		role->is_wanted |= launch_is_wanted(c, entry);
	}
	residences_ask(c);
	roles_settle(c);
}
