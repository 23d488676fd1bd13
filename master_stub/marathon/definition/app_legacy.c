/* Deprecated fields of definitions, as Marathon 1.4 wrote them, in the words of today. */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_parts.h"

/* Of Mesos's own bridge, which was once asked for by its name. */
static const char bridge_name[] = "mesos-bridge";

/* NULL: absent or null. */
static json_t *field(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

static bool has_entries(const json_t *list)
{
	return json_array_size(list) > 0;
}

/* ---- uris ---- */

static const char *const archives[] = {
	".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip",
};

static bool is_archive(const char *uri)
{
	size_t size = strlen(uri);

	for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
		size_t end = strlen(archives[i]);

		if (size >= end && strcmp(uri + size - end, archives[i]) == 0)
			return true;
	}
	return false;
}

/* What is not a string is left for the shape to complain of. */
static json_t *fetch_of_uri(const json_t *uri)
{
	if (!json_is_string(uri))
		return json_pack("{s:O}", "uri", uri);
	return json_pack("{s:O, s:b}", "uri", uri, "extract", is_archive(json_string_value(uri)));
}

/* ---- Lists that became other lists ---- */

static json_t *definition_of_port(const json_t *port)
{
	return json_pack("{s:O, s:s}", "port", port, "protocol", "tcp");
}

/* Do the definitions say the same as the ports? */
static bool are_same_ports(const json_t *ports, const json_t *definitions)
{
	if (json_array_size(ports) != json_array_size(definitions))
		return false;
	for (size_t i = 0; i < json_array_size(ports); i++) {
		if (json_integer_value(json_array_get(ports, i)) !=
		    json_integer_value(field(json_array_get(definitions, i), "port")))
			return false;
	}
	return true;
}

static bool are_never_same(const json_t *old, const json_t *new)
{
	(void)old;
	(void)new;
	return false;
}

struct old_list {
	const char *old_key, *new_key;
	json_t *(*translate)(const json_t *item);
	bool (*is_same)(const json_t *old, const json_t *new);
	const char *path, *conflict;
};

static const struct old_list old_lists[] = {
	{ "uris", "fetch", fetch_of_uri, are_never_same, "/uris",
	  "may not be set in conjunction with fetch" },
	{ "ports", "portDefinitions", definition_of_port, are_same_ports, "/",
	  "cannot specify both ports and port definitions" },
};

/* What shows both forms comes back with both: then the canonical one counts. */
static void translate_list(json_t *document, const struct old_list *list,
			   struct findings *findings)
{
	json_t *old = field(document, list->old_key), *new = field(document, list->new_key), *item;
	json_t *translated;
	char path[32];
	size_t i;

	if (!old)
		return;
	if (!json_is_array(old)) {
		(void)snprintf(path, sizeof(path), "/%s", list->old_key);
		problems_add(&findings->schema, path, "error.expected.jsarray");
		return;
	}
	if (has_entries(new) && has_entries(old) && !list->is_same(old, new))
		problems_add(&findings->rules, list->path, "%s", list->conflict);
	if (has_entries(new)) {
		(void)json_object_del(document, list->old_key);
		return;
	}
	translated = json_array();
	json_array_foreach(old, i, item)
		(void)json_array_append_new(translated, list->translate(item));
	(void)json_object_del(document, list->old_key);
	(void)json_object_set_new(document, list->new_key, translated);
}

/* ---- Networks ---- */

static const char *const docker_networks[] = { "BRIDGE", "HOST", "NONE", "USER", NULL };
static const struct shape docker_network = { .kind = SHAPE_ENUM, .names = docker_networks };

static const struct shape text = { .kind = SHAPE_STRING };

static const struct shape discovery_port_fields[] = {
	{ "number", SHAPE_INTEGER, .is_required = true, .max = 65535 },
	{ "name", SHAPE_STRING, .is_required = true },
	{ "protocol", SHAPE_STRING, .fallback = "\"tcp\"" },
	{ "labels", SHAPE_MAP, .max = 1000, .of = &text, .omit_empty = true },
	{ 0 },
};
static const struct shape discovery_port = { .kind = SHAPE_OBJECT, .of = discovery_port_fields };

