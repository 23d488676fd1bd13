/* The rules of a pod that concern more than one field (reference/marathon.md 1.10). */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/definition/app_parts.h"
#include "master_stub/marathon/definition/pod_parts.h"

static json_t *get(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

static void add(struct problems *problems, const char *path, const char *below,
		const char *complaint)
{
	char whole[2 * SHAPE_PATH_SIZE + 64];

	(void)snprintf(whole, sizeof(whole), "%s%s", path, below);
	problems_add(problems, whole, "%s", complaint);
}

/* ---- Defaults ---- */

/* A port of 0 is one that chance chooses; without it an endpoint on the host's network would be
 * none. */
int pod_fill_defaults(json_t *pod)
{
	const char *mode = json_string_value(get(json_array_get(get(pod, "networks"), 0), "mode"));
	char id[APP_ID_SIZE];
	json_t *container, *endpoint;
	size_t i, j;

	if (app_id_resolve("/", json_string_value(get(pod, "id")), id) == 0 &&
	    json_object_set_new(pod, "id", json_string(id)) < 0)
		return -1;
	if (!json_is_true(get(pod, "legacySharedCgroups")))
		(void)json_object_del(pod, "legacySharedCgroups");
	if (mode && strcmp(mode, "container") == 0)
		return 0;
	json_array_foreach(get(pod, "containers"), i, container) {
		json_array_foreach(get(container, "endpoints"), j, endpoint) {
			if (!get(endpoint, "hostPort") &&
			    json_object_set_new(endpoint, "hostPort", json_integer(0)) < 0)
				return -1;
		}
	}
	return 0;
}

/* ---- Names and ports ---- */

/* Is VALUE in SEEN, or is it put there?  A port of 0 is one that is chosen later. */
static bool is_seen(json_t *seen, json_t *value)
{
	json_t *other;
	size_t i;

	if (!value || (json_is_integer(value) && json_integer_value(value) == 0))
		return false;
	json_array_foreach(seen, i, other) {
		if (json_equal(other, value))
			return true;
	}
	(void)json_array_append(seen, value);
	return false;
}

static bool has_twice(const json_t *list, const char *key)
{
	AUTO(json_decrefp) json_t *seen = json_array();
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (is_seen(seen, get(item, key)))
			return true;
	}
	return false;
}

static bool endpoints_have_twice(const json_t *pod, const char *key)
{
	AUTO(json_decrefp) json_t *seen = json_array();
	json_t *container, *endpoint;
	size_t i, j;

	json_array_foreach(get(pod, "containers"), i, container) {
		json_array_foreach(get(container, "endpoints"), j, endpoint) {
			if (is_seen(seen, get(endpoint, key)))
				return true;
		}
	}
	return false;
}

static void validate_unique(const json_t *pod, struct problems *problems)
{
	if (has_twice(get(pod, "containers"), "name"))
		add(problems, "/containers", "", "container names must be unique");
	if (has_twice(get(pod, "volumes"), "name"))
		add(problems, "/volumes", "", "volume names must be unique");
	if (endpoints_have_twice(pod, "name"))
		add(problems, "/", "", "endpoint names must be unique across all containers");
	if (endpoints_have_twice(pod, "containerPort"))
		add(problems, "/", "", "container ports must be unique across all containers");
	if (endpoints_have_twice(pod, "hostPort"))
		add(problems, "/", "", "host ports must be unique across all containers");
}

static bool has_mode(const json_t *networks, const char *mode)
{
	json_t *network;
	size_t i;

	json_array_foreach(networks, i, network) {
		if (strcmp(json_string_value(get(network, "mode")), mode) == 0)
			return true;
	}
	return false;
}

/* Which networks an endpoint names is looked at as of an app's mapping. */
static void validate_endpoint(const json_t *pod, const json_t *endpoint, const char *path,
			      struct problems *problems)
{
	const json_t *networks = get(pod, "networks"), *protocols = get(endpoint, "protocol");
	bool has_port = get(endpoint, "containerPort");

	if (has_port && has_mode(networks, "host"))
		add(problems, path, "/containerPort",
		    "is not allowed when using host-mode networking");
	if (!has_port && has_mode(networks, "container"))
		add(problems, path, "/containerPort",
		    "is required when using container-mode networking");
	for (size_t i = 1; i < json_array_size(protocols); i++) {
		if (json_equal(json_array_get(protocols, i), json_array_get(protocols, 0)))
			add(problems, path, "/protocol",
			    "Duplicate protocols within the same endpoint are not allowed");
	}
}

