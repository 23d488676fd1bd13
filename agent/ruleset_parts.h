/* The parts of the ruleset, as ruleset*.c alone have them.  Addresses and ports: in the network's order. */
#ifndef AGENT_RULESET_PARTS_H
#define AGENT_RULESET_PARTS_H

#include <stdio.h>
#include <sys/queue.h>

#include "agent/directory.h"
#include "agent/ruleset.h"
#include "agent/ruleset_slots.h"
#include "lib/hash.h"
#include "net/bridge.h"

struct loop_timer;
struct nft_client;
struct nft_watch;

/*
 * Slots are numbers of the map "backends" and, for as long as a packet is on its way from one chain to
 * the next, its mark: so these have a tag by which no other's mark is taken for one.
 */
enum {
	RULESET_TAG = 0x7e000000,
	RULESET_TAG_MASK = (int)0xff000000,
	RULESET_SPACE = 1 << 20,		/* slots there are */
	RULESET_CLASSES = 9,			/* ranges of 16, 32, ..., 4096 slots */
	RULESET_MIN_RANGE = 16,
};

/* Which slots are whose: ranges in powers of two, those given back first. */
struct ruleset_space {
	uint32_t next;				/* none beyond it has been given yet */
	struct ruleset_freed {
		uint32_t *bases;
		size_t n, cap;
	} freed[RULESET_CLASSES];
};

/* All that the table says of a service. */
struct ruleset_plan {
	in_addr_t address;			/* 0: it has none */
	in_port_t port, node_port;
	uint8_t protocol;
	uint8_t balance;			/* Tepui__Service__Balance */
	bool is_named;				/* the address is the master's to give, all ports of it */
	struct ruleset_backend *backends;	/* owned; sorted, no two of one address and port */
	size_t n_backends;
	uint16_t *slots;			/* owned; into backends */
	size_t n_slots;				/* 0: it has no backend, no slots and no chain */
	int class;				/* of its range of slots */
	uint32_t base;				/* the first one, and the number of its chain */
	size_t n_made;				/* slots that are there: the rest repeats the first */
};

struct ruleset_service {
	char *key;
	struct ruleset_plan in_force;		/* or on its way; zero: nothing is */
	struct ruleset_plan next;		/* while a transaction is written */
	bool is_counted;			/* its counters are there */
	bool is_dirty;
	TAILQ_ENTRY(ruleset_service) dirty;
	TAILQ_ENTRY(ruleset_service) uncounted;
	UT_hash_handle hh;
};

/* An address of which all ports belong to services. */
struct ruleset_own {
	in_addr_t address;
	size_t n;				/* services */
	UT_hash_handle hh;
};

struct ruleset_port {
	uint8_t protocol;
	in_port_t host, container;
};

/* What a container may call, as an address. */
struct ruleset_target {
	in_addr_t address;
	in_port_t port;
	uint8_t protocol;
};

struct ruleset_container {
	char *id;
	char link[LINK_NAME_SIZE];		/* the node's end */
	in_addr_t address;			/* 0: none of that family */
	struct in6_addr address6;
	struct ruleset_port *ports;
	size_t n_ports;
	bool is_restricted;
	char **allowed;				/* of the record */
	size_t n_allowed;
	struct ruleset_target *targets;		/* what ALLOWED means, as in force */
	size_t n_targets;
	bool is_in_force;			/* its elements are there, or on their way */
	bool is_dirty, is_removed;
	UT_hash_handle hh;
};

struct ruleset {
	struct agent *agent;
	int program_fd;				/* tepui-nft, until CLIENT has it */
	struct err missing;			/* why there is no such program */
	struct nft_client *client;		/* NULL: nothing has been needed yet */
	struct nft_watch *watch;
	struct loop_timer *timer;		/* the next transaction */
	struct bridge bridge;			/* no name: there is none */
	in_addr_t master;			/* 0: it has none, or none that is known */
	struct ruleset_service *services;
	TAILQ_HEAD(, ruleset_service) dirty, uncounted;
	struct ruleset_space space;
	struct ruleset_own *own;
	struct nft_route route;			/* to service addresses, as asked for last */
	struct ruleset_container *containers;
	bool has_dirty_containers, has_dirty_nodes;
	struct nft_flow *flows;			/* to be forgotten after the next transaction */
	size_t n_flows, cap_flows;
	LIST_HEAD(, ruleset_question) questions;	/* for counters, that are not answered yet */
	size_t n_due;				/* flows of what the transaction on its way takes away */
	bool has_node_ports;			/* some service had one */
	bool has_ways, is_forwarding;		/* the kernel's own switches are as they have to be */
	bool is_settled;			/* the directory is known */
	bool is_made;				/* there are tables, or soon */
	bool is_whole;				/* all of it has to be written anew */
	bool is_foreign;			/* another agent has the networks of this node */
	bool is_busy;				/* a transaction is with the worker */
	bool is_unwatched;			/* a large one: what others do is not told */
	uint64_t generation, in_flight;		/* of the directory: known, and of that transaction */
	unsigned n_failures;			/* in a row */
	int64_t not_before_ms;			/* boot clock; of the next transaction */
	int64_t repaired_ms;			/* boot clock; of the last repair */
	unsigned n_repairs;			/* in a row */
	struct ruleset_counts counts;
};

