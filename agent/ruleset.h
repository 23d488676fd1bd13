/*
 * The node's nftables: tables "tepui", by which the kernel itself takes connections to services to their
 * backends, ports of the node to containers, and containers to where they may go.  Nothing is made before
 * the first service or the bridge; then all changes go through one worker process (net/nft_client.h),
 * each as one transaction.  docs/networking.md shows the tables.
 *
 * An agent that starts replaces in one transaction what the one before left, once the master has told
 * it of all services; until then that stays in force.  Counters begin anew then.
 */
#ifndef AGENT_RULESET_H
#define AGENT_RULESET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "net/nft/protocol.h"
#include "proto/tepui.pb-c.h"

struct address;
struct agent;
struct directory_endpoint;
struct bridge;
struct ruleset;

/* After the directory, to which it listens. */
int ruleset_new(struct agent *agent, struct ruleset **ret, struct err *e);
/* The tables stay: tasks go on. */
void ruleset_free(struct ruleset *ruleset);

/*
 * The bridge that containers are on.  Its link is there.  What one of them sends to another is given to
 * the node's own stack, too, by the rules: no port of the bridge needs to be isolated.
 */
void ruleset_set_bridge(struct ruleset *ruleset, const struct bridge *bridge);

/* Where the master is: no service's address, whatever the master itself says. */
void ruleset_set_master(struct ruleset *ruleset, const struct address *master);

/*
 * Port mappings and policy of a container on the bridge, in force soon; also of one that is known.
 * -EADDRINUSE: another container has a port of it; -EINVAL: what is wrong with RECORD; -ENOTSUP: there
 * are to be no rules.
 */
int ruleset_set_container(struct ruleset *ruleset, const Tepui__NetworkRecord *record, struct err *e);
/*
 * Is it safe to start: one with a policy must not be there before that is in force.  1: yes; 0: not
 * yet, networks_resume() is called; an error is why it cannot be made safe.
 */
int ruleset_await_container(const struct ruleset *ruleset, const char *container_id, struct err *e);
/* It has ended; its connections are forgotten. */
void ruleset_drop_container(struct ruleset *ruleset, const char *container_id);

/* In the network's order. */
struct ruleset_backend {
	in_addr_t address;
	in_port_t port;
	uint16_t weight;
};

/* Where new connections to PORT of ENDPOINT go from this node, and its weight.  False: nowhere. */
bool ruleset_locate(const struct ruleset *ruleset, const struct directory_endpoint *endpoint,
		    const Tepui__EndpointPort *port, struct ruleset_backend *ret);

/*
 * What has gone through services since their backends have been in force, read from the kernel: once
 * for each call, from the loop.  COUNTS are borrowed for the call.
 */
typedef void ruleset_traffic_fn(void *arg, const struct nft_count *counts, size_t n, struct err *e);
int ruleset_read_traffic(struct ruleset *ruleset, ruleset_traffic_fn *done, void *arg,
			 struct err *e);

struct ruleset_counts {
	uint64_t transactions, failures;	/* that were tried, and of them */
	uint64_t repairs;			/* after others changed our tables */
	bool is_in_force;			/* all that is known */
	struct err failure;			/* of the last transaction, if it failed */
};
struct ruleset_counts ruleset_count(const struct ruleset *ruleset);

#endif
