/* Metrics: what is counted as it happens, and what is counted when asked. */
#include "master_stub/master.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum { NAME_SIZE = 128, ALLOCATOR_NAME_SIZE = 384 };

static void put(json_t *json, const char *name, double value)
{
	json_object_set_new(json, name, json_real(value));
}

static void add_counters(json_t *json, const struct master *master)
{
	const struct counters *c = &master->counters;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "master/slave_registrations", c->slave_registrations },
		{ "master/slave_reregistrations", c->slave_reregistrations },
		{ "master/slave_unreachable_completed", c->slave_unreachable },
		{ "master/slave_unreachable_scheduled", c->slave_unreachable_scheduled },
		{ "master/slave_unreachable_canceled", c->slave_unreachable_canceled },
		{ "master/slave_removals", c->slave_unreachable + c->slave_gone },
		{ "master/slave_removals/reason_unhealthy", c->slave_unreachable },
		{ "master/messages_register_slave", c->slave_registrations },
		{ "master/messages_reregister_slave", c->slave_reregistrations },
		{ "master/messages_status_update",
		  c->agent_calls[TEPUI__AGENT_CALL__TYPE__UPDATE] },
		{ "master/messages_executor_to_framework",
		  c->agent_calls[TEPUI__AGENT_CALL__TYPE__MESSAGE] },
		{ "master/messages_exited_executor",
		  c->agent_calls[TEPUI__AGENT_CALL__TYPE__EXECUTOR_EXITED] },
		{ "master/messages_framework_to_executor",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__MESSAGE] },
		{ "master/messages_resource_request",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__REQUEST] },
		{ "master/valid_status_updates", c->valid_status_updates },
		{ "master/invalid_status_updates", c->invalid_status_updates },
		{ "master/valid_status_update_acknowledgements", c->valid_acknowledgements },
		{ "master/invalid_status_update_acknowledgements", c->invalid_acknowledgements },
		{ "master/dropped_messages", c->dropped_messages },
		{ "master/offers/sent", c->offers_sent },
		{ "master/offers/accepted", c->offers_accepted },
		{ "master/offers/declined", c->offers_declined },
		{ "master/offers/rescinded", c->offers_rescinded },
		{ "master/messages_kill_task", c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__KILL] },
		{ "master/messages_launch_tasks",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT] },
		{ "master/messages_decline_offers",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE] },
		{ "master/messages_revive_offers",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE] },
		{ "master/messages_suppress_offers",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__SUPPRESS] },
		{ "master/messages_reconcile_tasks",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE] },
		{ "master/messages_status_update_acknowledgement",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE] },
		{ "master/messages_unregister_framework",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN] },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put(json, rows[i].name, (double)rows[i].value);
}

static void add_agents(json_t *json, const struct master *master)
{
	const size_t *n = master->n_agents;
	size_t n_inactive, n_active = registry_count_active(master, &n_inactive);

	put(json, "master/slaves_active", (double)n_active);
	put(json, "master/slaves_inactive", (double)n_inactive);
	put(json, "master/slaves_connected", (double)n[AGENT_CONNECTED]);
	put(json, "master/slaves_disconnected", (double)n[AGENT_DISCONNECTED]);
	put(json, "master/slaves_unreachable", (double)n[AGENT_UNREACHABLE]);
	put(json, "master/slaves_recovering", (double)n[AGENT_RECOVERING]);
}

/* "TASK_RUNNING" as "master/tasks_running". */
static void put_state(json_t *json, Mesos__V1__TaskState state, uint64_t value)
{
	char name[NAME_SIZE] = "master/tasks_";
	size_t size = strlen(name);

	for (const char *c = master_task_state_name(state) + strlen("TASK_");
	     *c && size < NAME_SIZE - 1; c++)
		name[size++] = *c == '_' ? '_' : (char)(*c | 0x20);
	name[size] = '\0';
	put(json, name, (double)value);
}

static void add_tasks(json_t *json, const struct master *master)
{
	for (int state = 0; state < N_TASK_STATES; state++) {
		bool is_ended = master_task_is_ended((Mesos__V1__TaskState)state);

		put_state(json, (Mesos__V1__TaskState)state,
			  is_ended ? master->counters.tasks_ended[state] : master->n_tasks[state]);
	}
}

