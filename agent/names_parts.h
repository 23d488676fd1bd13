/* Between the files of the DNS server: names.c listens, names_answer.c answers. */
#ifndef AGENT_NAMES_PARTS_H
#define AGENT_NAMES_PARTS_H

#include "agent/names.h"
#include "net/dns_server.h"

enum { NAMES_MAX_NETS = 4 };

/* Who may ask for names of others: whoever has an address in it. */
struct names_net {
	struct in_addr address;
	unsigned prefix;
};

struct names {
	struct agent *agent;
	struct names_zone *zone;
	struct dns_server *server;
	struct dns_name own, mailbox;	/* ns1.DOMAIN, root.DOMAIN */
	uint32_t ttl, serial;
	struct names_net nets[NAMES_MAX_NETS];
	size_t n_nets;
	struct in_addr bridge;		/* where containers are answered; INADDR_ANY: nowhere */
	/* Of the present query. */
	struct names_found *found;
	struct names_address at;	/* where it was asked */
	unsigned recurses;		/* DNS_RECURSES: who asks is answered of others, too */
	uint64_t foreign_refused;
	bool is_short;			/* of memory, so that something has no name */
};

/* Of a TCP or UDP address. */
struct names_address names_host_of(const struct address *address);

void names_answer(void *names, struct dns_request *request);

#endif