static const struct shape discovery_fields[] = {
	{ "ports", SHAPE_LIST, .max = 100, .of = &discovery_port, .fallback = "[]" },
	{ 0 },
};

static const struct shape ip_fields[] = {
	{ "networkName", SHAPE_STRING, .min = 1, .max = 256 },
	{ "groups", SHAPE_LIST, .max = 100, .of = &text, .fallback = "[]" },
	{ "labels", SHAPE_MAP, .max = 1000, .of = &text, .omit_empty = true },
	{ "discovery", SHAPE_OBJECT, .of = discovery_fields },
	{ 0 },
};
static const struct shape ip_shape = { .kind = SHAPE_OBJECT, .of = ip_fields };

static bool is_mesos(const json_t *container)
{
	const char *type = json_string_value(field(container, "type"));

	return type && strcmp(type, "MESOS") == 0;
}

/* The mode that DOCKER and IP (either may be NULL) ask for; NULL: of a kind that is not known. */
static const char *mode_of_legacy(const char *docker, const json_t *ip)
{
	const char *name = json_string_value(field(ip, "networkName"));

	if (!docker)
		return name && strcmp(name, bridge_name) == 0 ? "container/bridge" : "container";
	if (strcmp(docker, "HOST") == 0)
		return "host";
	if (strcmp(docker, "BRIDGE") == 0)
		return "container/bridge";
	return strcmp(docker, "USER") == 0 ? "container" : NULL;
}

static json_t *network_of_legacy(const char *mode, const json_t *ip)
{
	json_t *network = json_pack("{s:s}", "mode", mode);
	json_t *name = field(ip, "networkName"), *labels = field(ip, "labels");

	if (strcmp(mode, "container") == 0 && name)
		(void)json_object_set(network, "name", name);
	if (strcmp(mode, "host") != 0 && labels)
		(void)json_object_set(network, "labels", labels);
	return network;
}

/* Is NETWORKS the one that the old form asks for? */
static bool is_same_network(const json_t *networks, const char *mode)
{
	const char *given = json_string_value(field(json_array_get(networks, 0), "mode"));

	return json_array_size(networks) == 1 && given && strcmp(given, mode) == 0;
}

static void set_network(json_t *document, const char *docker, const json_t *ip,
			struct problems *rules)
{
	const char *mode = mode_of_legacy(docker, ip);
	json_t *networks = field(document, "networks");

	if (!mode) {
		problems_add(rules, "/container/docker/network",
			     "unsupported docker network type %s", docker);
	} else if (has_entries(networks) && !is_same_network(networks, mode)) {
		problems_add(rules, "/", "must not specify both %s",
			     docker ? "container.docker.network and networks"
				    : "networks and ipAddress");
	} else if (!has_entries(networks)) {
		networks = json_array();
		(void)json_array_append_new(networks, network_of_legacy(mode, ip));
		(void)json_object_set_new(document, "networks", networks);
	}
}

/* ---- Ports of containers ---- */

static void move_docker_mappings(json_t *container, struct problems *rules)
{
	json_t *docker = field(container, "docker"), *old = field(docker, "portMappings");

	if (!old)
		return;
	if (is_mesos(container) && has_entries(old))
		problems_add(rules, "/container/docker/portMappings", "must be empty");
	else if (has_entries(old) && has_entries(field(container, "portMappings")))
		problems_add(rules, "/container",
			     "cannot specify both portMappings and docker.portMappings");
	else if (!has_entries(field(container, "portMappings")))
		(void)json_object_set(container, "portMappings", old);
	(void)json_object_del(docker, "portMappings");
}

