/* What a task says of itself: its name, its ports, the services that they are behind, its weight. */
#include "master_stub/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/utf8.h"
#include "master_stub/core.h"
#include "master_stub/directory_parts.h"
#include "master_stub/framework.h"
#include "master_stub/task.h"

enum { MAX_COMPLAINT = 2000 };

static struct master *master_of(const struct endpoint *endpoint)
{
	return endpoint->task->framework->master;
}

/* ---- what is wrong ---- */

void endpoint_explain(const struct endpoint *endpoint, const char *why)
{
	struct directory *directory = master_of(endpoint)->directory;
	const struct task *task = endpoint->task;
	uint64_t hash = hash_bytes(why, strlen(why)) * 31 +
			hash_bytes(endpoint->name, strlen(endpoint->name));

	if (directory->explained[hash % N_EXPLAINED] == hash)
		return;
	directory->explained[hash % N_EXPLAINED] = hash;
	master_explain(directory->master, "task '%s' of framework '%s': %s", task->id,
		       task->framework->id, why);
}

static char *join(const char *before, const char *more)
{
	char *text;

	if (!before)
		return strdup(more);
	return strlen(before) <= MAX_COMPLAINT && asprintf(&text, "%s; %s", before, more) >= 0 ?
	       text : NULL;
}

/* A label that means nothing is as if it were not there; WHY_TAKE is handled. */
static void complain(struct endpoint *endpoint, struct err *why_take)
{
	char *text = join(endpoint->complaint, why_take->msg);

	endpoint_explain(endpoint, why_take->msg);
	if (text) {
		free(endpoint->complaint);
		endpoint->complaint = text;
	}
	err_clear(why_take);
}

/* ---- its ports ---- */

static char *copy_name(const char *name)
{
	return strndup(name, utf8_cut(name, ENDPOINT_MAX_NAME));
}

/* Its own, or that of the executor which it is in. */
static const Mesos__V1__ContainerInfo *container_of_task(const Mesos__V1__TaskInfo *info)
{
	if (info->container && info->container->n_network_infos > 0)
		return info->container;
	return info->executor ? info->executor->container : NULL;
}

/* No name and no ports: the node's. */
static bool is_own_network(const Mesos__V1__NetworkInfo *network)
{
	return (network->name && *network->name) || network->n_port_mappings > 0;
}

static bool is_of_protocol(const char *protocol, bool is_udp)
{
	bool is_given = protocol && *protocol;

	return strcasestr(is_given ? protocol : "tcp", is_udp ? "udp" : "tcp") != NULL;
}

static const char *label_of(const Mesos__V1__Labels *labels, const char *key)
{
	for (size_t i = 0; labels && i < labels->n_labels; i++) {
		if (strcmp(labels->labels[i]->key, key) == 0)
			return labels->labels[i]->value;
	}
	return NULL;
}

/* Of the port NUMBER of the host, or of the container. */
static const Mesos__V1__NetworkInfo__PortMapping *
find_mapping(const Mesos__V1__ContainerInfo *container, uint32_t number, bool is_udp, bool is_of_host)
{
	for (size_t i = 0; i < container->n_network_infos; i++) {
		const Mesos__V1__NetworkInfo *network = container->network_infos[i];

		for (size_t k = 0; k < network->n_port_mappings; k++) {
			const Mesos__V1__NetworkInfo__PortMapping *mapping = network->port_mappings[k];

			if (is_of_protocol(mapping->protocol, is_udp) &&
			    mapping->host_port <= UINT16_MAX && mapping->container_port <= UINT16_MAX &&
			    number == (is_of_host ? mapping->host_port : mapping->container_port))
				return mapping;
		}
	}
	return NULL;
}

/*
 * The number that is told is the host's, where there is a port of the host, unless it says that it is
 * the container's.
 */
static void set_numbers(struct endpoint_port *port, const Mesos__V1__ContainerInfo *container,
			const Mesos__V1__Port *of)
{
	const Mesos__V1__NetworkInfo__PortMapping *mapping = NULL;
	const char *scope = label_of(of->labels, "network-scope");

	if (container && !(scope && strcmp(scope, "container") == 0))
		mapping = find_mapping(container, of->number, port->is_udp, true);
	if (container && !mapping)
		mapping = find_mapping(container, of->number, port->is_udp, false);
	if (!container)
		port->host_port = (uint16_t)of->number;
	else
		port->container_port = (uint16_t)of->number;
	if (mapping) {
		port->host_port = (uint16_t)mapping->host_port;
		port->container_port = (uint16_t)mapping->container_port;
	}
}

static bool is_claimed_twice(const struct endpoint *endpoint)
{
	const struct claim *last = &endpoint->claims[endpoint->n_claims - 1];

	for (const struct claim *claim = endpoint->claims; claim < last; claim++) {
		if (claim->port == last->port && claim->service && claim->service == last->service)
			return true;
	}
	return false;
}

