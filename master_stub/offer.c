#include "master_stub/offer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/offer_constraints.h"
#include "master_stub/inverse_offer.h"
#include "master_stub/registry.h"

enum { OFFER_ID_SIZE = ID_UUID_SIZE + 24, OFFERS_RESERVED = 4096 };

struct offer *offer_find(const struct master *master, const char *id)
{
	struct offer *offer = NULL;

	HASH_FIND_STR(master->offers, id, offer);
	return offer;
}

/* ---- making ---- */

/* Numbers are recorded in blocks: an id is never given twice, and not every offer is a write. */
uint64_t offer_take_number(struct master *master)
{
	if (master->next_offer >= master->offers_reserved) {
		master->offers_reserved = master->next_offer + OFFERS_RESERVED;
		master_put_self(master);
	}
	return master->next_offer++;
}

static void offer_free_fields(struct offer *offer)
{
	resources_done(&offer->resources);
	free(offer->id);
	free(offer);
}

static void count_offered(const struct offer *offer, int sign)
{
	const struct quantities quantities = quantities_of(&offer->resources);

	quantities_add(&offer->agent->master->offered, &quantities, sign);
}

static int offer_new(struct agent *agent, struct framework_role *role,
		     const struct resources *part, int64_t now_ms)
{
	struct master *master = agent->master;
	struct offer *offer = calloc(1, sizeof(*offer));
	char id[OFFER_ID_SIZE];

	if (!offer)
		return -ENOMEM;
	snprintf(id, sizeof(id), "%s-O%llu", master->id, (unsigned long long)offer_take_number(master));
	offer->agent = agent;
	offer->framework = role->framework;
	offer->role = role;
	offer->made_ms = now_ms;
	offer->deadline_ms = master->options.offer_timeout_ms > 0 ?
			     now_ms + master->options.offer_timeout_ms : INT64_MAX;
	offer->id = strdup(id);
	if (offer->id && resources_copy(part, &offer->resources) == 0)
		HASH_ADD_KEYPTR(hh, master->offers, offer->id, strlen(offer->id), offer);
	if (!offer->hh.tbl) {
		offer_free_fields(offer);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&agent->offers, offer, on_agent);
	LIST_INSERT_HEAD(&role->framework->offers, offer, of_framework);
	TAILQ_INSERT_TAIL(&master->offer_timeouts, offer, in_timeouts);
	role->framework->n_fresh_offers++;
	count_offered(offer, 1);
	return 0;
}

static const char *region_of(const Mesos__V1__DomainInfo *domain)
{
	return domain && domain->fault_domain ? domain->fault_domain->region->name : NULL;
}

/* Whoever does not say where it is, is here. */
static bool is_remote(const struct agent *agent)
{
	const char *here = region_of(agent->master->domain), *there = region_of(agent->info->domain);

	return here && there && strcmp(here, there) != 0;
}

/* Nodes with gpus are kept for those that know what to do with them, cpus and all. */
static bool is_for_gpus(const struct agent *agent)
{
	return agent->master->options.filter_gpu_resources &&
	       resources_quantity(allocator_node_total(agent->node), RESOURCE_GPUS) > 0;
}

bool offer_is_for(const void *node_owner, const void *client_owner)
{
	const struct agent *agent = node_owner;
	const struct framework_role *role = client_owner;
	const struct framework *framework = role->framework;

	return (!is_for_gpus(agent) ||
		framework_is_capable(framework,
			MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES)) &&
	       (!is_remote(agent) ||
		framework_is_capable(framework,
			MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REGION_AWARE)) &&
	       offer_constraints_admit(framework->constraints, role->name, agent->info);
}

bool offer_takes_refined(const void *client_owner)
{
	const struct framework_role *role = client_owner;

	return framework_is_capable(role->framework,
		MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT);
}

struct allocation {
	struct master *master;
	int64_t now_ms;
};

static int on_grant(void *arg, void *node_owner, void *client_owner, const struct resources *part)
{
	const struct allocation *allocation = arg;

	return offer_new(node_owner, client_owner, part, allocation->now_ms);
}

/* ---- telling ---- */

/* An offer's message with what it points to. */
struct offer_message {
	Mesos__V1__Offer offer;
	Mesos__V1__OfferID id;
	Mesos__V1__URL url;
	Mesos__V1__Address address;
	Mesos__V1__Resource__AllocationInfo allocation;
	struct unavailability_message unavailability;
	Mesos__V1__Resource **resources;
	size_t n_resources;
	Mesos__V1__ExecutorID *executor_ids, **executor_pointers;
};

