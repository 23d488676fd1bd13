/* The rules of containers, networks, ports and volumes (reference/marathon.md 2.2). */
#include <stdio.h>
#include <string.h>

#include "lib/bandwidth.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/regex.h"
#include "lib/vip_label.h"
#include "master_stub/marathon/definition/app_parts.h"

enum { MAX_ALLOWED = 64 };	/* as the agents take */

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool is_mode(const json_t *network, const char *mode)
{
	return strcmp(text_of(network, "mode"), mode) == 0;
}

static bool is_same(const json_t *a, const json_t *b)
{
	return a && b && json_equal(a, b);
}

/* Is a value of KEY there twice?  A port of 0 is one that is chosen later. */
static bool has_twice(const json_t *list, const char *key)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *value = json_object_get(json_array_get(list, i), key);

		if (json_is_integer(value) && json_integer_value(value) == 0)
			continue;
		for (size_t j = 0; j < i; j++) {
			if (is_same(value, json_object_get(json_array_get(list, j), key)))
				return true;
		}
	}
	return false;
}

/* ---- Networks ---- */

struct networks {
	size_t n_host, n_bridge, n_container, n_unnamed;
};

static struct networks count_networks(const json_t *networks)
{
	struct networks n = { 0 };

	for (size_t i = 0; i < json_array_size(networks); i++) {
		const json_t *network = json_array_get(networks, i);
		bool is_container = is_mode(network, "container");

		n.n_host += is_mode(network, "host");
		n.n_bridge += is_mode(network, "container/bridge");
		n.n_container += is_container;
		n.n_unnamed += is_container && !json_object_get(network, "name");
	}
	return n;
}

static bool names_anything(const json_t *networks, const char *mode, const char *key)
{
	for (size_t i = 0; i < json_array_size(networks); i++) {
		const json_t *network = json_array_get(networks, i);

		if (is_mode(network, mode) && json_object_get(network, key))
			return true;
	}
	return false;
}

/* The first rule that is broken says it: what a set of networks is cannot be wrong twice. */
static const char *networks_complaint(const json_t *networks)
{
	struct networks n = count_networks(networks);

	if (names_anything(networks, "host", "name") || names_anything(networks, "host", "labels"))
		return "Host networks may not have names or labels";
	if (names_anything(networks, "container/bridge", "name"))
		return "Bridge networks may not have names";
	if (n.n_unnamed > 1 || has_twice(networks, "name"))
		return "Duplicate networks are not allowed";
	if ((n.n_host > 0) + (n.n_bridge > 0) + (n.n_container > 0) > 1 || n.n_host > 1 ||
	    n.n_bridge > 1)
		return "May specify a single host network, single bridge network, or else 1-to-n "
		       "container networks";
	if (n.n_unnamed > 0)
		return "Network name must be specified when container network is selected.";
	return NULL;
}

/* Label "allow": the only services that the container reaches. */
static void validate_allowed(const json_t *network, size_t index, struct problems *problems)
{
	const char *allowed = text_of(json_object_get(network, "labels"), "allow");
	AUTO_FREE char *copy = allowed ? strdup(allowed) : NULL;
	char *rest = copy, *word, path[64];
	unsigned n = 0;

	(void)snprintf(path, sizeof(path), "/networks(%zu)/labels/allow", index);
	if (allowed && !copy)
		problems->out_of_memory = true;
	while ((word = strsep(&rest, ", "))) {
		struct vip_label service;
		struct err e = { 0 };

		if (*word && vip_read(word, &service, &e) < 0)
			problems_add(problems, path, "%s", e.msg);
		n += *word != '\0';
	}
	if (n > MAX_ALLOWED)
		problems_add(problems, path, "more than %d services", MAX_ALLOWED);
}

/* Labels "bandwidth_in" and "bandwidth_out": limits of the link to the network. */
static void validate_bandwidth(const json_t *network, size_t index, struct problems *problems)
{
	static const char *const keys[] = { "bandwidth_in", "bandwidth_out" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *text = text_of(json_object_get(network, "labels"), keys[i]);
		struct err e = { 0 };
		char path[64];
		uint64_t bits;

		(void)snprintf(path, sizeof(path), "/networks(%zu)/labels/%s", index, keys[i]);
		if (text && bandwidth_parse(text, &bits, &e) < 0)
			problems_add(problems, path, "%s", e.msg);
	}
}

