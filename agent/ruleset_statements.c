/* What is written for one plan of a service in the place of another. */
#include <arpa/inet.h>
#include <inttypes.h>

#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"

/* ---- plans ---- */

bool ruleset_plan_is_called(const struct ruleset_plan *plan)
{
	return plan->address && plan->n_slots > 0;
}

static bool is_vacant(const struct ruleset_plan *plan)
{
	return plan->address && plan->n_slots == 0;
}

bool ruleset_plan_has_node_port(const struct ruleset_plan *plan)
{
	return plan->node_port && plan->n_slots > 0;
}

bool ruleset_plan_has_one_place(const struct ruleset_plan *a, const struct ruleset_plan *b)
{
	return a->address == b->address && a->port == b->port && a->protocol == b->protocol;
}

bool ruleset_plan_has_one_chain(const struct ruleset_plan *a, const struct ruleset_plan *b)
{
	return a->n_slots > 0 && b->n_slots > 0 && a->base == b->base;
}

static const struct ruleset_backend *slot_of(const struct ruleset_plan *plan, size_t i)
{
	return &plan->backends[plan->slots[i % plan->n_slots]];
}

/* Is slot I of PLAN the same in OTHER? */
static bool has_slot(const struct ruleset_plan *plan, const struct ruleset_plan *other, size_t i)
{
	const struct ruleset_backend *a, *b;

	if (!ruleset_plan_has_one_chain(plan, other) || i >= other->n_made)
		return false;
	a = slot_of(plan, i);
	b = slot_of(other, i);
	return a->address == b->address && a->port == b->port;
}

static bool has_backend(const struct ruleset_plan *plan, const struct ruleset_backend *backend)
{
	size_t first = 0, n = plan->n_backends;

	while (n > 0) {
		const struct ruleset_backend *middle = &plan->backends[first + n / 2];
		int64_t order = (int64_t)ntohl(middle->address) - ntohl(backend->address);

		if (order == 0)
			order = ntohs(middle->port) - ntohs(backend->port);
		if (order == 0)
			return true;
		if (order < 0)
			first += n / 2 + 1;
		n = order < 0 ? n - n / 2 - 1 : n / 2;
	}
	return false;
}

/* ---- elements: those of PLAN that OTHER has not ---- */

static void put_place(struct ruleset_elements *elements, const struct ruleset_plan *plan)
{
	char address[INET_ADDRSTRLEN];

	ruleset_next_element(elements);
	fprintf(elements->out, "%s . %s . %u",
		inet_ntop(AF_INET, &plan->address, address, sizeof(address)),
		ruleset_protocol_name(plan->protocol), ntohs(plan->port));
}

static void put_service(struct ruleset_elements *elements, const struct ruleset_plan *plan,
			const struct ruleset_plan *other)
{
	if (!ruleset_plan_is_called(plan) ||
	    (ruleset_plan_is_called(other) && ruleset_plan_has_one_place(plan, other) &&
	     ruleset_plan_has_one_chain(plan, other)))
		return;
	put_place(elements, plan);
	if (*elements->verb == 'a')
		fprintf(elements->out, " : goto s%" PRIu32, plan->base);
}

static void put_node_port(struct ruleset_elements *elements, const struct ruleset_plan *plan,
			  const struct ruleset_plan *other)
{
	if (!ruleset_plan_has_node_port(plan) ||
	    (ruleset_plan_has_node_port(other) && plan->node_port == other->node_port &&
	     plan->protocol == other->protocol && ruleset_plan_has_one_chain(plan, other)))
		return;
	ruleset_next_element(elements);
	fprintf(elements->out, "%s . %u", ruleset_protocol_name(plan->protocol), ntohs(plan->node_port));
	if (*elements->verb == 'a')
		fprintf(elements->out, " : goto s%" PRIu32, plan->base);
}

static void put_vacant(struct ruleset_elements *elements, const struct ruleset_plan *plan,
		       const struct ruleset_plan *other)
{
	if (is_vacant(plan) && !(is_vacant(other) && ruleset_plan_has_one_place(plan, other)))
		put_place(elements, plan);
}

static void put_slots(struct ruleset_elements *elements, const struct ruleset_plan *plan,
		      const struct ruleset_plan *other)
{
	for (size_t i = 0; i < plan->n_made; i++) {
		const struct ruleset_backend *backend;
		char address[INET_ADDRSTRLEN];

		if (has_slot(plan, other, i))
			continue;
		ruleset_next_element(elements);
		fprintf(elements->out, "%zu", RULESET_TAG + plan->base + i);
		if (*elements->verb != 'a')
			continue;
		backend = slot_of(plan, i);
		fprintf(elements->out, " : %s . %u",
			inet_ntop(AF_INET, &backend->address, address, sizeof(address)),
			ntohs(backend->port));
	}
}

