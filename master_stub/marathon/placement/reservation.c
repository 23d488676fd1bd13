#include "master_stub/marathon/placement/reservation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/state.h"

typedef Mesos__V1__Offer__Operation Operation;
typedef Mesos__V1__Resource__ReservationInfo Info;

/* Marathon's names: tools look for them.  The second one is of the instance. */
static char framework_label[] = "marathon_framework_id", instance_label[] = "marathon_task_id";

/* ---- One ---- */

static int make_stack(const struct residence *residence, struct reservations **ret)
{
	Mesos__V1__Label labels[2] = { MESOS__V1__LABEL__INIT, MESOS__V1__LABEL__INIT };
	Mesos__V1__Label *list[] = { &labels[0], &labels[1] };
	Mesos__V1__Labels message = MESOS__V1__LABELS__INIT;
	Info info = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT, *infos[] = { &info };
	Mesos__V1__Resource resource = MESOS__V1__RESOURCE__INIT;
	const char *last;
	struct err e = { 0 };

	labels[0].key = framework_label;
	labels[0].value = residence->framework_id;
	labels[1].key = instance_label;
	labels[1].value = residence->id;
	message.n_labels = ARRAY_SIZE(list);
	message.labels = list;
	info.has_type = true;
	info.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
	info.role = residence->role;
	info.labels = &message;
	resource.role = NULL;
	resource.n_reservations = ARRAY_SIZE(infos);
	resource.reservations = infos;
	return reservations_read(&resource, ret, &last, &e);
}

/* PLAIN under STACK. */
static int reserve_all(const struct resources *plain, struct resource_part *like,
		       struct resources *ret)
{
	int r = 0;

	for (int kind = 0; kind < N_RESOURCE_KINDS && r == 0; kind++) {
		like->kind = kind;
		like->value = plain->scalar[kind];
		if (like->value > 0)
			r = resource_parts_add(&ret->parts, like);
	}
	if (r < 0 || plain->ports.n == 0)
		return r;
	like->kind = RESOURCE_PORTS;
	like->value = 0;
	like->ports = plain->ports;	/* borrowed: the part is copied */
	r = resource_parts_add(&ret->parts, like);
	like->ports = (struct ranges){ 0 };
	return r;
}

static int add_volumes(const struct residence *residence, struct resource_part *like,
		       struct resources *ret)
{
	int r = 0;

	like->kind = RESOURCE_DISK;
	for (unsigned i = 0; i < residence->n_volumes && r == 0; i++) {
		const struct local_volume *volume = &residence->volumes[i];

		like->volume = volume->id;
		like->container_path = volume->path;
		like->value = volume->size;
		r = resource_parts_add(&ret->parts, like);
	}
	like->volume = like->container_path = NULL;
	return r;
}

static int add_ports(const struct residence *residence, const struct app *spec,
		     struct resources *plain)
{
	int r = 0;

	for (unsigned i = 0; i < residence->n_ports && r == 0; i++) {
		if (app_port(spec, i).takes_host_port)
			r = ranges_add(&plain->ports, residence->ports[i], residence->ports[i]);
	}
	return r;
}

int reservation_make(const struct residence *residence, const struct app *spec,
		     struct reservation *ret)
{
	struct resource_part like = { .role = residence->role };
	struct resources plain = { 0 };
	int r = make_stack(residence, &like.reservations);

	*ret = (struct reservation){ 0 };
	if (r == 0)
		r = task_resources(spec, &plain);
	if (r == 0)
		r = add_ports(residence, spec, &plain);
	if (r == 0)
		r = reserve_all(&plain, &like, &ret->whole);
	if (r == 0)
		r = add_volumes(residence, &like, &ret->volumes);
	for (unsigned i = 0; i < residence->n_volumes; i++)
		plain.scalar[RESOURCE_DISK] += residence->volumes[i].size;
	if (r == 0)
		r = reserve_all(&plain, &like, &ret->bare);
	if (r == 0)
		r = resources_add(&ret->whole, &ret->volumes);
	reservations_unref(like.reservations);
	resources_done(&plain);
	if (r < 0)
		reservation_done(ret);
	return r < 0 ? -ENOMEM : 0;
}

