#include "master_stub/inverse_offer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/machines.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum { WALK_MS = 1000 };	/* between two looks at all tasks that are asked to leave */

void inverse_offers_wake(struct master *master)
{
	master->inverse_offers_due = true;
}

/* ---- one of them ---- */

static struct inverse_offer *find(const struct agent *agent, const struct framework *framework)
{
	struct inverse_offer *offer;

	LIST_FOREACH(offer, &agent->inverse_offers, on_agent) {
		if (offer->framework == framework)
			return offer;
	}
	return NULL;
}

static struct inverse_offer *make(struct agent *agent, struct framework *framework)
{
	struct inverse_offer *offer = calloc(1, sizeof(*offer));

	if (!offer)
		return NULL;
	offer->agent = agent;
	offer->framework = framework;
	offer->answer = MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__STATUS__UNKNOWN;
	offer->next_ms = INT64_MIN;
	LIST_INSERT_HEAD(&agent->inverse_offers, offer, on_agent);
	LIST_INSERT_HEAD(&framework->inverse_offers, offer, of_framework);
	return offer;
}

static void close_offer(struct inverse_offer *offer)
{
	if (!offer->id)
		return;
	HASH_DEL(offer->agent->master->inverse_offers, offer);
	free(offer->id);
	offer->id = NULL;
}

static void free_offer(struct inverse_offer *offer)
{
	close_offer(offer);
	LIST_REMOVE(offer, on_agent);
	LIST_REMOVE(offer, of_framework);
	free(offer);
}

/* ---- telling ---- */

static void rescind(struct inverse_offer *offer)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__RescindInverseOffer rescind =
		MESOS__V1__SCHEDULER__EVENT__RESCIND_INVERSE_OFFER__INIT;
	Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT;

	if (!offer->id)
		return;
	id.value = offer->id;
	rescind.inverse_offer_id = &id;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER;
	event.rescind_inverse_offer = &rescind;
	(void)framework_send(offer->framework, &event);
	close_offer(offer);
}

static int send(const struct inverse_offer *offer)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__InverseOffers body =
		MESOS__V1__SCHEDULER__EVENT__INVERSE_OFFERS__INIT;
	Mesos__V1__InverseOffer message = MESOS__V1__INVERSE_OFFER__INIT, *list = &message;
	Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT;
	struct unavailability_message unavailability;

	id.value = offer->id;
	message.id = &id;
	message.framework_id = offer->framework->info->id;
	message.agent_id = offer->agent->info->id;
	message.unavailability = unavailability_describe(&offer->agent->unavailability,
						      &unavailability);
	body.n_inverse_offers = 1;
	body.inverse_offers = &list;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS;
	event.inverse_offers = &body;
	return framework_send(offer->framework, &event);
}

/* What fails, for want of memory or of room in the framework's queue, is tried again a look later. */
static void open_offer(struct inverse_offer *offer, int64_t now_ms)
{
	struct master *master = offer->agent->master;
	int64_t timeout_ms = master->options.offer_timeout_ms;

	offer->next_ms = now_ms + WALK_MS;
	if (asprintf(&offer->id, "%s-O%llu", master->id,
		     (unsigned long long)offer_take_number(master)) < 0) {
		offer->id = NULL;
		return;
	}
	HASH_ADD_KEYPTR(hh, master->inverse_offers, offer->id, strlen(offer->id), offer);
	if (!offer->hh.tbl) {
		free(offer->id);
		offer->id = NULL;
		return;
	}
	if (send(offer) < 0)
		close_offer(offer);
	else
		offer->next_ms = timeout_ms > 0 ? now_ms + timeout_ms : INT64_MAX;
}

/* ---- looking ---- */

static void note_next(const struct inverse_offer *offer)
{
	struct master *master = offer->agent->master;

	if (offer->next_ms < master->next_inverse_offer_ms)
		master->next_inverse_offer_ms = offer->next_ms;
}

static void ask_framework(struct agent *agent, struct framework *framework, int64_t now_ms)
{
	struct inverse_offer *offer = find(agent, framework);

	if (!offer)
		offer = make(agent, framework);
	if (!offer)
		return;
	if (!offer->id && offer->next_ms <= now_ms)
		open_offer(offer, now_ms);
	note_next(offer);
}

static void look_at(struct agent *agent, int64_t now_ms)
{
	struct inverse_offer *offer;
	const struct task *task;

	LIST_FOREACH(offer, &agent->inverse_offers, on_agent) {
		if (offer->id && offer->next_ms <= now_ms) {
			rescind(offer);
			offer->next_ms = now_ms + offer_refusal_ms(NULL);
		}
		/* Also of one that nobody is asked by any more. */
		if (offer->id)
			note_next(offer);
	}
	if (agent->state != AGENT_CONNECTED)
		return;
	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (task->framework->scheduler && !master_task_is_ended(task->state))
			ask_framework(agent, task->framework, now_ms);
	}
}

void inverse_offers_turn(struct master *master, int64_t now_ms)
{
	struct agent *agent;

	if (now_ms < inverse_offers_next_ms(master))
		return;
	master->inverse_offers_due = false;
	master->next_inverse_walk_ms = now_ms + WALK_MS;
	master->next_inverse_offer_ms = INT64_MAX;
	TAILQ_FOREACH(agent, &master->scheduled, in_scheduled)
		look_at(agent, now_ms);
}

int64_t inverse_offers_next_ms(const struct master *master)
{
	if (TAILQ_EMPTY(&master->scheduled))
		return INT64_MAX;
	if (master->inverse_offers_due && master->next_inverse_walk_ms < master->next_inverse_offer_ms)
		return master->next_inverse_walk_ms;
	return master->next_inverse_offer_ms;
}

/* ---- the end ---- */

void inverse_offers_rescind_of_agent(struct agent *agent)
{
	struct inverse_offer *offer;

	LIST_FOREACH(offer, &agent->inverse_offers, on_agent)
		rescind(offer);
	inverse_offers_free_of_agent(agent);
	inverse_offers_wake(agent->master);
}

void inverse_offers_free_of_agent(struct agent *agent)
{
	while (!LIST_EMPTY(&agent->inverse_offers))
		free_offer(LIST_FIRST(&agent->inverse_offers));
}

void inverse_offers_free_of_framework(struct framework *framework)
{
	while (!LIST_EMPTY(&framework->inverse_offers))
		free_offer(LIST_FIRST(&framework->inverse_offers));
	inverse_offers_wake(framework->master);
}

void inverse_offers_answer(struct framework *framework, Mesos__V1__OfferID *const *ids, size_t n,
			   Mesos__V1__Allocator__InverseOfferStatus__Status answer,
			   const Mesos__V1__Filters *filters, int64_t now_ms)
{
	struct master *master = framework->master;

	for (size_t i = 0; i < n; i++) {
		struct inverse_offer *offer = NULL;

		HASH_FIND_STR(master->inverse_offers, ids[i]->value, offer);
		if (!offer || offer->framework != framework)
			continue;
		offer->answer = answer;
		offer->answered_wall_ms = master_wall_ms(master);
		offer->next_ms = now_ms + offer_refusal_ms(filters);
		close_offer(offer);
		inverse_offers_wake(master);
	}
}