static void validate_endpoints(const json_t *pod, const json_t *container, const char *path,
			       struct problems *problems)
{
	const json_t *endpoints = get(container, "endpoints");

	for (size_t i = 0; i < json_array_size(endpoints); i++) {
		char below[SHAPE_PATH_SIZE];

		(void)snprintf(below, sizeof(below), "%s/endpoints(%zu)", path, i);
		validate_endpoint(pod, json_array_get(endpoints, i), below, problems);
	}
}

/* ---- Commands and checks ---- */

static const json_t *find_named(const json_t *list, const json_t *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (json_equal(get(json_array_get(list, i), "name"), name))
			return json_array_get(list, i);
	}
	return NULL;
}

static bool validate_command(const json_t *exec, const char *path, struct problems *problems)
{
	const json_t *command = get(exec, "command");

	if (!command || json_object_size(command) == 1)
		return true;
	add(problems, path, "/command", "exactly one of shell and argv must be given");
	return false;
}

/* False: what it asks is not known. */
static bool validate_check(const json_t *container, const char *key, const char *path,
			   struct problems *problems)
{
	static const char *const kinds[] = { "http", "tcp", "exec" };
	const json_t *check = get(container, key);
	char own[SHAPE_PATH_SIZE], below[2 * SHAPE_PATH_SIZE];
	bool is_known = true;
	unsigned n = 0;

	if (!check)
		return true;
	(void)snprintf(own, sizeof(own), "%s/%s", path, key);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const json_t *kind = get(check, kinds[i]), *endpoint = get(kind, "endpoint");

		n += kind != NULL;
		(void)snprintf(below, sizeof(below), "%s/%s", own, kinds[i]);
		is_known &= validate_command(kind, below, problems);
		if (!endpoint || find_named(get(container, "endpoints"), endpoint))
			continue;
		add(problems, below, "/endpoint", "contained in the container endpoints");
		is_known = false;
	}
	if (n != 1)
		add(problems, own, "", "Only one of http, tcp, or command may be specified");
	return is_known && n == 1;
}

static void validate_timeout(const json_t *check, const char *path, struct problems *problems)
{
	json_int_t timeout = json_integer_value(get(check, "timeoutSeconds"));
	json_int_t interval = json_integer_value(get(check, "intervalSeconds"));
	char below[SHAPE_PATH_SIZE];

	if (!check || timeout < interval)
		return;
	(void)snprintf(below, sizeof(below), "%s/healthCheck/timeoutSeconds", path);
	problems_add(problems, below, "got %lld, expected less than %lld", (long long)timeout,
		     (long long)interval);
}

/* ---- Volumes ---- */

static void validate_mounts(const json_t *pod, const json_t *container, const char *path,
			    struct problems *problems)
{
	json_t *mount;
	size_t i;

	json_array_foreach(get(container, "volumeMounts"), i, mount) {
		char below[SHAPE_PATH_SIZE];

		(void)snprintf(below, sizeof(below), "%s/volumeMounts(%zu)", path, i);
		if (!find_named(get(pod, "volumes"), get(mount, "name")))
			add(problems, below, "/name",
			    "Referenced Volume in VolumeMount should exist");
	}
}

static bool is_mounted(const json_t *pod, const json_t *name)
{
	json_t *container;
	size_t i;

	json_array_foreach(get(pod, "containers"), i, container) {
		if (find_named(get(container, "volumeMounts"), name))
			return true;
	}
	return false;
}

static void validate_volumes(const json_t *pod, struct problems *problems)
{
	json_t *volume;
	size_t i;

	json_array_foreach(get(pod, "volumes"), i, volume) {
		char path[SHAPE_PATH_SIZE];

		(void)snprintf(path, sizeof(path), "/volumes(%zu)", i);
		if (json_object_size(volume) > 2)
			add(problems, path, "",
			    "only one of host, persistent and secret may be given");
		if (!is_mounted(pod, get(volume, "name")))
			add(problems, path, "",
			    "volume must be referenced by at least one container");
		if (get(volume, "persistent"))
			add(problems, path, "",
			    "persistent volumes are not supported in pods by this version");
		if (get(volume, "secret"))
			add(problems, path, "",
			    "Feature secrets is not enabled: there is no store that they could "
			    "come from");
	}
}

/* ---- What is the same as of an app ---- */

/*
 * Where the pod has what an app has at a path; "." stands before what is the container's.  The
 * first that fits counts.
 */