/* ---- ruleset.c ---- */

/* What has changed is written soon. */
void ruleset_wake(struct ruleset *ruleset);

/* The address of the bridge, which has one. */
in_addr_t ruleset_bridge_address(const struct ruleset *ruleset);

/* ---- ruleset_space.c ---- */

/* The class of ranges that hold N slots. */
int ruleset_space_class(size_t n);
/* -ENOSPC, -ENOMEM. */
int ruleset_space_take(struct ruleset_space *space, int class, uint32_t *ret);
void ruleset_space_give(struct ruleset_space *space, int class, uint32_t base);
void ruleset_space_done(struct ruleset_space *space);

/* ---- ruleset_plan.c ---- */

/* What the table is to say of SERVICE; *ret is owned.  -ENOMEM. */
int ruleset_plan(const struct ruleset *ruleset, const struct directory_service *service,
		 struct ruleset_plan *ret, struct err *e);
void ruleset_plan_done(struct ruleset_plan *plan);

/* ---- ruleset_statements.c ---- */

/* Do clients find a chain by its address, and by its port of the node? */
bool ruleset_plan_is_called(const struct ruleset_plan *plan);
bool ruleset_plan_has_node_port(const struct ruleset_plan *plan);
bool ruleset_plan_has_one_place(const struct ruleset_plan *a, const struct ruleset_plan *b);
/* One is there, and they have it and its range in common. */
bool ruleset_plan_has_one_chain(const struct ruleset_plan *a, const struct ruleset_plan *b);

/* What makes of what is in force of all dirty services what is next, but for the set of own addresses. */
void ruleset_write_dirty(const struct ruleset *ruleset, FILE *out);
/* Counters of the first MAX services that have none. */
void ruleset_write_uncounted(const struct ruleset *ruleset, int max, FILE *out);

/* ---- ruleset_services.c ---- */

int ruleset_mark_service(struct ruleset *ruleset, const char *key, struct err *e);
/*
 * Write what makes of what is in force what the directory says, of all dirty services; of all of them
 * where IS_WHOLE, and to tables that are empty.  *RET_MOVED: an address is another now.
 */
int ruleset_write_services(struct ruleset *ruleset, bool is_whole, FILE *out, bool *ret_moved,
			   struct err *e);
/* Counters of some services that have none yet.  Returns whether there were any. */
bool ruleset_write_counters(struct ruleset *ruleset, FILE *out);
void ruleset_free_services(struct ruleset *ruleset);

/* ---- ruleset_containers.c ---- */

int ruleset_write_containers(struct ruleset *ruleset, bool is_whole, FILE *out, struct err *e);
/* Those that may call services only mean other addresses by them now, perhaps. */
void ruleset_mark_restricted(struct ruleset *ruleset);
void ruleset_free_containers(struct ruleset *ruleset);

/* ---- ruleset_nodes.c ---- */

/* The addresses of all nodes and of the master, if they are others now. */
void ruleset_write_nodes(struct ruleset *ruleset, bool is_whole, FILE *out);

/* ---- ruleset_text.c ---- */

/* The tables without any element, in the place of those that are there. */
void ruleset_write_tables(const struct ruleset *ruleset, FILE *out);

/* One statement about elements of SET of table FAMILY: nothing is written before the first. */
struct ruleset_elements {
	FILE *out;
	const char *verb, *family, *set;	/* "add" or "delete" */
	bool is_open;
};
/* Print the next element after that. */
void ruleset_next_element(struct ruleset_elements *elements);
/* The next element is ADDRESS. */
void ruleset_next_address(struct ruleset_elements *elements, in_addr_t address);
void ruleset_end_elements(struct ruleset_elements *elements);
const char *ruleset_protocol_name(uint8_t protocol);

/* ---- ruleset_route.c ---- */

/* Have the route to service addresses made what it is to be. */
void ruleset_route(struct ruleset *ruleset);

/* ---- ruleset_flows.c ---- */

/* What is to be forgotten of ENDPOINT, which was BEFORE and is AFTER. */
void ruleset_note_flows(struct ruleset *ruleset, const struct directory_endpoint *before,
			const struct directory_endpoint *after);
void ruleset_note_flow(struct ruleset *ruleset, in_addr_t address, in_port_t port, uint8_t protocol);
/* Have those forgotten that are due. */
void ruleset_forget_flows(struct ruleset *ruleset);

#endif
