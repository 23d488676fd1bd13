/*
 * Network links with their addresses and routes, as requests for a netlink queue: nothing happens before
 * netlink_flush().  Names are borrowed until then.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <stdint.h>
#include <sys/types.h>

#include "net/ip_prefix.h"
#include "net/netlink.h"

enum {
	LINK_NAME_SIZE = 16,		/* IFNAMSIZ */
	LINK_MAC_SIZE = 6,
	LINK_MIN_MTU = 1280,		/* less is no link for IPv6 (RFC 8200, 5) */
	LINK_MAX_MTU = 65535,
};

/* A name that a link can have (dev_valid_name() of the kernel), without ':' and '%'. */
bool link_name_is_valid(const char *name);

/*
 * The hardware address of whoever has that IP ADDRESS: a local one (IEEE 802, bit 1 of the first byte),
 * the same each time, so that what neighbours remember of an address stays true.
 */
void link_mac_of(const struct ip_prefix *address, uint8_t ret[LINK_MAC_SIZE]);

/* One that is there already is as good. */
void link_add_bridge(struct netlink *nl, const char *name, const uint8_t mac[LINK_MAC_SIZE],
		     unsigned mtu);
void link_set_up(struct netlink *nl, const char *name, unsigned mtu);

/* A pair of links: NAME here, up, a port of the bridge; PEER, down, in the network namespace of a process. */
struct link_veth {
	const char *name, *peer;
	int bridge;			/* index */
	pid_t pid;
	unsigned mtu;
	uint8_t peer_mac[LINK_MAC_SIZE];
};
void link_add_veth(struct netlink *nl, const struct link_veth *veth);

/* With its peer.  One that is not there is as good. */
void link_delete(struct netlink *nl, const char *name);

/* Of the link INDEX, which NAME is for errors; an address that is there already is as good. */
void link_add_address(struct netlink *nl, int index, const char *name,
		      const struct ip_prefix *address);
void link_add_default_route(struct netlink *nl, int index, const char *name,
			    const struct ip_prefix *gateway);

/* What it sends is held to that many bits a second (tc-tbf(8)). */
void link_limit(struct netlink *nl, int index, const char *name, uint64_t bits_per_second,
		unsigned mtu);

#endif
