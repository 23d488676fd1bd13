#include "master_stub/operation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/registry.h"

typedef Mesos__V1__Offer__Operation Operation;

bool operation_is_volume(const Operation *operation)
{
	return (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__CREATE &&
		operation->create) ||
	       (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__DESTROY &&
		operation->destroy);
}

/* What an operation speaks of, and the disk that it is on. */
struct subject {
	struct resources volumes, below;
};

static void subject_done(struct subject *subject)
{
	resources_done(&subject->volumes);
	resources_done(&subject->below);
}

static int check_volumes(Mesos__V1__Resource *const *messages, size_t n, const char *role,
			 struct err *e)
{
	if (n == 0)
		return err_set(e, EINVAL, "Not a persistent volume: there is none");
	for (size_t i = 0; i < n; i++) {
		const Mesos__V1__Resource__AllocationInfo *allocation =
			messages[i]->allocation_info;

		if (!messages[i]->disk)
			return err_set(e, EINVAL, "Not a persistent volume: Resource %.64s does not"
				       " have DiskInfo", messages[i]->name);
		if (allocation && allocation->role && strcmp(allocation->role, role) != 0)
			return err_set(e, EINVAL, "Invalid resources: allocated to role '%.255s',"
				       " the offer is to role '%s'", allocation->role, role);
	}
	return 0;
}

static int read_subject(Mesos__V1__Resource *const *messages, size_t n, const char *role,
			struct subject *subject, struct err *e)
{
	int r = check_volumes(messages, n, role, e);

	if (r < 0)
		return r;
	r = resources_from_messages(messages, n, &subject->volumes, e);
	if (r < 0)
		return err_wrap(e, "Invalid resources");
	if (subject->volumes.parts.n != n)
		return err_set(e, EINVAL, "Invalid resources: a persistence ID is not unique");
	return resources_below_volumes(&subject->volumes, &subject->below) < 0 ?
		err_set(e, ENOMEM, "read volumes") : 0;
}

/* FROM becomes TO, there and here. */
static int convert(struct agent *agent, struct resources *left, const struct resources *from,
		   const struct resources *to, struct err *e)
{
	struct resources total = { 0 }, rest = { 0 };
	int r = resources_copy(allocator_node_total(agent->node), &total);

	if (r == 0)
		r = resources_copy(left, &rest);
	if (r == 0)
		r = resources_convert(&total, from, to);
	if (r == 0)
		r = resources_convert(&rest, from, to);
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

static int create(struct agent *agent, const struct subject *subject, struct resources *left,
		  struct err *e)
{
	const struct resources *total = allocator_node_total(agent->node);

	/* Its agent could not come back. */
	if (total->parts.n + subject->volumes.parts.n >= RESOURCE_MAX_PARTS)
		return err_set(e, EINVAL, "Invalid CREATE Operation: the agent would have more than"
			       " %d reservations and volumes", RESOURCE_MAX_PARTS);
	for (size_t i = 0; i < subject->volumes.parts.n; i++) {
		const struct resource_part *part = &subject->volumes.parts.items[i];

		if (resource_parts_find(&total->parts, part))
			return err_set(e, EINVAL, "Persistence ID '%s' is not unique",
				       part->volume);
	}
	if (!resources_contain(left, &subject->below)) {
		AUTO_FREE char *has = resources_format(left);
		AUTO_FREE char *wanted = resources_format(&subject->below);

		return err_set(e, EINVAL, "Invalid CREATE Operation: %.200s does not contain"
			       " %.200s", has ? has : "?", wanted ? wanted : "?");
	}
	return convert(agent, left, &subject->below, &subject->volumes, e);
}

static int destroy(struct agent *agent, const struct subject *subject, struct resources *left,
		   struct err *e)
{
	if (!resources_contain(allocator_node_total(agent->node), &subject->volumes))
		return err_set(e, EINVAL, "Persistent volumes not found");
	if (!resources_contain(left, &subject->volumes))
		return err_set(e, EINVAL, "Persistent volumes in use, or not in the offer");
	return convert(agent, left, &subject->volumes, &subject->below, e);
}

int operation_apply(struct agent *agent, const char *role, const Operation *operation,
		    struct resources *left, struct resources *converted, struct err *e)
{
	bool is_create = operation->type == MESOS__V1__OFFER__OPERATION__TYPE__CREATE;
	struct subject subject = { 0 };
	int r = is_create ? read_subject(operation->create->volumes, operation->create->n_volumes,
					 role, &subject, e) :
			    read_subject(operation->destroy->volumes,
					 operation->destroy->n_volumes, role, &subject, e);

	if (r == 0)
		r = is_create ? create(agent, &subject, left, e) :
				destroy(agent, &subject, left, e);
	if (r == 0) {
		/* Without it that much is refused with the rest: offered a little later. */
		(void)resources_add(converted, is_create ? &subject.volumes : &subject.below);
		registry_send_apply(agent, operation);
	}
	subject_done(&subject);
	return r;
}
