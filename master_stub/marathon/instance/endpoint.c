#include "master_stub/marathon/instance/endpoint.h"

#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/state.h"

uint16_t instance_host_port(const struct instance *instance, unsigned index)
{
	if (index >= instance->n_ports || !app_port(instance->spec, index).takes_host_port)
		return 0;
	return instance->ports[index];
}

uint16_t instance_container_port(const struct instance *instance, unsigned index)
{
	uint16_t port = app_port(instance->spec, index).container_port;

	if (port != 0)
		return port;
	return index < instance->n_ports ? instance->ports[index] : 0;
}

/* NULL: it has none, or none is told yet. */
static const char *own_address(const struct instance *instance)
{
	const json_t *network = json_array_get(instance->networks, 0);

	return json_string_value(json_array_get(json_object_get(network, "addresses"), 0));
}

bool endpoint_at(const struct instance *instance, unsigned index, struct endpoint *ret)
{
	uint16_t port = instance_host_port(instance, index);

	*ret = (struct endpoint){ .host = instance->host, .port = port };
	if (port == 0)
		*ret = (struct endpoint){
			.host = own_address(instance),
			.port = instance_container_port(instance, index),
		};
	return ret->host && ret->port != 0;
}

bool endpoint_find(const struct instance *instance, const char *name, struct endpoint *ret)
{
	int index = app_port_index(instance->spec->json, name);

	return index >= 0 && (unsigned)index < instance->n_ports &&
	       endpoint_at(instance, (unsigned)index, ret);
}
