/* The read side: the master's state as JSON, with the names of Mesos's endpoints. */
#include "master_stub/master.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/version.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/drain.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

static json_t *message_json(const ProtobufCMessage *message)
{
	struct err e = { 0 };
	json_t *json = NULL;

	return message && pb_to_json(message, &json, &e) == 0 ? json : json_null();
}

static double seconds(int64_t wall_ms)
{
	return (double)wall_ms / 1000;
}

/* ---- agents ---- */

static json_t *attribute_json(const Mesos__V1__Attribute *attribute)
{
	if (attribute->text)
		return json_string(attribute->text->value);
	if (attribute->scalar)
		return json_real(attribute->scalar->value);
	if (attribute->ranges)
		return message_json(&attribute->ranges->base);
	return attribute->set ? message_json(&attribute->set->base) : json_null();
}

static json_t *attributes_json(const struct agent *agent)
{
	json_t *json = json_object();

	for (size_t i = 0; i < agent->info->n_attributes; i++)
		json_object_set_new(json, agent->info->attributes[i]->name,
				    attribute_json(agent->info->attributes[i]));
	return json;
}

static json_t *offered_json(const struct agent *agent)
{
	struct resources sum = { 0 };
	const struct offer *offer;
	json_t *json;

	LIST_FOREACH(offer, &agent->offers, on_agent)
		(void)resources_add(&sum, &offer->resources);
	json = resources_to_json(&sum);
	resources_done(&sum);
	return json;
}

/* Used by tasks and executors: what is offered is charged, too, but not used. */
static json_t *used_json(const struct agent *agent)
{
	struct resources sum = { 0 };
	const struct executor *executor;
	const struct task *task;
	json_t *json;

	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (task->is_charged)
			(void)resources_add(&sum, &task->resources);
	}
	LIST_FOREACH(executor, &agent->executors, on_agent)
		(void)resources_add(&sum, &executor->resources);
	json = resources_to_json(&sum);
	resources_done(&sum);
	return json;
}

static size_t count_live_tasks(const struct agent *agent)
{
	const struct task *task;
	size_t n = 0;

	TAILQ_FOREACH(task, &agent->tasks, on_agent)
		n += !master_task_is_ended(task->state);
	return n;
}

/* As Mesos writes it, with the address to reach the agent by: its hostname may be no name of DNS. */
static char *format_pid(const struct agent *agent)
{
	char *pid;
	int r = agent->endpoint ? asprintf(&pid, "slave(1)@%s", agent->endpoint) :
		asprintf(&pid, "slave(1)@%s:%d", agent->info->hostname, agent->info->port);

	return r < 0 ? NULL : pid;
}

static void add_totals(json_t *json, const struct agent *agent)
{
	struct resources total = { 0 };
	struct err e = { 0 };

	(void)resources_from_messages(agent->info->resources, agent->info->n_resources, &total, &e);
	json_object_set_new(json, "resources", resources_to_json(&total));
	json_object_set_new(json, "unreserved_resources", resources_unreserved_to_json(&total));
	json_object_set_new(json, "reserved_resources", resources_reserved_to_json(&total));
	json_object_set_new(json, "reserved_resources_full",
			    resources_reserved_full_to_json(&total));
	resources_done(&total);
}

static void add_drain(json_t *json, const struct agent *agent)
{
	struct drain_message message;
	const Mesos__V1__DrainInfo *info = drain_describe(&agent->drain, &message);

	if (!info)
		return;
	json_object_set_new(json, "drain_info", message_json(&info->base));
	if (agent->drain.started_wall_ms)
		json_object_set_new(json, "estimated_drain_start_time_seconds",
				    json_real(seconds(agent->drain.started_wall_ms)));
}

