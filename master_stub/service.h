/*
 * Services: ports of stable addresses, and the ports of tasks behind them.  An address, named or fixed,
 * is of the framework that had it first; a name keeps its address over restarts of everything.
 */
#ifndef MASTER_STUB_SERVICE_H
#define MASTER_STUB_SERVICE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "lib/ranges.h"
#include "lib/vip_label.h"
#include "master_stub/directory.h"
#include "master_stub/vip.h"

struct agent;
struct endpoint;
struct endpoint_port;

/* A service is told for so long after its last backend: whoever connects meanwhile is refused at once. */
enum { SERVICE_KEPT_MS = 10 * 60 * 1000, MAX_SERVICES = 1 << 14 };

struct service {
	struct directory_entry entry;
	struct vip *vip;
	char *key;			/* as it is told */
	uint16_t port;
	bool is_udp;
	struct vip_choices choices;	/* of its newest backend */
	uint32_t node_port;		/* that it got, and protocol, as by_node_port() has it; 0: none */
	bool lacks_node_port;		/* another service has the one that it wants */
	bool is_restored;		/* CHOICES are of the record; its newest backend may not be back yet */
	TAILQ_HEAD(claim_queue, claim) claims;	/* its backends, in the order of their launch */
	unsigned n_claims;
	int64_t empty_since_ms;		/* while it has none, and is told all the same */
	bool is_empty;
	TAILQ_ENTRY(service) in_empty;
	LIST_ENTRY(service) of_vip;
	UT_hash_handle hh, hh_node_port;
};

/* What one label asks for, for one port of a task. */
struct claim {
	struct endpoint *endpoint;
	const struct endpoint_port *port;
	struct service *service;	/* NULL: it did not get it */
	char *host;			/* then; which it asks for again when something is released */
	char *why;
	in_addr_t address;
	uint16_t service_port;
	struct vip_choices choices;
	TAILQ_ENTRY(claim) in_claims;	/* of SERVICE, or of those refused */
};

struct services {
	struct ranges node_ports;	/* that may be given */
	struct vips vips;
	struct service *services;	/* by key */
	struct service *by_node_port;
	struct claim_queue refused;
	TAILQ_HEAD(service_queue, service) empty;	/* in the order of that */
	size_t n_lacking;		/* services that lack their node port */
	bool is_retry_due;		/* something was released */
};

/* ADDRESSES is "10.96.0.0/16", NODE_PORTS "30000-30999".  -EINVAL. */
int services_new(struct services *services, const char *addresses, const char *node_ports,
		 struct err *e);
void services_free(struct services *services);

/* LABEL is of CLAIM's task, which IS_LAUNCHED now or was brought by its agent.  -ENOMEM. */
int claim_place(struct claim *claim, const struct vip_label *label, bool is_launched);
void claim_drop(struct claim *claim);

/* All agents have come back, or will not: what nobody came back for is empty. */
void services_recovered(struct master *master);
/* What was called at AGENT's address before that was known to be its own is refused from now on. */
void services_yield(struct agent *agent);
/* Something that others ask for may be free now. */
void services_retry(struct master *master);
void services_turn(struct master *master, int64_t now_ms);
int64_t services_next_ms(const struct master *master);

/* What is told of SERVICE; it and what it points to live as long as that. */
void service_describe(const struct master *master, const struct service *service,
		      Tepui__Service *ret, char address[INET_ADDRSTRLEN]);
struct service *service_find(const struct master *master, const char *key);
/* Of VIP's record; one that cannot be is left out.  -ENOMEM. */
int service_restore(struct master *master, struct vip *vip, const Tepui__Service *record);

#endif
