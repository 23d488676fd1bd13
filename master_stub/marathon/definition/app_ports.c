#include "master_stub/marathon/definition/app_ports.h"

#include <errno.h>
#include <string.h>

const json_t *app_ports(const json_t *app)
{
	const json_t *definitions = json_object_get(app, "portDefinitions");
	const json_t *container = json_object_get(app, "container");

	return definitions ? definitions : json_object_get(container, "portMappings");
}

int app_port_index(const json_t *app, const char *name)
{
	const json_t *ports = app_ports(app);

	if (!name)
		return json_array_size(ports) > 0 ? 0 : -ENOENT;
	for (size_t i = 0; i < json_array_size(ports); i++) {
		const char *own = json_string_value(json_object_get(json_array_get(ports, i), "name"));

		if (own && strcmp(own, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}
