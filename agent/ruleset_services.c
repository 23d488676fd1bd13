#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"

enum { COUNTED_AT_ONCE = 200 };	/* services */

/* ---- which are to be looked at ---- */

static struct ruleset_service *add_service(struct ruleset *ruleset, const char *key, struct err *e)
{
	struct ruleset_service *service = calloc(1, sizeof(*service));

	if (service)
		service->key = strdup(key);
	if (service && service->key)
		HASH_ADD_KEYPTR(hh, ruleset->services, service->key, strlen(service->key), service);
	if (service && service->hh.tbl) {
		TAILQ_INSERT_TAIL(&ruleset->uncounted, service, uncounted);
		return service;
	}
	if (service)
		free(service->key);
	free(service);
	(void)err_set(e, ENOMEM, "balance service '%s'", key);
	return NULL;
}

int ruleset_mark_service(struct ruleset *ruleset, const char *key, struct err *e)
{
	struct ruleset_service *service;

	HASH_FIND_STR(ruleset->services, key, service);
	if (!service)
		service = add_service(ruleset, key, e);
	if (!service)
		return -ENOMEM;
	if (!service->is_dirty)
		TAILQ_INSERT_TAIL(&ruleset->dirty, service, dirty);
	service->is_dirty = true;
	return 0;
}

/* ---- plans ---- */

static bool is_called(const struct ruleset_plan *plan)
{
	return plan->address && plan->n_slots > 0;
}

static bool is_vacant(const struct ruleset_plan *plan)
{
	return plan->address && plan->n_slots == 0;
}

static bool has_node_port(const struct ruleset_plan *plan)
{
	return plan->node_port && plan->n_slots > 0;
}

static bool has_one_place(const struct ruleset_plan *a, const struct ruleset_plan *b)
{
	return a->address == b->address && a->port == b->port && a->protocol == b->protocol;
}

static bool has_one_chain(const struct ruleset_plan *a, const struct ruleset_plan *b)
{
	return a->n_slots > 0 && b->n_slots > 0 && a->base == b->base;
}

/* A range that holds what is there may stay: packets that are between two chains find their slot. */
static int place(struct ruleset *ruleset, const struct ruleset_plan *before,
		 struct ruleset_plan *after, const char *key, struct err *e)
{
	if (after->n_slots == 0)
		return 0;
	after->class = ruleset_space_class(after->n_slots);
	if (before->n_slots > 0 && before->class >= after->class) {
		after->class = before->class;
		after->base = before->base;
		after->n_made = before->n_made > after->n_slots ? before->n_made : after->n_slots;
		return 0;
	}
	after->n_made = after->n_slots;
	return ruleset_space_take(&ruleset->space, after->class, &after->base) < 0 ?
		       err_set(e, ENOSPC, "balance service '%s': there is no room for its %zu slots",
			       key, after->n_slots) : 0;
}

static int plan_service(struct ruleset *ruleset, struct ruleset_service *service, struct err *e)
{
	const struct directory_service *told = directory_service_find(ruleset->agent->directory,
								       service->key);
	int r = told ? ruleset_plan(ruleset, told, &service->next, e) : 0;

	return r < 0 ? r : place(ruleset, &service->in_force, &service->next, service->key, e);
}

static const struct ruleset_backend *slot_of(const struct ruleset_plan *plan, size_t i)
{
	return &plan->backends[plan->slots[i % plan->n_slots]];
}

/* Is slot I of PLAN the same in OTHER? */
static bool has_slot(const struct ruleset_plan *plan, const struct ruleset_plan *other, size_t i)
{
	const struct ruleset_backend *a, *b;

	if (!has_one_chain(plan, other) || i >= other->n_made)
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
	if (!is_called(plan) ||
	    (is_called(other) && has_one_place(plan, other) && has_one_chain(plan, other)))
		return;
	put_place(elements, plan);
	if (*elements->verb == 'a')
		fprintf(elements->out, " : goto s%" PRIu32, plan->base);
}

static void put_node_port(struct ruleset_elements *elements, const struct ruleset_plan *plan,
			  const struct ruleset_plan *other)
{
	if (!has_node_port(plan) ||
	    (has_node_port(other) && plan->node_port == other->node_port &&
	     plan->protocol == other->protocol && has_one_chain(plan, other)))
		return;
	ruleset_next_element(elements);
	fprintf(elements->out, "%s . %u", ruleset_protocol_name(plan->protocol), ntohs(plan->node_port));
	if (*elements->verb == 'a')
		fprintf(elements->out, " : goto s%" PRIu32, plan->base);
}

