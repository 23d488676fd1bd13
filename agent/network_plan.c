/* What a container asks of networks, checked and put together as a record. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/network.h"
#include "agent/network_cni.h"
#include "lib/bandwidth.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/vip_label.h"

enum { MAX_NETWORKS = 8, MAX_FAMILIES = 2, MAX_MAPPINGS = 256, MAX_ALLOWED = 64 };

typedef Tepui__NetworkRecord__Attachment Attachment;
typedef Mesos__V1__NetworkInfo__PortMapping PortMapping;

struct plan {
	struct networks *networks;
	const struct container *container;
	Tepui__NetworkRecord record;
	uint32_t number;

	Attachment attachments[MAX_NETWORKS], *attachment_list[MAX_NETWORKS];
	char interfaces[MAX_NETWORKS][LINK_NAME_SIZE];
	char link[LINK_NAME_SIZE];			/* of the one that is on the bridge */
	char addresses[MAX_FAMILIES][IP_PREFIX_TEXT_SIZE];
	char *address_list[MAX_FAMILIES];
	PortMapping *mappings[MAX_MAPPINGS];
	char *allowed[MAX_ALLOWED];			/* in ALLOWED_TEXTS */
	char *allowed_texts[MAX_NETWORKS];		/* owned */
	char *configs[MAX_NETWORKS];			/* of CNI; owned */
};

/* ---- labels ---- */

const char *network_label(const Mesos__V1__NetworkInfo *info, const char *key)
{
	for (size_t i = 0; info->labels && i < info->labels->n_labels; i++) {
		const Mesos__V1__Label *label = info->labels->labels[i];

		if (strcmp(label->key, key) == 0)
			return label->value ? label->value : "";
	}
	return NULL;
}

int network_bandwidth(const Mesos__V1__NetworkInfo *info, const char *key, uint64_t *ret,
		      struct err *e)
{
	const char *text = network_label(info, key);

	*ret = 0;
	if (text && bandwidth_parse(text, ret, e) < 0)
		return err_wrap(e, "container.network_infos: label '%s'", key);
	return 0;
}

/* WORD becomes what the directory calls that service by, which is no longer. */
static int read_allowed(char *word, size_t i, struct err *e)
{
	struct vip_label service;

	if (vip_read(word, &service, e) < 0)
		return err_wrap(e, "container.network_infos[%zu].labels: allow", i);
	(void)snprintf(word, strlen(word) + 1, "%s%s:%u", service.address == 0 ? "/" : "", service.host,
		       service.port);
	return 0;
}

/* "/NAME:PORT" or "ADDRESS:PORT", with commas between. */
static int add_allowed(struct plan *plan, const Mesos__V1__NetworkInfo *info, size_t i,
		       struct err *e)
{
	const char *text = network_label(info, "allow");
	char *rest, *word;

	if (!text)
		return 0;
	plan->record.has_is_restricted = 1;
	plan->record.is_restricted = 1;
	rest = plan->allowed_texts[i] = strdup(text);
	if (!rest)
		return err_set(e, ENOMEM, "read what is allowed");
	while ((word = strsep(&rest, ", "))) {
		if (!*word)
			continue;
		if (plan->record.n_allowed == MAX_ALLOWED)
			return err_set(e, E2BIG, "container.network_infos[%zu].labels: allow: more "
				       "than %d", i, MAX_ALLOWED);
		if (read_allowed(word, i, e) < 0)
			return -EINVAL;
		plan->allowed[plan->record.n_allowed++] = word;
	}
	return 0;
}

/* ---- ports ---- */

static const char *protocol_of(const PortMapping *mapping)
{
	return mapping->protocol && *mapping->protocol ? mapping->protocol : "tcp";
}

static bool is_mapped(const Tepui__NetworkRecord *record, const PortMapping *wanted)
{
	for (size_t i = 0; i < record->n_port_mappings; i++) {
		const PortMapping *mapping = record->port_mappings[i];

		if (mapping->host_port == wanted->host_port &&
		    strcmp(protocol_of(mapping), protocol_of(wanted)) == 0)
			return true;
	}
	return false;
}

/* The ports of a group are its members', who come after their pod. */
static const struct resources *ports_holder(const struct container *c)
{
	return c->kind == CONTAINER_POD ? &c->agent->node.total : &c->resources;
}

static bool has_port(const struct resources *resources, uint32_t port)
{
	bool has = ranges_contains(&resources->ports, port, port);

	for (size_t i = 0; i < resources->parts.n && !has; i++) {
		const struct resource_part *part = &resources->parts.items[i];

		has = part->kind == RESOURCE_PORTS && ranges_contains(&part->ports, port, port);
	}
	return has;
}

