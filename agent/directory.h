/*
 * What runs where, as the master tells it: nodes, services and the endpoints behind them.  What a node
 * knows of others for its service addresses and names is here, and what has changed is told to
 * listeners, in work proportional to the change.
 */
#ifndef AGENT_DIRECTORY_H
#define AGENT_DIRECTORY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct directory;
struct err;

/* What is beyond these is refused, and counted. */
enum {
	DIRECTORY_MAX_NODES = 1 << 16,
	DIRECTORY_MAX_SERVICES = 1 << 14,
	DIRECTORY_MAX_ENDPOINTS = 1 << 18,
	DIRECTORY_MAX_PORTS = 256,		/* of an endpoint */
	DIRECTORY_MAX_ADDRESSES = 16,		/* of an endpoint */
	DIRECTORY_MAX_PORT_SERVICES = 16,	/* that one port is behind */
	DIRECTORY_MAX_WEIGHT = 1000,
	DIRECTORY_MAX_TEXT = 1024,
};

/* What a service alone has: its address and port, or (ADDRESS is 0) a port of every node. */
struct directory_claim {
	struct {
		in_addr_t address;		/* as all of it in the order of the network */
		in_port_t port;
		uint16_t protocol;		/* IPPROTO_TCP or IPPROTO_UDP */
	} of;
	struct directory_service *service;
	UT_hash_handle hh;
};

enum { DIRECTORY_CLAIMS = 2 };			/* of a service at most */

/* All of these are read outside of directory*.c, and written nowhere else. */
struct directory_node {
	Tepui__DirectoryNode *info;
	/* The directory's own. */
	char *id;
	TAILQ_HEAD(, directory_endpoint) endpoints;
	uint64_t stream;			/* that it was told on last */
	UT_hash_handle hh;
};

struct directory_service {
	Tepui__Service *info;
	TAILQ_HEAD(directory_backends, directory_backend) backends;	/* in whatever state */
	size_t n_backends;
	/* The directory's own. */
	char *key;
	struct directory_claim claims[DIRECTORY_CLAIMS];
	bool is_removed, is_touched;
	TAILQ_ENTRY(directory_service) touched;
	uint64_t stream;			/* that it was told on last */
	UT_hash_handle hh;
};

/* One port of an endpoint behind one service. */
struct directory_backend {
	const struct directory_endpoint *endpoint;
	const Tepui__EndpointPort *port;
	struct directory_service *service;
	TAILQ_ENTRY(directory_backend) of_service;
};

struct directory_endpoint {
	Tepui__Endpoint *info;
	const struct directory_node *node;	/* NULL: nothing is known of it */
	bool is_here;				/* on this node */
	size_t n_backends;
	struct directory_backend *backends;
	/* The directory's own. */
	struct directory_node *home;		/* NODE, or what it will be */
	TAILQ_ENTRY(directory_endpoint) of_node;
	uint64_t stream;			/* that it was told on last */
	UT_hash_handle hh;
};

/*
 * Told when a message, or the last of a run of them, has come.  A listener keeps in mind what it has
 * made of an entry: one may be removed that it was never told of.
 */
struct directory_listener {
	/*
	 * BEFORE is NULL: it is new; AFTER is NULL: it is gone, and BEFORE is after the call; both
	 * are the same: what is known of its node has changed.
	 */
	void (*endpoint)(void *arg, const struct directory_endpoint *before,
			 const struct directory_endpoint *after);
	/* What is known of it has changed.  INFO is gone after the call if IS_REMOVED. */
	void (*node)(void *arg, const struct directory_node *node, bool is_removed);
	/* After all endpoints: it or any of its backends has changed.  IS_REMOVED: gone after the call. */
	void (*service)(void *arg, const struct directory_service *service, bool is_removed);
	/* All has been told that GENERATION, which only ever grows, consists of. */
	void (*settled)(void *arg, uint64_t generation);
};

int directory_new(struct agent *agent, struct directory **ret, struct err *e);
void directory_free(struct directory *directory);

/* From now on tell LISTENER (borrowed; members may be NULL) with ARG.  -ENOMEM. */
int directory_listen(struct directory *directory, const struct directory_listener *listener,
		     void *arg, struct err *e);

/* A new stream of the master begins: its generations are counted from 1. */
void directory_begin(struct directory *directory);

/*
 * MESSAGE_TAKE of the master, also on failure.  A bad entry is refused, logged and counted, and what
 * was told of it before is gone; the others are taken.  Entries that are as they were are not told.
 * -EPROTO: a message is missing, so that the stream has to begin anew; -ENOMEM likewise.
 */
int directory_apply(struct directory *directory, Tepui__Directory *message_take, struct err *e);

/* What GENERATION and those before it consist of holds on this node: the master is told. */
void directory_in_force(struct directory *directory, uint64_t generation);

/* NULL: it is not known. */
const struct directory_node *directory_node_find(const struct directory *directory, const char *id);
const struct directory_service *directory_service_find(const struct directory *directory,
						       const char *key);
const struct directory_endpoint *directory_endpoint_find(const struct directory *directory,
							 const char *key);

/* The one after PREVIOUS (NULL: the first) or NULL, in no order; nothing may be applied meanwhile. */
const struct directory_node *directory_node_next(const struct directory *directory,
						 const struct directory_node *previous);
const struct directory_service *directory_service_next(const struct directory *directory,
						       const struct directory_service *previous);
const struct directory_endpoint *directory_endpoint_next(const struct directory *directory,
							 const struct directory_endpoint *previous);

struct directory_counts {
	size_t nodes, services, endpoints;
	uint64_t generation;			/* the last one that was told, and */
	uint64_t in_force;			/* that holds on this node */
	uint64_t refused;			/* entries, since start */
};
struct directory_counts directory_count(const struct directory *directory);

/* directory_check.c: -EINVAL says what is wrong.  Unknown values of enums are unset. */
int directory_check_node(Tepui__DirectoryNode *node, struct err *e);
int directory_check_service(Tepui__Service *service, struct err *e);
int directory_check_endpoint(Tepui__Endpoint *endpoint, struct err *e);

#endif
