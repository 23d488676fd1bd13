#include "master_stub/marathon/instance/network_info.h"

#include <string.h>

#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/state.h"

/* The bridge has no name in definitions. */
static const char *name_of(const struct controller *c, const json_t *network)
{
	const char *name = json_string_value(json_object_get(network, "name"));

	return name ? name : c->options.mesos_bridge_name;
}

/* Is PORT mapped into the network NAME? */
static bool is_on(const struct app_port *port, const char *name)
{
	size_t n = json_array_size(port->network_names);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(json_string_value(json_array_get(port->network_names, i)), name) == 0)
			return true;
	}
	return n == 0;
}

static void add_mapping(struct build *b, const struct instance *instance, unsigned index,
			const char *protocol, Mesos__V1__NetworkInfo *network)
{
	Mesos__V1__NetworkInfo__PortMapping *mapping =
		MAKE(b, Mesos__V1__NetworkInfo__PortMapping,
		     mesos__v1__network_info__port_mapping__init);

	if (!mapping)
		return;
	mapping->host_port = instance_host_port(instance, index);
	mapping->container_port = instance_container_port(instance, index);
	mapping->protocol = build_copy(b, protocol);
	network->port_mappings[network->n_port_mappings++] = mapping;
}

/* What has no port of the node's is reached inside the network only. */
static void add_mappings(struct build *b, const struct instance *instance,
			 Mesos__V1__NetworkInfo *network)
{
	unsigned n = app_n_ports(instance->spec);

	network->port_mappings = build_alloc(b, (size_t)n * N_PORT_PROTOCOLS,
					     sizeof(*network->port_mappings));
	for (unsigned i = 0; network->port_mappings && i < n; i++) {
		const struct app_port port = app_port(instance->spec, i);

		if (!port.takes_host_port || !is_on(&port, network->name))
			continue;
		for (int k = 0; k < N_PORT_PROTOCOLS; k++) {
			if (app_port_speaks(&port, port_protocol_names[k]))
				add_mapping(b, instance, i, port_protocol_names[k], network);
		}
	}
}

void network_infos_add(struct build *b, const struct instance *instance,
		       Mesos__V1__ContainerInfo *info)
{
	const struct app *spec = instance->spec;
	size_t n = json_array_size(spec->networks);

	if (!spec->has_own_network)
		return;
	info->network_infos = build_alloc(b, n, sizeof(*info->network_infos));
	for (size_t i = 0; info->network_infos && i < n; i++) {
		const json_t *definition = json_array_get(spec->networks, i);
		Mesos__V1__NetworkInfo *network =
			MAKE(b, Mesos__V1__NetworkInfo, mesos__v1__network_info__init);

		if (!network)
			return;
		info->network_infos[info->n_network_infos++] = network;
		network->name = build_copy(b, name_of(b->c, definition));
		network->labels = labels_message(b, json_object_get(definition, "labels"));
		if (network->name)
			add_mappings(b, instance, network);
	}
}