static int check_mapping(const struct plan *plan, const PortMapping *mapping, const char *where,
			 struct err *e)
{
	const char *protocol = protocol_of(mapping);

	if (mapping->container_port < 1 || mapping->container_port > UINT16_MAX)
		return err_set(e, EINVAL, "%s.container_port: %u is not a port", where,
			       mapping->container_port);
	if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
		return err_set(e, EINVAL, "%s.protocol: '%.32s' is neither tcp nor udp", where,
			       protocol);
	if (!has_port(ports_holder(plan->container), mapping->host_port))
		return err_set(e, EINVAL, "%s.host_port: %u is not among the ports that were "
			       "offered for it", where, mapping->host_port);
	if (is_mapped(&plan->record, mapping))
		return err_set(e, EINVAL, "%s.host_port: %u is mapped twice", where,
			       mapping->host_port);
	for (const struct network *other = plan->networks->all; other; other = other->hh.next) {
		if (is_mapped(other->record, mapping))
			return err_set(e, EADDRINUSE, "%s.host_port: %u is that of container '%s'",
				       where, mapping->host_port, other->record->container_id);
	}
	return 0;
}

/* Those that plugins map are theirs alone. */
static int add_mappings(struct plan *plan, const Mesos__V1__NetworkInfo *info, size_t i,
			bool are_plugins, struct err *e)
{
	for (size_t k = 0; k < info->n_port_mappings; k++) {
		char where[96];

		(void)snprintf(where, sizeof(where),
			       "container.network_infos[%zu].port_mappings[%zu]", i, k);
		if (plan->record.n_port_mappings == MAX_MAPPINGS)
			return err_set(e, E2BIG, "%s: more than %d", where, MAX_MAPPINGS);
		if (check_mapping(plan, info->port_mappings[k], where, e) < 0)
			return -e->code;
		if (are_plugins)
			continue;
		plan->mappings[plan->record.n_port_mappings++] = info->port_mappings[k];
	}
	return 0;
}

/* ---- the bridge ---- */

/* A host by its number has an address of each family: whichever is asked for, the other follows. */
static int take_asked(struct plan *plan, const Mesos__V1__NetworkInfo *info, size_t i,
		      struct err *e)
{
	struct ipam *ipam = &plan->networks->ipam;
	uint32_t number = 0;
	int r = 0;

	for (size_t k = 0; k < info->n_ip_addresses && r >= 0; k++) {
		const char *text = info->ip_addresses[k]->ip_address;
		struct ip_prefix address;

		if (!text || !*text)
			continue;
		r = ip_prefix_parse(text, &address, e);
		if (r >= 0 && plan->number)
			r = ip_prefix_number(address.family == AF_INET ? &ipam->subnet :
					     &ipam->subnet6, &address, &number) < 0 ||
			    number != plan->number ?
				    err_set(e, EINVAL, "take address %s: it is not the same "
					    "host's as the one before", text) : 0;
		else if (r >= 0)
			r = ipam_take_address(ipam, &address, &plan->number, e);
	}
	return r < 0 ? err_wrap(e, "container.network_infos[%zu].ip_addresses", i) : 0;
}

static int add_bridge(struct plan *plan, const Mesos__V1__NetworkInfo *info, size_t i,
		      struct err *e)
{
	struct networks *networks = plan->networks;
	Attachment *attachment = &plan->attachments[i];
	struct ip_prefix address, address6;
	int r;

	if (!*networks->bridge.name)
		return err_set(e, ENOTSUP, "container.network_infos[%zu].name: this agent has no "
			       "bridge; see --bridge", i);
	if (plan->number)
		return err_set(e, EINVAL, "container.network_infos[%zu].name: it is on the bridge "
			       "already", i);
	r = networks_own(networks, e);
	if (r >= 0)
		r = take_asked(plan, info, i, e);
	if (r >= 0 && !plan->number)
		r = ipam_take(&networks->ipam, &plan->number, e);
	if (r < 0)
		return r;
	address = ipam_address(&networks->ipam, plan->number);
	address6 = ipam_address6(&networks->ipam, plan->number);
	ip_prefix_format(&address, plan->addresses[0]);
	if (address6.family)
		ip_prefix_format(&address6, plan->addresses[1]);
	(void)snprintf(plan->link, sizeof(plan->link), NETWORK_LINK "%" PRIu32, plan->number);
	attachment->link = plan->link;
	attachment->addresses = plan->address_list;
	attachment->n_addresses = address6.family ? 2 : 1;
	return 0;
}

/* ---- all of it ---- */

static bool is_bridge(const char *name)
{
	return strcmp(name, NETWORK_BRIDGE) == 0 || strcmp(name, NETWORK_MESOS_BRIDGE) == 0;
}