void reservation_done(struct reservation *reservation)
{
	resources_done(&reservation->bare);
	resources_done(&reservation->volumes);
	resources_done(&reservation->whole);
}

enum reservation_state reservation_find(const struct reservation *reservation,
					const struct resources *left)
{
	if (resource_parts_contain(&left->parts, &reservation->whole.parts))
		return RESERVATION_WHOLE;
	if (resource_parts_contain(&left->parts, &reservation->bare.parts))
		return RESERVATION_BARE;
	return RESERVATION_MISSING;
}

/* ---- Operations ---- */

Operation *reservation_operation(Mesos__V1__Offer__Operation__Type type,
				 const struct resources *what, const char *role)
{
	Mesos__V1__Offer__Operation__Reserve reserve = MESOS__V1__OFFER__OPERATION__RESERVE__INIT;
	Mesos__V1__Offer__Operation__Unreserve unreserve =
		MESOS__V1__OFFER__OPERATION__UNRESERVE__INIT;
	Mesos__V1__Offer__Operation__Create create = MESOS__V1__OFFER__OPERATION__CREATE__INIT;
	Mesos__V1__Offer__Operation__Destroy destroy = MESOS__V1__OFFER__OPERATION__DESTROY__INIT;
	Operation operation = MESOS__V1__OFFER__OPERATION__INIT, *copy;
	Mesos__V1__Resource **messages;
	size_t n;

	if (resources_to_messages(what, role, &messages, &n) < 0)
		return NULL;
	reserve.resources = unreserve.resources = create.volumes = destroy.volumes = messages;
	reserve.n_resources = unreserve.n_resources = create.n_volumes = destroy.n_volumes = n;
	operation.has_type = true;
	operation.type = type;
	if (type == MESOS__V1__OFFER__OPERATION__TYPE__RESERVE)
		operation.reserve = &reserve;
	if (type == MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE)
		operation.unreserve = &unreserve;
	if (type == MESOS__V1__OFFER__OPERATION__TYPE__CREATE)
		operation.create = &create;
	if (type == MESOS__V1__OFFER__OPERATION__TYPE__DESTROY)
		operation.destroy = &destroy;
	copy = (Operation *)pb_copy(&operation.base);
	resources_messages_free(messages, n);
	return copy;
}

/* ---- What is nobody's ---- */

static const char *label_of(const Info *info, const char *key)
{
	for (size_t i = 0; info->labels && i < info->labels->n_labels; i++) {
		const Mesos__V1__Label *label = info->labels->labels[i];

		if (strcmp(label->key, key) == 0)
			return label->value;
	}
	return NULL;
}

const char *reservation_instance(const struct controller *c, const struct resource_part *part)
{
	const Info *info = reservations_last(part->reservations);
	const char *framework;

	if (!info || !reservations_are_dynamic(part->reservations))
		return NULL;
	framework = label_of(info, framework_label);
	if (!framework || !c->framework_id || strcmp(framework, c->framework_id) != 0)
		return NULL;
	return label_of(info, instance_label);
}

/* Every record was loaded before the first offer came: whom none knows nobody will. */
static bool is_stale(const struct controller *c, const struct resource_part *part)
{
	const char *id = reservation_instance(c, part);
	const struct residence *residence = id ? residence_find(c, id) : NULL;

	return id && (!residence || (residence->is_given_up && !residence->instance));
}

int reservations_find_stale(const struct controller *c, const struct resources *left,
			    struct resources *ret_all, struct resources *ret_volumes)
{
	int r = 0;

	*ret_all = *ret_volumes = (struct resources){ 0 };
	for (size_t i = 0; i < left->parts.n && r == 0; i++) {
		const struct resource_part *part = &left->parts.items[i];

		if (!is_stale(c, part))
			continue;
		r = resource_parts_add(&ret_all->parts, part);
		if (r == 0 && part->volume)
			r = resource_parts_add(&ret_volumes->parts, part);
	}
	if (r < 0) {
		resources_done(ret_all);
		resources_done(ret_volumes);
	}
	return r;
}
