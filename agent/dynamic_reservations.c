#include "agent/dynamic_reservations.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/operation_change.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/store.h"

/* One record for all of the node: they divide the same resources. */
static const char store_kind[] = "reservations", store_key[] = "node";

static int count_in(struct agent *agent, const struct resources *reserved, struct err *e)
{
	struct resources below = { 0 };
	int r = resources_below_dynamic(reserved, &below);

	if (r >= 0 && !resources_contain(&agent->node.total, &below))
		log_warning("more is dynamically reserved than this node has now");
	if (r >= 0) {
		resources_take_away(&agent->node.total, &below);
		r = resources_add(&agent->node.total, reserved);
	}
	resources_done(&below);
	return r < 0 ? err_set(e, -r, "count reservations") : 0;
}

static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct agent *agent = arg;
	Tepui__ReservationsRecord *record = tepui__reservations_record__unpack(NULL, size, data);
	struct resources reserved = { 0 };
	struct err why = { 0 };
	int r;

	(void)key;
	(void)e;
	r = record ? resources_from_messages(record->resources, record->n_resources, &reserved, &why) :
		     err_set(&why, EINVAL, "read the record");
	if (r >= 0)
		r = count_in(agent, &reserved, &why);
	if (r < 0) {
		agent->counters.recovery_errors++;
		log_write_err(LOG_LEVEL_ERROR, &why, "skip dynamic reservations");
	}
	resources_done(&reserved);
	if (record)
		tepui__reservations_record__free_unpacked(record, NULL);
	return 0;
}

int dynamic_reservations_load(struct agent *agent, struct err *e)
{
	return store_each(agent->store, store_kind, load, agent, e);
}

/* What there would be with TOTAL. */
static int put(struct agent *agent, const struct resources *total, struct err *e)
{
	Tepui__ReservationsRecord record = TEPUI__RESERVATIONS_RECORD__INIT;
	struct resources reserved = { 0 };
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = resources_dynamic(total, &reserved);

	if (r >= 0)
		r = resources_to_messages(&reserved, NULL, &record.resources, &record.n_resources);
	resources_done(&reserved);
	if (r < 0)
		return err_set(e, -r, "keep reservations");
	r = pb_pack(&record.base, &data, &size, e);
	resources_messages_free(record.resources, record.n_resources);
	return r < 0 ? r : store_put(agent->store, store_kind, store_key, data, size, e);
}

static int check_free(const struct agent *agent, const struct resources *from, struct err *e)
{
	struct resources left = { 0 };
	bool has_room;

	if (resources_copy(&agent->node.total, &left) < 0)
		return err_set(e, ENOMEM, "change reservations");
	resources_take_away(&left, &agent->used);
	has_room = resources_contain(&left, from);
	resources_done(&left);
	return has_room ? 0 : err_set(e, ENOSPC, "change reservations: the node has not so much that"
				      " is free");
}

int dynamic_reservations_apply(struct agent *agent, const Mesos__V1__Offer__Operation *operation,
			       struct err *e)
{
	struct operation_change change;
	struct resources total = { 0 };
	int r = operation_change_read(operation, &change, e);

	if (r < 0)
		return r;
	r = check_free(agent, &change.from, e);
	if (r >= 0 && (resources_copy(&agent->node.total, &total) < 0 ||
		       resources_convert(&total, &change.from, &change.to) < 0))
		r = err_set(e, ENOMEM, "change reservations");
	if (r >= 0)
		r = put(agent, &total, e);
	if (r >= 0) {
		resources_done(&agent->node.total);
		agent->node.total = TAKE_VAL(total, (struct resources){ 0 });
		r = agent_describe(agent, agent_id(agent), e);
	}
	resources_done(&total);
	operation_change_done(&change);
	return r;
}
