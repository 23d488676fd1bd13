#include "master_stub/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/store.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/drain.h"
#include "master_stub/executor.h"
#include "master_stub/feedback.h"
#include "master_stub/maintenance.h"
#include "master_stub/leave.h"
#include "master_stub/listing.h"
#include "master_stub/observe.h"
#include "master_stub/offer.h"
#include "master_stub/origin.h"
#include "master_stub/task.h"

static const char KIND[] = "agent";

const char *registry_state_name(enum agent_state state)
{
	static const char *const names[] = {
		[AGENT_RECOVERING] = "recovering",
		[AGENT_CONNECTED] = "connected",
		[AGENT_DISCONNECTED] = "disconnected",
		[AGENT_UNREACHABLE] = "unreachable",
		[AGENT_GONE] = "gone",
	};

	return names[state];
}

struct agent *registry_find(const struct master *master, const char *id)
{
	struct agent *agent = NULL;

	HASH_FIND_STR(master->agents, id, agent);
	return agent;
}

static bool is_registered(const struct agent *agent)
{
	return agent->state == AGENT_CONNECTED || agent->state == AGENT_DISCONNECTED;
}

void registry_set_state(struct agent *agent, enum agent_state state)
{
	struct master *master = agent->master;

	bool was_registered = is_registered(agent);

	master->n_agents[agent->state]--;
	agent->state = state;
	master->n_agents[state]++;
	if (is_registered(agent) && !was_registered)
		observe_agent_added(agent);
	if (!is_registered(agent) && was_registered)
		observe_agent_removed(agent);
}

bool agent_is_active(const struct agent *agent)
{
	return agent->state == AGENT_CONNECTED && !agent->is_deactivated;
}

size_t registry_count_active(const struct master *master, size_t *ret_inactive)
{
	const struct agent *agent;
	size_t n = 0;

	for (agent = master->agents; agent; agent = agent->hh.next)
		n += agent_is_active(agent);
	*ret_inactive = master->n_agents[AGENT_CONNECTED] +
			master->n_agents[AGENT_DISCONNECTED] - n;
	return n;
}

bool registry_is_recovering(const struct master *master)
{
	return master->n_agents[AGENT_RECOVERING] > 0;
}

/* ---- rows ---- */

static Mesos__V1__AgentInfo *info_with_id(const Mesos__V1__AgentInfo *info, char *id)
{
	Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__AgentInfo copy = *info;

	agent_id.value = id;
	copy.id = &agent_id;
	return (Mesos__V1__AgentInfo *)pb_copy(&copy.base);
}

int registry_add(struct master *master, const char *id, const Mesos__V1__AgentInfo *info,
	      struct agent **ret, struct err *e)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return err_set(e, ENOMEM, "admit agent '%s'", id);
	agent->master = master;
	agent->state = AGENT_RECOVERING;
	agent->drain = drain_none;
	TAILQ_INIT(&agent->tasks);
	LIST_INIT(&agent->offers);
	LIST_INIT(&agent->inverse_offers);
	LIST_INIT(&agent->executors);
	LIST_INIT(&agent->operations);
	agent->id = strdup(id);
	if (agent->id)
		agent->info = info_with_id(info, agent->id);
	if (agent->info)
		HASH_ADD_KEYPTR(hh, master->agents, agent->id, strlen(agent->id), agent);
	if (!agent->info || !agent->hh.tbl) {
		if (agent->info)
			mesos__v1__agent_info__free_unpacked(agent->info, NULL);
		free(agent->id);
		free(agent);
		return err_set(e, ENOMEM, "admit agent '%s'", id);
	}
	master->n_agents[agent->state]++;
	*ret = agent;
	return 0;
}

void registry_drop(struct agent *agent)
{
	while (!LIST_EMPTY(&agent->offers))
		offer_free(LIST_FIRST(&agent->offers));
	while (!TAILQ_EMPTY(&agent->tasks))
		master_task_free(TAILQ_FIRST(&agent->tasks));
	while (!LIST_EMPTY(&agent->executors))
		master_executor_free(LIST_FIRST(&agent->executors));
	while (!LIST_EMPTY(&agent->operations))
		feedback_free(LIST_FIRST(&agent->operations));
	registry_drop_stream(agent);
	registry_stop_waiting(agent);
	drain_forget(agent);
	directory_forget_node(agent);
	leave_forget(agent->leave);
	listings_forget(agent->master, agent);
	maintenance_forget(agent);
	origin_forget(agent);
	agent->master->n_agents[agent->state]--;
	HASH_DEL(agent->master->agents, agent);
	allocator_node_free(agent->node);
	mesos__v1__agent_info__free_unpacked(agent->info, NULL);
	free(agent->boot_id);
	free(agent->version);
	free(agent->endpoint);
	free(agent->address);
	free(agent->id);
	free(agent);
}

