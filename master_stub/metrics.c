/* Metrics of the core: what is counted as it happens, and what is counted when asked. */
#include "master_stub/master.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/hash.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/feedback.h"
#include "master_stub/framework.h"
#include "master_stub/framework_metrics.h"
#include "master_stub/metrics.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum { NAME_SIZE = 128 };

static void add_counters(const struct metrics *metrics, const struct master *master)
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
		{ "master/messages_operation_status_update",
		  c->agent_calls[TEPUI__AGENT_CALL__TYPE__OPERATION] },
		{ "master/messages_operation_status_update_acknowledgement",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS] },
		{ "master/messages_reconcile_operations",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE_OPERATIONS] },
		{ "master/valid_operation_status_updates", c->valid_operation_updates },
		{ "master/invalid_operation_status_updates", c->invalid_operation_updates },
		{ "master/valid_operation_status_update_acknowledgements",
		  c->valid_operation_acknowledgements },
		{ "master/invalid_operation_status_update_acknowledgements",
		  c->invalid_operation_acknowledgements },
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
		{ "master/messages_weigh_task", c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__WEIGH] },
		{ "master/messages_directory_applied",
		  c->agent_calls[TEPUI__AGENT_CALL__TYPE__DIRECTORY_APPLIED] },
		{ "master/messages_unregister_framework",
		  c->calls[MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN] },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		metrics_put(metrics, rows[i].name, (double)rows[i].value);
}

static void add_agents(const struct metrics *metrics, const struct master *master)
{
	const size_t *n = master->n_agents;
	size_t n_inactive, n_active = registry_count_active(master, &n_inactive);

	metrics_put(metrics, "master/slaves_active", (double)n_active);
	metrics_put(metrics, "master/slaves_inactive", (double)n_inactive);
	metrics_put(metrics, "master/slaves_connected", (double)n[AGENT_CONNECTED]);
	metrics_put(metrics, "master/slaves_disconnected", (double)n[AGENT_DISCONNECTED]);
	metrics_put(metrics, "master/slaves_unreachable", (double)n[AGENT_UNREACHABLE]);
	metrics_put(metrics, "master/slaves_recovering", (double)n[AGENT_RECOVERING]);
}

/* "TASK_RUNNING" as "master/tasks_running". */
static void put_state(const struct metrics *metrics, Mesos__V1__TaskState state, uint64_t value)
{
	char name[NAME_SIZE] = "master/tasks_";

	metrics_lower(master_task_state_name(state) + strlen("TASK_"), name + strlen(name),
		      sizeof(name) - strlen(name));
	metrics_put(metrics, name, (double)value);
}

static void add_tasks(const struct metrics *metrics, const struct master *master)
{
	for (int state = 0; state < N_TASK_STATES; state++) {
		bool is_ended = master_task_is_ended((Mesos__V1__TaskState)state);

		put_state(metrics, (Mesos__V1__TaskState)state,
			  is_ended ? master->counters.tasks_ended[state] : master->n_tasks[state]);
	}
}

/* "master/task_failed/source_slave/reason_container_limitation"; those that ever came. */
static void add_reasons(const struct metrics *metrics, const struct master *master)
{
	const ProtobufCEnumDescriptor *sources = &mesos__v1__task_status__source__descriptor;
	const ProtobufCEnumDescriptor *reasons = &mesos__v1__task_status__reason__descriptor;

	for (size_t i = 0; i < N_TASK_STATES * N_TASK_SOURCES * N_TASK_REASONS; i++) {
		int reason = (int)(i % N_TASK_REASONS);
		int source = (int)(i / N_TASK_REASONS % N_TASK_SOURCES);
		int state = (int)(i / N_TASK_REASONS / N_TASK_SOURCES);
		uint64_t value = master->counters.tasks_ended_by[state][source][reason];
		char upper[NAME_SIZE], name[NAME_SIZE] = "master/";

		if (value == 0)
			continue;
		(void)snprintf(upper, sizeof(upper), "%s/%s/%s",
			       master_task_state_name((Mesos__V1__TaskState)state),
			       protobuf_c_enum_descriptor_get_value(sources, source)->name,
			       protobuf_c_enum_descriptor_get_value(reasons, reason)->name);
		metrics_lower(upper, name + strlen(name), sizeof(name) - strlen(name));
		/* As they were called before the v1 API, and as dashboards still know them. */
		for (char *word = name; (word = strstr(word, "agent"));)
			memcpy(word, "slave", strlen("slave"));
		metrics_put(metrics, name, (double)value);
	}
}

static void add_frameworks(const struct metrics *metrics, const struct master *master)
{
	const struct framework *framework;
	size_t connected = 0, disconnected = 0;

	for (framework = master->frameworks; framework; framework = framework->hh.next) {
		connected += framework->scheduler != NULL;
		disconnected += !framework->scheduler && !framework->is_removed;
	}
	metrics_put(metrics, "master/frameworks_active", (double)connected);
	metrics_put(metrics, "master/frameworks_connected", (double)connected);
	metrics_put(metrics, "master/frameworks_inactive", (double)disconnected);
	metrics_put(metrics, "master/frameworks_disconnected", (double)disconnected);
}

