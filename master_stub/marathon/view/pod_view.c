/* Pods as /v2 shows them (reference/marathon.md 1.10). */
#include "master_stub/marathon/view/views.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/state.h"

json_t *spec_view(const struct app *spec)
{
	json_t *view = app_to_json(spec);

	if (spec->pod)
		(void)json_object_del(view, "versionInfo");
	return view;
}

static json_t *time_view(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(wall_ms, text);
	return json_string(text);
}

/* When it came to be what it is, as far as that is known. */
static int64_t since_of(const struct instance *instance)
{
	if (instance->unreachable_wall_ms != 0)
		return instance->unreachable_wall_ms;
	return instance->started_wall_ms != 0 ? instance->started_wall_ms
					      : instance->staged_wall_ms;
}

/* ---- Containers ---- */

/* The endpoint that the health check asks; NULL: it asks none, or there is none. */
static const char *checked_endpoint(const struct app *spec, unsigned index)
{
	const json_t *container = json_array_get(json_object_get(spec->json, "containers"), index);
	const json_t *check = json_object_get(container, "healthCheck");
	const json_t *http = json_object_get(check, "http");

	return json_string_value(
		json_object_get(http ? http : json_object_get(check, "tcp"), "endpoint"));
}

static json_t *endpoints_view(const struct instance *instance, unsigned index)
{
	const struct pod_container *container = &instance->spec->pod->containers[index];
	const struct instance_task *task = &instance->tasks[index];
	const char *checked = checked_endpoint(instance->spec, index);
	json_t *list = json_array();

	for (unsigned i = 0; i < app_n_ports(container->app); i++) {
		const char *name = app_port(container->app, i).name;
		uint16_t port = instance_host_port(instance, container->first_port + i);
		json_t *view = json_pack("{s:s}", "name", name);

		if (port != 0)
			(void)json_object_set_new(view, "allocatedHostPort", json_integer(port));
		if (checked && task->has_health && strcmp(checked, name) == 0)
			(void)json_object_set_new(view, "healthy", json_boolean(task->is_healthy));
		(void)json_array_append_new(list, view);
	}
	return list;
}

static bool has_run(Mesos__V1__TaskState state)
{
	return state != MESOS__V1__TASK_STATE__TASK_STAGING &&
	       state != MESOS__V1__TASK_STATE__TASK_STARTING;
}

static bool is_unhealthy(const struct instance *instance, unsigned index)
{
	const struct instance_task *task = &instance->tasks[index];

	return json_array_size(instance->spec->pod->containers[index].app->health_checks) > 0 &&
	       has_run(task->state) && !(task->has_health && task->is_healthy);
}

/* Of one that was never up there is nothing to tell. */
static json_t *conditions_view(const struct instance *instance, unsigned index)
{
	const struct instance_task *task = &instance->tasks[index];
	json_t *list = json_array(), *condition;

	if (json_array_size(instance->spec->pod->containers[index].app->health_checks) == 0 ||
	    !has_run(task->state))
		return list;
	condition = json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", "healthy", "value",
			      is_unhealthy(instance, index) ? "false" : "true", "reason",
			      task->has_health ? "health-reported-by-mesos"
					       : "health-unreported-by-mesos",
			      "lastChanged", time_view(since_of(instance)), "lastUpdated",
			      time_view(since_of(instance)));
	(void)json_array_append_new(list, condition);
	return list;
}

static json_t *container_view(const struct instance *instance, unsigned index)
{
	const json_t *definition =
		json_array_get(json_object_get(instance->spec->json, "containers"), index);
	const struct instance_task *task = &instance->tasks[index];
	bool is_over = instance_state_is_terminal(task->state);
	json_t *limits = json_object_get(definition, "resourceLimits");
	json_t *view = json_pack(
		"{s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "name",
		instance->spec->pod->containers[index].name, "status",
		instance_state_name(task->state), "statusSince", time_view(since_of(instance)),
		"conditions", conditions_view(instance, index), "containerId", task->id,
		"endpoints", is_over ? json_array() : endpoints_view(instance, index),
		"lastUpdated", time_view(since_of(instance)), "lastChanged",
		time_view(since_of(instance)));

	if (!is_over)
		(void)json_object_set(view, "resources", json_object_get(definition, "resources"));
	if (!is_over && limits)
		(void)json_object_set(view, "limits", limits);
	return view;
}

/* ---- Instances ---- */

enum pod_state { STATE_PENDING, STATE_STAGING, STATE_STABLE, STATE_DEGRADED, STATE_TERMINAL };

static const char *const state_names[] = {
	[STATE_PENDING] = "PENDING",   [STATE_STAGING] = "STAGING",   [STATE_STABLE] = "STABLE",
	[STATE_DEGRADED] = "DEGRADED", [STATE_TERMINAL] = "TERMINAL",
};

/* What MESSAGE (if any) says of it, too. */
static enum pod_state state_of(const struct instance *instance, const char **ret_message)
{
	static const struct {
		const char *condition;
		enum pod_state state;
		const char *message;
	} states[] = {
		{ "Scheduled", STATE_PENDING, NULL },
		{ "Provisioned", STATE_PENDING, NULL },
		{ "Staging", STATE_STAGING, NULL },
		{ "Starting", STATE_STAGING, NULL },
		{ "Running", STATE_STABLE, NULL },
		{ "Unreachable", STATE_DEGRADED, "pod instance has become unreachable" },
		{ "UnreachableInactive", STATE_DEGRADED, "pod instance has become unreachable" },
	};
	const char *condition = instance_condition(instance);

