/* The rules of a definition that concern more than one field (reference/marathon.md 2.1, 2.3). */
#include "master_stub/marathon/definition/app_parts.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/autoscale.h"
#include "master_stub/marathon/definition/constraints.h"

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

static void validate_health_check(const json_t *app, const json_t *check, const char *path,
				  struct problems *problems)
{
	const char *protocol = json_string_value(json_object_get(check, "protocol"));
	const char *url = json_string_value(json_object_get(check, "path"));
	const json_t *index = json_object_get(check, "portIndex");
	bool is_command = strcmp(protocol, "COMMAND") == 0;
	const char *ip = json_string_value(json_object_get(check, "ipProtocol"));
	size_t n_ports = json_array_size(app_ports(app));

	if (is_command != (json_object_get(check, "command") != NULL))
		problems_add(problems, path, is_command ? "command: a COMMAND check needs one"
							: "command: only for a COMMAND check");
	if (index && json_object_get(check, "port"))
		problems_add(problems, path, "only one of port and portIndex may be given");
	if (index && (size_t)json_integer_value(index) >= n_ports)
		problems_add(problems, path, "Health check port indices must address an element of "
					     "the ports array or container port mappings.");
	/* Marathon's own begin at the root without saying so. */
	if (url && url[0] != '/' && strncmp(protocol, "MESOS_", 6) == 0)
		problems_add(problems, path, "path: must start with '/'");
	if (strcmp(ip, "IPv6") == 0 && (is_command || strncmp(protocol, "MESOS_", 6) != 0))
		problems_add(problems, path, "IPv6 can only be used for container type DOCKER and "
					     "Mesos http/https/tcp health checks");
	if (strpbrk(url ? url : "", " \r\n\t"))
		problems_add(problems, path, "path: must not contain white space");
}

/* Those that the node runs; of commands there were once several, and their definitions live on. */
static void validate_health_checks(const json_t *app, struct problems *problems)
{
	const json_t *checks = json_object_get(app, "healthChecks");
	unsigned n_mesos = 0;

	for (size_t i = 0; i < json_array_size(checks); i++) {
		const json_t *check = json_array_get(checks, i);
		char path[64];

		(void)snprintf(path, sizeof(path), "/healthChecks(%zu)", i);
		validate_health_check(app, check, path, problems);
		n_mesos += strncmp(json_string_value(json_object_get(check, "protocol")), "MESOS_",
				   6) == 0;
	}
	if (n_mesos > 1)
		problems_add(problems, "/",
			     "AppDefinition can contain at most one Mesos health check");
}

static void validate_check(const json_t *app, struct problems *problems)
{
	static const char *const kinds[] = { "http", "tcp", "exec" };
	const json_t *check = json_object_get(app, "check"), *command;
	unsigned n = 0;

	if (!check)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const json_t *kind = json_object_get(check, kinds[i]);
		const json_t *index = json_object_get(kind, "portIndex");

		n += kind != NULL;
		if (index && (size_t)json_integer_value(index) >= json_array_size(app_ports(app)))
			problems_add(problems, "/check", "Check port indices must address an "
							 "element of the ports array or container "
							 "port mappings.");
	}
	if (n != 1)
		problems_add(problems, "/check", "exactly one of http, tcp and exec must be given");
	command = json_object_get(json_object_get(check, "exec"), "command");
	if (command && json_object_size(command) != 1)
		problems_add(problems, "/check/exec/command",
			     "exactly one of shell and argv must be given");
}

static void validate_readiness_check(const json_t *app, const json_t *check, const char *path,
				     struct problems *problems)
{
	const char *port = json_string_value(json_object_get(check, "portName"));
	json_int_t timeout = json_integer_value(json_object_get(check, "timeoutSeconds"));
	json_int_t interval = json_integer_value(json_object_get(check, "intervalSeconds"));
	char below[SHAPE_PATH_SIZE];

	if (app_port_index(app, port) < 0) {
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

static void validate_unique(const json_t *list, const char *path, struct problems *problems)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		for (size_t j = 0; j < i; j++) {
			if (!json_equal(json_array_get(list, i), json_array_get(list, j)))
				continue;
			problems_add(problems, path, "Elements must be unique");
			return;
		}
	}
}

static void validate_constraints(const json_t *app, struct problems *problems)
{
	const json_t *constraints = json_object_get(app, "constraints");

	for (size_t i = 0; i < json_array_size(constraints); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/constraints(%zu)", i);
		constraint_validate(json_array_get(constraints, i), path, problems);
	}
	validate_unique(constraints, "/constraints", problems);
}

static void validate_secrets(const json_t *app, struct problems *problems)
{
	const json_t *secrets = json_object_get(app, "secrets");
	json_t *env = json_object_get(app, "env"), *value;
	const char *name;

	json_object_foreach(env, name, value) {
		const char *secret = json_string_value(json_object_get(value, "secret"));
		char path[SHAPE_PATH_SIZE];

		if (!secret || json_object_get(secrets, secret))
			continue;
		(void)snprintf(path, sizeof(path), "/env/%s", name);
		problems_add(problems, path, "references an undefined secret");
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

/* There is no room for one more, or no need of one. */
void expect_no_capacity(const json_t *app, const char *key, struct problems *problems)
{
	double capacity = json_number_value(
		json_object_get(json_object_get(app, "upgradeStrategy"), key));
	char path[64];

	if (capacity == 0)
		return;
	(void)snprintf(path, sizeof(path), "/upgradeStrategy/%s", key);
	problems_add(problems, path, "got %.10g, expected 0", capacity);
}

static void validate_single(const json_t *app, struct problems *problems)
{
	const char *single = json_string_value(json_object_get(json_object_get(app, "labels"),
							       "MARATHON_SINGLE_INSTANCE_APP"));

	if (!single || strcmp(single, "true") != 0)
		return;
	if (json_integer_value(json_object_get(app, "instances")) > 1)
		problems_add(problems, "/instances",
			     "Single instance app may only have one instance");
	expect_no_capacity(app, "minimumHealthCapacity", problems);
	expect_no_capacity(app, "maximumOverCapacity", problems);
}

static void validate_unreachable(const json_t *app, struct problems *problems)
{
	const json_t *unreachable = json_object_get(app, "unreachableStrategy");

	if (json_integer_value(json_object_get(unreachable, "inactiveAfterSeconds")) >
	    json_integer_value(json_object_get(unreachable, "expungeAfterSeconds")))
		problems_add(problems, "/unreachableStrategy/inactiveAfterSeconds",
			     "must be less than or equal to expungeAfterSeconds");
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

void app_validate(const json_t *app, const struct role_rules *rules, struct problems *problems)
{
	validate_command(app, problems);
	container_validate(app, problems);
	validate_health_checks(app, problems);
	validate_readiness_checks(app, problems);
	validate_check(app, problems);
	validate_constraints(app, problems);
	validate_secrets(app, problems);
	validate_limit(app, "cpus", problems);
	validate_limit(app, "mem", problems);
	role_check(app, rules, problems);
	role_check_accepted(app, problems);
	validate_unique(json_object_get(app, "acceptedResourceRoles"), "/acceptedResourceRoles",
			problems);
	validate_single(app, problems);
	residency_validate(app, problems);
	validate_unreachable(app, problems);
	validate_dependencies(app, problems);
	validate_deployment(app, problems);
	autoscale_validate(app, problems);
}
