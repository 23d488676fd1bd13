/*
 * Networks of the container's own network namespace: a pair of links for each, one end on a bridge of
 * the host.  The supervisor makes the pair, with the other end in init's namespace from the start; init
 * gives that its addresses and routes.  Or plugins make all of it: isolators/network_cni.h.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>

#include "isolators/namespaces.h"
#include "isolators/network_cni.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/ip_prefix.h"
#include "net/link.h"
#include "net/netlink.h"

static int check_name(const char *name, const char *field, size_t i, struct err *e)
{
	if (name && link_name_is_valid(name))
		return 0;
	return err_set(e, EINVAL, "attachments[%zu].%s: '%.32s' cannot be the name of a link", i,
		       field, name ? name : "");
}

static int check_addresses(char *const *list, const char *field, size_t i, struct err *e)
{
	struct ip_prefix address;

	for (; list && *list; list++) {
		if (ip_prefix_parse(*list, &address, e) < 0)
			return err_wrap(e, "attachments[%zu].%s", i, field);
	}
	return 0;
}

static int check_network(const struct spec_network *network, size_t i, struct err *e)
{
	if (check_name(network->interface, "interface", i, e) < 0)
		return -e->code;
	if (network->cni)
		return 0;
	if (check_name(network->link, "link", i, e) < 0 ||
	    check_name(network->bridge, "bridge", i, e) < 0 ||
	    check_addresses(network->addresses, "addresses", i, e) < 0 ||
	    check_addresses(network->gateways, "gateways", i, e) < 0)
		return -e->code;
	if (network->mtu < LINK_MIN_MTU || network->mtu > LINK_MAX_MTU)
		return err_set(e, EINVAL, "attachments[%zu].mtu: not %d to %d", i, LINK_MIN_MTU,
			       LINK_MAX_MTU);
	return 0;
}

static int validate(const struct spec *spec, struct err *e)
{
	int r = 0;

	if (spec->n_networks > 0 && !(spec->namespaces & CLONE_NEWNET))
		return err_set(e, EINVAL, "attach networks without a network namespace to make");
	for (size_t i = 0; i < spec->n_networks && r == 0; i++)
		r = check_network(&spec->networks[i], i, e);
	return r < 0 ? r : cni_networks_validate(spec, e);
}

/* Whatever has the name of our end is left over from a container that is gone: names are ours alone. */
static int make_link(struct netlink *nl, const struct box *box, const struct spec_network *network,
		     struct err *e)
{
	struct link_veth veth = {
		.name = network->link, .peer = network->interface, .pid = box->init_pid,
		.bridge = netlink_index(nl, network->bridge, e), .mtu = (unsigned)network->mtu,
	};
	struct ip_prefix address = { 0 };
	int r = veth.bridge;

	if (r >= 0 && network->addresses && network->addresses[0])
		r = ip_prefix_parse(network->addresses[0], &address, e);
	if (r < 0)
		return r;
	link_mac_of(&address, veth.peer_mac);
	link_add_veth(nl, &veth);
	r = netlink_flush(nl, e);
	if (r != -EEXIST)
		return r;
	err_clear(e);
	link_delete(nl, network->link);
	link_add_veth(nl, &veth);
	return netlink_flush(nl, e);
}

/* What LINK, in the namespace of NL, may send. */
static int limit(struct netlink *nl, const char *link, uint64_t bits_per_second, uint64_t mtu,
		 struct err *e)
{
	int index;

	if (bits_per_second == 0)
		return 0;
	index = netlink_index(nl, link, e);
	if (index < 0)
		return index;
	link_limit(nl, index, link, bits_per_second, (unsigned)mtu);
	return netlink_flush(nl, e);
}

static int attach(struct box *box, struct err *e)
{
	AUTO(netlink_close) struct netlink nl = NETLINK_INIT;
	const struct spec *spec = box->spec;
	int r = spec->n_networks > 0 ? netlink_open(&nl, e) : 0;

	for (size_t i = 0; i < spec->n_networks && r >= 0; i++) {
		const struct spec_network *network = &spec->networks[i];

		if (network->cni)
			continue;
		r = make_link(&nl, box, network, e);
		if (r >= 0)
			r = limit(&nl, network->link, network->bandwidth_in, network->mtu, e);
	}
	return r < 0 ? r : cni_networks_attach(box, e);
}

/* The first one has the default routes. */
static int configure(struct netlink *nl, const struct spec_network *network, bool is_first,
		     struct err *e)
{
	int index = netlink_index(nl, network->interface, e);
	struct ip_prefix address;
	int r = index;

	link_set_up(nl, network->interface, (unsigned)network->mtu);
	for (char **text = network->addresses; text && *text && r >= 0; text++) {
		r = ip_prefix_parse(*text, &address, e);
		if (r >= 0)
			link_add_address(nl, index, network->interface, &address);
	}
	for (char **text = network->gateways; is_first && text && *text && r >= 0; text++) {
		r = ip_prefix_parse(*text, &address, e);
		if (r >= 0)
			link_add_default_route(nl, index, network->interface, &address);
	}
	if (r >= 0)
		r = netlink_flush(nl, e);
	return r < 0 ? r : limit(nl, network->interface, network->bandwidth_out, network->mtu, e);
}

static int enter(struct box *box, struct err *e)
{
	AUTO(netlink_close) struct netlink nl = NETLINK_INIT;
	const struct spec *spec = box->spec;
	int r = spec->n_networks > 0 ? netlink_open(&nl, e) : 0;

	for (size_t i = 0; i < spec->n_networks && r >= 0; i++)
		r = spec->networks[i].cni ? 0 : configure(&nl, &spec->networks[i], i == 0, e);
	return r;
}

/*
 * With the namespace they would go as well, but later, and not before whoever has got hold of that lets
 * it go; until then the addresses would be in use.
 */
static void release(struct box *box)
{
	AUTO(netlink_close) struct netlink nl = NETLINK_INIT;
	const struct spec *spec = box->spec;
	struct err lost = { 0 };

	cni_networks_release(box);
	if (spec->n_networks == 0 || netlink_open(&nl, &lost) < 0)
		return;
	for (size_t i = 0; i < spec->n_networks; i++) {
		if (spec->networks[i].link)
			link_delete(&nl, spec->networks[i].link);
	}
	(void)netlink_flush(&nl, &lost);
}

const struct isolator isolator_network = {
	.name = "network",
	.validate = validate,
	.attach = attach,
	.enter = enter,
	.release = release,
};