static void put_vacant(struct ruleset_elements *elements, const struct ruleset_plan *plan,
		       const struct ruleset_plan *other)
{
	if (is_vacant(plan) && !(is_vacant(other) && has_one_place(plan, other)))
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
	bool is_elsewhere = !has_one_place(plan, other);
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

static void write_statement(struct ruleset *ruleset, const struct statement *statement,
			    const char *verb, FILE *out)
{
	struct ruleset_elements elements = { out, verb, "ip", statement->set, false };
	bool is_addition = *verb == 'a';
	struct ruleset_service *service;

	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		if (statement->is_counter && !service->is_counted)
			continue;
		statement->put(&elements, is_addition ? &service->next : &service->in_force,
			       is_addition ? &service->in_force : &service->next);
	}
	ruleset_end_elements(&elements);
}

/* ---- addresses of which all ports are services' ---- */

static size_t *count_own(struct ruleset *ruleset, in_addr_t address)
{
	struct ruleset_own *own;

	HASH_FIND(hh, ruleset->own, &address, sizeof(address), own);
	if (own)
		return &own->n;
	own = calloc(1, sizeof(*own));
	if (!own)
		return NULL;
	own->address = address;
	HASH_ADD(hh, ruleset->own, address, sizeof(own->address), own);
	if (own->hh.tbl)
		return &own->n;
	free(own);
	return NULL;
}

static void put_own(struct ruleset_elements *elements, in_addr_t address)
{
	char text[INET_ADDRSTRLEN];

	ruleset_next_element(elements);
	fputs(inet_ntop(AF_INET, &address, text, sizeof(text)), elements->out);
}

static void drop_own(struct ruleset *ruleset, in_addr_t address)
{
	struct ruleset_own *own;

	HASH_FIND(hh, ruleset->own, &address, sizeof(address), own);
	if (own) {
		HASH_DEL(ruleset->own, own);
		free(own);
	}
}

/* By how many services it is that has it: -ENOMEM. */
static int write_own(struct ruleset *ruleset, FILE *out)
{
	struct ruleset_elements added = { out, "add", "ip", "own", false };
	struct ruleset_elements gone = { out, "delete", "ip", "own", false };
	struct ruleset_service *service;

	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		size_t *n = service->next.is_named ? count_own(ruleset, service->next.address) : NULL;

		if (service->next.is_named && !n)
			return -ENOMEM;
		if (n && (*n)++ == 0 && service->next.address)
			put_own(&added, service->next.address);
	}
	ruleset_end_elements(&added);
	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		in_addr_t address = service->in_force.address;
		size_t *n = service->in_force.is_named ? count_own(ruleset, address) : NULL;

		if (!n || --*n > 0)
			continue;
		if (address)
			put_own(&gone, address);
		drop_own(ruleset, address);
	}
	ruleset_end_elements(&gone);
	return 0;
}

static void forget_own(struct ruleset *ruleset)
{
	struct ruleset_own *own, *next;

	HASH_ITER(hh, ruleset->own, own, next) {
		HASH_DEL(ruleset->own, own);
		free(own);
	}
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
		bool is_there = has_one_chain(after, before);

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

		if (before->n_slots > 0 && !has_one_chain(before, &service->next))
			fprintf(out, "flush chain ip " NFT_TABLE " s%" PRIu32 "\n"
				"delete chain ip " NFT_TABLE " s%" PRIu32 "\n", before->base,
				before->base);
	}
}

/* ---- the whole ---- */

static const struct ruleset_plan nothing = { 0 };

/* Its tables go, or have gone. */
static void forget_in_force(struct ruleset *ruleset, struct ruleset_service *service)
{
	ruleset->counts.services -= is_called(&service->in_force);
	ruleset->counts.backends -= service->in_force.n_backends;
	ruleset_plan_done(&service->in_force);
	if (service->is_counted)
		TAILQ_INSERT_TAIL(&ruleset->uncounted, service, uncounted);
	service->is_counted = false;
}

static int mark_all(struct ruleset *ruleset, struct err *e)
{
	const struct directory *directory = ruleset->agent->directory;
	struct ruleset_service *service, *next;
	int r = 0;

	HASH_ITER(hh, ruleset->services, service, next) {
		forget_in_force(ruleset, service);
		(void)ruleset_mark_service(ruleset, service->key, e);
	}
	for (const struct directory_service *told = directory_service_next(directory, NULL);
	     told && r >= 0; told = directory_service_next(directory, told))
		r = ruleset_mark_service(ruleset, told->info->key, e);
	ruleset_space_done(&ruleset->space);
	forget_own(ruleset);
	return r;
}

