#include "master_stub/marathon/placement/resident.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/resources.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/placement/reservation.h"
#include "master_stub/marathon/state.h"

typedef Mesos__V1__Offer__Operation Operation;
typedef Mesos__V1__Offer__Operation__Type operation_type;

/* ---- Operations ---- */

void operations_cut(struct operations *operations, size_t n)
{
	while (operations->n > n)
		protobuf_c_message_free_unpacked(&operations->items[--operations->n]->base, NULL);
}

static int add(struct operations *operations, operation_type type, const struct resources *what,
	       const char *role)
{
	Operation **items =
		reallocarray(operations->items, operations->n + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	operations->items = items;
	items[operations->n] = reservation_operation(type, what, role);
	if (!items[operations->n])
		return -ENOMEM;
	operations->n++;
	return 0;
}

/* ---- Looking ---- */

/* Volumes first: what they are on cannot be unreserved before. */
static int release(struct resources *left, const char *role, const struct resources *all,
		   const struct resources *volumes, struct operations *operations)
{
	struct resources bare = { 0 }, below = { 0 };
	int r = resources_copy(all, &bare);

	if (r == 0) {
		resources_take_away(&bare, volumes);
		r = resources_below_volumes(volumes, &below);
	}
	if (r == 0)
		r = resources_add(&bare, &below);
	if (r == 0 && volumes->parts.n > 0)
		r = add(operations, MESOS__V1__OFFER__OPERATION__TYPE__DESTROY, volumes, role);
	if (r == 0)
		r = add(operations, MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE, &bare, role);
	if (r == 0)
		resources_take_away(left, all);
	resources_done(&bare);
	resources_done(&below);
	return r;
}

static int release_stale(struct controller *c, const Mesos__V1__Offer *offer, const char *role,
			 struct resources *left, struct operations *operations)
{
	struct resources all, volumes;
	int r = reservations_find_stale(c, left, &all, &volumes);

	if (r == 0 && all.parts.n > 0) {
		AUTO_FREE char *text = resources_format(&all);

		r = release(left, role, &all, &volumes, operations);
		if (r == 0)
			controller_explain(c, "release on agent '%s' what is reserved for nobody: "
					   "%.300s", offer->agent_id->value, text ? text : "?");
		resources_done(&all);
		resources_done(&volumes);
	}
	return r;
}

static bool has_any_of(const struct controller *c, const struct resources *left,
		       const struct residence *residence)
{
	for (size_t i = 0; i < left->parts.n; i++) {
		const char *id = reservation_instance(c, &left->parts.items[i]);

		if (id && strcmp(id, residence->id) == 0)
			return true;
	}
	return false;
}

/* What was given up and is not there any more has been released. */
static void forget_released(struct controller *c, const char *agent_id, const char *role,
			    const struct resources *left)
{
	struct residence *residence, *next;

	HASH_ITER(by_id, c->residences, residence, next) {
		if (!residence->is_given_up || residence->instance || residence->is_in_use ||
		    strcmp(residence->agent_id, agent_id) != 0 ||
		    strcmp(residence->role, role) != 0 || has_any_of(c, left, residence))
			continue;
		residence_delete_record(c, residence);
		residence_free(c, residence);
	}
}

static void confirm(struct controller *c, const struct resources *left)
{
	for (size_t i = 0; i < left->parts.n; i++) {
		const struct resource_part *part = &left->parts.items[i];
		const char *id = part->volume ? reservation_instance(c, part) : NULL;
		struct residence *residence = id ? residence_find(c, id) : NULL;

		if (residence && !residence->is_given_up)
			residence_confirm(c, residence);
	}
}

void resident_look(struct controller *c, const Mesos__V1__Offer *offer, struct resources *left,
		   struct operations *operations)
{
	const char *role = offer->allocation_info ? offer->allocation_info->role : "*";
	size_t n = operations->n;

	confirm(c, left);
	forget_released(c, offer->agent_id->value, role, left);
	if (release_stale(c, offer, role, left, operations) < 0) {
		operations_cut(operations, n);
		c->is_out_of_memory = true;
	}
}

/* ---- Launching ---- */

struct residence *resident_find_home(const struct entry *entry, const char *agent_id,
				     const struct resources *left)
{
	struct residence *residence;

	TAILQ_FOREACH(residence, &entry->residences, of_app) {
		struct reservation reservation;
		enum reservation_state state;

		if (residence->instance || residence->is_detached ||
		    strcmp(residence->agent_id, agent_id) != 0 ||
		    reservation_make(residence, entry->launch_spec, &reservation) < 0)
			continue;
		state = reservation_find(&reservation, left);
		reservation_done(&reservation);
		/* Where there was data, what has none of it is not what is waited for. */
		if (state == RESERVATION_WHOLE ||
		    (state == RESERVATION_BARE && !residence->is_confirmed))
			return residence;
	}
	return NULL;
}

int resident_new(struct controller *c, struct entry *entry, const char *id,
		 const Mesos__V1__Offer *offer, struct residence **ret)
{
	const struct app *spec = entry->launch_spec;
	const struct residence like = {
		.id = (char *)(uintptr_t)id, .app_id = entry->id,
		.framework_id = c->framework_id, .role = (char *)(uintptr_t)spec->role,
		.agent_id = offer->agent_id->value, .host = offer->hostname,
	};
	int r = residence_new(c, entry, &like, ret);

	if (r < 0)
		return r;
	r = residence_make_volumes(c, spec, *ret);
	if (r < 0)
		residence_free(c, *ret);
	return r;
}

int resident_settle(struct instance *instance, struct operations *operations,
		    struct resources *need)
{
	struct residence *residence = instance->residence;
	struct reservation reservation;
	int r = residence_set_ports(residence, instance->ports, instance->n_ports);

	if (r < 0)
		return r;
	r = reservation_make(residence, instance->spec, &reservation);
	if (r < 0)
		return r;
	r = add(operations, MESOS__V1__OFFER__OPERATION__TYPE__RESERVE, &reservation.bare,
		residence->role);
	if (r == 0)
		r = add(operations, MESOS__V1__OFFER__OPERATION__TYPE__CREATE,
			&reservation.volumes, residence->role);
	if (r == 0) {
		resources_done(need);
		*need = TAKE_VAL(reservation.whole, (struct resources){ 0 });
	}
	reservation_done(&reservation);
	return r;
}

static int take_ports_along(const struct residence *residence, struct instance *instance)
{
	instance->ports = calloc(residence->n_ports + 1, sizeof(*instance->ports));
	if (!instance->ports)
		return -ENOMEM;
	memcpy(instance->ports, residence->ports, residence->n_ports * sizeof(*instance->ports));
	instance->n_ports = residence->n_ports;
	return 0;
}

int resident_return(struct instance *instance, struct resources *left,
		    struct operations *operations, struct resources *ret)
{
	const struct residence *residence = instance->residence;
	struct reservation reservation;
	bool is_bare;
	int r = take_ports_along(residence, instance);

	if (r < 0)
		return r;
	r = reservation_make(residence, instance->spec, &reservation);
	if (r < 0)
		return r;
	is_bare = reservation_find(&reservation, left) == RESERVATION_BARE;
	if (is_bare)
		r = add(operations, MESOS__V1__OFFER__OPERATION__TYPE__CREATE,
			&reservation.volumes, residence->role);
	if (r == 0) {
		resources_take_away(left, is_bare ? &reservation.bare : &reservation.whole);
		*ret = TAKE_VAL(reservation.whole, (struct resources){ 0 });
	}
	reservation_done(&reservation);
	return r;
}
