#include "master_stub/operation.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/operation_change.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/feedback.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"

typedef Mesos__V1__Offer__Operation Operation;

/* ---- types and bodies ---- */

const char *operation_name(const Operation *operation)
{
	const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(
		&mesos__v1__offer__operation__type__descriptor, (int)operation->type);

	return name ? name->name : "of unknown type";
}

#define BODY(type_, member_) \
	{ MESOS__V1__OFFER__OPERATION__TYPE__##type_, offsetof(Operation, member_) }

static const struct {
	Mesos__V1__Offer__Operation__Type type;
	size_t off;
} bodies[] = {
	BODY(LAUNCH, launch),
	BODY(LAUNCH_GROUP, launch_group),
	BODY(RESERVE, reserve),
	BODY(UNRESERVE, unreserve),
	BODY(CREATE, create),
	BODY(DESTROY, destroy),
	BODY(GROW_VOLUME, grow_volume),
	BODY(SHRINK_VOLUME, shrink_volume),
	BODY(CREATE_DISK, create_disk),
	BODY(DESTROY_DISK, destroy_disk),
};

int operation_check(const Operation *operation, struct err *e)
{
	bool fits = false;

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		const void *body;

		memcpy(&body, (const char *)operation + bodies[i].off, sizeof(body));
		if (!!body != (bodies[i].type == operation->type))
			return err_set(e, EINVAL, "accept offers: operation %s and its body do not"
				       " fit", operation_name(operation));
		fits |= !!body;
	}
	return fits ? 0 : err_set(e, EINVAL, "accept offers: operation %s is not known",
				  operation_name(operation));
}

/* ---- who may ---- */

static int check_allocated(Mesos__V1__Resource *const *messages, size_t n, const char *role,
			   struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const Mesos__V1__Resource__AllocationInfo *allocation =
			messages[i]->allocation_info;

		if (!allocation)
			continue;
		if (!role)
			return err_set(e, EINVAL, "Invalid resources: '%.64s' is allocated, but an"
				       " operator can only change what is not", messages[i]->name);
		if (allocation->role && strcmp(allocation->role, role) != 0)
			return err_set(e, EINVAL, "Invalid resources: allocated to role '%.255s',"
				       " the offer is to role '%s'", allocation->role, role);
	}
	return 0;
}

static int check_allocations(const Operation *operation, const char *role, struct err *e)
{
	const struct {
		Mesos__V1__Resource *const *messages;
		size_t n;
	} lists[] = {
		{ operation->reserve ? operation->reserve->resources : NULL,
		  operation->reserve ? operation->reserve->n_resources : 0 },
		{ operation->unreserve ? operation->unreserve->resources : NULL,
		  operation->unreserve ? operation->unreserve->n_resources : 0 },
		{ operation->create ? operation->create->volumes : NULL,
		  operation->create ? operation->create->n_volumes : 0 },
		{ operation->destroy ? operation->destroy->volumes : NULL,
		  operation->destroy ? operation->destroy->n_volumes : 0 },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
		r = check_allocated(lists[i].messages, lists[i].n, role, e);
	return r;
}

/* Whoever has a principal signs with it, so that others can be kept from undoing it. */
static int check_principal(const struct operation_asker *asker, const char *signature,
			   const char *what, struct err *e)
{
	if (!asker->principal || (signature && strcmp(signature, asker->principal) == 0))
		return 0;
	if (!signature)
		return err_set(e, EINVAL, "A %s was attempted by principal '%.64s', but there is a"
			       " resource in the request with no principal set", what,
			       asker->principal);
	return err_set(e, EINVAL, "A %s was attempted by authenticated principal '%.64s', which does"
		       " not match a resource in the request with principal '%.64s'", what,
		       asker->principal, signature);
}

static int check_reserve(const struct operation_asker *asker, const Operation *operation,
			 const struct resources *to, struct err *e)
{
	int r = 0;

	if (asker->role && operation->reserve->n_source > 0)
		return err_set(e, EINVAL, "A reserve operation of a framework must not have a"
			       " source");
	for (size_t i = 0; i < to->parts.n && r == 0; i++) {
		const struct resource_part *part = &to->parts.items[i];

		if (asker->role && strcmp(part->role, asker->role) != 0)
			return err_set(e, EINVAL, "A reserve operation was attempted for a resource"
				       " with role '%s', but the resource was allocated to role"
				       " '%s'", part->role, asker->role);
		r = check_principal(asker, reservations_last(part->reservations)->principal,
				    "reserve operation", e);
	}
	return r;
}

/* The directory of a volume is found by its role and id alone. */
static bool has_volume(const struct resources *r, const struct resource_part *like)
{
	for (size_t i = 0; i < r->parts.n; i++) {
		const struct resource_part *part = &r->parts.items[i];

		if (part->volume && strcmp(part->volume, like->volume) == 0 &&
		    strcmp(part->role, like->role) == 0)
			return true;
	}
	return false;
}

static int check_create(const struct operation_asker *asker, const struct resources *total,
			const struct resources *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < to->parts.n && r == 0; i++) {
		const struct resource_part *part = &to->parts.items[i];

		if (has_volume(total, part))
			return err_set(e, EINVAL, "Persistence ID '%s' is not unique",
				       part->volume);
		r = check_principal(asker, part->principal, "create volume operation", e);
	}
	return r;
}

