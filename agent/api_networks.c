/* GET /networks: what containers have of the node's networks. */
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/container.h"
#include "agent/network.h"
#include "agent/network_cni.h"
#include "agent/view.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/ranges.h"
#include "net/http_server.h"

static json_t *prefix_view(const struct ip_prefix *prefix)
{
	char text[IP_PREFIX_TEXT_SIZE];

	return prefix->family ? json_string(ip_prefix_format(prefix, text)) : NULL;
}

/* NULL: there is none. */
static json_t *bridge_view(const struct networks *networks)
{
	const struct bridge *bridge = &networks->bridge;
	const struct ipam *ipam = &networks->ipam;
	json_t *view;

	if (!*bridge->name)
		return NULL;
	view = json_pack("{s:s, s:o*, s:o*, s:o*, s:o*, s:i, s:b, s:I, s:I}", "name", bridge->name,
			 "address", prefix_view(&bridge->address),
			 "address6", prefix_view(&bridge->address6),
			 "subnet", prefix_view(&ipam->subnet), "subnet6", prefix_view(&ipam->subnet6),
			 "mtu", (int)bridge->mtu, "is_made", (int)networks->is_bridge_made,
			 "used", (json_int_t)ranges_count(&ipam->used), "total", (json_int_t)ipam->last - IPAM_GATEWAY);
	if (networks->is_bridge_bad)
		json_object_set_new(view, "failure", json_string(networks->failure.msg));
	return view;
}

/* The plugins' documents stay out: they may hold secrets of the operator. */
static json_t *attachment_view(const Tepui__NetworkRecord__Attachment *attachment)
{
	json_t *addresses = json_array();

	for (size_t i = 0; i < attachment->n_addresses; i++)
		json_array_append_new(addresses, json_string(attachment->addresses[i]));
	return json_pack("{s:s, s:s, s:s*, s:o}", "network", attachment->network,
			 "interface", attachment->interface, "link", attachment->link,
			 "addresses", addresses);
}

static void name_owner(const struct agent *agent, const char *container_id, json_t *view)
{
	struct view_owner owner;
	struct container *c;

	HASH_FIND_STR(agent->containers, container_id, c);
	if (!c || !view_owner(c, &owner))
		return;
	if (owner.executor)
		json_object_set_new(view, "executor_id",
				    json_string(owner.executor->executor_id->value));
	if (owner.framework_id)
		json_object_set_new(view, "framework_id", json_string(owner.framework_id));
}

static json_t *container_view(const struct agent *agent, const struct network *network)
{
	const Tepui__NetworkRecord *record = network->record;
	json_t *attachments = json_array(), *mappings = json_array(), *view, *mapping;
	struct err ignored = { 0 };

	for (size_t i = 0; i < record->n_attachments; i++)
		json_array_append_new(attachments, attachment_view(record->attachments[i]));
	for (size_t i = 0; i < record->n_port_mappings; i++) {
		if (pb_to_json(&record->port_mappings[i]->base, &mapping, &ignored) >= 0)
			json_array_append_new(mappings, mapping);
	}
	view = json_pack("{s:s, s:o, s:o, s:b}", "container_id", record->container_id, "attachments",
			 attachments, "port_mappings", mappings, "is_leaving",
			 (int)(network->is_leaving || network->is_deleting));
	if (view && network_cni_failure(network))
		json_object_set_new(view, "failure", json_string(network_cni_failure(network)));
	if (view && record->is_restricted) {
		json_t *allowed = json_array();

		for (size_t i = 0; i < record->n_allowed; i++)
			json_array_append_new(allowed, json_string(record->allowed[i]));
		json_object_set_new(view, "allowed", allowed);
	}
	name_owner(agent, record->container_id, view);
	return view;
}

int api_networks(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	const struct networks *networks = agent->networks;
	json_t *containers = json_array();

	for (const struct network *n = networks ? networks->all : NULL; n; n = n->hh.next)
		json_array_append_new(containers, container_view(agent, n));
	return api_reply(req, json_pack("{s:s*, s:o*, s:o}", "address", agent->address, "bridge",
					networks ? bridge_view(networks) : NULL, "containers",
					containers), e);
}
