#include "master_stub/marathon/endpoint.h"

#include <errno.h>
#include <string.h>

#include "master_stub/marathon/state.h"

const json_t *endpoint_ports(const json_t *app)
{
	const json_t *definitions = json_object_get(app, "portDefinitions");
	const json_t *container = json_object_get(app, "container");

	return definitions ? definitions : json_object_get(container, "portMappings");
}

int endpoint_port_index(const json_t *app, const char *name)
{
	const json_t *ports = endpoint_ports(app);

	if (!name)
		return json_array_size(ports) > 0 ? 0 : -ENOENT;
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const char *own = json_string_value(json_object_get(json_array_get(ports, i), "name"));

		if (own && strcmp(own, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

bool endpoint_find(const struct instance *instance, const char *name, struct endpoint *ret)
{
	int index = endpoint_port_index(instance->spec->json, name);

	if (index < 0 || (unsigned)index >= instance->n_ports)
		return false;
	ret->host = instance->host;
	ret->port = instance->ports[index];
	return ret->host && ret->port != 0;
}
