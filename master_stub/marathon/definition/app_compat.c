#include "master_stub/marathon/definition/app_compat.h"

#include <string.h>

#include "lib/cleanup.h"

/* Of each element of LIST its member KEY. */
static json_t *collect(const json_t *list, const char *key)
{
	json_t *values = json_array();
	const json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		(void)json_array_append(values, json_object_get(element, key));
	return values;
}

static const char *old_mode(const char *mode)
{
	static const struct {
		const char *mode, *old;
	} modes[] = { { "host", "HOST" }, { "container/bridge", "BRIDGE" }, { "container", "USER" } };

	for (size_t i = 0; mode && i < ARRAY_SIZE(modes); i++) {
		if (strcmp(modes[i].mode, mode) == 0)
			return modes[i].old;
	}
	return NULL;
}

/* A copy: what is shown is shared with the definition. */
static void add_docker(json_t *app, const char *mode)
{
	json_t *container = json_deep_copy(json_object_get(app, "container"));
	json_t *docker = json_object_get(container, "docker");
	json_t *mappings = json_object_get(container, "portMappings");

	if (docker && mode) {
		(void)json_object_set_new(docker, "network", json_string(mode));
		if (mappings)
			(void)json_object_set(docker, "portMappings", mappings);
		(void)json_object_set(app, "container", container);
	}
	json_decref(container);
}

void app_add_compat(json_t *app)
{
	const json_t *network = json_array_get(json_object_get(app, "networks"), 0);
	const json_t *definitions = json_object_get(app, "portDefinitions");
	const json_t *mappings = json_object_get(json_object_get(app, "container"), "portMappings");
	const char *mode = old_mode(json_string_value(json_object_get(network, "mode")));
	json_t *name = json_object_get(network, "name");

	(void)json_object_set_new(app, "ports", definitions ? collect(definitions, "port") :
							      collect(mappings, "servicePort"));
	(void)json_object_set_new(app, "uris", collect(json_object_get(app, "fetch"), "uri"));
	if (mode && strcmp(mode, "USER") == 0)
		(void)json_object_set_new(app, "ipAddress", json_pack("{s:O?}", "networkName", name));
	add_docker(app, mode);
}
