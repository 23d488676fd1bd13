#include "tests/sim/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/operation_change.h"
#include "lib/pb_json.h"
#include "tests/sim/agent.h"
#include "tests/sim/agent_tasks.h"
#include "tests/sim/promises.h"
#include "tests/sim/residents.h"
#include "tests/sim/sim.h"

typedef Mesos__V1__Offer__Operation Operation;

/* The generated structs know no const. */
#define TEXT(text) ((char *)(uintptr_t)(text))

/* ---- what of it ---- */

static bool is_plain(const struct resource_part *part)
{
	return !part->volume && reservations_are_dynamic(part->reservations);
}

static bool is_disk(const struct resource_part *part)
{
	return !part->volume && part->kind == RESOURCE_DISK;
}

static bool is_volume(const struct resource_part *part)
{
	return part->volume;
}

static bool is_scalar(const struct resource_part *part)
{
	return part->kind != RESOURCE_PORTS;
}

/* One of those that ROLE has, or NULL. */
static const struct resource_part *pick(struct sim *sim, const struct resources *left,
					const char *role,
					bool (*fits)(const struct resource_part *part))
{
	const struct resource_part *found = NULL;
	uint64_t n = 0;

	for (size_t i = 0; i < left->parts.n; i++) {
		const struct resource_part *part = &left->parts.items[i];

		if (strcmp(part->role, role) == 0 && fits(part) && rng_below(&sim->rng, ++n) == 0)
			found = part;
	}
	return found;
}

/* All of it, or a part. */
static int64_t some(struct sim *sim, int64_t value)
{
	return sim_chance(sim, 300) ? value : sim_between(sim, 1, value);
}

/* ---- the four ---- */

static bool reserve(struct sim *sim, const struct resources *left, const char *role,
		    Operation *operation)
{
	static const enum resource_kind kinds[] = { RESOURCE_CPUS, RESOURCE_MEM, RESOURCE_DISK };
	enum resource_kind kind = kinds[rng_below(&sim->rng, ARRAY_SIZE(kinds))];
	Mesos__V1__Resource resource = MESOS__V1__RESOURCE__INIT, *resources[] = { &resource };
	Mesos__V1__Resource__ReservationInfo info = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
	Mesos__V1__Resource__ReservationInfo *stack[] = { &info };
	Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
	Mesos__V1__Offer__Operation__Reserve body = MESOS__V1__OFFER__OPERATION__RESERVE__INIT;

	if (left->scalar[kind] == 0)
		return false;
	resource.name = TEXT(resource_names[kind]);
	resource.type = MESOS__V1__VALUE__TYPE__SCALAR;
	resource.scalar = &scalar;
	scalar.value = resources_scalar_to_double(some(sim, left->scalar[kind]));
	info.has_type = true;
	info.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
	info.role = TEXT(role);
	resource.n_reservations = ARRAY_SIZE(stack);
	resource.reservations = stack;
	body.n_resources = ARRAY_SIZE(resources);
	body.resources = resources;
	operation->type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
	operation->reserve = (Mesos__V1__Offer__Operation__Reserve *)pb_copy(&body.base);
	return true;
}

/* PART as a message in *ret, owned. */
static void describe(const struct resource_part *part, Mesos__V1__Resource ***ret, size_t *ret_n)
{
	struct resources one = { 0 };

	if (resource_parts_add(&one.parts, part) < 0 ||
	    resources_to_messages(&one, NULL, ret, ret_n) < 0)
		abort();
	resources_done(&one);
}

static bool unreserve(struct sim *sim, const struct resources *left, const char *role,
		      Operation *operation)
{
	const struct resource_part *found = pick(sim, left, role, is_plain);
	Mesos__V1__Offer__Operation__Unreserve body = MESOS__V1__OFFER__OPERATION__UNRESERVE__INIT;
	struct resource_part part;

	if (!found)
		return false;
	part = *found;
	part.value = some(sim, part.value);
	describe(&part, &body.resources, &body.n_resources);
	operation->type = MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE;
	operation->unreserve = (Mesos__V1__Offer__Operation__Unreserve *)pb_copy(&body.base);
	resources_messages_free(body.resources, body.n_resources);
	return true;
}