static json_t *agent_json(const struct agent *agent)
{
	AUTO_FREE char *pid = format_pid(agent);
	json_t *json;

	json = json_pack("{s:s, s:s, s:i, s:s*, s:o, s:o, s:o, s:f, s:b, s:b, s:s*,"
			 " s:[s, s], s:s, s:s*, s:I}",
			 "id", agent->id,
			 "hostname", agent->info->hostname,
			 "port", agent->info->port,
			 "pid", pid,
			 "attributes", attributes_json(agent),
			 "used_resources", used_json(agent),
			 "offered_resources", offered_json(agent),
			 "registered_time", seconds(agent->registered_wall_ms),
			 "active", agent->state == AGENT_CONNECTED && !agent->is_deactivated,
			 "deactivated", agent->is_deactivated,
			 "version", agent->version,
			 "capabilities", "MULTI_ROLE", "HIERARCHICAL_ROLE",
			 "state", registry_state_name(agent->state),
			 "degraded", agent->degraded,
			 "tasks", (json_int_t)count_live_tasks(agent));
	if (json)
		add_totals(json, agent);
	if (json)
		add_drain(json, agent);
	if (json && agent->reregistered_wall_ms)
		json_object_set_new(json, "reregistered_time",
				    json_real(seconds(agent->reregistered_wall_ms)));
	if (json && agent->state == AGENT_UNREACHABLE)
		json_object_set_new(json, "unreachable_time",
				    json_real(seconds(agent->unreachable_wall_ms)));
	return json;
}

static bool is_registered(const struct agent *agent)
{
	return agent->state == AGENT_CONNECTED || agent->state == AGENT_DISCONNECTED;
}

static json_t *agents_json(const struct master *master, bool (*wanted)(const struct agent *agent))
{
	const struct agent *agent;
	json_t *list = json_array();

	for (agent = master->agents; agent; agent = agent->hh.next) {
		if (wanted(agent))
			json_array_append_new(list, agent_json(agent));
	}
	return list;
}

static bool is_recovering(const struct agent *agent)
{
	return agent->state == AGENT_RECOVERING;
}

static bool is_unreachable(const struct agent *agent)
{
	return agent->state == AGENT_UNREACHABLE;
}

static size_t count_agents(const struct master *master, enum agent_state state)
{
	const struct agent *agent;
	size_t n = 0;

	for (agent = master->agents; agent; agent = agent->hh.next)
		n += agent->state == state;
	return n;
}

json_t *master_slaves_json(const struct master *master, int64_t now_ms)
{
	(void)now_ms;
	return json_pack("{s:o, s:o, s:o}", "slaves", agents_json(master, is_registered),
			 "recovered_slaves", agents_json(master, is_recovering),
			 "unreachable_slaves", agents_json(master, is_unreachable));
}

/* ---- frameworks ---- */

static json_t *task_json(const struct task *task)
{
	Mesos__V1__TaskInfo *info = master_task_info(task);
	Mesos__V1__TaskStatus *status = master_task_status(task);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:[]}",
				 "id", task->id, "name", info ? info->name : "",
				 "framework_id", task->framework->id, "executor_id", "",
				 "slave_id", task->agent->id, "role", task->role->name,
				 "state", task->is_unreachable ? "TASK_UNREACHABLE" :
				 master_task_state_name(task->state),
				 "resources", resources_to_json(&task->resources), "statuses");

	if (json && status)
		json_array_append_new(json_object_get(json, "statuses"),
				      message_json(&status->base));
	if (json && info && info->discovery)
		json_object_set_new(json, "discovery", message_json(&info->discovery->base));
	if (json && info && info->container)
		json_object_set_new(json, "container", message_json(&info->container->base));
	if (json && info && info->labels) {
		json_t *labels = message_json(&info->labels->base);

		json_object_set(json, "labels", json_object_get(labels, "labels"));
		json_decref(labels);
	}
	if (info)
		mesos__v1__task_info__free_unpacked(info, NULL);
	if (status)
		mesos__v1__task_status__free_unpacked(status, NULL);
	return json;
}

static void add_tasks(json_t *json, const struct framework *framework)
{
	json_t *tasks = json_array(), *unreachable = json_array();
	const struct task *task;
	struct resources used = { 0 };

	for (task = framework->tasks; task; task = task->hh.next) {
		json_array_append_new(task->is_unreachable ? unreachable : tasks, task_json(task));
		if (task->is_charged)
			resources_sum(&used, &task->resources, 1);
	}
	json_object_set_new(json, "tasks", tasks);
	json_object_set_new(json, "unreachable_tasks", unreachable);
	json_object_set_new(json, "used_resources", resources_to_json(&used));
}

static void add_offers(json_t *json, const struct framework *framework)
{
	json_t *offers = json_array();
	const struct offer *offer;
	struct resources sum = { 0 };

	LIST_FOREACH(offer, &framework->offers, of_framework) {
		json_array_append_new(offers,
				      json_pack("{s:s, s:s, s:s, s:o}", "id", offer->id, "slave_id",
						offer->agent->id, "framework_id", framework->id,
						"resources", resources_to_json(&offer->resources)));
		resources_sum(&sum, &offer->resources, 1);
	}
	json_object_set_new(json, "offers", offers);
	json_object_set_new(json, "offered_resources", resources_to_json(&sum));
}

