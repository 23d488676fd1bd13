/* Between the files of the DNS server: names.c listens, names_answer.c answers. */
#ifndef AGENT_NAMES_PARTS_H
#define AGENT_NAMES_PARTS_H

#include "agent/names.h"
#include "agent/names_config.h"
#include "net/dns_forwarder.h"
#include "net/dns_server.h"
#include "net/ip_prefix.h"

struct names {
	struct agent *agent;
	struct names_zone *zone;
	struct dns_server *server;
	struct dns_forwarder *forwarder;
	struct address upstreams[NAMES_MAX_ADDRESSES];
	size_t n_upstreams;
	bool is_on;			/* DNS is answered */
	struct dns_name own, mailbox;	/* ns1.DOMAIN, root.DOMAIN */
	uint32_t ttl, serial;
	struct ip_prefix bridge;	/* where containers are answered; family 0: nowhere */
	/* Of the present query. */
	struct names_found *found;
	struct names_address at;	/* where it was asked */
	unsigned recurses;		/* DNS_RECURSES: who asks is answered of others, too */
	uint64_t refused;		/* queries for others of those who may not */
	bool is_short;			/* of memory, so that something has no name */
};

/* Of a TCP or UDP address; family 0 of another. */
struct names_address names_host_of(const struct address *address);

void names_answer(void *names, struct dns_request *request);

#endif