static void fill_url(struct offer_message *message, const struct agent *agent)
{
	static char scheme[] = "http", path[] = "/slave(1)";
	struct in_addr ip;

	mesos__v1__url__init(&message->url);
	mesos__v1__address__init(&message->address);
	message->address.hostname = agent->info->hostname;
	if (inet_pton(AF_INET, agent->info->hostname, &ip) == 1)
		message->address.ip = agent->info->hostname;
	message->address.port = agent->info->port;
	message->url.scheme = scheme;
	message->url.path = path;
	message->url.address = &message->address;
}

/* The executors that the framework has there already. */
static int fill_executors(struct offer_message *message, const struct offer *offer)
{
	const struct executor *executor;
	size_t n = 0;

	LIST_FOREACH(executor, &offer->agent->executors, on_agent)
		n += executor->framework == offer->framework;
	if (n == 0)
		return 0;
	message->executor_ids = calloc(n, sizeof(*message->executor_ids));
	message->executor_pointers = calloc(n, sizeof(*message->executor_pointers));
	if (!message->executor_ids || !message->executor_pointers)
		return -ENOMEM;
	message->offer.executor_ids = message->executor_pointers;
	LIST_FOREACH(executor, &offer->agent->executors, on_agent) {
		Mesos__V1__ExecutorID *id = &message->executor_ids[message->offer.n_executor_ids];

		if (executor->framework != offer->framework)
			continue;
		mesos__v1__executor_id__init(id);
		id->value = executor->id;
		message->executor_pointers[message->offer.n_executor_ids++] = id;
	}
	return 0;
}

static int fill_message(struct offer_message *message, const struct offer *offer)
{
	const struct framework *framework = offer->framework;
	const Mesos__V1__AgentInfo *agent = offer->agent->info;
	bool has_roles = framework_is_capable(framework,
				       MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE);
	int r = resources_to_messages(&offer->resources, has_roles ? offer->role->name : NULL,
				      &message->resources, &message->n_resources);

	if (r == 0 && !framework_is_capable(framework,
		MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT))
		r = resources_messages_downgrade(message->resources, message->n_resources);
	if (r < 0)
		return r;
	mesos__v1__offer__init(&message->offer);
	mesos__v1__offer_id__init(&message->id);
	message->id.value = offer->id;
	message->offer.id = &message->id;
	message->offer.framework_id = framework->info->id;
	message->offer.agent_id = agent->id;
	message->offer.hostname = agent->hostname;
	message->offer.n_resources = message->n_resources;
	message->offer.resources = message->resources;
	message->offer.n_attributes = agent->n_attributes;
	message->offer.attributes = agent->attributes;
	message->offer.domain = agent->domain;
	message->offer.unavailability = unavailability_describe(&offer->agent->unavailability,
								&message->unavailability);
	fill_url(message, offer->agent);
	message->offer.url = &message->url;
	/* A framework that knows one role only does not expect to be told of it. */
	if (has_roles) {
		mesos__v1__resource__allocation_info__init(&message->allocation);
		message->allocation.role = offer->role->name;
		message->offer.allocation_info = &message->allocation;
	}
	return fill_executors(message, offer);
}

static int send_offers(struct framework *framework, struct offer_message *messages,
		       Mesos__V1__Offer **pointers)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Offers offers = MESOS__V1__SCHEDULER__EVENT__OFFERS__INIT;
	struct offer *offer = LIST_FIRST(&framework->offers);
	unsigned n = framework->n_fresh_offers;
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		r = fill_message(&messages[i], offer);
		pointers[i] = &messages[i].offer;
		offer = LIST_NEXT(offer, of_framework);
	}
	if (r == 0) {
		event.has_type = true;
		event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS;
		event.offers = &offers;
		offers.n_offers = n;
		offers.offers = pointers;
		r = framework_send(framework, &event);
	}
	for (unsigned i = 0; i < n; i++) {
		resources_messages_free(messages[i].resources, messages[i].n_resources);
		free(messages[i].executor_ids);
		free(messages[i].executor_pointers);
	}
	return r;
}