static void add_roles(json_t *json, const struct framework *framework)
{
	const struct framework_role *role;
	json_t *roles = json_array();

	SLIST_FOREACH(role, &framework->roles, next) {
		if (!role->is_left)
			json_array_append_new(roles, json_string(role->name));
	}
	json_object_set_new(json, "roles", roles);
}

static void add_capabilities(json_t *json, const struct framework *framework)
{
	json_t *list = json_array();

	for (size_t i = 0; i < framework->info->n_capabilities; i++) {
		const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
			&mesos__v1__framework_info__capability__type__descriptor,
			(int)framework->info->capabilities[i]->type);

		if (value)
			json_array_append_new(list, json_string(value->name));
	}
	json_object_set_new(json, "capabilities", list);
}

static json_t *framework_json(const struct framework *framework)
{
	const Mesos__V1__FrameworkInfo *info = framework->info;
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:f, s:b, s:f, s:f,"
				 " s:[], s:[]}",
				 "id", framework->id,
				 "name", info->name,
				 "user", info->user,
				 "hostname", info->hostname ? info->hostname : "",
				 "webui_url", info->webui_url ? info->webui_url : "",
				 "active", framework->scheduler != NULL,
				 "connected", framework->scheduler != NULL,
				 "recovered", framework->is_recovered,
				 "failover_timeout", info->failover_timeout,
				 "checkpoint", info->checkpoint,
				 "registered_time", seconds(framework->registered_wall_ms),
				 "unregistered_time", seconds(framework->unregistered_wall_ms),
				 "completed_tasks", "executors");

	if (!json)
		return json_null();
	if (framework->reregistered_wall_ms)
		json_object_set_new(json, "reregistered_time",
				    json_real(seconds(framework->reregistered_wall_ms)));
	if (info->principal)
		json_object_set_new(json, "principal", json_string(info->principal));
	add_roles(json, framework);
	add_capabilities(json, framework);
	add_tasks(json, framework);
	add_offers(json, framework);
	return json;
}

static json_t *frameworks_json(const struct master *master, bool is_removed)
{
	const struct framework *framework;
	json_t *list = json_array();

	for (framework = master->frameworks; framework; framework = framework->hh.next) {
		if (framework->is_removed == is_removed)
			json_array_append_new(list, framework_json(framework));
	}
	return list;
}

/* ---- the whole ---- */

json_t *master_state_json(const struct master *master, int64_t now_ms)
{
	AUTO_FREE char *pid = NULL;
	json_auto_t *slaves = master_slaves_json(master, now_ms);
	json_t *json;

	if (asprintf(&pid, "master@%s:%u", master->hostname, master->options.port) < 0)
		pid = NULL;
	json = json_pack("{s:s, s:{s:s}, s:f, s:f, s:s, s:s*, s:s, s:I, s:[s, s], s:I, s:I, s:I,"
			 " s:s*, s:{s:s, s:s*, s:i, s:s}, s:o, s:o, s:[], s:[]}",
			 "version", TEPUI_MESOS_VERSION, "tepui", "version", TEPUI_VERSION,
			 "start_time", seconds(master->started_wall_ms),
			 "elected_time", seconds(master->started_wall_ms),
			 "id", master->id, "pid", pid, "hostname", master->hostname,
			 "epoch", (json_int_t)master->epoch,
			 "capabilities", "AGENT_UPDATE", "QUOTA_V2",
			 "activated_slaves", (json_int_t)count_agents(master, AGENT_CONNECTED),
			 "deactivated_slaves", (json_int_t)count_agents(master, AGENT_DISCONNECTED),
			 "unreachable_slaves", (json_int_t)count_agents(master, AGENT_UNREACHABLE),
			 "leader", pid,
			 "leader_info", "id", master->id, "pid", pid,
			 "port", master->options.port, "hostname", master->hostname,
			 "frameworks", frameworks_json(master, false),
			 "completed_frameworks", frameworks_json(master, true),
			 "orphan_tasks", "unregistered_frameworks");
	if (json && slaves) {
		json_object_set(json, "slaves", json_object_get(slaves, "slaves"));
		json_object_set(json, "recovered_slaves",
				json_object_get(slaves, "recovered_slaves"));
	}
	return json;
}
