#include "master_stub/marathon/instance/discovery.h"

#include <stdio.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/instance/weight.h"
#include "master_stub/marathon/state.h"

/* The one that the port INDEX is on; NULL: it is on several, or on the bridge. */
static const char *network_name(const struct app *spec, unsigned index)
{
	const json_t *names = app_port(spec, index).network_names;

	if (json_array_size(names) == 1)
		return json_string_value(json_array_get(names, 0));
	if (json_array_size(names) > 1 || json_array_size(spec->networks) > 1)
		return NULL;
	return json_string_value(json_object_get(json_array_get(spec->networks, 0), "name"));
}

/* Those of the definition, and where the number is to be understood. */
static json_t *labels_of(const struct instance *instance, unsigned index)
{
	const struct app *spec = instance->spec;
	const struct app_port port = app_port(spec, index);
	const char *network = network_name(spec, index);
	json_t *labels = port.labels ? json_deep_copy(port.labels) : json_object();

	if (!labels || !spec->has_own_network)
		return labels;
	(void)json_object_set_new(labels, "network-scope",
				  json_string(port.takes_host_port ? "host" : "container"));
	if (!port.takes_host_port && network)
		(void)json_object_set_new(labels, "network-name", json_string(network));
	return labels;
}

static void add_port(struct build *b, const struct instance *instance, unsigned index,
		     const char *protocol, Mesos__V1__Ports *ports)
{
	const struct app_port wanted = app_port(instance->spec, index);
	AUTO(json_decrefp) json_t *labels = labels_of(instance, index);
	uint16_t host_port = instance_host_port(instance, index);
	Mesos__V1__Port *port = MAKE(b, Mesos__V1__Port, mesos__v1__port__init);

	if (!port)
		return;
	ports->ports[ports->n_ports++] = port;
	port->number = host_port ? host_port : instance_container_port(instance, index);
	port->name = wanted.name ? build_copy(b, wanted.name) : NULL;
	port->protocol = build_copy(b, protocol);
	port->labels = labels_message(b, labels);
}

static Mesos__V1__Ports *make_ports(struct build *b, const struct instance_task *task)
{
	unsigned first, n = instance_task_ports(task, &first);
	Mesos__V1__Ports *ports = MAKE(b, Mesos__V1__Ports, mesos__v1__ports__init);

	if (!ports || n == 0)
		return ports;
	ports->ports = build_alloc(b, (size_t)n * N_PORT_PROTOCOLS, sizeof(*ports->ports));
	for (unsigned i = first; ports->ports && i < first + n; i++) {
		const struct app_port port = app_port(task->instance->spec, i);

		for (int k = 0; k < N_PORT_PROTOCOLS; k++) {
			if (app_port_speaks(&port, port_protocol_names[k]))
				add_port(b, task->instance, i, port_protocol_names[k], ports);
		}
	}
	return ports;
}

/* What the master need not be told by a call. */
static Mesos__V1__Labels *make_labels(struct build *b, const struct instance *instance)
{
	AUTO(json_decrefp) json_t *labels = NULL;
	char weight[16];

	if (instance_weight(instance) < 0)
		return NULL;
	(void)snprintf(weight, sizeof(weight), "%u", instance_weight_in_force(instance));
	labels = json_pack("{s:s}", "weight", weight);
	return labels_message(b, labels);
}

Mesos__V1__DiscoveryInfo *discovery_info_new(struct build *b, const struct instance_task *task)
{
	Mesos__V1__DiscoveryInfo *message =
		MAKE(b, Mesos__V1__DiscoveryInfo, mesos__v1__discovery_info__init);
	char name[256];

	if (!message)
		return NULL;
	task_name(instance_task_spec(task)->id, name, sizeof(name));
	message->visibility = MESOS__V1__DISCOVERY_INFO__VISIBILITY__FRAMEWORK;
	message->name = build_copy(b, name);
	message->ports = make_ports(b, task);
	message->labels = make_labels(b, task->instance);
	return message;
}
