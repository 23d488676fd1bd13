#include "cli/tasks.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static json_t *ports_of(const json_t *container)
{
	json_t *ports = json_array(), *endpoint, *port;
	size_t i;

	json_array_foreach(json_object_get(container, "endpoints"), i, endpoint) {
		port = json_object_get(endpoint, "allocatedHostPort");
		if (port)
			(void)json_array_append(ports, port);
	}
	return ports;
}

/* As Marathon shows that of apps. */
static json_t *health_of(const json_t *container)
{
	json_t *results = json_array(), *condition;
	size_t i;

	json_array_foreach(json_object_get(container, "conditions"), i, condition) {
		bool is_alive = strcmp(member_text(condition, "value"), "true") == 0;

		(void)json_array_append_new(results, json_pack("{s:b}", "alive", is_alive));
	}
	return results;
}

static bool has_ended(const json_t *container)
{
	static const char *const living[] = {
		"TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE",
	};

	for (size_t i = 0; i < ARRAY_SIZE(living); i++) {
		if (strcmp(living[i], member_text(container, "status")) == 0)
			return false;
	}
	return true;
}

static int add_container(json_t *tasks, const json_t *status, const json_t *instance,
			 const json_t *container)
{
	const char *version = strrchr(member_text(instance, "specReference"), '/');

	return json_array_append_new(
		tasks, json_pack("{s:O, s:O, s:O, s:O, s:O*, s:O, s:s, s:o, s:o, s:O*}", "id",
				 json_object_get(container, "containerId"), "podId",
				 json_object_get(status, "id"), "container",
				 json_object_get(container, "name"), "state",
				 json_object_get(container, "status"), "host",
				 json_object_get(instance, "agentHostname"), "slaveId",
				 json_object_get(instance, "agentId"), "version",
				 version ? version + 1 : "", "ports", ports_of(container),
				 "healthCheckResults", health_of(container), "startedAt",
				 json_object_get(container, "statusSince")));
}

static int add_pod(json_t *tasks, const json_t *status)
{
	const json_t *instance, *container;
	size_t i, k;

	json_array_foreach(json_object_get(status, "instances"), i, instance) {
		json_array_foreach(json_object_get(instance, "containers"), k, container) {
			if (!has_ended(container) &&
			    add_container(tasks, status, instance, container) < 0)
				return -1;
		}
	}
	return 0;
}

int tasks_get(struct cli *cli, json_t **ret, struct err *e)
{
	json_t *reply = NULL, *pods = NULL, *status;
	int r = client_get(cli, NULL, "/v2/tasks", &reply, e);
	size_t i;

	if (r >= 0)
		r = client_get(cli, NULL, "/v2/pods/::status", &pods, e);
	json_array_foreach(pods, i, status) {
		if (r >= 0 && add_pod(json_object_get(reply, "tasks"), status) < 0)
			r = err_set(e, EPROTO, "read the status of pod '%s'",
				    member_text(status, "id"));
	}
	json_decref(pods);
	if (r < 0)
		json_decref(reply);
	else
		*ret = reply;
	return r < 0 ? r : 0;
}

const char *tasks_owner(const json_t *task)
{
	const char *app = member_text(task, "appId");

	return *app ? app : member_text(task, "podId");
}