static bool create(struct sim *sim, const struct resources *left, const char *role,
		   Operation *operation)
{
	const struct resource_part *found = pick(sim, left, role, is_disk);
	Mesos__V1__Offer__Operation__Create body = MESOS__V1__OFFER__OPERATION__CREATE__INIT;
	struct resource_part part;
	char id[24];

	if (!found)
		return false;
	part = *found;
	part.value = some(sim, part.value);
	(void)snprintf(id, sizeof(id), "v%llu", (unsigned long long)++sim->n_volumes);
	part.volume = part.container_path = id;
	describe(&part, &body.volumes, &body.n_volumes);
	operation->type = MESOS__V1__OFFER__OPERATION__TYPE__CREATE;
	operation->create = (Mesos__V1__Offer__Operation__Create *)pb_copy(&body.base);
	resources_messages_free(body.volumes, body.n_volumes);
	return true;
}

static bool destroy(struct sim *sim, const struct resources *left, const char *role,
		    Operation *operation)
{
	const struct resource_part *found = pick(sim, left, role, is_volume);
	Mesos__V1__Offer__Operation__Destroy body = MESOS__V1__OFFER__OPERATION__DESTROY__INIT;

	if (!found)
		return false;
	describe(found, &body.volumes, &body.n_volumes);
	operation->type = MESOS__V1__OFFER__OPERATION__TYPE__DESTROY;
	operation->destroy = (Mesos__V1__Offer__Operation__Destroy *)pb_copy(&body.base);
	resources_messages_free(body.volumes, body.n_volumes);
	return true;
}

/* ---- asking ---- */

/* How it is told, and known again. */
static void print(const char *agent_id, const struct operation_change *change, char *ret,
		  size_t size)
{
	AUTO_FREE char *from = resources_format(&change->from);
	AUTO_FREE char *to = resources_format(&change->to);

	(void)snprintf(ret, size, "on '%s' %s to %s", agent_id, from, to);
}

static void read_change(struct sim *sim, const Operation *operation,
			struct operation_change *change)
{
	struct err e = { 0 };

	if (operation_change_read(operation, change, &e) < 0)
		sim_fail(sim, "changes", "%s", e.msg);
}

Operation *change_ask(struct sim *sim, const char *agent_id, const char *role,
		      struct resources *left)
{
	static bool (*const kinds[])(struct sim *, const struct resources *, const char *,
				     Operation *) = { reserve, reserve, unreserve, create, create, destroy };
	Operation made = MESOS__V1__OFFER__OPERATION__INIT;
	struct operation_change change = { 0 };
	char text[400];

	if (!kinds[rng_below(&sim->rng, ARRAY_SIZE(kinds))](sim, left, role, &made))
		return NULL;
	made.has_type = true;
	read_change(sim, &made, &change);
	if (resources_convert(left, &change.from, &change.to) < 0)
		sim_fail(sim, "changes", "what was chosen is not there");
	print(agent_id, &change, text, sizeof(text));
	promises_change_asked(sim, text);
	operation_change_done(&change);
	return memcpy(sim_alloc(sizeof(made)), &made, sizeof(made));
}

void change_free(Operation *operation)
{
	if (operation)
		protobuf_c_message_free_unpacked(&operation->base, NULL);
}

void change_use(struct sim *sim, const char *role, const struct resources *left,
		struct resources *task)
{
	const struct resource_part *part = pick(sim, left, role, is_scalar);

	if (part && resource_parts_add(&task->parts, part) < 0)
		abort();
}

/* ---- doing ---- */

static void free_of(const struct sim_agent *agent, struct resources *ret)
{
	struct resources used = { 0 };

	if (resources_copy(&agent->total, ret) < 0)
		abort();
	(void)agent_tasks_add_up(agent, &used);
	resources_take_away(ret, &used);
	resources_done(&used);
}

void change_apply(struct sim_agent *agent, const Operation *operation)
{
	struct operation_change change = { 0 };
	struct resources left = { 0 };
	char text[400];

	read_change(agent->sim, operation, &change);
	print(agent->id, &change, text, sizeof(text));
	sim_trace(agent->sim, "%s: changes %s", agent->hostname, text);
	if (residents_own(&change))
		residents_changed(agent, &change);
	else
		promises_change_made(agent->sim, text);
	free_of(agent, &left);
	if (!resources_contain(&left, &change.from) ||
	    resources_convert(&agent->total, &change.from, &change.to) < 0)
		sim_fail(agent->sim, "P6 change", "%s has not what is to be changed %s",
			 agent->hostname, text);
	resources_done(&left);
	operation_change_done(&change);
}
