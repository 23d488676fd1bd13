/* What the flags, and the host, say of names: addresses to answer at, and servers to ask. */
#ifndef AGENT_NAMES_CONFIG_H
#define AGENT_NAMES_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

struct agent_flags;
struct err;

enum { NAMES_MAX_ADDRESSES = 8 };	/* of a flag */

struct names_addresses {
	struct address of[NAMES_MAX_ADDRESSES];
	size_t n;
};

/* -EINVAL names the flag. */
int names_check_flags(const struct agent_flags *flags, struct err *e);

/* "none", or some of "ADDRESS:PORT" and ADDRESS, ',' between them.  -EINVAL. */
int names_addresses_parse(const char *text, struct names_addresses *ret, struct err *e);

/* The servers in TEXT, as resolv.conf(5) has them; what is beyond the bound, or no address, is left out. */
void names_addresses_resolver(const char *text, struct names_addresses *ret);

#endif