	*ret_message = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].condition, condition) != 0)
			continue;
		*ret_message = states[i].message;
		for (unsigned k = 0; states[i].state == STATE_STABLE && k < instance->n_tasks;
		     k++) {
			if (!is_unhealthy(instance, k))
				continue;
			*ret_message = "at least one container is not healthy";
			return STATE_DEGRADED;
		}
		return states[i].state;
	}
	return STATE_TERMINAL;
}

json_t *pod_instance_status_view(const struct instance *instance)
{
	const struct app *spec = instance->spec;
	json_t *containers = json_array(), *view;
	const char *message;
	enum pod_state state = state_of(instance, &message);
	char reference[APP_ID_SIZE + 64];

	for (unsigned i = 0; spec->pod && i < instance->n_tasks; i++)
		(void)json_array_append_new(containers, container_view(instance, i));
	(void)snprintf(reference, sizeof(reference), "/v2/pods%s::versions/%s", spec->id,
		       spec->version);
	view = json_pack(
		"{s:s, s:s, s:o, s:s, s:s, s:{s:f, s:f, s:f, s:I}, s:o, s:o, s:s, s:[], s:o, s:o}",
		"id", instance->id, "status", state_names[state], "statusSince",
		time_view(since_of(instance)), "agentHostname", instance->host, "agentId",
		instance->agent_id, "resources", "cpus", spec->cpus, "mem", spec->mem_mb, "disk",
		spec->disk_mb, "gpus", (json_int_t)spec->gpus, "networks",
		instance_networks_view(instance),
		"containers", containers, "specReference", reference, "localVolumes", "lastUpdated",
		time_view(since_of(instance)), "lastChanged", time_view(since_of(instance)));
	if (message)
		(void)json_object_set_new(view, "message", json_string(message));
	return view;
}

static json_t *task_map_view(const struct instance *instance)
{
	json_t *map = json_object();

	for (unsigned i = 0; i < instance->n_tasks; i++) {
		const struct instance_task *task = &instance->tasks[i];
		json_t *status = json_pack("{s:o, s:s, s:s}", "stagedAt",
					   time_view(instance->staged_wall_ms), "mesosStatus",
					   instance_state_name(task->state), "condition",
					   instance_condition(instance));

		if (instance->started_wall_ms != 0)
			(void)json_object_set_new(status, "startedAt",
						  time_view(instance->started_wall_ms));
		(void)json_object_set_new(map, task->id,
					  json_pack("{s:s, s:s, s:o}", "taskId", task->id,
						    "runSpecVersion", instance->spec->version,
						    "status", status));
	}
	return map;
}

json_t *pod_instance_view(const struct instance *instance)
{
	json_t *unreachable = json_object_get(json_object_get(instance->spec->json, "scheduling"),
					      "unreachableStrategy");
	json_t *state = json_pack("{s:s, s:o}", "condition", instance_condition(instance), "since",
				  time_view(since_of(instance)));

	if (instance->started_wall_ms != 0)
		(void)json_object_set_new(state, "activeSince",
					  time_view(instance->started_wall_ms));
	if (instance->has_health)
		(void)json_object_set_new(state, "healthy", json_boolean(instance->is_healthy));
	return json_pack("{s:s, s:{s:s, s:s, s:[]}, s:o, s:s, s:o, s:O*}", "instanceId",
			 instance->id, "agentInfo", "host", instance->host, "agentId",
			 instance->agent_id, "attributes", "taskMap", task_map_view(instance),
			 "runSpecVersion", instance->spec->version, "state", state,
			 "unreachableStrategy", unreachable);
}

/* ---- The pod ---- */

/* The last instance that ended by itself. */
static json_t *history_view(const struct entry *entry)
{
	const json_t *end = entry->last_end;
	const char *task_id = json_string_value(json_object_get(end, "taskId"));
	char pod[APP_ID_SIZE], instance[256];
	json_t *container;

	if (!task_id)
		return json_array();
	task_id_split(task_id, pod, sizeof(pod), instance, sizeof(instance));
	container = json_pack("{s:s, s:O, s:{s:O}}", "containerId", task_id, "lastKnownState",
			      json_object_get(end, "state"), "termination", "message",
			      json_object_get(end, "message"));
	return json_pack("[{s:s, s:O, s:O, s:O*, s:[o]}]", "instanceID", instance, "terminatedAt",
			 json_object_get(end, "timestamp"), "message",
			 json_object_get(end, "message"), "startedAt",
			 json_object_get(end, "startedAt"), "containers", container);
}

json_t *pod_status_view(const struct controller *c, const struct entry *entry)
{
	const struct instance *instance;
	json_t *instances = json_array();
	int64_t since_ms = 0, now_ms = controller_wall_ms(c);
	enum pod_state state;
	unsigned n_stable = 0;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		const char *message;

		if (!entry_is_like(entry, instance->spec))
			continue;
		n_stable += state_of(instance, &message) == STATE_STABLE;
		since_ms = since_of(instance) > since_ms ? since_of(instance) : since_ms;
		(void)json_array_append_new(instances, pod_instance_status_view(instance));
	}
	state = entry->is_deleting                     ? STATE_TERMINAL
		: n_stable >= entry->target->instances ? STATE_STABLE
						       : STATE_DEGRADED;
	since_ms = since_ms != 0 ? since_ms : now_ms;
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "id", entry->id, "spec",
			 spec_view(entry->target), "status", state_names[state], "statusSince",
			 time_view(since_ms), "instances", instances, "terminationHistory",
			 history_view(entry), "lastUpdated", time_view(now_ms), "lastChanged",
			 time_view(since_ms));
}