static void add_frameworks(json_t *json, const struct master *master)
{
	const struct framework *framework;
	size_t connected = 0, disconnected = 0;

	for (framework = master->frameworks; framework; framework = framework->hh.next) {
		connected += framework->scheduler != NULL;
		disconnected += !framework->scheduler && !framework->is_removed;
	}
	put(json, "master/frameworks_active", (double)connected);
	put(json, "master/frameworks_connected", (double)connected);
	put(json, "master/frameworks_inactive", (double)disconnected);
	put(json, "master/frameworks_disconnected", (double)disconnected);
}

static void put_resource(json_t *json, int kind, const char *suffix, double value)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "master/%s_%s", resource_names[kind], suffix);
	put(json, name, value);
}

static void add_resources(json_t *json, const struct master *master)
{
	const struct quantities *total = allocator_total(master->allocator);
	struct quantities used = *allocator_used(master->allocator);

	quantities_add(&used, &master->offered, -1);
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		double all = resources_scalar_to_double(total->of[i]);
		double part = resources_scalar_to_double(used.of[i]);

		put_resource(json, i, "total", all);
		put_resource(json, i, "used", part);
		put_resource(json, i, "percent", all > 0 ? part / all : 0);
		/* Nothing is offered that may be taken back. */
		put_resource(json, i, "revocable_total", 0);
		put_resource(json, i, "revocable_used", 0);
		put_resource(json, i, "revocable_percent", 0);
	}
}

static void put_allocator(json_t *json, double value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void put_allocator(json_t *json, double value, const char *fmt, ...)
{
	char name[ALLOCATOR_NAME_SIZE] = "allocator/mesos/";
	size_t n = strlen(name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name + n, sizeof(name) - n, fmt, ap);
	va_end(ap);
	put(json, name, value);
}

static void put_quota(json_t *json, const struct allocator_role *role, int kind)
{
	const char *resource = resource_names[kind];
	int64_t guarantee = role->quota.guarantee.of[kind], limit = role->quota.limit.of[kind];

	put_allocator(json, resources_scalar_to_double(role->consumed.of[kind]),
		      "quota/roles/%s/resources/%s/offered_or_allocated", role->path, resource);
	if (guarantee > 0)
		put_allocator(json, resources_scalar_to_double(guarantee),
			      "quota/roles/%s/resources/%s/guarantee", role->path, resource);
	if (limit < INT64_MAX)
		put_allocator(json, resources_scalar_to_double(limit),
			      "quota/roles/%s/resources/%s/limit", role->path, resource);
}

static void add_role(void *arg, const struct allocator_role *role)
{
	json_t *json = arg;

	put_allocator(json, role->share, "roles/%s/shares/dominant", role->path);
	put_allocator(json, (double)role->n_filters, "offer_filters/roles/%s/active", role->path);
	for (int i = 0; i < N_RESOURCE_KINDS && role->has_quota; i++)
		put_quota(json, role, i);
}

static void add_allocator(json_t *json, const struct allocator *allocator)
{
	const struct quantities *total = allocator_total(allocator);
	const struct quantities *used = allocator_used(allocator);
	struct allocator_stats stats = allocator_stats(allocator);

	put_allocator(json, (double)stats.runs, "allocation_runs");
	put_allocator(json, (double)stats.grants, "grants");
	put_allocator(json, (double)stats.filters, "offer_filters");
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		put_allocator(json, resources_scalar_to_double(total->of[i]), "resources/%s/total",
			      resource_names[i]);
		put_allocator(json, resources_scalar_to_double(used->of[i]),
			      "resources/%s/offered_or_allocated", resource_names[i]);
	}
	allocator_each_role(allocator, add_role, json);
}

json_t *master_metrics_json(const struct master *master, int64_t now_ms)
{
	json_t *json = json_object();

	if (!json)
		return NULL;
	put(json, "master/elected", 1);
	put(json, "master/uptime_secs", (double)(now_ms - master->started_ms) / 1000);
	put(json, "master/outstanding_offers", (double)HASH_COUNT(master->offers));
	add_counters(json, master);
	add_agents(json, master);
	add_frameworks(json, master);
	add_tasks(json, master);
	add_resources(json, master);
	add_allocator(json, master->allocator);
	return json;
}