static void put_resource(const struct metrics *metrics, int kind, const char *suffix, double value)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "master/%s_%s", resource_names[kind], suffix);
	metrics_put(metrics, name, value);
}

static void add_resources(const struct metrics *metrics, const struct master *master)
{
	const struct quantities *total = allocator_total(master->allocator);
	struct quantities used = *allocator_used(master->allocator);

	quantities_add(&used, &master->offered, -1);
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		double all = resources_scalar_to_double(total->of[i]);
		double part = resources_scalar_to_double(used.of[i]);

		put_resource(metrics, i, "total", all);
		put_resource(metrics, i, "used", part);
		put_resource(metrics, i, "percent", all > 0 ? part / all : 0);
		/* Nothing is offered that may be taken back. */
		put_resource(metrics, i, "revocable_total", 0);
		put_resource(metrics, i, "revocable_used", 0);
		put_resource(metrics, i, "revocable_percent", 0);
	}
}

#define ALLOCATOR { NULL, "allocator/mesos" }

static void put_quota(const struct metrics *metrics, const struct allocator_role *role, int kind)
{
	const int64_t guarantee = role->quota.guarantee.of[kind], limit = role->quota.limit.of[kind];
	const struct {
		const char *name;
		int64_t value;
		bool is_told;
	} rows[] = {
		{ "offered_or_allocated", role->consumed.of[kind], true },
		{ "guarantee", guarantee, guarantee > 0 },
		{ "limit", limit, limit < INT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].is_told)
			METRICS_PUT_OF(metrics, resources_scalar_to_double(rows[i].value),
				       ALLOCATOR, { NULL, "quota/roles" }, { "role", role->path },
				       { NULL, "resources" }, { NULL, resource_names[kind] },
				       { NULL, rows[i].name });
	}
}

struct measured_roles {
	const struct metrics *metrics;
	size_t n;
};

static void add_role(void *arg, const struct allocator_role *role)
{
	struct measured_roles *roles = arg;
	const struct metrics *metrics = roles->metrics;

	if (++roles->n > MAX_MEASURED_ROLES)
		return;
	METRICS_PUT_OF(metrics, role->share, ALLOCATOR, { NULL, "roles" }, { "role", role->path },
		       { NULL, "shares/dominant" });
	METRICS_PUT_OF(metrics, (double)role->n_filters, ALLOCATOR, { NULL, "offer_filters/roles" },
		       { "role", role->path }, { NULL, "active" });
	for (int i = 0; i < N_RESOURCE_KINDS && role->has_quota; i++)
		put_quota(metrics, role, i);
}

static void put_allocated(const struct metrics *metrics, const char *kind, const char *name,
			  int64_t value)
{
	METRICS_PUT_OF(metrics, resources_scalar_to_double(value), ALLOCATOR,
		       { NULL, "resources" }, { NULL, kind }, { NULL, name });
}

static void add_allocator(const struct metrics *metrics, const struct master *master)
{
	const struct quantities *total = allocator_total(master->allocator);
	const struct quantities *used = allocator_used(master->allocator);
	struct allocator_stats stats = allocator_stats(master->allocator);
	struct measured_roles roles = { .metrics = metrics };

	metrics_put(metrics, "allocator/mesos/allocation_runs", (double)stats.runs);
	metrics_put(metrics, "allocator/mesos/grants", (double)stats.grants);
	metrics_put(metrics, "allocator/mesos/offer_filters", (double)stats.filters);
	metrics_put_timings(metrics, "allocator/mesos/allocation_run_ms", &master->allocations);
	metrics_put_timings(metrics, "allocator/mesos/allocation_run_latency_ms",
			    &master->allocation_delays);
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		put_allocated(metrics, resource_names[i], "total", total->of[i]);
		put_allocated(metrics, resource_names[i], "offered_or_allocated", used->of[i]);
	}
	allocator_each_role(master->allocator, add_role, &roles);
	metrics_put_rest(metrics, "allocator/mesos/roles_unmeasured", roles.n, MAX_MEASURED_ROLES);
}

void master_metrics(const struct master *master, int64_t now_ms, const struct metrics *metrics)
{
	metrics_put(metrics, "master/elected", 1);
	metrics_put(metrics, "master/uptime_secs", (double)(now_ms - master->started_ms) / 1000);
	metrics_put(metrics, "master/outstanding_offers", (double)HASH_COUNT(master->offers));
	add_counters(metrics, master);
	add_agents(metrics, master);
	add_frameworks(metrics, master);
	add_tasks(metrics, master);
	directory_metrics(master, metrics);
	add_reasons(metrics, master);
	feedback_metrics(master, metrics);
	add_resources(metrics, master);
	add_allocator(metrics, master);
	framework_metrics(master, metrics);
}

json_t *master_metrics_json(const struct master *master, int64_t now_ms)
{
	json_t *json = json_object();
	const struct metrics metrics = metrics_as_json(json);

	if (json)
		master_metrics(master, now_ms, &metrics);
	return json;
}
