#include "master_stub/marathon/definition/app_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/vip_label.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/pod.h"

static uint16_t number_of(const json_t *port, const char *key)
{
	return (uint16_t)json_integer_value(json_object_get(port, key));
}

const char *const port_protocol_names[N_PORT_PROTOCOLS] = { "tcp", "udp" };

bool app_port_speaks(const struct app_port *port, const char *name)
{
	return strstr(port->protocol, name) != NULL;
}

unsigned app_n_ports(const struct app *app)
{
	return (unsigned)json_array_size(app->ports);
}

struct app_port app_port(const struct app *app, unsigned index)
{
	const json_t *json = json_array_get(app->ports, index);
	struct app_port port = {
		.name = json_string_value(json_object_get(json, "name")),
		.protocol = json_string_value(json_object_get(json, "protocol")),
		.labels = json_object_get(json, "labels"),
		.network_names = json_object_get(json, "networkNames"),
	};

	if (app->has_own_network) {
		port.takes_host_port = json_object_get(json, "hostPort") != NULL;
		port.host_port = number_of(json, "hostPort");
		port.container_port = port.requested = number_of(json, "containerPort");
	} else {
		port.takes_host_port = true;
		port.requested = number_of(json, "port");
		port.host_port = app->require_ports ? port.requested : 0;
	}
	return port;
}

unsigned app_n_host_ports(const struct app *app)
{
	unsigned n = 0;

	for (unsigned i = 0; i < app_n_ports(app); i++)
		n += app_port(app, i).takes_host_port;
	return n;
}

static void endpoint_path(const struct pod *pod, unsigned index, char ret[APP_PORT_PATH_SIZE])
{
	unsigned i = pod->n_containers - 1;

	while (pod->containers[i].first_port > index)
		i--;
	(void)snprintf(ret, APP_PORT_PATH_SIZE, "/containers(%u)/endpoints(%u)", i,
		       index - pod->containers[i].first_port);
}

void app_port_path(const struct app *app, unsigned index, char ret[APP_PORT_PATH_SIZE])
{
	if (app->pod)
		endpoint_path(app->pod, index, ret);
	else
		(void)snprintf(ret, APP_PORT_PATH_SIZE, "%s(%u)",
			       app->has_own_network ? "/container/portMappings" : "/portDefinitions",
			       index);
}

static bool is_of_service(json_t *labels)
{
	const char *key;
	json_t *value;

	json_object_foreach(labels, key, value) {
		if (vip_label_is(key))
			return true;
	}
	return false;
}

bool app_has_services(const struct app *app)
{
	for (unsigned i = 0; i < app_n_ports(app); i++) {
		if (is_of_service(json_object_get(json_array_get(app->ports, i), "labels")))
			return true;
	}
	return false;
}

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

/* ---- Service ports ---- */

static const char *service_key(const struct app *app)
{
	return app->has_own_network ? "servicePort" : "port";
}

uint16_t app_service_port(const struct app *app, unsigned index)
{
	return number_of(json_array_get(app->ports, index), service_key(app));
}

bool app_has_service_port(const struct app *app, uint16_t port)
{
	for (unsigned i = 0; port != 0 && !app->require_ports && i < app_n_ports(app); i++) {
		if (app_service_port(app, i) == port)
			return true;
	}
	return false;
}

void app_mark_service_ports(const struct app *app, bool taken[N_PORTS])
{
	for (unsigned i = 0; i < app_n_ports(app); i++)
		taken[app_service_port(app, i)] = true;
}

/* From a place that chance chooses, so that a port that was just given up is not taken at once. */
static uint16_t find_port(uint16_t min, uint16_t max, const bool taken[N_PORTS], uint32_t seed)
{
	uint32_t size = (uint32_t)(max - min);

	for (uint32_t tried = 0; tried < size; tried++) {
		uint16_t port = (uint16_t)(min + (seed + tried) % size);

		if (!taken[port])
			return port;
	}
	return 0;
}

/* What the port INDEX of PREVIOUS was; 0: none, or APP has it at another port by now. */
static uint16_t previous_port(const struct app *app, const struct app *previous, unsigned index)
{
	uint16_t port;

	if (!previous || previous->require_ports || index >= app_n_ports(previous))
		return 0;
	port = app_service_port(previous, index);
	return app_has_service_port(app, port) ? 0 : port;
}

int app_assign_service_ports(struct app *app, const struct app *previous, uint16_t min,
			     uint16_t max, bool taken[N_PORTS], uint32_t seed)
{
	/* With required ports the numbers are the host's: 0 stays "any". */
	for (unsigned i = 0; i < app_n_ports(app) && !app->require_ports; i++) {
		json_t *definition = json_array_get(app->ports, i);
		uint16_t port = app_service_port(app, i);

		if (port != 0)
			continue;
		port = previous_port(app, previous, i);
		if (port == 0)
			port = find_port(min, max, taken, seed + i);
		if (port == 0)
			return -ENOSPC;
		taken[port] = true;
		if (json_object_set_new(definition, service_key(app), json_integer(port)) < 0)
			return -ENOMEM;
	}
	return 0;
}
