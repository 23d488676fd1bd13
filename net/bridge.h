/* The node's own network for containers: a bridge with an address of each family. */
#ifndef NET_BRIDGE_H
#define NET_BRIDGE_H

#include "net/ip_prefix.h"
#include "net/link.h"

struct err;

struct bridge {
	char name[LINK_NAME_SIZE];
	struct ip_prefix address;	/* IPv4, with the length of the network */
	struct ip_prefix address6;	/* family 0: none */
	unsigned mtu;
};

/*
 * Make it, or what is missing of it, in the caller's network namespace, and let the kernel forward
 * packets.  Blocks: for an errand.  Interfaces that learn routes from their routers go on doing so
 * (accept_ra=2), which forwarding of IPv6 would end.
 */
int bridge_make(const struct bridge *bridge, struct err *e);

/* Let the kernel forward packets of IPv4, without any bridge. */
int bridge_forward_packets(struct err *e);

/*
 * Let this node's own processes reach containers from loopback addresses, as port mappings need.  The
 * caller sees to it that no container reaches the node's loopback.
 */
int bridge_route_loopback(const struct bridge *bridge, struct err *e);

/* Is there a link of that name? */
bool bridge_is_there(const struct bridge *bridge);

/* Is there IPv6 in this network namespace? */
bool bridge_can_ipv6(void);

#endif
