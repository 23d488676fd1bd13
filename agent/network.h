/*
 * What containers have of the node's networks: which addresses are whose, from before anything of a
 * container is made until all of it is gone, also over a restart (tepui.NetworkRecord).  What is in
 * another container has the networks of that one.  One agent of a network namespace has its networks: the
 * bridge, the links, and the addresses.
 */
#ifndef AGENT_NETWORK_H
#define AGENT_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/ipam.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "net/bridge.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct agent_flags;
struct container;
struct errand;
struct loop_timer;
struct usage;

/* The names by which tasks ask for our bridge. */
#define NETWORK_BRIDGE "bridge"
#define NETWORK_MESOS_BRIDGE "mesos-bridge"
/* The node's end of a container's link, before the number of its host. */
#define NETWORK_LINK "tepui-v"

/* Seen from inside, since the link was made. */
struct network_traffic {
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

/* Of one container. */
struct network {
	Tepui__NetworkRecord *record;	/* owned */
	uint32_t number;		/* of its host on the bridge; 0: it is not there */
	bool is_waiting;		/* for the bridge */
	bool is_leaving;		/* its container has ended; its links may be there yet */
	bool is_removed;		/* an errand is at that */
	bool is_deleting;		/* its container has ended, and plugins undo what they did */
	struct network_cni *cni;	/* plugins that are run for it; NULL: none now */
	bool has_traffic;
	struct network_traffic traffic;	/* as last looked at */
	UT_hash_handle hh;		/* in networks->all, by record->container_id */
	UT_hash_handle by_number;	/* in networks->numbered, if it has one */
};

struct networks {
	struct agent *agent;
	struct network *all, *numbered;
	int64_t looked_boot_ms;		/* at the traffic of all; 0: never */
	struct ipam ipam;
	struct bridge bridge;		/* as it shall be; no name: there is none */
	bool is_bridge_made;
	bool is_bridge_bad;		/* the last attempt failed: FAILURE */
	struct err failure;
	int lock_fd;			/* keeps other agents off; -EBADF: not ours (yet) */
	bool was_elsewhere;		/* another agent had it */
	struct errand *making, *removing;
	struct loop_timer *retry;	/* of removing */
	struct errand *collecting;	/* CNI's GC */
	unsigned n_cni_errands;		/* DEL of containers that have ended */
};

/* What of FLAGS is about networks; -EINVAL names the flag. */
int networks_check_flags(const struct agent_flags *flags, struct err *e);

int networks_new(struct agent *agent, struct networks **ret, struct err *e);
/* Recovery: read the records; then, when all containers are known, take away what is of none.  Blocks. */
int networks_load(struct networks *networks, struct err *e);
void networks_settle(struct networks *networks);
/* Networks stay as they are. */
void networks_free(struct networks *networks);

/* The bridge, once it is there; NULL before. */
const struct bridge *networks_bridge(const struct agent *agent);

/* Of the container with that id itself; NULL: it has none of its own. */
struct network *network_find(const struct networks *networks, const char *container_id);

/* What C has, or the container that it is in has; NULL: the node's own network. */
struct network *network_of(const struct container *c);

/*
 * Find what C asks for, which is its own from then on, and put it into the store.  Nothing where it asks
 * for none.  -EINVAL, -ENOTSUP: it cannot be had; -ENOSPC, -EADDRINUSE, -EBUSY: not now or not here.
 */
int network_admit(struct container *c, struct err *e);

/*
 * Before the spawn: 1 if what C needs on the node is there, 0 if it is being made: C is marked then when
 * that is over.  An error is why it cannot be made.
 */
int network_await(struct container *c, struct err *e);
/* What containers wait for is there, or will not be: those that do are marked. */
void networks_resume(struct networks *networks);

/*
 * Take what plugins gave into the record: it is there by the time that the supervisor says anything of
 * what it runs.
 */
void network_learn(struct networks *networks, struct network *network);

/* How long plugins may take, at the end of what C runs, to undo what they did for it. */
int64_t network_end_ms(const struct container *c);

/* C has ended, or will not be launched: its addresses are free when its links are gone.  Idempotent. */
void network_release(struct container *c);

/* Its plugins have nothing more to undo: its addresses are free when its links are gone. */
void network_leave(struct networks *networks, struct network *network);
/* Record and memory; its addresses are free. */
void network_forget(struct networks *networks, struct network *network);

/* ---- agent/network_plan.c ---- */

/* The value of label KEY; NULL: it has none. */
const char *network_label(const Mesos__V1__NetworkInfo *info, const char *key);

/* The bandwidth that the label KEY of INFO allows, in bits a second; 0: any.  -EINVAL. */
int network_bandwidth(const Mesos__V1__NetworkInfo *info, const char *key, uint64_t *ret,
		      struct err *e);

/* What C asks for as a record, owned; NULL in *RET: none.  *RET_NUMBER as in struct network, taken. */
int network_plan(struct networks *networks, const struct container *c, Tepui__NetworkRecord **ret,
		 uint32_t *ret_number, struct err *e);

/* ---- agent/network_text.c ---- */

/* For annotation io.tepui.network of C's own launch document, owned; NULL with E set. */
char *network_describe(const struct container *c, struct err *e);

/* Its addresses, or the node's, into STATUS, unless it names some; -ENOMEM. */
int network_complete_status(const struct container *c, Mesos__V1__ContainerStatus *status);

/* The first address of C's network, without its length: owned; NULL: it has the node's network. */
char *network_address(const struct container *c);

/* ---- agent/network_links.c: what is asked of the kernel, in errands ---- */

/* Be the one agent that has the networks here, from now on.  -EBUSY. */
int networks_own(struct networks *networks, struct err *e);

/* The bridge is made, or made whole; who waits for it is marked in the end. */
int networks_make_bridge(struct networks *networks, struct err *e);

/* The links of those that are leaving; then they are forgotten. */
void networks_remove_links(struct networks *networks);

/* Links of ours that no record has.  Blocks. */
void networks_remove_strangers(struct networks *networks);

/* Is there a link of NETWORK on the node? */
bool network_has_links(const struct network *network);

/* ---- agent/network_usage.c ---- */

/* The traffic of C's network into USAGE; what is not known stays as it is.  Members of a pod share one. */
void network_sample(const struct container *c, struct usage *usage);

/* ---- agent/network_files.c ---- */

/* hosts, hostname and resolv.conf into C's runtime directory, where it has networks. */
int network_files_write(const struct container *c, const char *hostname, struct err *e);

#endif
