#include "master_stub/marathon/placement/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/id.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/launch_operation.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/weight.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/usable.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

enum { INSTANCE_ID_SIZE = 256 };

/* What INSTANCE is to have, from what is left of BID. */
static int take(struct controller *c, struct bid *bid, struct instance *instance,
		struct resources *ret)
{
	unsigned n = app_n_ports(instance->spec);

	instance->ports = calloc(n + 1, sizeof(*instance->ports));
	if (!instance->ports)
		return -ENOMEM;
	instance->n_ports = n;
	return usable_take_instance(c, c->rng, instance->spec, &bid->left, instance->ports, ret);
}

static int add_launch(struct bid *bid, struct instance *instance,
		      Mesos__V1__Offer__Operation *operation)
{
	if (bid->n == bid->cap) {
		size_t cap = bid->cap ? 2 * bid->cap : 8;
		Mesos__V1__Offer__Operation **operations =
			reallocarray(bid->operations, cap, sizeof(*operations));
		struct instance **instances;

		if (!operations)
			return -ENOMEM;
		bid->operations = operations;
		instances = reallocarray(bid->instances, cap, sizeof(*instances));
		if (!instances)
			return -ENOMEM;
		bid->instances = instances;
		bid->cap = cap;
	}
	bid->instances[bid->n] = instance;
	bid->operations[bid->n++] = operation;
	bid->size += protobuf_c_message_get_packed_size(&operation->base);
	return 0;
}

static int name_tasks(struct controller *c, unsigned incarnation, struct instance *instance)
{
	int r = 0;

	for (unsigned i = 0; i < instance->n_tasks && r == 0; i++) {
		struct instance_task *task = &instance->tasks[i];
		char id[384];

		(void)snprintf(id, sizeof(id), "%s.%s.%u", instance->id,
			       app_task_name(instance->spec, i), incarnation);
		task->is_confirmed = true;
		r = instance_task_set_id(c, task, id);
	}
	instance_sum_up(instance);
	return r;
}

static void new_id(struct controller *c, const struct app *spec, char ret[INSTANCE_ID_SIZE])
{
	char safe[APP_ID_SIZE], uuid[ID_UUID_SIZE];

	app_id_to_safe(spec->id, safe);
	id_uuid(c->rng, uuid);
	(void)snprintf(ret, INSTANCE_ID_SIZE, "%s.instance-%s", safe, uuid);
}

/* Our own id, known before the call: a launch can never be made twice under it. */
static int new_instance(struct controller *c, struct entry *entry, const struct bid *bid,
			const char *id, unsigned incarnation, struct instance **ret)
{
	int r = instance_new(c, entry, entry->launch_spec, id,
			     app_n_tasks(entry->launch_spec), ret);

	if (r < 0)
		return r;
	(*ret)->is_provisioned = true;
	(*ret)->launched_ms = c->now_ms;
	(*ret)->staged_wall_ms = controller_wall_ms(c);
	r = instance_set_place(*ret, bid->offer->agent_id->value, bid->offer->hostname);
	if (r == 0)
		r = name_tasks(c, incarnation, *ret);
	if (r < 0)
		instance_free(c, *ret);
	return r;
}

/* What INSTANCE is to have: what is reserved for it already, or will be before it is launched. */
static int take_all(struct controller *c, struct bid *bid, struct instance *instance,
		    bool is_return, struct resources *ret)
{
	int r;

	if (is_return)
		return resident_return(instance, &bid->left, &bid->changes, ret);
	r = take(c, bid, instance, ret);
	if (r == 0 && instance->residence) {
		r = resident_settle(instance, &bid->changes, ret);
		if (r < 0)
			resources_done(ret);
	}
	return r;
}

/* The intent is on its way to the disk before the call is on its way anywhere. */
static int record(struct controller *c, const struct instance *instance)
{
	int r = node_store(c, instance->agent_id);

	if (r == 0 && instance->residence)
		r = residence_put(c, instance->residence);
	return r < 0 ? r : records_put_instance(c, instance);
}

/* Everything that can fail is done before the record; what was taken is given back. */
static int prepare(struct controller *c, struct bid *bid, struct instance *instance,
		   bool is_return)
{
	struct resources taken;
	Mesos__V1__Offer__Operation *operation = NULL;
	int r = take_all(c, bid, instance, is_return, &taken);

	if (r < 0)
		return r;
	instance->told_weight = instance_weight_in_force(instance);
	r = launch_operation_new(c, instance, &taken, &operation);
	if (r == 0)
		r = add_launch(bid, instance, operation);
	if (r == 0) {
		r = record(c, instance);
		if (r < 0)
			bid->n--;
	}
	if (r < 0) {
		launch_operation_free(operation);
		/* What does not come back is declined with the rest: too little for a moment. */
		(void)resources_add(&bid->left, &taken);
	}
	resources_done(&taken);
	return r;
}

static int make(struct controller *c, struct entry *entry, struct bid *bid, const char *id,
		struct residence *residence, bool is_return, struct instance **ret)
{
	unsigned incarnation = residence ? residence->incarnation + 1 : 1;
	int r = new_instance(c, entry, bid, id, incarnation, ret);

	if (r < 0)
		return r;
	if (residence)
		residence->incarnation = incarnation;
	r = prepare(c, bid, *ret, is_return);
	if (r < 0)
		instance_free(c, *ret);
	return r;
}

int launch_instance(struct controller *c, struct entry *entry, struct bid *bid,
		    struct residence *home, struct instance **ret)
{
	struct residence *residence = home;
	size_t n_changes = bid->changes.n;
	char id[INSTANCE_ID_SIZE];
	int r = 0;

	if (home)
		(void)snprintf(id, sizeof(id), "%s", home->id);
	else
		new_id(c, entry->launch_spec, id);
	if (!home && entry->launch_spec->is_resident)
		r = resident_new(c, entry, id, bid->offer, &residence);
	if (r < 0)
		return r;
	r = make(c, entry, bid, id, residence, home != NULL, ret);
	if (r == 0)
		return 0;
	operations_cut(&bid->changes, n_changes);
	if (residence != home) {
		residence_delete_record(c, residence);
		residence_free(c, residence);
	}
	return r;
}
