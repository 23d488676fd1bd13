/*
 * Which addresses of the node's bridge are whose: hosts by number, each with that number's address in
 * both subnets.  Memory alone: what is recorded and when is agent/network.h's.
 */
#ifndef AGENT_IPAM_H
#define AGENT_IPAM_H

#include "lib/ranges.h"
#include "net/ip_prefix.h"

struct err;

enum { IPAM_GATEWAY = 1 };	/* the number of the bridge itself */

struct ipam {
	struct ip_prefix subnet, subnet6;	/* family of SUBNET6 0: there is none */
	uint32_t last;				/* the highest number there is for a container */
	uint32_t next;				/* where the search goes on: a number rests once given back */
	struct ranges used;
};

/* SUBNET is IPv4, SUBNET6 IPv6 or "".  -EINVAL says what is wrong with which. */
int ipam_init(const char *subnet, const char *subnet6, struct ipam *ret, struct err *e);
void ipam_done(struct ipam *ipam);

/* One that nobody has.  -ENOSPC: there is none left. */
int ipam_take(struct ipam *ipam, uint32_t *ret, struct err *e);

/* The one whose ADDRESS, of either subnet, that is.  -EADDRINUSE; -EINVAL: it is not for a container. */
int ipam_take_address(struct ipam *ipam, const struct ip_prefix *address, uint32_t *ret,
		      struct err *e);

void ipam_give_back(struct ipam *ipam, uint32_t number);

struct ip_prefix ipam_address(const struct ipam *ipam, uint32_t number);
struct ip_prefix ipam_address6(const struct ipam *ipam, uint32_t number);

#endif
