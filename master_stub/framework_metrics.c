#include "master_stub/framework_metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/metrics.h"
#include "master_stub/task.h"
#include "net/http_parser.h"

enum { NAME_SIZE = 256, KIND_SIZE = 64 };

struct measured {
	const struct metrics *metrics;
	const struct framework *framework;
	char name[NAME_SIZE];		/* as it stands in an address; what is too long is cut */
};

static void put_of(const struct measured *of, const char *group, const char *kind, uint64_t value)
{
	struct metric_part parts[] = {
		{ NULL, "master/frameworks" }, { "framework", of->name },
		{ "framework_id", of->framework->id }, { NULL, group }, { NULL, kind },
	};

	of->metrics->put(of->metrics->arg, parts, ARRAY_SIZE(parts) - !kind, (double)value);
}

/* By the values of an enum, and all of them together. */
static void put_kinds(const struct measured *of, const char *group,
		      const ProtobufCEnumDescriptor *kinds, const uint64_t *values, size_t n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < kinds->n_values; i++) {
		int value = kinds->values[i].value;
		char kind[KIND_SIZE];

		if (value <= 0 || (size_t)value >= n)
			continue;
		metrics_lower(kinds->values[i].name, kind, sizeof(kind));
		put_of(of, group, kind, values[value]);
		sum += values[value];
	}
	put_of(of, group, NULL, sum);
}

static void put_tasks(const struct measured *of)
{
	const struct framework_counters *c = &of->framework->counters;
	char kind[KIND_SIZE];

	for (int i = 0; i < N_TASK_STATES; i++) {
		Mesos__V1__TaskState state = (Mesos__V1__TaskState)i;

		metrics_lower(master_task_state_name(state), kind, sizeof(kind));
		if (master_task_is_ended(state))
			put_of(of, "tasks/terminal", kind, c->tasks_ended[i]);
		else
			put_of(of, "tasks/active", kind, c->n_tasks[i]);
	}
}

/* *N is how many there were, of all frameworks. */
static void put_roles(const struct measured *of, size_t *n)
{
	const struct framework_role *role;

	SLIST_FOREACH(role, &of->framework->roles, next) {
		if (!role->is_left && ++*n <= MAX_MEASURED_ROLES)
			METRICS_PUT_OF(of->metrics, role->is_suppressed,
				       { NULL, "master/frameworks" }, { "framework", of->name },
				       { "framework_id", of->framework->id }, { NULL, "roles" },
				       { "role", role->name }, { NULL, "suppressed" });
	}
}

static void put_framework(const struct metrics *metrics, const struct framework *framework,
			  size_t *n_roles)
{
	const struct framework_counters *c = &framework->counters;
	struct measured of = { .metrics = metrics, .framework = framework };
	AUTO_FREE char *name = http_encode(framework->info->name);

	(void)snprintf(of.name, sizeof(of.name), "%s", name ? name : "");
	put_of(&of, "subscribed", NULL, framework->scheduler != NULL);
	put_kinds(&of, "calls", &mesos__v1__scheduler__call__type__descriptor, c->calls,
		  N_SCHEDULER_CALLS);
	put_kinds(&of, "events", &mesos__v1__scheduler__event__type__descriptor, c->events,
		  N_SCHEDULER_EVENTS);
	put_kinds(&of, "operations", &mesos__v1__offer__operation__type__descriptor, c->operations,
		  N_OPERATIONS);
	put_of(&of, "offers", "sent", c->offers_sent);
	put_of(&of, "offers", "accepted", c->offers_accepted);
	put_of(&of, "offers", "declined", c->offers_declined);
	put_of(&of, "offers", "rescinded", c->offers_rescinded);
	put_tasks(&of);
	put_roles(&of, n_roles);
}

void framework_metrics(const struct master *master, const struct metrics *metrics)
{
	const struct framework *framework;
	size_t n = 0, n_roles = 0;

	for (framework = master->frameworks; framework; framework = framework->hh.next) {
		if (!framework->is_removed && ++n <= MAX_MEASURED_FRAMEWORKS)
			put_framework(metrics, framework, &n_roles);
	}
	metrics_put_rest(metrics, "master/frameworks_unmeasured", n, MAX_MEASURED_FRAMEWORKS);
	metrics_put_rest(metrics, "master/framework_roles_unmeasured", n_roles, MAX_MEASURED_ROLES);
}
