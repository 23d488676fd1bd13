/*
 * What has gone through service addresses on this node, as the kernel has counted it (agent/ruleset.h):
 * connections that began or came in here.
 */
#ifndef AGENT_TRAFFIC_H
#define AGENT_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

struct agent;
struct directory_backend;
struct err;
struct traffic;
struct traffic_table;

/* Since the backend came to its service; sent and received by clients. */
struct traffic_counts {
	uint64_t connections, sent_bytes, received_bytes;
};

int traffic_new(struct agent *agent, struct traffic **ret, struct err *e);
/* After the ruleset.  Whoever waits is told -ECANCELED. */
void traffic_free(struct traffic *traffic);

/* Once for each reading; TABLE, for the call alone, is NULL where it failed: E says why. */
typedef void traffic_fn(void *arg, const struct traffic_table *table, const struct err *e);

/*
 * Read the counters and call FN from the loop, or at once where there are none.  Who asks while others
 * wait is answered with them.
 */
int traffic_read(struct traffic *traffic, traffic_fn *fn, void *arg, struct err *e);

/* Nothing where the backend has none: it does not serve, or not from here. */
struct traffic_counts traffic_of(const struct traffic_table *table,
				 const struct directory_backend *backend);

#endif
