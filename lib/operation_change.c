#include "lib/operation_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "proto/mesos.pb-c.h"

typedef Mesos__V1__Offer__Operation Operation;

bool operation_is_change(const Operation *operation)
{
	switch ((int)operation->type) {
	case MESOS__V1__OFFER__OPERATION__TYPE__RESERVE:
		return operation->reserve;
	case MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE:
		return operation->unreserve;
	case MESOS__V1__OFFER__OPERATION__TYPE__CREATE:
		return operation->create;
	case MESOS__V1__OFFER__OPERATION__TYPE__DESTROY:
		return operation->destroy;
	default:
		return false;
	}
}

void operation_change_done(struct operation_change *change)
{
	resources_done(&change->from);
	resources_done(&change->to);
}

static int read_resources(Mesos__V1__Resource *const *messages, size_t n, struct resources *ret,
			  struct err *e)
{
	return resources_from_messages(messages, n, ret, e) < 0 ?
	       err_wrap(e, "Invalid resources") : 0;
}

/* ---- volumes ---- */

static int read_volumes(Mesos__V1__Resource *const *messages, size_t n, struct resources *volumes,
			struct resources *below, struct err *e)
{
	int r;

	if (n == 0)
		return err_set(e, EINVAL, "Not a persistent volume: there is none");
	for (size_t i = 0; i < n; i++) {
		if (!messages[i]->disk)
			return err_set(e, EINVAL, "Not a persistent volume: Resource %.64s does not"
				       " have DiskInfo", messages[i]->name);
	}
	r = read_resources(messages, n, volumes, e);
	if (r < 0)
		return r;
	if (volumes->parts.n != n)
		return err_set(e, EINVAL, "Invalid resources: a persistence ID is not unique");
	return resources_below_volumes(volumes, below) < 0 ?
		err_set(e, ENOMEM, "read volumes") : 0;
}

/* ---- reservations ---- */

static int check_dynamic(const struct resources *r, struct err *e)
{
	struct resources free = { .ports = r->ports };

	memcpy(free.scalar, r->scalar, sizeof(free.scalar));
	if (!resources_is_empty(&free)) {
		AUTO_FREE char *text = resources_format(&free);

		return err_set(e, EINVAL, "Resource %.160s is not dynamically reserved",
			       text ? text : "?");
	}
	for (size_t i = 0; i < r->parts.n; i++) {
		const struct resource_part *part = &r->parts.items[i];

		if (!reservations_are_dynamic(part->reservations))
			return err_set(e, EINVAL, "Resource %s(%.160s) is not dynamically reserved",
				       resource_part_name(part), part->role);
		if (part->volume)
			return err_set(e, EINVAL, "A dynamically reserved persistent volume '%.64s'"
				       " cannot be unreserved directly. Please destroy the persistent"
				       " volume first then unreserve the resource", part->volume);
	}
	return 0;
}

static int read_reserved(Mesos__V1__Resource *const *messages, size_t n, struct resources *reserved,
			 struct err *e)
{
	int r = read_resources(messages, n, reserved, e);

	if (r == 0 && resources_is_empty(reserved))
		r = err_set(e, EINVAL, "Invalid resources: there are none");
	return r < 0 ? r : check_dynamic(reserved, e);
}

static int read_below(const struct resources *reserved, struct resources *below, struct err *e)
{
	return resources_below_reservations(reserved, below) < 0 ?
		err_set(e, ENOMEM, "read reservations") : 0;
}

/* Under one and the same stack, or nothing reserved at all. */
static bool are_under_one(const struct resources *r)
{
	const struct resource_parts *parts = &r->parts;
	struct resources free = { .ports = r->ports };

	memcpy(free.scalar, r->scalar, sizeof(free.scalar));
	for (size_t i = 0; i < parts->n; i++) {
		if (parts->items[i].volume || !resources_is_empty(&free) ||
		    strcmp(parts->items[i].role, parts->items[0].role) != 0 ||
		    reservations_compare(parts->items[i].reservations,
					 parts->items[0].reservations) != 0)
			return false;
	}
	return true;
}

/* An operator may tell what it is that is to be reserved anew. */
static int read_source(const Mesos__V1__Offer__Operation__Reserve *reserve,
		       struct operation_change *change, struct err *e)
{
	struct resources a = { 0 }, b = { 0 };
	int r = resources_from_messages(reserve->source, reserve->n_source, &change->from, e);

	if (r < 0)
		return err_wrap(e, "Invalid source");
	if (!are_under_one(&change->from))
		return err_set(e, EINVAL, "Invalid source: Mixed reservations are not supported");
	if (!are_under_one(&change->to))
		return err_set(e, EINVAL, "Invalid resources: Mixed reservations are not supported");
	if (resources_unreserve(&change->from, &a) < 0 || resources_unreserve(&change->to, &b) < 0)
		r = err_set(e, ENOMEM, "read reservations");
	else if (!resources_equal(&a, &b))
		r = err_set(e, EINVAL, "Source and target resources should refer to identical"
			    " resource quantities");
	resources_done(&a);
	resources_done(&b);
	return r;
}

/* ---- all ---- */

static int read_change(const Operation *operation, struct operation_change *change, struct err *e)
{
	int r;

	switch ((int)operation->type) {
	case MESOS__V1__OFFER__OPERATION__TYPE__RESERVE:
		r = read_reserved(operation->reserve->resources, operation->reserve->n_resources,
				  &change->to, e);
		if (r < 0)
			return r;
		return operation->reserve->n_source > 0 ?
		       read_source(operation->reserve, change, e) :
		       read_below(&change->to, &change->from, e);
	case MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE:
		r = read_reserved(operation->unreserve->resources,
				  operation->unreserve->n_resources, &change->from, e);
		return r < 0 ? r : read_below(&change->from, &change->to, e);
	case MESOS__V1__OFFER__OPERATION__TYPE__CREATE:
		return read_volumes(operation->create->volumes, operation->create->n_volumes,
				    &change->to, &change->from, e);
	default:
		return read_volumes(operation->destroy->volumes, operation->destroy->n_volumes,
				    &change->from, &change->to, e);
	}
}

int operation_change_read(const Operation *operation, struct operation_change *ret, struct err *e)
{
	int r;

	*ret = (struct operation_change){ .from = { .ports = { 0 } } };
	r = read_change(operation, ret, e);
	if (r < 0)
		operation_change_done(ret);
	return r;
}
