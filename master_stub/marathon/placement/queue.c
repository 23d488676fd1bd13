#include "master_stub/marathon/placement/queue.h"

#include <math.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "master_stub/marathon/deployment/cause.h"
#include "master_stub/marathon/placement/explanation.h"
#include "master_stub/marathon/view/views.h"

enum { OFFERS_KEPT = 3 };

static const char *const reason_names[N_REASONS] = {
	[REASON_ROLE] = "UnfulfilledRole",
	[REASON_CONSTRAINT] = "UnfulfilledConstraint",
	[REASON_RESERVATION] = "NoCorrespondingReservationFound",
	[REASON_MAINTENANCE] = "AgentMaintenance",
	[REASON_CPUS] = "InsufficientCpus",
	[REASON_MEM] = "InsufficientMemory",
	[REASON_DISK] = "InsufficientDisk",
	[REASON_GPUS] = "InsufficientGpus",
	[REASON_PORTS] = "InsufficientPorts",
	[REASON_SCARCE] = "DeclinedScarceResources",
};

const char *reason_name(enum reason reason)
{
	return reason_names[reason];
}

/* Counts begin anew with every wait, or they would explain an old one. */
void queue_note(struct controller *c, struct entry *entry)
{
	struct waiting *w = &entry->waiting;

	if (entry->wanted > 0 && w->since_wall_ms == 0) {
		w->since_wall_ms = controller_wall_ms(c);
	} else if (entry->wanted == 0 && w->since_wall_ms != 0) {
		json_decref(w->last_unused);
		*w = (struct waiting){ 0 };
	}
}

static void count(struct waiting *w, enum reason reason)
{
	/* A step of the funnel is seen by what passed all those before it. */
	for (int i = 0; i < N_REASONS && i <= (int)reason; i++)
		w->seen[i]++;
	if (reason < N_REASONS)
		w->declined[reason]++;
	w->processed++;
}

void queue_used(struct controller *c, struct entry *entry)
{
	count(&entry->waiting, N_REASONS);
	entry->waiting.last_used_wall_ms = controller_wall_ms(c);
}

static json_t *messages_view(ProtobufCMessage *const *messages, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		struct err e = { 0 };
		json_t *item = NULL;

		if (pb_to_json(messages[i], &item, &e) == 0)
			(void)json_array_append_new(list, item);
	}
	return list;
}

json_t *queue_offer_view(const Mesos__V1__Offer *offer)
{
	json_t *resources = messages_view((ProtobufCMessage *const *)offer->resources,
					  offer->n_resources);
	json_t *attributes = messages_view((ProtobufCMessage *const *)offer->attributes,
					   offer->n_attributes);

	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", offer->id->value, "hostname",
			 offer->hostname, "agentId", offer->agent_id->value, "resources", resources,
			 "attributes", attributes);
}

static json_t *unused_view(json_t *offer, enum reason reason, int64_t wall_ms)
{
	char at[CLOCK_TEXT_SIZE];

	clock_format(wall_ms, at);
	return json_pack("{s:O, s:[s], s:s}", "offer", offer, "reason", reason_names[reason],
			 "timestamp", at);
}

void queue_unused(struct controller *c, struct entry *entry, json_t *offer, enum reason reason)
{
	struct waiting *w = &entry->waiting;

	if (reason == N_REASONS)
		return;
	count(w, reason);
	w->unused++;
	w->last_unused_wall_ms = controller_wall_ms(c);
	if (!w->last_unused)
		w->last_unused = json_array();
	(void)json_array_insert_new(w->last_unused, 0,
				    unused_view(offer, reason, w->last_unused_wall_ms));
	while (json_array_size(w->last_unused) > OFFERS_KEPT)
		(void)json_array_remove(w->last_unused, OFFERS_KEPT);
}

static json_t *reasons_view(const struct waiting *w)
{
	json_t *list = json_array();

	for (int i = 0; i < N_REASONS; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:I, s:I}", "reason", reason_names[i], "declined",
					(json_int_t)w->declined[i], "processed",
					(json_int_t)w->seen[i]));
	return list;
}

static void set_time(json_t *object, const char *key, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (wall_ms == 0)
		return;
	clock_format(wall_ms, text);
	(void)json_object_set_new(object, key, json_string(text));
}

static json_t *summary_view(const struct waiting *w)
{
	json_t *summary = json_pack("{s:I, s:I, s:o, s:o}", "processedOffersCount",
				    (json_int_t)w->processed, "unusedOffersCount",
				    (json_int_t)w->unused, "rejectSummaryLastOffers",
				    reasons_view(w), "rejectSummaryLaunchAttempt", reasons_view(w));

	set_time(summary, "lastUnusedOfferAt", w->last_unused_wall_ms);
	set_time(summary, "lastUsedOfferAt", w->last_used_wall_ms);
	return summary;
}

