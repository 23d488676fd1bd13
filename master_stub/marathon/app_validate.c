/* The rules of a definition that concern more than one field, and what this version cannot do. */
#include "master_stub/marathon/app.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/constraints.h"
#include "master_stub/marathon/endpoint.h"
#include "master_stub/marathon/refusal.h"
#include "master_stub/marathon/shape.h"

static bool is_given(const json_t *value)
{
	if (json_is_array(value))
		return json_array_size(value) > 0;
	if (json_is_object(value))
		return json_object_size(value) > 0;
	return value && !json_is_null(value) && !json_is_false(value);
}

/* What cannot be honoured is refused, never ignored. */
static const struct {
	const char *key, *sentence;
} unsupported[] = {
	{ "fetch", "fetch: not supported by this version" },
	{ "check", "check: not supported by this version; use healthChecks" },
	{ "secrets", "secrets: not supported by this version" },
	{ "ipAddress", "ipAddress: only host networking is supported by this version" },
	{ "executorResources", "executorResources: custom executors are not supported" },
};

static void validate_unsupported(const json_t *app, struct problems *problems)
{
	const char *executor = json_string_value(json_object_get(app, "executor"));

	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++) {
		char path[64];

		if (!is_given(json_object_get(app, unsupported[i].key)))
			continue;
		(void)snprintf(path, sizeof(path), "/%s", unsupported[i].key);
		problems_add(problems, path, "%s", unsupported[i].sentence);
	}
	if (executor && *executor)
		problems_add(problems, "/executor", "custom executors are not supported by this "
						    "version");
	if (json_integer_value(json_object_get(app, "gpus")) > 0)
		problems_add(problems, "/gpus", "gpus: not supported by this version");
}

/* What an agent gives of its host, it says itself: by the failure of the task. */
static void validate_volumes(const json_t *volumes, struct problems *problems)
{
	static const char *const kinds[] = { "persistent", "external", "secret" };

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);
		bool is_other = false;
		char path[SHAPE_PATH_SIZE];

		(void)snprintf(path, sizeof(path), "/container/volumes(%zu)", i);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			if (!json_object_get(volume, kinds[k]))
				continue;
			is_other = true;
			problems_add(problems, path, "%s volumes are not supported by this "
						     "version", kinds[k]);
		}
		if (!is_other && !json_object_get(volume, "hostPath"))
			problems_add(problems, path, "hostPath is missing");
	}
}

/* Images are run by the agent's own containerizer, whatever the type: Docker's options are not. */
static void validate_docker(const json_t *docker, struct problems *problems)
{
	static const char *const unheard[] = {
		"privileged", "parameters", "portMappings", "forcePullImage", "pullConfig",
		"credential",
	};
	const char *image = json_string_value(json_object_get(docker, "image"));
	const char *network = json_string_value(json_object_get(docker, "network"));

	if (!image || !*image)
		problems_add(problems, "/container/docker/image", "not defined");
	if (network && strcmp(network, "HOST") != 0)
		problems_add(problems, "/container/docker/network",
			     "only host networking is supported by this version");
	for (size_t i = 0; i < ARRAY_SIZE(unheard); i++) {
		char path[64];

		if (!is_given(json_object_get(docker, unheard[i])))
			continue;
		(void)snprintf(path, sizeof(path), "/container/docker/%s", unheard[i]);
		problems_add(problems, path, "not supported by this version");
	}
}

/* Without an image a container of type MESOS is what every app gets anyway. */
static void validate_container(const json_t *app, struct problems *problems)
{
	const json_t *container = json_object_get(app, "container");
	const char *type = json_string_value(json_object_get(container, "type"));

	if (!container)
		return;
	if (json_object_get(container, "docker"))
		validate_docker(json_object_get(container, "docker"), problems);
	else if (type && strcmp(type, "DOCKER") == 0)
		problems_add(problems, "/container/docker", "not defined");
	validate_volumes(json_object_get(container, "volumes"), problems);
	if (is_given(json_object_get(container, "portMappings")))
		problems_add(problems, "/container/portMappings",
			     "portMappings are not allowed with host-networking");
	if (is_given(json_object_get(container, "linuxInfo")))
		problems_add(problems, "/container/linuxInfo",
			     "linuxInfo is not supported by this version");
}

static void validate_command(const json_t *app, struct problems *problems)
{
	bool has_cmd = json_object_get(app, "cmd");
	bool has_args = json_object_get(app, "args");
	bool has_image = json_object_get(json_object_get(app, "container"), "docker");

	/* An image has a command of its own. */
	if (has_cmd ? has_args : !has_args && !has_image)
		problems_add(problems, "/", "AppDefinition must either contain one of 'cmd' or "
					    "'args', and/or a 'container'.");
}

