/* What is told of a container's networks: to its supervisor, and in statuses of what runs in it. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/network.h"
#include "agent/network_cni.h"
#include "lib/err.h"
#include "lib/pb_json.h"

/* ---- the launch document ---- */

static json_t *list_addresses(char *const *addresses, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++)
		(void)json_array_append_new(list, json_string(addresses[i]));
	return list;
}

static json_t *list_gateways(const struct bridge *bridge)
{
	char address[IP_PREFIX_TEXT_SIZE], address6[IP_PREFIX_TEXT_SIZE];

	ip_prefix_format_host(&bridge->address, address);
	if (bridge->address6.family)
		ip_prefix_format_host(&bridge->address6, address6);
	return json_pack("[s, s*]", address, bridge->address6.family ? address6 : NULL);
}

static json_t *describe_attachment(const struct networks *networks,
				   const Tepui__NetworkRecord__Attachment *attachment,
				   const Mesos__V1__NetworkInfo *info, struct err *e)
{
	uint64_t in, out;
	json_t *object;

	if (attachment->config)
		return network_cni_describe(attachment, e);
	if (network_bandwidth(info, "bandwidth_in", &in, e) < 0 ||
	    network_bandwidth(info, "bandwidth_out", &out, e) < 0)
		return NULL;
	object = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:o, s:o}",
			   "network", attachment->network, "interface", attachment->interface,
			   "link", attachment->link, "bridge", networks->bridge.name,
			   "mtu", (int)networks->bridge.mtu,
			   "bandwidth_in", (json_int_t)in, "bandwidth_out", (json_int_t)out,
			   "addresses", list_addresses(attachment->addresses,
						       attachment->n_addresses),
			   "gateways", list_gateways(&networks->bridge));
	if (!object)
		(void)err_set(e, ENOMEM, "describe networks");
	return object;
}

char *network_describe(const struct container *c, struct err *e)
{
	const struct networks *networks = c->agent->networks;
	const struct network *network = network_find(networks, c->id);
	json_auto_t *document = json_pack("{s:[]}", "attachments");
	json_t *list = json_object_get(document, "attachments");
	char *text;

	/* As many as are asked for, and in that order. */
	for (size_t i = 0; i < network->record->n_attachments; i++) {
		json_t *object = describe_attachment(networks, network->record->attachments[i],
						     c->info->container->network_infos[i], e);

		if (!object)
			return NULL;
		(void)json_array_append_new(list, object);
	}
	if (network_has_cni(network))
		(void)json_object_set_new(document, "cni", network_cni_describe_host(c));
	text = document ? json_dumps(document, JSON_COMPACT) : NULL;
	if (!text)
		(void)err_set(e, ENOMEM, "describe networks");
	return text;
}

/* ---- statuses ---- */

static Mesos__V1__NetworkInfo__IPAddress describe_address(char *text)
{
	Mesos__V1__NetworkInfo__IPAddress address = MESOS__V1__NETWORK_INFO__IPADDRESS__INIT;

	address.has_protocol = 1;
	address.protocol = strchr(text, ':') ? MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6 :
					       MESOS__V1__NETWORK_INFO__PROTOCOL__IPv4;
	address.ip_address = text;
	return address;
}

/* A copy of INFO, of that NAME and with N addresses, at the end of STATUS's. */
static int add_info(Mesos__V1__ContainerStatus *status, const Mesos__V1__NetworkInfo *asked,
		    char *name, char *const *addresses, size_t n)
{
	enum { MAX_ADDRESSES = 8 };
	Mesos__V1__NetworkInfo__IPAddress items[MAX_ADDRESSES], *list[MAX_ADDRESSES];
	char texts[MAX_ADDRESSES][IP_PREFIX_TEXT_SIZE];
	Mesos__V1__NetworkInfo info = MESOS__V1__NETWORK_INFO__INIT, **grown;

	for (size_t i = 0; i < n && i < MAX_ADDRESSES; i++) {
		size_t length = strcspn(addresses[i], "/");

		if (length >= sizeof(texts[i]))
			return -EINVAL;
		memcpy(texts[i], addresses[i], length);
		texts[i][length] = '\0';
		items[i] = describe_address(texts[i]);
		list[i] = &items[i];
		info.n_ip_addresses = i + 1;
	}
	info.ip_addresses = list;
	info.name = name;
	if (asked) {
		info.labels = asked->labels;
		info.port_mappings = asked->port_mappings;
		info.n_port_mappings = asked->n_port_mappings;
	}
	grown = realloc(status->network_infos,
			(status->n_network_infos + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	status->network_infos = grown;
	grown[status->n_network_infos] = (Mesos__V1__NetworkInfo *)pb_copy(&info.base);
	if (!grown[status->n_network_infos])
		return -ENOMEM;
	status->n_network_infos++;
	return 0;
}

int network_complete_status(const struct container *c, Mesos__V1__ContainerStatus *status)
{
	struct network *network = network_of(c);
	char *address = c->agent->address;
	int r = 0;

	if (status->n_network_infos > 0)
		return 0;
	if (network)
		network_learn(c->agent->networks, network);
	if (!network)
		return address ? add_info(status, NULL, NULL, &address, 1) : 0;
	while (c->parent)
		c = c->parent;
	for (size_t i = 0; i < network->record->n_attachments && r >= 0; i++) {
		const Tepui__NetworkRecord__Attachment *attachment =
			network->record->attachments[i];

		r = add_info(status, c->info->container->network_infos[i], attachment->network,
			     attachment->addresses, attachment->n_addresses);
	}
	return r;
}

char *network_address(const struct container *c)
{
	const struct network *network = network_of(c);
	const Tepui__NetworkRecord__Attachment *first =
		network && network->record->n_attachments ? network->record->attachments[0] : NULL;

	return first && first->n_addresses ?
		       strndup(first->addresses[0], strcspn(first->addresses[0], "/")) : NULL;
}