static void put_counters(struct ruleset_elements *elements, const struct ruleset_plan *plan,
			 const struct ruleset_plan *other)
{
	bool is_elsewhere = !ruleset_plan_has_one_place(plan, other);
	char address[INET_ADDRSTRLEN], backend[INET_ADDRSTRLEN];

	if (!plan->address)
		return;
	(void)inet_ntop(AF_INET, &plan->address, address, sizeof(address));
	for (size_t i = 0; i < plan->n_backends; i++) {
		if (!is_elsewhere && has_backend(other, &plan->backends[i]))
			continue;
		ruleset_next_element(elements);
		fprintf(elements->out, "%s . %s . %u . %s . %u", ruleset_protocol_name(plan->protocol),
			address, ntohs(plan->port),
			inet_ntop(AF_INET, &plan->backends[i].address, backend, sizeof(backend)),
			ntohs(plan->backends[i].port));
	}
}

/* ---- statements ---- */

static const struct statement {
	const char *set;
	void (*put)(struct ruleset_elements *elements, const struct ruleset_plan *plan,
		    const struct ruleset_plan *other);
	bool is_counter;
} statements[] = {
	{ "services", put_service, false },
	{ "node_ports", put_node_port, false },
	{ "vacant", put_vacant, false },
	{ "backends", put_slots, false },
	{ "connections", put_counters, true },
	{ "sent", put_counters, true },
	{ "received", put_counters, true },
};

static void write_statement(const struct ruleset *ruleset, const struct statement *statement,
			    const char *verb, FILE *out)
{
	struct ruleset_elements elements = { out, verb, "ip", statement->set, false };
	bool is_addition = *verb == 'a';
	const struct ruleset_service *service;

	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		if (statement->is_counter && !service->is_counted)
			continue;
		statement->put(&elements, is_addition ? &service->next : &service->in_force,
			       is_addition ? &service->in_force : &service->next);
	}
	ruleset_end_elements(&elements);
}

/* ---- chains ---- */

/* The same everywhere: a client meets the same slot on every node. */
enum { SOURCE_SEED = 0x74657075 };

static void write_rule(const struct ruleset_plan *plan, FILE *out)
{
	fprintf(out, "add rule ip " NFT_TABLE " s%" PRIu32 " counter meta mark set ", plan->base);
	if (plan->balance == TEPUI__SERVICE__BALANCE__SOURCE)
		fprintf(out, "jhash ip saddr mod %zu seed %#x", plan->n_slots, SOURCE_SEED);
	else
		fprintf(out, "numgen %s mod %zu",
			plan->balance == TEPUI__SERVICE__BALANCE__RANDOM ? "random" : "inc",
			plan->n_slots);
	fprintf(out, " offset %" PRIu32 " goto translate\n", RULESET_TAG + plan->base);
}

static void write_new_chains(const struct ruleset *ruleset, FILE *out)
{
	const struct ruleset_service *service;

	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		const struct ruleset_plan *before = &service->in_force, *after = &service->next;
		bool is_there = ruleset_plan_has_one_chain(after, before);

		if (after->n_slots == 0 || (is_there && after->n_slots == before->n_slots &&
					    after->balance == before->balance))
			continue;
		fprintf(out, "%s chain ip " NFT_TABLE " s%" PRIu32 "\n", is_there ? "flush" : "add",
			after->base);
		write_rule(after, out);
	}
}

/* When nothing leads to them any more. */
static void write_old_chains(const struct ruleset *ruleset, FILE *out)
{
	const struct ruleset_service *service;

	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		const struct ruleset_plan *before = &service->in_force;

		if (before->n_slots > 0 && !ruleset_plan_has_one_chain(before, &service->next))
			fprintf(out, "flush chain ip " NFT_TABLE " s%" PRIu32 "\n"
				"delete chain ip " NFT_TABLE " s%" PRIu32 "\n", before->base,
				before->base);
	}
}

/* ---- the whole ---- */

/* What leads somewhere goes before where it leads to, and comes after it. */
void ruleset_write_dirty(const struct ruleset *ruleset, FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		write_statement(ruleset, &statements[i], "delete", out);
	write_old_chains(ruleset, out);
	write_new_chains(ruleset, out);
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		write_statement(ruleset, &statements[i], "add", out);
}

void ruleset_write_uncounted(const struct ruleset *ruleset, int max, FILE *out)
{
	static const struct ruleset_plan nothing = { 0 };
	const struct ruleset_service *service;

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		struct ruleset_elements elements = { out, "add", "ip", statements[i].set, false };
		int left = max;

		if (!statements[i].is_counter)
			continue;
		TAILQ_FOREACH(service, &ruleset->uncounted, uncounted) {
			if (left-- == 0)
				break;
			put_counters(&elements, &service->in_force, &nothing);
		}
		ruleset_end_elements(&elements);
	}
}