/* The mode is told before what goes with it: one error a network is enough. */
static void validate_networks(const json_t *app, struct problems *problems)
{
	const json_t *networks = json_object_get(app, "networks");

	if (json_array_size(networks) > 1)
		problems_add(problems, "/networks",
			     "May specify a single host network, single bridge network, or else "
			     "1-to-n container networks");
	for (size_t i = 0; i < json_array_size(networks); i++) {
		const json_t *network = json_array_get(networks, i);
		const char *mode = json_string_value(json_object_get(network, "mode"));
		char path[SHAPE_PATH_SIZE];

		(void)snprintf(path, sizeof(path), "/networks(%zu)", i);
		if (strcmp(mode, "host") != 0)
			problems_add(problems, path, "network mode %s is not supported by this "
						     "version", mode);
		else if (json_object_get(network, "name") || json_object_get(network, "labels"))
			problems_add(problems, path, "Host networks may not have names or labels");
	}
}

static bool is_same(const json_t *a, const json_t *b)
{
	return a && b && json_equal(a, b);
}

static void validate_ports(const json_t *app, struct problems *problems)
{
	const json_t *ports = json_object_get(app, "portDefinitions");
	bool same_name = false, same_port = false;

	for (size_t i = 0; i < json_array_size(ports); i++) {
		const json_t *a = json_array_get(ports, i);
		json_int_t number = json_integer_value(json_object_get(a, "port"));

		for (size_t j = 0; j < i; j++) {
			const json_t *b = json_array_get(ports, j);

			same_name |= is_same(json_object_get(a, "name"),
					     json_object_get(b, "name"));
			same_port |= number != 0 &&
				     number == json_integer_value(json_object_get(b, "port"));
		}
	}
	if (same_name)
		problems_add(problems, "/portDefinitions", "Port names must be unique.");
	if (same_port)
		problems_add(problems, "/portDefinitions", "Ports must be unique.");
}

static void validate_health_check(const json_t *app, const json_t *check, const char *path,
				  struct problems *problems)
{
	const char *protocol = json_string_value(json_object_get(check, "protocol"));
	const char *url = json_string_value(json_object_get(check, "path"));
	const json_t *index = json_object_get(check, "portIndex");
	bool is_command = strcmp(protocol, "COMMAND") == 0;
	size_t n_ports = json_array_size(json_object_get(app, "portDefinitions"));

	if (is_command != (json_object_get(check, "command") != NULL))
		problems_add(problems, path, is_command ? "command: a COMMAND check needs one"
							: "command: only for a COMMAND check");
	if (is_command && (index || json_object_get(check, "port") || url))
		problems_add(problems, path, "a COMMAND check has no port and no path");
	if (index && json_object_get(check, "port"))
		problems_add(problems, path, "only one of port and portIndex may be given");
	if (index && (size_t)json_integer_value(index) >= n_ports)
		problems_add(problems, path, "Health check port indices must address an element of "
					     "the ports array or container port mappings.");
	if (url && strstr(protocol, "TCP"))
		problems_add(problems, path, "path: not for a TCP check");
	else if (url && url[0] != '/')
		problems_add(problems, path, "path: must start with '/'");
	if (strpbrk(url ? url : "", " \r\n\t"))
		problems_add(problems, path, "path: must not contain white space");
}

static void validate_health_checks(const json_t *app, struct problems *problems)
{
	const json_t *checks = json_object_get(app, "healthChecks");

	if (json_array_size(checks) > 1)
		problems_add(problems, "/healthChecks",
			     "at most one health check is supported by this version");
	for (size_t i = 0; i < json_array_size(checks); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/healthChecks(%zu)", i);
		validate_health_check(app, json_array_get(checks, i), path, problems);
	}
}

static void validate_readiness_check(const json_t *app, const json_t *check, const char *path,
				     struct problems *problems)
{
	const char *port = json_string_value(json_object_get(check, "portName"));
	json_int_t timeout = json_integer_value(json_object_get(check, "timeoutSeconds"));
	json_int_t interval = json_integer_value(json_object_get(check, "intervalSeconds"));
	char below[SHAPE_PATH_SIZE];

	if (endpoint_port_index(app, port) < 0) {
		(void)snprintf(below, sizeof(below), "%s/portName", path);
		problems_add(problems, below, "No port definition reference for portName %s", port);
	}
	if (timeout >= interval) {
		(void)snprintf(below, sizeof(below), "%s/timeoutSeconds", path);
		problems_add(problems, below, "got %lld, expected less than %lld",
			     (long long)timeout, (long long)interval);
	}
}

