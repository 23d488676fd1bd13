/* Stable addresses: given to names once and kept, or fixed; each of the framework that had it first. */
#ifndef MASTER_STUB_VIP_H
#define MASTER_STUB_VIP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"

struct agent;
struct err;
struct framework;
struct master;
struct service;

struct vip {
	char *host;			/* the name, or the address as text */
	bool is_named;
	in_addr_t address;
	char *framework_id;		/* whose it is, or was when it was released */
	LIST_HEAD(, service) services;
	int64_t released_wall_ms;	/* 0: it has services */
	bool is_dirty;			/* the record is another */
	TAILQ_ENTRY(vip) in_dirty, in_released;
	UT_hash_handle hh, hh_address;
};

struct vips {
	uint32_t first, last, next;	/* that may be given, and will be; in the order of the host */
	struct vip *by_host, *by_address;
	size_t n_given;			/* from FIRST to LAST */
	TAILQ_HEAD(vip_queue, vip) dirty, released;	/* the latter in the order of that */
};

/* RANGE is "10.96.0.0/16": all but its network, its broadcast and its first address are given.  -EINVAL. */
int vips_new(struct vips *vips, const char *range, struct err *e);
int vips_load(struct master *master, struct err *e);
void vips_free(struct vips *vips);
/* What has changed is recorded. */
void vips_put(struct master *master);

/*
 * HOST for FRAMEWORK: a name if ADDRESS is 0.  -EPERM: it is another's; -ENOSPC: no address is left;
 * -EINVAL: nobody can have it.
 */
int vip_get(const struct framework *framework, const char *host, in_addr_t address,
	    struct vip **ret, struct err *e);
/* The fixed one that is AGENT's own address, and why it cannot be one; NULL: none. */
struct vip *vip_of_agent(const struct agent *agent, struct err *ret_why);
/* It may have another record. */
void vip_changed(struct master *master, struct vip *vip);
/* If it has no service: a name keeps its address for as long as others have enough. */
void vip_release(struct master *master, struct vip *vip);

#endif
