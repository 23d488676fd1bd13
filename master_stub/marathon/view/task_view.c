/* Tasks as /v2 shows them. */
#include "master_stub/marathon/view/views.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/weight.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/state.h"

void task_id_split(const char *task_id, char *ret_app, size_t app_size, char *ret_instance,
		   size_t instance_size)
{
	const char *start = strstr(task_id, ".instance-"), *end, *dot;
	size_t size;

	/* Behind the UUID: which of its instance's tasks it is. */
	end = start ? strchr(start + 1, '.') : strstr(task_id, "._app");
	size = end ? (size_t)(end - task_id) : strlen(task_id);
	(void)snprintf(ret_instance, instance_size, "%.*s", (int)size, task_id);
	dot = strrchr(ret_instance, '.');
	(void)snprintf(ret_app, app_size, "/%.*s", dot ? (int)(dot - ret_instance) : (int)size,
		       ret_instance);
	for (char *p = ret_app; *p; p++)
		*p = *p == '_' ? '/' : *p;
}

json_t *task_ports_view(const struct instance_task *task)
{
	json_t *view = json_array();
	unsigned first, n = instance_task_ports(task, &first);

	for (unsigned i = first; i < first + n; i++) {
		uint16_t port = instance_host_port(task->instance, i);

		if (port != 0)
			(void)json_array_append_new(view, json_integer(port));
	}
	return view;
}

/* A task on its node's network has the node's address; only where that is its name it is known here. */
json_t *instance_networks_view(const struct instance *instance)
{
	struct in6_addr address;
	bool is_numeric = instance->host && (inet_pton(AF_INET, instance->host, &address) == 1 ||
					     inet_pton(AF_INET6, instance->host, &address) == 1);

	if (instance->networks)
		return json_incref(instance->networks);
	if (instance->spec->has_own_network || !is_numeric)
		return json_array();
	return json_pack("[{s:[s]}]", "addresses", instance->host);
}

json_t *instance_addresses_view(const struct instance *instance)
{
	json_t *list = json_array(), *networks = instance_networks_view(instance), *network, *address;
	size_t i, k;

	json_array_foreach(networks, i, network) {
		json_array_foreach(json_object_get(network, "addresses"), k, address)
			(void)json_array_append_new(
				list, json_pack("{s:O, s:s}", "ipAddress", address, "protocol",
						strchr(json_string_value(address), ':') ? "IPv6"
											: "IPv4"));
	}
	json_decref(networks);
	return list;
}

static json_t *service_ports_view(const struct app *app)
{
	json_t *ports = json_array();

	for (unsigned i = 0; i < app_n_ports(app); i++)
		(void)json_array_append_new(ports, json_integer(app_service_port(app, i)));
	return ports;
}

static json_t *time_or_null(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (wall_ms == 0)
		return json_null();
	clock_format(wall_ms, text);
	return json_string(text);
}

static json_t *result_view(const struct health_result *result, const char *instance_id)
{
	return json_pack("{s:b, s:i, s:o, s:o, s:o, s:s?, s:s}", "alive", result->is_healthy,
			 "consecutiveFailures", (int)result->failures, "firstSuccess",
			 time_or_null(result->first_success_wall_ms), "lastFailure",
			 time_or_null(result->last_failure_wall_ms), "lastSuccess",
			 time_or_null(result->last_success_wall_ms), "lastFailureCause",
			 result->failure_cause, "instanceId", instance_id);
}

/* One for each check as soon as one has told something; the others are not alive yet. */
static json_t *health_view(const struct instance_task *task)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < task->n_results; i++)
		(void)json_array_append_new(list,
					    result_view(&task->results[i], task->instance->id));
	return list;
}

/* Load balancers take a task out on this state, before its process has even seen the signal. */
static const char *shown_state(const struct instance *instance)
{
	if (instance->is_doomed && instance->kill_sent_ms != 0)
		return instance_state_name(MESOS__V1__TASK_STATE__TASK_KILLING);
	return instance_state_name(instance->state);
}

static void set_time(json_t *object, const char *key, int64_t wall_ms)
{
	if (wall_ms != 0)
		(void)json_object_set_new(object, key, time_or_null(wall_ms));
}

static void set_domain(const struct controller *c, json_t *task, const struct instance *instance)
{
	const struct node *node = node_find(c, instance->agent_id);
	const Mesos__V1__DomainInfo *domain = node ? node->info->domain : NULL;

	if (!domain || !domain->fault_domain)
		return;
	(void)json_object_set_new(task, "region",
				  json_string(domain->fault_domain->region->name));
	(void)json_object_set_new(task, "zone", json_string(domain->fault_domain->zone->name));
}

/* The uuid is the last part of the id. */
json_t *instance_volumes_view(const struct instance *instance)
{
	const struct residence *residence = instance->residence;
	json_t *list = json_array();

	for (unsigned i = 0; residence && i < residence->n_volumes; i++) {
		const struct local_volume *volume = &residence->volumes[i];
		const char *uuid = strrchr(volume->id, '#');

		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "runSpecId",
							    instance->entry->id, "containerPath",
							    volume->path, "uuid",
							    uuid ? uuid + 1 : volume->id,
							    "persistenceId", volume->id));
	}
	return list;
}

json_t *task_view(const struct controller *c, const struct instance *instance)
{
	json_t *task = json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:o}", "id",
				 instance->tasks[0].id, "appId", instance->entry->id, "host",
				 instance->host, "ports", task_ports_view(&instance->tasks[0]),
				 "servicePorts", service_ports_view(instance->spec), "slaveId",
				 instance->agent_id, "state", shown_state(instance), "version",
				 instance->spec->version, "role", instance->spec->role,
				 "ipAddresses", instance_addresses_view(instance));
	int64_t weight = instance_weight(instance);

	set_time(task, "stagedAt", instance->staged_wall_ms);
	set_time(task, "startedAt", instance->started_wall_ms);
	(void)json_object_set_new(task, "localVolumes", instance_volumes_view(instance));
	if (instance->tasks[0].n_results > 0)
		(void)json_object_set_new(task, "healthCheckResults",
					  health_view(&instance->tasks[0]));
	set_domain(c, task, instance);
	if (weight >= 0)
		(void)json_object_set_new(task, "weight", json_integer(weight));
	return task;
}

json_t *tasks_view(const struct controller *c, const struct entry *entry)
{
	json_t *tasks = json_array();
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (entry_is_like(entry, instance->spec))
			(void)json_array_append_new(tasks, task_view(c, instance));
	}
	return tasks;
}