static int plan_all(struct ruleset *ruleset, struct err *e)
{
	struct ruleset_service *service;
	int r = 0;

	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		if (r >= 0)
			r = plan_service(ruleset, service, e);
	}
	return r;
}

/* What leads somewhere goes before where it leads to, and comes after it. */
static int write_all(struct ruleset *ruleset, FILE *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		write_statement(ruleset, &statements[i], "delete", out);
	write_old_chains(ruleset, out);
	write_new_chains(ruleset, out);
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		write_statement(ruleset, &statements[i], "add", out);
	return write_own(ruleset, out) < 0 ? err_set(e, ENOMEM, "balance services") : 0;
}

static void free_service(struct ruleset *ruleset, struct ruleset_service *service)
{
	if (!service->is_counted)
		TAILQ_REMOVE(&ruleset->uncounted, service, uncounted);
	if (service->is_dirty)
		TAILQ_REMOVE(&ruleset->dirty, service, dirty);
	ruleset_plan_done(&service->in_force);
	ruleset_plan_done(&service->next);
	HASH_DEL(ruleset->services, service);
	free(service->key);
	free(service);
}

/* Datagrams that went to the address itself until now, and go on, are to be translated, too. */
static void note_newcomer(struct ruleset *ruleset, const struct ruleset_plan *before,
			  const struct ruleset_plan *after)
{
	if (after->protocol != IPPROTO_UDP)
		return;
	if (is_called(after) && !is_called(before))
		ruleset_note_flow(ruleset, after->address, after->port, IPPROTO_UDP);
	if (has_node_port(after) && !has_node_port(before))
		ruleset_note_flow(ruleset, INADDR_ANY, after->node_port, IPPROTO_UDP);
}

/* What was written is taken for true: if it is not, all is written anew.  Returns whether it has moved. */
static bool settle(struct ruleset *ruleset, struct ruleset_service *service)
{
	struct ruleset_plan before = service->in_force, *after = &service->next;
	bool is_moved = !has_one_place(&before, after);

	TAILQ_REMOVE(&ruleset->dirty, service, dirty);
	service->is_dirty = false;
	ruleset->counts.services += (size_t)is_called(after) - is_called(&before);
	ruleset->counts.backends += after->n_backends - before.n_backends;
	if (before.n_slots > 0 && !has_one_chain(&before, after))
		ruleset_space_give(&ruleset->space, before.class, before.base);
	ruleset_plan_done(&before);
	ruleset->has_node_ports |= has_node_port(after);
	note_newcomer(ruleset, &before, after);
	service->in_force = *after;
	*after = nothing;
	if (!service->in_force.backends)
		free_service(ruleset, service);
	return is_moved;
}

int ruleset_write_services(struct ruleset *ruleset, bool is_whole, FILE *out, bool *ret_moved,
			   struct err *e)
{
	struct ruleset_service *service;
	int r = is_whole ? mark_all(ruleset, e) : 0;

	if (r >= 0)
		r = plan_all(ruleset, e);
	if (r >= 0)
		r = write_all(ruleset, out, e);
	*ret_moved = false;
	if (r < 0) {
		TAILQ_FOREACH(service, &ruleset->dirty, dirty)
			ruleset_plan_done(&service->next);
		return r;
	}
	while ((service = TAILQ_FIRST(&ruleset->dirty)))
		*ret_moved |= settle(ruleset, service);
	return 0;
}

bool ruleset_write_counters(struct ruleset *ruleset, FILE *out)
{
	struct ruleset_service *service;

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		struct ruleset_elements elements = { out, "add", "ip", statements[i].set, false };
		int left = COUNTED_AT_ONCE;

		if (!statements[i].is_counter)
			continue;
		TAILQ_FOREACH(service, &ruleset->uncounted, uncounted) {
			if (left-- == 0)
				break;
			put_counters(&elements, &service->in_force, &nothing);
		}
		ruleset_end_elements(&elements);
	}
	if (TAILQ_EMPTY(&ruleset->uncounted))
		return false;
	for (int left = COUNTED_AT_ONCE; left > 0 && !TAILQ_EMPTY(&ruleset->uncounted); left--) {
		service = TAILQ_FIRST(&ruleset->uncounted);
		TAILQ_REMOVE(&ruleset->uncounted, service, uncounted);
		service->is_counted = true;
	}
	return true;
}

void ruleset_free_services(struct ruleset *ruleset)
{
	struct ruleset_service *service, *next;

	HASH_ITER(hh, ruleset->services, service, next)
		free_service(ruleset, service);
	forget_own(ruleset);
	ruleset_space_done(&ruleset->space);
}
