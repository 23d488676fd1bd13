#include "net/link.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

bool link_name_is_valid(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < LINK_NAME_SIZE && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strcspn(name, "/:% \t\n\v\f\r") == n;
}

void link_mac_of(const struct ip_prefix *address, uint8_t ret[LINK_MAC_SIZE])
{
	size_t size = ip_prefix_size(address);

	ret[0] = 0x02;
	ret[1] = 0x54;
	memcpy(ret + 2, address->bytes + size - 4, 4);
}

static void begin(struct netlink *nl, uint16_t type, uint16_t flags, unsigned link_flags,
		  const char *what, const char *name)
{
	const struct ifinfomsg head = { .ifi_flags = link_flags, .ifi_change = link_flags };

	netlink_begin(nl, type, flags, &head, sizeof(head), what, name);
	netlink_put_string(nl, IFLA_IFNAME, name);
}

void link_add_bridge(struct netlink *nl, const char *name, const uint8_t mac[LINK_MAC_SIZE],
		     unsigned mtu)
{
	struct nlattr *info;

	begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, "make bridge", name);
	netlink_accept(nl, EEXIST);
	netlink_put_u32(nl, IFLA_MTU, mtu);
	/* Or it would be that of a port, and change as ports come and go. */
	netlink_put(nl, IFLA_ADDRESS, mac, LINK_MAC_SIZE);
	info = netlink_nest(nl, IFLA_LINKINFO, NULL, 0);
	netlink_put_string(nl, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(nl, info);
}

void link_set_up(struct netlink *nl, const char *name, unsigned mtu)
{
	begin(nl, RTM_NEWLINK, 0, IFF_UP, "set up link", name);
	netlink_put_u32(nl, IFLA_MTU, mtu);
}

/*
 * A container that calls its own service meets its own packet again: where br_netfilter is at work, what
 * was translated does not go by the node's stack, but back by the port that it came from.
 */
static void set_hairpin(struct netlink *nl, const char *name)
{
	struct nlattr *info, *data;

	begin(nl, RTM_NEWLINK, 0, 0, "set up bridge port", name);
	info = netlink_nest(nl, IFLA_LINKINFO, NULL, 0);
	netlink_put_string(nl, IFLA_INFO_SLAVE_KIND, "bridge");
	data = netlink_nest(nl, IFLA_INFO_SLAVE_DATA, NULL, 0);
	netlink_put_u8(nl, IFLA_BRPORT_MODE, 1);
	netlink_nest_end(nl, data);
	netlink_nest_end(nl, info);
}

static void put_peer(struct netlink *nl, const struct link_veth *veth)
{
	const struct ifinfomsg head = { 0 };
	struct nlattr *peer = netlink_nest(nl, VETH_INFO_PEER, &head, sizeof(head));

	netlink_put_string(nl, IFLA_IFNAME, veth->peer);
	netlink_put_u32(nl, IFLA_MTU, veth->mtu);
	netlink_put(nl, IFLA_ADDRESS, veth->peer_mac, LINK_MAC_SIZE);
	netlink_put_u32(nl, IFLA_NET_NS_PID, (uint32_t)veth->pid);
	netlink_nest_end(nl, peer);
}

void link_add_veth(struct netlink *nl, const struct link_veth *veth)
{
	struct nlattr *info, *data;

	begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, IFF_UP, "make link", veth->name);
	netlink_put_u32(nl, IFLA_MTU, veth->mtu);
	netlink_put_u32(nl, IFLA_MASTER, (uint32_t)veth->bridge);
	info = netlink_nest(nl, IFLA_LINKINFO, NULL, 0);
	netlink_put_string(nl, IFLA_INFO_KIND, "veth");
	data = netlink_nest(nl, IFLA_INFO_DATA, NULL, 0);
	put_peer(nl, veth);
	netlink_nest_end(nl, data);
	netlink_nest_end(nl, info);
	set_hairpin(nl, veth->name);
}

void link_delete(struct netlink *nl, const char *name)
{
	begin(nl, RTM_DELLINK, 0, 0, "remove link", name);
	netlink_accept(nl, ENODEV);
}

/* ---- addresses and routes ---- */

void link_add_address(struct netlink *nl, int index, const char *name,
		      const struct ip_prefix *address)
{
	const struct ifaddrmsg head = {
		.ifa_family = (uint8_t)address->family, .ifa_prefixlen = (uint8_t)address->length,
		/* Ours alone by the agent's record: nobody need be asked, and it serves at once. */
		.ifa_flags = address->family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = (uint32_t)index,
	};

	netlink_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head),
		      "add an address to link", name);
	netlink_accept(nl, EEXIST);
	netlink_put(nl, IFA_LOCAL, address->bytes, ip_prefix_size(address));
	netlink_put(nl, IFA_ADDRESS, address->bytes, ip_prefix_size(address));
}

void link_add_default_route(struct netlink *nl, int index, const char *name,
			    const struct ip_prefix *gateway)
{
	const struct rtmsg head = {
		.rtm_family = (uint8_t)gateway->family, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST,
	};

	netlink_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head),
		      "add a default route by link", name);
	netlink_put(nl, RTA_GATEWAY, gateway->bytes, ip_prefix_size(gateway));
	netlink_put_u32(nl, RTA_OIF, (uint32_t)index);
}

/* ---- bandwidth ---- */

/* What may go at once: enough for the timer of a slow clock, and for a packet of any size. */
enum { MIN_BURST_BYTES = 64 << 10, BURST_MILLIS = 10, LATENCY_MILLIS = 50 };

static uint32_t bytes_in(uint64_t bytes_per_second, unsigned millis)
{
	uint64_t bytes = bytes_per_second / 1000 * millis;

	return bytes < UINT32_MAX / 4 ? (uint32_t)bytes : UINT32_MAX / 4;
}

void link_limit(struct netlink *nl, int index, const char *name, uint64_t bits_per_second,
		unsigned mtu)
{
	const struct tcmsg head = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = TC_H_ROOT,
	};
	uint64_t rate = bits_per_second / 8;
	uint32_t burst = bytes_in(rate, BURST_MILLIS);
	struct tc_tbf_qopt parameters = {
		.rate = {
			.linklayer = TC_LINKLAYER_ETHERNET,
			.rate = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX,
		},
	};
	struct nlattr *options;

	if (burst < MIN_BURST_BYTES + mtu)
		burst = MIN_BURST_BYTES + mtu;
	parameters.limit = bytes_in(rate, LATENCY_MILLIS) + burst;
	netlink_begin(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head),
		      "limit the bandwidth of link", name);
	netlink_put_string(nl, TCA_KIND, "tbf");
	options = netlink_nest(nl, TCA_OPTIONS, NULL, 0);
	netlink_put(nl, TCA_TBF_PARMS, &parameters, sizeof(parameters));
	netlink_put_u32(nl, TCA_TBF_BURST, burst);
	if (rate >= UINT32_MAX)
		netlink_put(nl, TCA_TBF_RATE64, &rate, sizeof(rate));
	netlink_nest_end(nl, options);
}
