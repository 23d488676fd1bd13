#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/core.h"
#include "master_stub/feedback.h"
#include "master_stub/metrics.h"
#include "master_stub/registry.h"

enum { NAME_SIZE = 64 };

struct counts {
	uint64_t known, in_state[N_OPERATION_STATES];
};

/* TYPE: in small letters. */
static void put_one(const struct metrics *metrics, const char *type, const char *name, uint64_t value)
{
	if (type)
		METRICS_PUT_OF(metrics, (double)value, { NULL, "master/operations" },
			       { NULL, type }, { NULL, name });
	else
		METRICS_PUT_OF(metrics, (double)value, { NULL, "master/operations" },
			       { NULL, name });
}

static void put(const struct metrics *metrics, const char *type, const struct counts *n)
{
	static const struct {
		const char *name;
		Mesos__V1__OperationState state;
	} rows[] = {
		{ "pending", MESOS__V1__OPERATION_STATE__OPERATION_PENDING },
		{ "recovering", MESOS__V1__OPERATION_STATE__OPERATION_RECOVERING },
		{ "unreachable", MESOS__V1__OPERATION_STATE__OPERATION_UNREACHABLE },
		{ "finished", MESOS__V1__OPERATION_STATE__OPERATION_FINISHED },
		{ "failed", MESOS__V1__OPERATION_STATE__OPERATION_FAILED },
		{ "error", MESOS__V1__OPERATION_STATE__OPERATION_ERROR },
		{ "dropped", MESOS__V1__OPERATION_STATE__OPERATION_DROPPED },
		{ "gone_by_operator", MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR },
	};

	put_one(metrics, type, "total", n->known);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		put_one(metrics, type, rows[i].name, n->in_state[rows[i].state]);
}

/* Those that their agents have told of were counted then, the others are now. */
static void count(const struct master *master, struct counts n[N_OPERATIONS])
{
	const struct operation *operation;

	for (int type = 0; type < N_OPERATIONS; type++) {
		n[type].known = master->counters.operations_known[type];
		memcpy(n[type].in_state, master->counters.operations_ended[type],
		       sizeof(n[type].in_state));
	}
	for (const struct agent *agent = master->agents; agent; agent = agent->hh.next) {
		LIST_FOREACH(operation, &agent->operations, on_agent) {
			const Mesos__V1__Operation *message = operation->message;

			if (!feedback_is_told(operation))
				n[message->info->type].in_state[message->latest_status->state]++;
		}
	}
}

void feedback_metrics(const struct master *master, const struct metrics *metrics)
{
	const ProtobufCEnumDescriptor *types = &mesos__v1__offer__operation__type__descriptor;
	struct counts n[N_OPERATIONS], all = { 0 };

	count(master, n);
	for (unsigned i = 0; i < types->n_values; i++) {
		int type = types->values[i].value;
		char name[NAME_SIZE];

		/* What becomes of a launch is told by its tasks. */
		if (type == MESOS__V1__OFFER__OPERATION__TYPE__UNKNOWN ||
		    type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH ||
		    type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP)
			continue;
		metrics_lower(types->values[i].name, name, sizeof(name));
		put(metrics, name, &n[type]);
		all.known += n[type].known;
		for (int state = 0; state < N_OPERATION_STATES; state++)
			all.in_state[state] += n[type].in_state[state];
	}
	put(metrics, NULL, &all);
}