static const struct {
	const char *app, *pod;
} paths[] = {
	{ "/networks", "/networks" },
	{ "/role", "/role" },
	{ "/secrets", "/secrets" },
	{ "/constraints", "/scheduling/placement/constraints" },
	{ "/acceptedResourceRoles", "/scheduling/placement/acceptedResourceRoles" },
	{ "/unreachableStrategy", "/scheduling/unreachableStrategy" },
	{ "/healthChecks(0)", "./healthCheck" },
	{ "/env", "./environment" },
	{ "/fetch", "./artifacts" },
	{ "/gpus", "./resources/gpus" },
	{ "/container/docker/forcePullImage", "./image/forcePull" },
	{ "/container/docker", "./image" },
	{ "/container/portMappings", "./endpoints" },
	{ "/container/volumes", "./volumeMounts" },
	{ "/container/linuxInfo", "./linuxInfo" },
	{ "", "." },
};

static void pod_path(const char *app_path, const json_t *container, const char *container_path,
		     char ret[2 * SHAPE_PATH_SIZE])
{
	static const char env[] = "/env/";
	const size_t env_size = sizeof(env) - 1;
	const char *rest, *own;
	size_t i = 0;

	/* What the container does not say itself is the pod's. */
	if (strncmp(app_path, env, env_size) == 0 &&
	    !get(get(container, "environment"), app_path + env_size)) {
		(void)snprintf(ret, 2 * SHAPE_PATH_SIZE, "/environment/%s", app_path + env_size);
		return;
	}
	while (strncmp(app_path, paths[i].app, strlen(paths[i].app)) != 0)
		i++;
	rest = app_path + strlen(paths[i].app);
	own = paths[i].pod;
	(void)snprintf(ret, 2 * SHAPE_PATH_SIZE, "%s%s%s", *own == '.' ? container_path : "",
		       own + (*own == '.'), strcmp(rest, "/") == 0 ? "" : rest);
}

/* What concerns the pod is found once for each container, and told once. */
static void take_problems(const struct problems *found, const json_t *container,
			  const char *container_path, struct problems *problems)
{
	const char *path;
	json_t *errors, *error;
	size_t i;

	json_object_foreach(found->by_path, path, errors) {
		char own[2 * SHAPE_PATH_SIZE];

		pod_path(path, container, container_path, own);
		if (strncmp(own, container_path, strlen(container_path)) != 0 &&
		    json_object_get(problems->by_path, own))
			continue;
		json_array_foreach(errors, i, error)
			problems_add(problems, own, "%s", json_string_value(error));
	}
	problems->out_of_memory |= found->out_of_memory;
}

static void validate_as_app(const json_t *pod, const json_t *container, const char *path,
			    struct problems *problems)
{
	AUTO(json_decrefp) json_t *app = pod_container_to_app(pod, container);
	struct problems found = { 0 };

	if (app) {
		app_validate(app, NULL, &found);
		app_check_support(app, &found);
	}
	take_problems(&found, container, path, problems);
	problems->out_of_memory |= !app;
	problems_done(&found);
}

/* ---- The whole ---- */

static void validate_container(const json_t *pod, const json_t *container, const char *path,
			       struct problems *problems)
{
	bool is_known = true;
	char exec[SHAPE_PATH_SIZE];

	(void)snprintf(exec, sizeof(exec), "%s/exec", path);
	is_known &= validate_command(get(container, "exec"), exec, problems);
	if (!get(container, "exec") && !get(container, "image")) {
		add(problems, path, "", "must have exec, image, or both: there is nothing to run");
		is_known = false;
	}
	is_known &= validate_check(container, "healthCheck", path, problems);
	is_known &= validate_check(container, "check", path, problems);
	validate_timeout(get(container, "healthCheck"), path, problems);
	validate_endpoints(pod, container, path, problems);
	validate_mounts(pod, container, path, problems);
	if (json_is_true(get(pod, "legacySharedCgroups")) && get(container, "resourceLimits"))
		add(problems, path, "/resourceLimits",
		    "resourceLimits cannot be defined if legacySharedCgroups is enabled");
	if (is_known)
		validate_as_app(pod, container, path, problems);
}

void pod_validate(const json_t *pod, struct problems *problems)
{
	json_t *container;
	size_t i;

	validate_unique(pod, problems);
	validate_volumes(pod, problems);
	json_array_foreach(get(pod, "containers"), i, container) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/containers(%zu)", i);
		validate_container(pod, container, path, problems);
	}
}