int registry_forget(struct agent *agent, struct err *e)
{
	struct master *master = agent->master;
	int r = store_delete(master->store, KIND, agent->id, e);

	if (r < 0)
		return r;
	master_explain(master, "agent '%s' on '%s' is forgotten: it was %s for too long", agent->id,
		       agent->info->hostname, registry_state_name(agent->state));
	registry_drop(agent);
	return 0;
}

void registry_free(struct master *master)
{
	struct agent *agent, *next;

	HASH_ITER(hh, master->agents, agent, next)
		registry_drop(agent);
}

/* ---- records ---- */

int registry_put(const struct agent *agent, struct err *e)
{
	Tepui__AdmittedAgent record = TEPUI__ADMITTED_AGENT__INIT;
	struct drain_message drain;

	record.agent_info = agent->info;
	record.boot_id = agent->boot_id;
	record.has_registered_wall_ms = true;
	record.registered_wall_ms = agent->registered_wall_ms;
	record.has_is_unreachable = agent->state == AGENT_UNREACHABLE;
	record.is_unreachable = record.has_is_unreachable;
	record.has_unreachable_wall_ms = record.has_is_unreachable;
	record.unreachable_wall_ms = agent->unreachable_wall_ms;
	record.has_is_gone = agent->state == AGENT_GONE;
	record.is_gone = record.has_is_gone;
	record.has_gone_wall_ms = record.has_is_gone;
	record.gone_wall_ms = agent->gone_wall_ms;
	record.has_is_deactivated = agent->is_deactivated;
	record.is_deactivated = agent->is_deactivated;
	record.has_dialed_boot_ms = agent->dialed_boot_ms > 0;
	record.dialed_boot_ms = agent->dialed_boot_ms;
	record.has_has_spoken = true;
	record.has_spoken = agent->has_spoken;
	record.drain = drain_describe(&agent->drain, &drain);
	record.has_drain_started_wall_ms = record.drain != NULL;
	record.drain_started_wall_ms = agent->drain.started_wall_ms;
	return master_put(agent->master, KIND, agent->id, &record.base, e);
}

static enum agent_state state_of_record(const Tepui__AdmittedAgent *record)
{
	if (record->is_gone)
		return AGENT_GONE;
	return record->is_unreachable ? AGENT_UNREACHABLE : AGENT_RECOVERING;
}

static int load_agent(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct master *master = arg;
	Tepui__AdmittedAgent *record = tepui__admitted_agent__unpack(NULL, size, data);
	struct agent *agent;
	int r;

	if (!record) {
		/* It will be admitted again when it comes with its tasks. */
		master_explain(master, "agent '%s': its record cannot be read and is ignored", key);
		return 0;
	}
	r = registry_add(master, key, record->agent_info, &agent, e);
	if (r == 0) {
		registry_set_state(agent, state_of_record(record));
		agent->registered_wall_ms = record->registered_wall_ms;
		agent->unreachable_wall_ms = record->unreachable_wall_ms;
		agent->gone_wall_ms = record->gone_wall_ms;
		agent->is_deactivated = record->is_deactivated;
		agent->unreachable_ms = master->started_ms;
		if (agent->state != AGENT_GONE)
			drain_restore(agent, record->drain, record->drain_started_wall_ms);
		/* Not told: of a version that did not ask. */
		agent->dialed_boot_ms = record->dialed_boot_ms;
		agent->has_spoken = !record->has_has_spoken || record->has_spoken;
		if (record->boot_id) {
			agent->boot_id = strdup(record->boot_id);
			r = origin_set(agent);
		}
	}
	tepui__admitted_agent__free_unpacked(record, NULL);
	return r;
}

int registry_load(struct master *master, struct err *e)
{
	return store_each(master->store, KIND, load_agent, master, e);
}

int registry_set_total(struct agent *agent, const struct resources *total, struct err *e)
{
	Mesos__V1__AgentInfo info = *agent->info, *copy;
	int r = resources_to_messages(total, NULL, &info.resources, &info.n_resources);

	if (r < 0)
		return err_set(e, ENOMEM, "change the resources of agent '%s'", agent->id);
	copy = (Mesos__V1__AgentInfo *)pb_copy(&info.base);
	resources_messages_free(info.resources, info.n_resources);
	if (!copy || allocator_node_set_total(agent->node, total) < 0) {
		if (copy)
			mesos__v1__agent_info__free_unpacked(copy, NULL);
		return err_set(e, ENOMEM, "change the resources of agent '%s'", agent->id);
	}
	mesos__v1__agent_info__free_unpacked(agent->info, NULL);
	agent->info = copy;
	return registry_put(agent, e);
}
