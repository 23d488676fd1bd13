#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"
#include "lib/log.h"

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

	if (r < 0)
		return r;
	r = place(ruleset, &service->in_force, &service->next, service->key, e);
	if (r != -ENOSPC)
		return r;
	/* It alone has no backends then: what is in the kernel has a bound. */
	log_write_err(LOG_LEVEL_ERROR, e, "leave a service without backends");
	err_clear(e);
	service->next.n_slots = service->next.n_backends = service->next.n_made = 0;
	return 0;
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
			ruleset_next_address(&added, service->next.address);
	}
	ruleset_end_elements(&added);
	TAILQ_FOREACH(service, &ruleset->dirty, dirty) {
		in_addr_t address = service->in_force.address;
		size_t *n = service->in_force.is_named ? count_own(ruleset, address) : NULL;

		if (!n || --*n > 0)
			continue;
		if (address)
			ruleset_next_address(&gone, address);
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

/* ---- the whole ---- */

static const struct ruleset_plan nothing = { 0 };

/* Its tables go, or have gone. */
static void forget_in_force(struct ruleset *ruleset, struct ruleset_service *service)
{
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
	if (ruleset_plan_is_called(after) && !ruleset_plan_is_called(before))
		ruleset_note_flow(ruleset, after->address, after->port, IPPROTO_UDP);
	if (ruleset_plan_has_node_port(after) && !ruleset_plan_has_node_port(before))
		ruleset_note_flow(ruleset, INADDR_ANY, after->node_port, IPPROTO_UDP);
}

/* What was written is taken for true: if it is not, all is written anew.  Returns whether it has moved. */
static bool settle(struct ruleset *ruleset, struct ruleset_service *service)
{
	struct ruleset_plan before = service->in_force, *after = &service->next;
	bool is_moved = !ruleset_plan_has_one_place(&before, after);

	TAILQ_REMOVE(&ruleset->dirty, service, dirty);
	service->is_dirty = false;
	if (before.n_slots > 0 && !ruleset_plan_has_one_chain(&before, after))
		ruleset_space_give(&ruleset->space, before.class, before.base);
	ruleset->has_node_ports |= ruleset_plan_has_node_port(after);
	note_newcomer(ruleset, &before, after);
	ruleset_plan_done(&before);
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
	if (r >= 0) {
		ruleset_write_dirty(ruleset, out);
		if (write_own(ruleset, out) < 0)
			r = err_set(e, ENOMEM, "balance services");
	}
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

	ruleset_write_uncounted(ruleset, COUNTED_AT_ONCE, out);
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
