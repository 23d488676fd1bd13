/* What is found at a name of the domain, in the forms of Mesos-DNS (docs/networking.md). */
#ifndef AGENT_NAMES_LOOK_H
#define AGENT_NAMES_LOOK_H

#include "agent/names_zone.h"
#include "proto/tepui.pb-c.h"

enum { NAMES_MAX_FOUND = 4096 };	/* more than one message holds */

/* A record, without its owner. */
struct names_found {
	enum dns_type type;
	union {
		struct names_address address;			/* A, AAAA */
		struct {
			const struct names_entry *entry;	/* PTR, SRV: its name */
			uint16_t port;
			bool is_node;				/* the name at which its node is found */
		} target;
	};
};

struct names_finding {
	struct names_found *found;	/* room for NAMES_MAX_FOUND, borrowed */
	size_t n;
};

enum names_verdict {
	NAMES_FOREIGN,			/* it is for others to say */
	NAMES_NONE,			/* there is no such name */
	NAMES_SOME,			/* there is, though perhaps with nothing of that type */
};

/*
 * NAME in any case.  AT: where the reader has reached us, which is the server's address; if it is none of
 * loopback it takes the place of those, which are the reader's own.  Nothing is found twice; in no order.
 */
enum names_verdict names_look(const struct names_zone *zone, const struct dns_name *name,
			      uint16_t type, const struct names_address *at,
			      struct names_finding *ret);

/* The name of a target, and what addresses it has; -ENAMETOOLONG. */
int names_target_name(const struct names_zone *zone, const struct names_found *found,
		      struct dns_name *ret);
size_t names_target_addresses(const struct names_found *found, const struct names_address *at,
			      struct names_address *ret, size_t max);

/* Where PORT of ENDPOINT is reached, at its node's addresses or at those that it is found at; 0: nowhere. */
uint16_t names_port_number(const struct directory_endpoint *endpoint, const Tepui__EndpointPort *port,
			   bool is_node);

#endif
