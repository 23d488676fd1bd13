/*
 * The node's DNS server: names of what runs in the cluster, from the directory, and for this node's processes
 * and containers all other names, from the servers that the node itself asks.  docs/networking.md has the forms.
 */
#ifndef AGENT_NAMES_H
#define AGENT_NAMES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/names_look.h"

struct address;
struct agent;
struct agent_flags;
struct err;
struct names;

/* -EINVAL names the flag. */
int names_check_flags(const struct agent_flags *flags, struct err *e);

/* After the directory, to which it listens.  An address that is taken is a warning. */
int names_new(struct agent *agent, struct names **ret, struct err *e);
void names_free(struct names *names);

/* Where the leading master is. */
void names_set_master(struct names *names, const struct address *master);

/*
 * Containers are on the network of ADDRESS with PREFIX bits, which is the node's own in it: they are answered
 * there, and what they ask of others, too.  Again: nothing.
 */
int names_serve_bridge(struct names *names, const struct in_addr *address, unsigned prefix,
		       struct err *e);
/* The lines of a resolv.conf for containers on it; false: they are not answered, and nothing is written. */
bool names_write_resolver(const struct names *names, FILE *to);

/* For its other forms. */
const struct names_zone *names_zone(const struct names *names);

#endif