/* Past Marathon: why it is not launched now. */
static void set_explanation(const struct controller *c, const struct entry *entry, json_t *item)
{
	char text[EXPLANATION_SIZE];

	if (backoff_has_given_up(&entry->backoff, entry->target)) {
		AUTO_FREE char *why = cause_of_giving_up(entry);

		(void)json_object_set_new(item, "explanation", json_string(why));
		return;
	}
	if (!entry->launch_spec)
		return;
	if (backoff_is_waiting(&entry->backoff, c->now_ms)) {
		AUTO_FREE char *why = cause_of_backoff(c, entry);

		(void)json_object_set_new(item, "explanation", json_string(why));
		return;
	}
	explanation_format(c, entry, text);
	/* Foreign text cut by the buffer may end inside a character: then there is none. */
	if (*text)
		(void)json_object_set_new(item, "explanation", json_string(text));
}

static json_t *faults_view(const struct controller *c, const struct entry *entry)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < entry->faults.n; i++) {
		const struct node_fault *fault = &entry->faults.list[i];
		int64_t until_ms = node_faults_avoided_until(&entry->faults, fault->agent_id,
							     entry->target->max_delay_ms);
		json_t *item = json_pack("{s:s, s:s, s:i}", "agentId", fault->agent_id, "host",
					 fault->host, "failedStarts", (int)fault->failures);

		set_time(item, "lastFailureAt",
			 controller_wall_ms(c) - c->now_ms + fault->last_ms);
		if (c->now_ms < until_ms)
			set_time(item, "avoidedUntil", controller_wall_ms(c) - c->now_ms + until_ms);
		(void)json_array_append_new(list, item);
	}
	return list;
}

/* Past Marathon: what the delay comes from, and when it ends. */
static void set_backoff(const struct controller *c, const struct entry *entry, int64_t left_ms,
			json_t *item)
{
	bool has_given_up = backoff_has_given_up(&entry->backoff, entry->target);

	(void)json_object_set_new(item, "backoffSeconds",
				  json_real(round(entry->backoff.delay_ms) / 1000));
	(void)json_object_set_new(item, "failedStarts", json_integer(entry->backoff.failures));
	if (has_given_up)
		(void)json_object_set_new(item, "givenUp", json_true());
	else
		set_time(item, "nextStart", controller_wall_ms(c) + left_ms);
	if (entry->last_end)
		(void)json_object_set(item, "lastFailure", entry->last_end);
	(void)json_object_set_new(item, "nodeFailures", faults_view(c, entry));
}

static json_t *item_view(const struct controller *c, const struct entry *entry, unsigned embeds)
{
	bool has_given_up = backoff_has_given_up(&entry->backoff, entry->target);
	int64_t left_ms = backoff_deadline(&entry->backoff) - c->now_ms;
	json_t *item;

	/* A delay that is over, or that nothing follows. */
	if (left_ms < 0 || has_given_up)
		left_ms = 0;
	item = json_pack("{s:o, s:I, s:s, s:{s:I, s:b}, s:o}", entry_is_pod(entry) ? "pod" : "app",
			 spec_view(entry->launch_spec ? entry->launch_spec : entry->target),
			 "count", (json_int_t)entry->wanted, "role", entry->target->role, "delay",
			 "timeLeftSeconds", (json_int_t)((left_ms + 999) / 1000), "overdue",
			 left_ms == 0 && !has_given_up, "processedOffersSummary", summary_view(&entry->waiting));
	set_time(item, "since", entry->waiting.since_wall_ms);
	set_explanation(c, entry, item);
	if (entry->backoff.failures > 0)
		set_backoff(c, entry, left_ms, item);
	if (embeds & QUEUE_EMBED_NODES)
		(void)json_object_set_new(item, "nodes", explanation_nodes(c, entry));
	if ((embeds & QUEUE_EMBED_OFFERS) && entry->waiting.last_unused)
		(void)json_object_set(item, "lastUnusedOffers", entry->waiting.last_unused);
	else if (embeds & QUEUE_EMBED_OFFERS)
		(void)json_object_set_new(item, "lastUnusedOffers", json_array());
	return item;
}

json_t *queue_view(const struct controller *c, unsigned embeds)
{
	json_t *queue = json_array();
	const struct entry *entry, *next;

	HASH_ITER(by_id, c->entries, entry, next) {
		if (entry->wanted > 0)
			(void)json_array_append_new(queue, item_view(c, entry, embeds));
	}
	return json_pack("{s:o}", "queue", queue);
}