static void validate_networks(const json_t *app, struct problems *problems)
{
	const json_t *networks = json_object_get(app, "networks");
	const char *complaint = networks_complaint(networks);
	const char *type = text_of(json_object_get(app, "container"), "type");

	if (complaint)
		problems_add(problems, "/networks", "%s", complaint);
	for (size_t i = 0; i < json_array_size(networks); i++) {
		validate_allowed(json_array_get(networks, i), i, problems);
		validate_bandwidth(json_array_get(networks, i), i, problems);
	}
	if (type && strcmp(type, "DOCKER") == 0 && count_networks(networks).n_container > 1)
		problems_add(problems, "/", "may only specify a single container network when "
					    "using the Docker container engine");
}

/* ---- Ports ---- */

static bool is_network(const json_t *networks, const char *name)
{
	for (size_t i = 0; i < json_array_size(networks); i++) {
		const char *other = text_of(json_array_get(networks, i), "name");

		if (other && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

static void validate_mapping(const json_t *mapping, const json_t *networks, const char *path,
			     struct problems *problems)
{
	const json_t *names = json_object_get(mapping, "networkNames");
	char below[SHAPE_PATH_SIZE];

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (is_network(networks, name))
			continue;
		(void)snprintf(below, sizeof(below), "%s/networkNames(%zu)", path, i);
		problems_add(problems, below, "got %s, which none of the networks is called", name);
	}
	if (json_object_get(mapping, "hostPort") && json_array_size(names) != 1 &&
	    count_networks(networks).n_container > 1)
		problems_add(problems, path, "networkNames must be a single item list when hostPort "
					     "is specified and more than 1 container network is "
					     "defined");
}

static void validate_mappings(const json_t *app, const json_t *mappings, struct problems *problems)
{
	const json_t *networks = json_object_get(app, "networks");

	if (has_twice(mappings, "name"))
		problems_add(problems, "/container/portMappings", "Port names must be unique.");
	for (size_t i = 0; i < json_array_size(mappings); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/container/portMappings(%zu)", i);
		validate_mapping(json_array_get(mappings, i), networks, path, problems);
	}
}

static void validate_ports(const json_t *app, struct problems *problems)
{
	const json_t *definitions = json_object_get(app, "portDefinitions");
	const json_t *mappings =
		json_object_get(json_object_get(app, "container"), "portMappings");
	bool is_host = networks_are_of_host(json_object_get(app, "networks"));

	if (is_host && json_array_size(mappings) > 0)
		problems_add(problems, "/", "portMappings are not allowed with host-networking");
	if (!is_host && json_array_size(definitions) > 0)
		problems_add(problems, "/", "portDefinitions are only allowed with "
					    "host-networking");
	if (has_twice(definitions, "name"))
		problems_add(problems, "/portDefinitions", "Port names must be unique.");
	if (has_twice(definitions, "port"))
		problems_add(problems, "/portDefinitions", "Ports must be unique.");
	validate_mappings(app, mappings, problems);
}

/* ---- Volumes ---- */

static const char *disk_constraint_complaint(const json_t *constraint)
{
	const char *field = json_string_value(json_array_get(constraint, 0));
	const char *operator = json_string_value(json_array_get(constraint, 1));
	const char *value = json_string_value(json_array_get(constraint, 2));
	struct regex *regex;
	struct err e = { 0 };

	if (!field || !operator)
		return "Missing field and operator";
	if (strcmp(field, "path") != 0 || !value)
		return "Unsupported constraint";
	if (strcmp(operator, "LIKE") != 0 && strcmp(operator, "UNLIKE") != 0)
		return "Operator must be one of LIKE, UNLIKE";
	if (regex_new(value, &regex, &e) < 0)
		return "Invalid regular expression";
	regex_free(regex);
	return NULL;
}

static void validate_disk(const json_t *disk, const char *path, struct problems *problems)
{
	const json_t *constraints = json_object_get(disk, "constraints");
	const json_t *max = json_object_get(disk, "maxSize");
	const char *type = text_of(disk, "type");

	if (max && strcmp(type, "mount") != 0)
		problems_add(problems, path, "Only mount volumes can have maxSize");
	if (max && json_integer_value(max) <= json_integer_value(json_object_get(disk, "size")))
		problems_add(problems, path, "Max size must be larger than size");
	if (strcmp(type, "root") == 0 && json_array_size(constraints) > 0)
		problems_add(problems, path, "Constraints on root volumes are not supported");
	for (size_t i = 0; i < json_array_size(constraints); i++) {
		const char *complaint = disk_constraint_complaint(json_array_get(constraints, i));
		char below[SHAPE_PATH_SIZE + 40];

		(void)snprintf(below, sizeof(below), "%s/constraints(%zu)", path, i);
		if (complaint)
			problems_add(problems, below, "%s", complaint);
	}
}

/* Its directory is one below the sandbox. */
static void validate_persistent(const json_t *volume, const char *path, struct problems *problems)
{
	const char *inside = text_of(volume, "containerPath");
	char below[SHAPE_PATH_SIZE];

	(void)snprintf(below, sizeof(below), "%s/containerPath", path);
	if (strchr(inside, '/'))
		problems_add(problems, below, "value must not contain \"/\"");
	if (strcmp(inside, ".") == 0 || strcmp(inside, "..") == 0)
		problems_add(problems, below, "can not be one of . and ..");
	(void)snprintf(below, sizeof(below), "%s/mode", path);
	if (strcmp(text_of(volume, "mode"), "RW") != 0)
		problems_add(problems, below, "got RO, expected RW");
	(void)snprintf(below, sizeof(below), "%s/persistent", path);
	validate_disk(json_object_get(volume, "persistent"), below, problems);
}

static void validate_volume(const json_t *app, const json_t *volume, const char *path,
			    struct problems *problems)
{
	static const char *const kinds[] = {
		"hostPath", "persistent", "external", "secret", "ephemeral",	/* the last: a pod's */
	};
	const char *secret = text_of(volume, "secret");
	char below[SHAPE_PATH_SIZE];
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		n += json_object_get(volume, kinds[i]) != NULL;
	if (n == 0)
		problems_add(problems, path, "hostPath is missing");
	if (n > 1)
		problems_add(problems, path, "only one of hostPath, persistent, external and secret "
					     "may be given");
	if (!secret && !json_object_get(volume, "mode")) {
		(void)snprintf(below, sizeof(below), "%s/mode", path);
		problems_add(problems, below, "error.path.missing");
	} else if (json_object_get(volume, "persistent")) {
		validate_persistent(volume, path, problems);
	}
	if (secret && !json_object_get(json_object_get(app, "secrets"), secret))
		problems_add(problems, path, "volume.secret must refer to an existing secret");
}

static void validate_volumes(const json_t *app, const json_t *volumes, struct problems *problems)
{
	for (size_t i = 0; i < json_array_size(volumes); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/container/volumes(%zu)", i);
		validate_volume(app, json_array_get(volumes, i), path, problems);
	}
}

/* ---- The container ---- */

static void validate_docker(const json_t *app, const json_t *docker, bool is_mesos,
			    struct problems *problems)
{
	const json_t *pull = json_object_get(docker, "pullConfig");

	if (json_object_get(docker, "credential"))
		problems_add(problems, "/container/docker/credential", "must be empty");
	if (is_mesos && json_array_size(json_object_get(docker, "parameters")) > 0)
		problems_add(problems, "/container/docker/parameters", "must be empty");
	if (pull && !is_mesos)
		problems_add(problems, "/container/docker/pullConfig",
			     "pullConfig is not supported with Docker containerizer");
	else if (pull && !json_object_get(json_object_get(app, "secrets"), text_of(pull, "secret")))
		problems_add(problems, "/container/docker/pullConfig",
			     "pullConfig.secret must refer to an existing secret");
}

static void validate_linux(const json_t *info, struct problems *problems)
{
	const json_t *seccomp = json_object_get(info, "seccomp");
	const json_t *ipc = json_object_get(info, "ipcInfo");
	bool has_profile = json_object_get(seccomp, "profileName");

	if (seccomp && has_profile == json_is_true(json_object_get(seccomp, "unconfined")))
		problems_add(problems, "/container/linuxInfo/seccomp",
			     has_profile ? "unconfined can NOT be true when profileName is defined"
					 : "unconfined must be true when profileName is not defined");
	if (json_object_get(ipc, "shmSize") && strcmp(text_of(ipc, "mode"), "PRIVATE") != 0)
		problems_add(problems, "/container/linuxInfo/ipcInfo",
			     "shmSize can only be set with mode PRIVATE");
}

void container_validate(const json_t *app, struct problems *problems)
{
	const json_t *container = json_object_get(app, "container");
	const json_t *docker = json_object_get(container, "docker");
	bool is_mesos = container && strcmp(text_of(container, "type"), "MESOS") == 0;

	validate_networks(app, problems);
	validate_ports(app, problems);
	if (docker)
		validate_docker(app, docker, is_mesos, problems);
	else if (container && !is_mesos)
		problems_add(problems, "/container/docker", "not defined");
	validate_volumes(app, json_object_get(container, "volumes"), problems);
	validate_linux(json_object_get(container, "linuxInfo"), problems);
	if (container && !is_mesos && json_integer_value(json_object_get(app, "gpus")) > 0)
		problems_add(problems, "/",
			     "GPU resources only work with the Mesos containerizer");
}