static void tell_fresh(struct framework *framework)
{
	unsigned n = framework->n_fresh_offers;
	AUTO_FREE struct offer_message *messages = calloc(n, sizeof(*messages));
	AUTO_FREE Mesos__V1__Offer **pointers = calloc(n, sizeof(*pointers));
	struct offer *offer = LIST_FIRST(&framework->offers);

	/* Not told for want of memory, they are taken back by their timeout. */
	if (messages && pointers && send_offers(framework, messages, pointers) == 0) {
		framework->master->counters.offers_sent += n;
		framework->counters.offers_sent += n;
		for (unsigned i = 0; i < n; i++) {
			offer->is_told = true;
			offer = LIST_NEXT(offer, of_framework);
		}
	}
	framework->n_fresh_offers = 0;
}

static int64_t stopwatch_ns(const struct master *master)
{
	return master->io.stopwatch_ns ? master->io.stopwatch_ns(master->io.arg) : 0;
}

/* What is not due by a time is due since this turn. */
static size_t run_allocator(struct master *master, struct allocation *allocation)
{
	int64_t since_ns = stopwatch_ns(master), due_ms = allocator_next_ms(master->allocator);
	int64_t delay_ms = due_ms < allocation->now_ms ? allocation->now_ms - due_ms : 0;
	size_t n = allocator_run(master->allocator, allocation->now_ms, on_grant, allocation);

	timings_add(&master->allocations, stopwatch_ns(master) - since_ns);
	timings_add(&master->allocation_delays, delay_ms * 1000000);
	return n;
}

bool offers_allocate(struct master *master, int64_t now_ms)
{
	struct allocation allocation = { .master = master, .now_ms = now_ms };
	struct framework *framework, *next;

	if (!allocator_is_due(master->allocator, now_ms) ||
	    run_allocator(master, &allocation) == 0)
		return false;
	HASH_ITER(hh, master->frameworks, framework, next) {
		if (framework->n_fresh_offers > 0)
			tell_fresh(framework);
	}
	return true;
}

/* ---- ending ---- */

void offer_free(struct offer *offer)
{
	struct master *master = offer->agent->master;

	if (offer->agent->node)
		allocator_release(offer->agent->node, offer->role->client, &offer->resources);
	count_offered(offer, -1);
	HASH_DEL(master->offers, offer);
	LIST_REMOVE(offer, on_agent);
	LIST_REMOVE(offer, of_framework);
	TAILQ_REMOVE(&master->offer_timeouts, offer, in_timeouts);
	offer_free_fields(offer);
}

void offer_rescind(struct offer *offer)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Rescind rescind = MESOS__V1__SCHEDULER__EVENT__RESCIND__INIT;
	Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT;

	id.value = offer->id;
	rescind.offer_id = &id;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND;
	event.rescind = &rescind;
	if (offer->is_told && framework_send(offer->framework, &event) == 0) {
		offer->agent->master->counters.offers_rescinded++;
		offer->framework->counters.offers_rescinded++;
	}
	offer_free(offer);
}

void offers_rescind_of_agent(struct agent *agent)
{
	while (!LIST_EMPTY(&agent->offers))
		offer_rescind(LIST_FIRST(&agent->offers));
}

void offers_free_of_framework(struct framework *framework)
{
	while (!LIST_EMPTY(&framework->offers))
		offer_free(LIST_FIRST(&framework->offers));
	inverse_offers_free_of_framework(framework);
}

void offers_turn(struct master *master, int64_t now_ms)
{
	struct offer *offer;

	while ((offer = TAILQ_FIRST(&master->offer_timeouts)) && offer->deadline_ms <= now_ms) {
		master_explain(master,
			       "offer '%s' is rescinded: framework '%s' has not answered it for"
			       " %lld ms",
			       offer->id, offer->framework->id,
			       (long long)(now_ms - offer->made_ms));
		offer_rescind(offer);
	}
}

int64_t offers_next_ms(const struct master *master)
{
	const struct offer *offer = TAILQ_FIRST(&master->offer_timeouts);

	return offer ? offer->deadline_ms : INT64_MAX;
}

int64_t offer_refusal_ms(const Mesos__V1__Filters *filters)
{
	const double fallback = 5, most = 365.0 * 24 * 3600;
	double seconds =
		filters && filters->has_refuse_seconds ? filters->refuse_seconds : fallback;

	if (!isfinite(seconds) || seconds < 0)
		seconds = fallback;
	return (int64_t)((seconds < most ? seconds : most) * 1000);
}
