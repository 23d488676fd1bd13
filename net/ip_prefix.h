/* IP addresses with the length of their network's prefix, as text and back, and hosts by number. */
#ifndef NET_IP_PREFIX_H
#define NET_IP_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { IP_PREFIX_TEXT_SIZE = 64 };

struct ip_prefix {
	int family;		/* AF_INET, AF_INET6; 0: none */
	unsigned length;	/* bits */
	uint8_t bytes[16];	/* network order; of IPv4 the first four */
};

/* "10.1.2.3/16" or "fd00::1/64"; without a length it is that one host.  -EINVAL. */
int ip_prefix_parse(const char *text, struct ip_prefix *ret, struct err *e);

/* The reverse, with the length or without; returns TEXT. */
const char *ip_prefix_format(const struct ip_prefix *prefix, char text[IP_PREFIX_TEXT_SIZE]);
const char *ip_prefix_format_host(const struct ip_prefix *prefix, char text[IP_PREFIX_TEXT_SIZE]);

/* 4 or 16. */
size_t ip_prefix_size(const struct ip_prefix *prefix);

/* Are all bits behind the length zero, as those of a network are? */
bool ip_prefix_is_network(const struct ip_prefix *prefix);
bool ip_prefix_contains(const struct ip_prefix *network, const struct ip_prefix *address);

/* The host of that NUMBER in NETWORK, with its length; NUMBER fits into its host part. */
struct ip_prefix ip_prefix_host(const struct ip_prefix *network, uint32_t number);

/* The number of ADDRESS there; -ERANGE: it is not in NETWORK, or beyond 32 bits. */
int ip_prefix_number(const struct ip_prefix *network, const struct ip_prefix *address,
		     uint32_t *ret);

#endif
