/*
 * The node's DNS server: names of what runs in the cluster, from the directory, and for this node's processes
 * and containers all other names, from the servers that the node itself asks.  docs/networking.md has the forms.
 */
#ifndef AGENT_NAMES_H
#define AGENT_NAMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/names_look.h"

struct address;
struct agent;
struct err;
struct ip_prefix;
struct names;

/* After the directory, to which it listens.  An address that is taken is a warning. */
int names_new(struct agent *agent, struct names **ret, struct err *e);
void names_free(struct names *names);

/* Where the leading master is. */
void names_set_master(struct names *names, const struct address *master);

/*
 * Containers are on ADDRESS's network, where it is the node's own: they are answered there, and what they ask of
 * others, too.  Again: nothing.  The address is there.
 */
int names_serve_bridge(struct names *names, const struct ip_prefix *address, struct err *e);
/* Lines of a resolv.conf for containers on it; false: they are not answered, and nothing is written. */
bool names_write_resolver(const struct names *names, FILE *to);

/* What it has done, as text for Prometheus and as members of VIEW. */
void names_print_metrics(const struct names *names, FILE *out);
void names_view_metrics(const struct names *names, json_t *view);

/* For its other forms. */
const struct names_zone *names_zone(const struct names *names);

#endif