static void move_discovery_ports(json_t *container, const json_t *ip, struct problems *rules)
{
	const json_t *ports = field(field(ip, "discovery"), "ports");
	json_t *mappings;

	if (!has_entries(ports))
		return;
	if (!is_mesos(container)) {
		problems_add(rules, "/ipAddress",
			     "ipAddress/discovery is not allowed for Docker containers");
		return;
	}
	if (has_entries(field(container, "portMappings"))) {
		problems_add(rules, "/container", "container.portMappings and "
						  "ipAddress.discovery.ports must not both be set");
		return;
	}
	mappings = json_array();
	for (size_t i = 0; i < json_array_size(ports); i++) {
		json_t *mapping = json_copy(json_array_get(ports, i));

		(void)json_object_set(mapping, "containerPort", field(mapping, "number"));
		(void)json_object_del(mapping, "number");
		(void)json_array_append_new(mappings, mapping);
	}
	(void)json_object_set_new(container, "portMappings", mappings);
}

/*
 * Ports of the host stood beside the mappings, whatever the network: beside a host's network the
 * mappings meant nothing, beside others each port was one mapping.
 */
static void settle_ports(json_t *document, json_t *container)
{
	size_t n_ports = json_array_size(field(document, "portDefinitions")), n_mappings;

	if (networks_are_of_host(field(document, "networks"))) {
		(void)json_object_del(container, "portMappings");
		return;
	}
	(void)json_object_del(document, "portDefinitions");
	n_mappings = json_array_size(field(container, "portMappings"));
	if (n_ports > n_mappings && !field(container, "portMappings"))
		(void)json_object_set_new(container, "portMappings", json_array());
	for (; n_mappings < n_ports; n_mappings++)
		(void)json_array_append_new(field(container, "portMappings"), json_object());
}

static void translate_networks(json_t *document, struct findings *findings)
{
	AUTO(json_decrefp) json_t *docker = NULL, *ip = NULL;
	json_t *container = field(document, "container"), *old_ip = field(document, "ipAddress");
	json_t *old_docker = field(field(container, "docker"), "network");

	if (old_docker) {
		docker = shape_read(&docker_network, old_docker, "/container/docker/network",
				    &findings->schema);
		(void)json_object_del(field(container, "docker"), "network");
		if (docker && is_mesos(container)) {
			problems_add(&findings->rules, "/container/docker/network",
				     "must be empty");
			return;
		}
	}
	if (old_ip) {
		ip = shape_read(&ip_shape, old_ip, "/ipAddress", &findings->schema);
		(void)json_object_del(document, "ipAddress");
	}
	move_docker_mappings(container, &findings->rules);
	if (!docker && !ip)
		return;
	if (ip && !docker && has_entries(field(document, "portDefinitions")))
		problems_add(&findings->rules, "/", "cannot specify both an IP address and port");
	set_network(document, json_string_value(docker), ip, &findings->rules);
	if (ip && !container) {
		(void)json_object_set_new(document, "container",
					  json_pack("{s:s}", "type", "MESOS"));
		container = field(document, "container");
	}
	move_discovery_ports(container, ip, &findings->rules);
	settle_ports(document, container);
}

bool networks_are_of_host(const json_t *networks)
{
	for (size_t i = 0; i < json_array_size(networks); i++) {
		const char *mode =
			json_string_value(field(json_array_get(networks, i), "mode"));

		if (!mode || strcmp(mode, "host") != 0)
			return false;
	}
	return true;
}

/* ---- Health checks ---- */

/* What Marathon reads past, and its older versions wrote for every protocol. */
static void drop_idle_fields(json_t *check)
{
	const char *protocol = json_string_value(field(check, "protocol"));

	if (!protocol)
		return;
	if (strstr(protocol, "TCP") || strcmp(protocol, "COMMAND") == 0)
		(void)json_object_del(check, "path");
	if (strcmp(protocol, "COMMAND") == 0) {
		(void)json_object_del(check, "port");
		(void)json_object_del(check, "portIndex");
	}
}

void app_translate_legacy(json_t *document, struct findings *findings)
{
	const json_t *checks = field(document, "healthChecks");
	json_t *networks = field(document, "networks");

	/* No network at all means the default one. */
	if (json_is_array(networks) && !has_entries(networks))
		(void)json_object_del(document, "networks");
	for (size_t i = 0; i < ARRAY_SIZE(old_lists); i++)
		translate_list(document, &old_lists[i], findings);
	translate_networks(document, findings);
	for (size_t i = 0; i < json_array_size(checks); i++)
		drop_idle_fields(json_array_get(checks, i));
}