static int add_network(struct plan *plan, const Mesos__V1__NetworkInfo *info, size_t i,
		       struct err *e)
{
	Attachment *attachment = &plan->attachments[i];
	const struct agent *agent = plan->networks->agent;
	uint64_t bits;
	int r;

	tepui__network_record__attachment__init(attachment);
	(void)snprintf(plan->interfaces[i], sizeof(plan->interfaces[i]), "eth%u", (unsigned)i);
	attachment->network = info->name;
	attachment->interface = plan->interfaces[i];
	plan->attachment_list[i] = attachment;
	plan->record.n_attachments = i + 1;
	r = network_cni_bind(agent, info, &plan->configs[i], e);
	attachment->config = plan->configs[i];
	if (r == 0 && !is_bridge(info->name))
		r = network_cni_refuse(agent, info->name, e);
	if (r < 0)
		return err_wrap(e, "container.network_infos[%zu]", i);
	if (!attachment->config)
		r = add_bridge(plan, info, i, e);
	if (r >= 0)
		r = add_mappings(plan, info, i, attachment->config, e);
	if (r >= 0)
		r = add_allowed(plan, info, i, e);
	if (r >= 0)
		r = network_bandwidth(info, "bandwidth_in", &bits, e);
	return r < 0 ? r : network_bandwidth(info, "bandwidth_out", &bits, e);
}

static bool is_named(const Mesos__V1__NetworkInfo *info)
{
	return info->name && *info->name;
}

/* How many of C's networks have names: without one it is the node's own, of which nothing can be asked. */
static int count_named(const Mesos__V1__ContainerInfo *container, size_t *ret, struct err *e)
{
	for (size_t i = 0; container && i < container->n_network_infos; i++) {
		const Mesos__V1__NetworkInfo *info = container->network_infos[i];

		if (info->n_groups)
			return err_set(e, ENOTSUP, "container.network_infos[%zu].groups: not "
				       "supported", i);
		if (!is_named(info) && (info->n_port_mappings || info->n_ip_addresses))
			return err_set(e, EINVAL, "container.network_infos[%zu]: ports are mapped "
				       "and addresses given on a network with a name", i);
		*ret += is_named(info);
	}
	return 0;
}

static int check_container(const struct container *c, size_t n_named, struct err *e)
{
	if (n_named != c->info->container->n_network_infos)
		return err_set(e, EINVAL, "container.network_infos: the node's own network, which "
			       "has no name, is not for one that has others");
	if (n_named > MAX_NETWORKS)
		return err_set(e, E2BIG, "container.network_infos: more than %d", MAX_NETWORKS);
	if (c->parent)
		return err_set(e, ENOTSUP, "container.network_infos: a container in another one has "
			       "the networks of that");
	if (c->kind == CONTAINER_EXECUTOR && !c->agent->flags.http_executor_domain_sockets)
		return err_set(e, ENOTSUP, "container.network_infos: an executor speaks to its "
			       "agent, which has the node's network; see "
			       "--http_executor_domain_sockets");
	return 0;
}

static void init(struct plan *plan, struct networks *networks, const struct container *c)
{
	*plan = (struct plan){ .networks = networks, .container = c };
	tepui__network_record__init(&plan->record);
	plan->record.container_id = c->id;
	plan->record.attachments = plan->attachment_list;
	plan->record.port_mappings = plan->mappings;
	plan->record.allowed = plan->allowed;
	for (size_t i = 0; i < MAX_FAMILIES; i++)
		plan->address_list[i] = plan->addresses[i];
}

static int finish(struct plan *plan, int r, Tepui__NetworkRecord **ret, struct err *e)
{
	if (r >= 0) {
		*ret = (Tepui__NetworkRecord *)pb_copy(&plan->record.base);
		if (!*ret)
			r = err_set(e, ENOMEM, "describe networks");
	}
	if (r < 0 && plan->number)
		ipam_give_back(&plan->networks->ipam, plan->number);
	for (size_t i = 0; i < MAX_NETWORKS; i++) {
		free(plan->allowed_texts[i]);
		free(plan->configs[i]);
	}
	return r;
}

int network_plan(struct networks *networks, const struct container *c, Tepui__NetworkRecord **ret,
		 uint32_t *ret_number, struct err *e)
{
	const Mesos__V1__ContainerInfo *container = c->info->container;
	struct plan plan;
	size_t n = 0;
	int r = count_named(container, &n, e);

	if (r < 0 || n == 0)
		return r;
	r = check_container(c, n, e);
	init(&plan, networks, c);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = add_network(&plan, container->network_infos[i], i, e);
	r = finish(&plan, r, ret, e);
	if (r >= 0)
		*ret_number = plan.number;
	return r;
}