static void validate_readiness_checks(const json_t *app, struct problems *problems)
{
	const json_t *checks = json_object_get(app, "readinessChecks");

	for (size_t i = 0; i < json_array_size(checks); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/readinessChecks(%zu)", i);
		validate_readiness_check(app, json_array_get(checks, i), path, problems);
	}
}

static void validate_constraints(const json_t *app, struct problems *problems)
{
	const json_t *constraints = json_object_get(app, "constraints");

	for (size_t i = 0; i < json_array_size(constraints); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/constraints(%zu)", i);
		constraint_validate(json_array_get(constraints, i), path, problems);
		for (size_t j = 0; j < i; j++) {
			if (json_equal(json_array_get(constraints, i),
				       json_array_get(constraints, j)))
				problems_add(problems, path, "Elements must be unique");
		}
	}
}

static void validate_limit(const json_t *app, const char *key, struct problems *problems)
{
	const json_t *limit = json_object_get(json_object_get(app, "resourceLimits"), key);
	char path[64];

	if (!json_is_number(limit) ||
	    json_number_value(limit) >= json_number_value(json_object_get(app, key)))
		return;
	(void)snprintf(path, sizeof(path), "/resourceLimits/%s", key);
	problems_add(problems, path, "resource limit must be greater than or equal to requested "
				     "resource value");
}

/* One role is known until quota and reservations are. */
static void validate_roles(const json_t *app, struct problems *problems)
{
	const json_t *accepted = json_object_get(app, "acceptedResourceRoles");
	const char *role = json_string_value(json_object_get(app, "role"));

	if (strcmp(role, "*") != 0)
		problems_add(problems, "/role", "got %s, expected one of: [*]", role);
	for (size_t i = 0; i < json_array_size(accepted); i++) {
		if (strcmp(json_string_value(json_array_get(accepted, i)), "*") != 0)
			problems_add(problems, "/acceptedResourceRoles",
				     "acceptedResourceRoles can only contain [*]");
	}
}

static void validate_strategy(const json_t *app, struct problems *problems)
{
	const json_t *unreachable = json_object_get(app, "unreachableStrategy");
	const char *single = json_string_value(json_object_get(json_object_get(app, "labels"),
							       "MARATHON_SINGLE_INSTANCE_APP"));

	if (json_integer_value(json_object_get(unreachable, "inactiveAfterSeconds")) >
	    json_integer_value(json_object_get(unreachable, "expungeAfterSeconds")))
		problems_add(problems, "/unreachableStrategy/inactiveAfterSeconds",
			     "must be less than or equal to expungeAfterSeconds");
	if (!single || strcmp(single, "true") != 0)
		return;
	if (json_integer_value(json_object_get(app, "instances")) > 1)
		problems_add(problems, "/instances",
			     "Single instance app may only have one instance");
	if (json_number_value(json_object_get(json_object_get(app, "upgradeStrategy"),
					      "maximumOverCapacity")) > 0)
		problems_add(problems, "/upgradeStrategy/maximumOverCapacity",
			     "must be 0 for a single instance app");
}

static void validate_dependencies(const json_t *app, struct problems *problems)
{
	const json_t *dependencies = json_object_get(app, "dependencies");

	for (size_t i = 0; i < json_array_size(dependencies); i++) {
		if (json_equal(json_array_get(dependencies, i), json_object_get(app, "id")))
			problems_add(problems, "/dependencies",
				     "Dependency graph has cyclic dependencies.");
	}
}

static void validate_deployment(const json_t *app, struct problems *problems)
{
	const json_t *deployment = json_object_get(app, "deployment");

	if (json_is_true(json_object_get(deployment, "rollback")) &&
	    !json_object_get(deployment, "deadlineSeconds") &&
	    !json_object_get(app, "maxLaunchAttempts"))
		problems_add(problems, "/deployment/rollback",
			     "needs deployment.deadlineSeconds or maxLaunchAttempts: nothing else "
			     "makes a deployment fail");
}

void app_validate(const json_t *app, struct problems *problems)
{
	validate_command(app, problems);
	validate_unsupported(app, problems);
	validate_container(app, problems);
	validate_networks(app, problems);
	validate_ports(app, problems);
	validate_health_checks(app, problems);
	validate_readiness_checks(app, problems);
	validate_constraints(app, problems);
	validate_limit(app, "cpus", problems);
	validate_limit(app, "mem", problems);
	validate_roles(app, problems);
	validate_strategy(app, problems);
	validate_dependencies(app, problems);
	validate_deployment(app, problems);
}
