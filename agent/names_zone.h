/* The domain: what of the directory has which names, and what is found at one. */
#ifndef AGENT_NAMES_ZONE_H
#define AGENT_NAMES_ZONE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "net/dns_message.h"

struct directory_endpoint;
struct directory_node;
struct directory_service;
struct err;
struct names_zone;

/* One address. */
struct names_address {
	int family;			/* AF_INET or AF_INET6; 0: none */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};
/* -EINVAL: TEXT (may be NULL) is none. */
int names_address_parse(const char *text, struct names_address *ret);

enum names_kind { NAMES_ENDPOINT, NAMES_SERVICE, NAMES_NODE, NAMES_MASTER, NAMES_SERVER };

struct names_entry;

/* A name that something has, or that one ends with that something has. */
struct names_name {
	struct names_name *parent;	/* of the domain; NULL: the domain itself, or reverse */
	unsigned n_below;
	TAILQ_HEAD(, names_member) members;
	UT_hash_handle hh;
	struct dns_name text;		/* in lower case; allocated as long as it is */
};

struct names_member {
	struct names_entry *entry;
	struct names_name *name;
	TAILQ_ENTRY(names_member) link;
};

/* Something that has names. */
struct names_entry {
	enum names_kind kind;
	union {
		const struct directory_endpoint *endpoint;
		const struct directory_service *service;
		const struct directory_node *node;
		struct {
			struct names_address address;	/* none of a server: the one that was asked */
			uint16_t port;
		} fixed;
	};
	char *key;
	UT_hash_handle hh;
	size_t n_members;
	struct names_member members[];	/* the first one is what an SRV or PTR record calls it by */
};

int names_zone_new(const char *domain, struct names_zone **ret, struct err *e);
void names_zone_free(struct names_zone *zone);
const struct dns_name *names_zone_domain(const struct names_zone *zone);

/*
 * Give it its names, instead of those that it had.  Without any that can be made of what it is called it has none.
 * -ENOMEM: it has none, either.
 */
int names_zone_set_endpoint(struct names_zone *zone, const struct directory_endpoint *endpoint,
			    struct err *e);
int names_zone_set_service(struct names_zone *zone, const struct directory_service *service,
			   struct err *e);
int names_zone_set_node(struct names_zone *zone, const struct directory_node *node, struct err *e);
/* The leading master, which has the framework "marathon", too. */
int names_zone_set_master(struct names_zone *zone, const struct names_address *address, uint16_t port,
			  struct err *e);
/* KEY: of the endpoint or service, or a node's agent id. */
void names_zone_drop(struct names_zone *zone, enum names_kind kind, const char *key);

/* NAME in lower case; NULL: there is no such name. */
const struct names_name *names_zone_find(const struct names_zone *zone, const struct dns_name *name);

/* The one after PREVIOUS (NULL: the first) or NULL, in no order. */
const struct names_entry *names_zone_next(const struct names_zone *zone,
					  const struct names_entry *previous);

#endif