/* Each of its labels that asks for an address, for a port of one protocol. */
static int add_claims(struct endpoint *endpoint, const struct endpoint_port *port,
		      const Mesos__V1__Labels *labels, bool is_launched)
{
	const struct ranges *node_ports = &master_of(endpoint)->directory->services.node_ports;
	unsigned n = 0;
	int r = 0;

	for (size_t i = 0; labels && i < labels->n_labels && r == 0; i++) {
		const Mesos__V1__Label *label = labels->labels[i];
		struct vip_label vip;
		struct err e = { 0 };

		if (!vip_label_is(label->key))
			continue;
		if (n == ENDPOINT_MAX_CLAIMS) {
			(void)err_set(&e, EINVAL, "a port has more than %d labels 'VIP_n'",
				      ENDPOINT_MAX_CLAIMS);
			complain(endpoint, &e);
			return 0;
		}
		if (vip_label_read(label, &vip, &e) < 0) {
			(void)err_wrap(&e, "label '%.40s'", label->key);
			complain(endpoint, &e);
			continue;
		}
		for (size_t choice = 0; choice < N_VIP_CHOICES; choice++) {
			if (vip_label_choose(labels, label, choice, node_ports, &vip.choices, &e) < 0)
				complain(endpoint, &e);
		}
		endpoint->claims[endpoint->n_claims] = (struct claim){
			.endpoint = endpoint, .port = port,
		};
		r = claim_place(&endpoint->claims[endpoint->n_claims++], &vip, is_launched);
		if (is_claimed_twice(endpoint))
			claim_drop(&endpoint->claims[--endpoint->n_claims]);
		n++;
	}
	return r;
}

/* As a port of each of its protocols. */
static int add_port(struct endpoint *endpoint, const Mesos__V1__ContainerInfo *container,
		    const Mesos__V1__Port *of, bool is_launched)
{
	int r = 0;

	if (of->number == 0 || of->number > UINT16_MAX)
		return 0;
	for (int is_udp = 0; is_udp <= 1 && r == 0; is_udp++) {
		struct endpoint_port *port = &endpoint->ports[endpoint->n_ports];
		struct err e = { 0 };

		if (!is_of_protocol(of->protocol, is_udp))
			continue;
		if (endpoint->n_ports == ENDPOINT_MAX_PORTS) {
			(void)err_set(&e, EINVAL, "it has more than %d ports", ENDPOINT_MAX_PORTS);
			complain(endpoint, &e);
			return 0;
		}
		*port = (struct endpoint_port){ .is_udp = is_udp };
		endpoint->n_ports++;
		port->name = of->name && *of->name ? copy_name(of->name) : NULL;
		if (of->name && *of->name && !port->name)
			return -ENOMEM;
		set_numbers(port, container, of);
		r = add_claims(endpoint, port, of->labels, is_launched);
	}
	return r;
}

static size_t count_ports(const Mesos__V1__Ports *ports, size_t *ret_claims)
{
	size_t n = 0;

	*ret_claims = 0;
	for (size_t i = 0; i < ports->n_ports && n < ENDPOINT_MAX_PORTS; i++) {
		const Mesos__V1__Labels *labels = ports->ports[i]->labels;
		size_t n_vips = 0, n_protocols = (size_t)is_of_protocol(ports->ports[i]->protocol, false) +
						 is_of_protocol(ports->ports[i]->protocol, true);

		for (size_t k = 0; labels && k < labels->n_labels; k++)
			n_vips += vip_label_is(labels->labels[k]->key);
		n += n_protocols;
		*ret_claims += n_protocols * (n_vips < ENDPOINT_MAX_CLAIMS ? n_vips : ENDPOINT_MAX_CLAIMS);
	}
	return n < ENDPOINT_MAX_PORTS ? n : ENDPOINT_MAX_PORTS;
}

static int add_ports(struct endpoint *endpoint, const Mesos__V1__TaskInfo *info, bool is_launched)
{
	const Mesos__V1__ContainerInfo *container =
		endpoint->has_own_network ? container_of_task(info) : NULL;
	const Mesos__V1__Ports *ports = info->discovery ? info->discovery->ports : NULL;
	size_t n_claims, n_ports = ports ? count_ports(ports, &n_claims) : 0;
	int r = 0;

	if (n_ports == 0)
		return 0;
	endpoint->ports = calloc(n_ports + 1, sizeof(*endpoint->ports));
	endpoint->claims = n_claims > 0 ? calloc(n_claims, sizeof(*endpoint->claims)) : NULL;
	if (!endpoint->ports || (n_claims > 0 && !endpoint->claims))
		return -ENOMEM;
	for (size_t i = 0; i < ports->n_ports && r == 0; i++)
		r = add_port(endpoint, container, ports->ports[i], is_launched);
	return r;
}

/* ---- all of it ---- */

static void read_weight(struct endpoint *endpoint, const Mesos__V1__DiscoveryInfo *discovery)
{
	const char *text = discovery ? label_of(discovery->labels, "weight") : NULL;
	struct err e = { 0 };

	endpoint->weight = 1;
	if (text && vip_weight_read(text, &endpoint->weight, &e) < 0)
		complain(endpoint, &e);
}

static bool has_own_network(const Mesos__V1__TaskInfo *info)
{
	const Mesos__V1__ContainerInfo *container = container_of_task(info);

	for (size_t i = 0; container && i < container->n_network_infos; i++) {
		if (is_own_network(container->network_infos[i]))
			return true;
	}
	return false;
}

static int set_name(struct endpoint *endpoint, const Mesos__V1__TaskInfo *info)
{
	const Mesos__V1__DiscoveryInfo *discovery = info->discovery;

	endpoint->name = copy_name(discovery && discovery->name && *discovery->name ?
				   discovery->name : info->name);
	return endpoint->name ? 0 : -ENOMEM;
}

int endpoint_describe(struct endpoint *endpoint, const Mesos__V1__TaskInfo *info, bool is_launched)
{
	int r = set_name(endpoint, info);

	if (r < 0)
		return r;
	endpoint->is_launched = is_launched;
	endpoint->is_checked = info->health_check || info->n_more_health_checks > 0;
	endpoint->has_own_network = has_own_network(info);
	read_weight(endpoint, info->discovery);
	return add_ports(endpoint, info, is_launched);
}