static int check(const struct agent *agent, const struct operation_asker *asker,
		 const Operation *operation, const struct operation_change *change, struct err *e)
{
	const struct resources *total = allocator_node_total(agent->node);
	int r = check_allocations(operation, asker->role, e);

	if (r < 0)
		return r;
	/* Its agent could not come back. */
	if (total->parts.n + change->to.parts.n >= RESOURCE_MAX_PARTS)
		return err_set(e, EINVAL, "Invalid %s Operation: the agent would have more than %d"
			       " reservations and volumes", operation_name(operation),
			       RESOURCE_MAX_PARTS);
	if (operation->reserve)
		return check_reserve(asker, operation, &change->to, e);
	if (operation->create)
		return check_create(asker, total, &change->to, e);
	if (operation->destroy && !resources_contain(total, &change->from))
		return err_set(e, EINVAL, "Persistent volumes not found");
	return 0;
}

/* ---- doing it ---- */

static int check_left(const Operation *operation, const struct resources *left,
		      const struct resources *from, struct err *e)
{
	AUTO_FREE char *has = NULL, *wanted = NULL;

	if (resources_contain(left, from))
		return 0;
	if (operation->destroy)
		return err_set(e, EBUSY, "Persistent volumes in use, or not in the offer");
	has = resources_format(left);
	wanted = resources_format(from);
	return err_set(e, EBUSY, "Invalid %s Operation: %.200s does not contain %.200s",
		       operation_name(operation), has ? has : "?", wanted ? wanted : "?");
}

/* There and here. */
static int convert(struct agent *agent, struct resources *left,
		   const struct operation_change *change, struct err *e)
{
	struct resources total = { 0 }, rest = { 0 };
	int r = resources_copy(allocator_node_total(agent->node), &total);

	if (r == 0)
		r = resources_copy(left, &rest);
	if (r == 0)
		r = resources_convert(&total, &change->from, &change->to);
	if (r == 0)
		r = resources_convert(&rest, &change->from, &change->to);
	if (r < 0)
		(void)err_set(e, -r, "change the resources of agent '%s'", agent->id);
	else
		r = registry_set_total(agent, &total, e);
	if (r == 0) {
		resources_done(left);
		*left = TAKE_VAL(rest, (struct resources){ 0 });
	}
	resources_done(&total);
	resources_done(&rest);
	return r;
}

int operation_apply(struct agent *agent, const struct operation_asker *asker,
		    const Operation *operation, struct resources *left, struct resources *converted,
		    struct err *e)
{
	struct operation *feedback = NULL;
	struct operation_change change;
	int r;

	if (!operation_is_change(operation))
		return err_set(e, EINVAL, "operation %s is not supported by this version",
			       operation_name(operation));
	r = operation_change_read(operation, &change, e);
	if (r < 0)
		return r;
	r = check(agent, asker, operation, &change, e);
	if (r == 0)
		r = check_left(operation, left, &change.from, e);
	if (r == 0 && operation->id)
		r = feedback_new(asker->framework, agent, operation, &feedback, e);
	if (r == 0)
		r = convert(agent, left, &change, e);
	if (r < 0 && feedback)
		feedback_free(feedback);
	if (r == 0) {
		/* Without it that much is refused with the rest: offered a little later. */
		(void)resources_add(converted, &change.to);
		registry_send_apply(agent, operation, feedback);
	}
	operation_change_done(&change);
	return r;
}

/* ---- operators ---- */

static int free_of(const struct agent *agent, struct resources *ret)
{
	int r = resources_copy(allocator_node_total(agent->node), ret);

	if (r == 0)
		resources_take_away(ret, allocator_node_used(agent->node));
	return r;
}

/* Offers go, one after the other, until there is room; none goes for what cannot be. */
static int apply_with_room(struct agent *agent, const struct operation_asker *asker,
			   const Operation *operation, struct err *e)
{
	int r;

	do {
		struct resources left = { 0 }, converted = { 0 };

		err_clear(e);
		if (free_of(agent, &left) < 0)
			return err_set(e, ENOMEM, "change the resources of agent '%s'", agent->id);
		r = operation_apply(agent, asker, operation, &left, &converted, e);
		resources_done(&left);
		resources_done(&converted);
		if (r != -EBUSY || LIST_EMPTY(&agent->offers))
			return r;
		offer_rescind(LIST_FIRST(&agent->offers));
	} while (true);
}

int master_apply(struct master *master, const char *agent_id, const char *principal,
		 const Operation *operation, struct err *e)
{
	const struct operation_asker asker = { .role = NULL, .principal = principal };
	struct agent *agent = registry_find(master, agent_id);
	int r;

	if (!agent || agent->state == AGENT_GONE)
		return err_set(e, ENOENT, "No agent found with specified ID '%.255s'", agent_id);
	if (agent->state != AGENT_CONNECTED)
		return err_set(e, EBUSY, "agent '%s' is %s", agent->id,
			       registry_state_name(agent->state));
	r = apply_with_room(agent, &asker, operation, e);
	master_explain(master, "operation %s of an operator on agent '%s' is %s%s",
		       operation_name(operation), agent->id, r < 0 ? "refused: " : "applied",
		       r < 0 ? e->msg : "");
	return r;
}
