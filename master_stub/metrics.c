/* Metrics: what is counted as it happens, and what is counted when asked. */
#include "master_stub/master.h"

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

enum { NAME_SIZE = 128 };

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
	const struct agent *agent;
	size_t n[AGENT_GONE + 1] = { 0 };

	for (agent = master->agents; agent; agent = agent->hh.next)
		n[agent->state]++;
	put(json, "master/slaves_active", (double)n[AGENT_CONNECTED]);
	put(json, "master/slaves_inactive", (double)n[AGENT_DISCONNECTED]);
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
	const struct framework *framework;
	const struct task *task;
	uint64_t n[N_TASK_STATES] = { 0 };

	for (framework = master->frameworks; framework; framework = framework->hh.next) {
		for (task = framework->tasks; task; task = task->hh.next)
			n[task->is_unreachable ? MESOS__V1__TASK_STATE__TASK_UNREACHABLE :
			  task->state]++;
	}
	for (int state = 0; state < N_TASK_STATES; state++) {
		bool is_ended = master_task_is_ended((Mesos__V1__TaskState)state);

		put_state(json, (Mesos__V1__TaskState)state,
			  is_ended ? master->counters.tasks_ended[state] : n[state]);
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
	const struct agent *agent;
	const struct task *task;
	struct resources used = { 0 };

	for (agent = master->agents; agent; agent = agent->hh.next) {
		TAILQ_FOREACH(task, &agent->tasks, on_agent) {
			if (task->is_charged)
				resources_sum(&used, &task->resources, 1);
		}
	}
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		double all = resources_scalar_to_double(total->of[i]);
		double part = resources_scalar_to_double(used.scalar[i]);

		put_resource(json, i, "total", all);
		put_resource(json, i, "used", part);
		put_resource(json, i, "percent", all > 0 ? part / all : 0);
	}
}

json_t *master_metrics_json(const struct master *master, int64_t now_ms)
{
	struct allocator_stats stats = allocator_stats(master->allocator);
	json_t *json = json_object();

	if (!json)
		return NULL;
	put(json, "master/elected", 1);
	put(json, "master/uptime_secs", (double)(now_ms - master->started_ms) / 1000);
	put(json, "master/outstanding_offers", (double)HASH_COUNT(master->offers));
	put(json, "allocator/mesos/allocation_runs", (double)stats.runs);
	put(json, "allocator/mesos/grants", (double)stats.grants);
	put(json, "allocator/mesos/offer_filters", (double)stats.filters);
	add_counters(json, master);
	add_agents(json, master);
	add_frameworks(json, master);
	add_tasks(json, master);
	add_resources(json, master);
	return json;
}
