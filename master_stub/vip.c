#include "master_stub/vip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/store.h"
#include "master_stub/core.h"
#include "master_stub/directory_parts.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"

static const char KIND[] = "service_address";

enum { MIN_PREFIX = 8, MAX_PREFIX = 30 };

static struct vips *vips_of(const struct master *master)
{
	return &master->directory->services.vips;
}

static bool is_in_range(const struct vips *vips, in_addr_t address)
{
	uint32_t host = ntohl(address);

	return host >= vips->first && host <= vips->last;
}

/* ---- the range ---- */

int vips_new(struct vips *vips, const char *range, struct err *e)
{
	const char *slash = strchr(range, '/');
	char text[INET_ADDRSTRLEN] = "";
	struct in_addr address;
	char *end = NULL;
	unsigned long prefix = slash ? strtoul(slash + 1, &end, 10) : 0;
	uint32_t network, mask;

	TAILQ_INIT(&vips->dirty);
	TAILQ_INIT(&vips->released);
	if (slash && (size_t)(slash - range) < sizeof(text))
		memcpy(text, range, (size_t)(slash - range));
	if (inet_pton(AF_INET, text, &address) != 1 || end == slash + 1 || *end ||
	    prefix < MIN_PREFIX || prefix > MAX_PREFIX)
		return err_set(e, EINVAL, "'%.100s' is not an IPv4 network like 10.96.0.0/16, of a"
			       " prefix from %d to %d", range, MIN_PREFIX, MAX_PREFIX);
	network = ntohl(address.s_addr);
	mask = UINT32_MAX << (32 - prefix);
	if ((network & mask) != network || network >> 24 == 0 || network >> 24 == IN_LOOPBACKNET ||
	    network >> 24 >= 224)
		return err_set(e, EINVAL, "'%.100s' is not a network of which services can have"
			       " addresses", range);
	vips->first = network + 2;
	vips->last = (network | ~mask) - 1;
	vips->next = vips->first;
	return 0;
}

static size_t size_of(const struct vips *vips)
{
	return (size_t)vips->last - vips->first + 1;
}

static struct vip *find_address(const struct vips *vips, in_addr_t address)
{
	struct vip *vip = NULL;

	HASH_FIND(hh_address, vips->by_address, &address, sizeof(address), vip);
	return vip;
}

/* Of one that is free: there is one. */
static in_addr_t next_free(struct vips *vips)
{
	in_addr_t address;

	do {
		address = htonl(vips->next);
		vips->next = vips->next == vips->last ? vips->first : vips->next + 1;
	} while (find_address(vips, address));
	return address;
}

/* ---- rows ---- */

static void free_fields(struct vip *vip)
{
	free(vip->host);
	free(vip->framework_id);
	free(vip);
}

static int vip_new(struct vips *vips, const char *host, bool is_named, in_addr_t address,
		   const char *framework_id, struct vip **ret)
{
	struct vip *vip = calloc(1, sizeof(*vip));

	if (!vip)
		return -ENOMEM;
	vip->is_named = is_named;
	vip->address = address;
	LIST_INIT(&vip->services);
	vip->host = strdup(host);
	vip->framework_id = strdup(framework_id);
	if (vip->host && vip->framework_id)
		HASH_ADD_KEYPTR(hh, vips->by_host, vip->host, strlen(vip->host), vip);
	if (!vip->hh.tbl) {
		free_fields(vip);
		return -ENOMEM;
	}
	HASH_ADD(hh_address, vips->by_address, address, sizeof(vip->address), vip);
	if (!vip->hh_address.tbl) {
		HASH_DEL(vips->by_host, vip);
		free_fields(vip);
		return -ENOMEM;
	}
	vips->n_given += is_in_range(vips, address);
	*ret = vip;
	return 0;
}

static void vip_free(struct vips *vips, struct vip *vip)
{
	vips->n_given -= is_in_range(vips, vip->address);
	if (vip->is_dirty)
		TAILQ_REMOVE(&vips->dirty, vip, in_dirty);
	if (vip->released_wall_ms)
		TAILQ_REMOVE(&vips->released, vip, in_released);
	HASH_DELETE(hh_address, vips->by_address, vip);
	HASH_DEL(vips->by_host, vip);
	free_fields(vip);
}

/* And off the disk: without that, it would be there again after a restart, beside who has it now. */
static int forget(struct master *master, struct vip *vip, struct err *e)
{
	int r = store_delete(master->store, KIND, vip->host, e);

	if (r < 0)
		return r;
	vip_free(vips_of(master), vip);
	return 0;
}

void vips_free(struct vips *vips)
{
	struct vip *vip, *next;

	HASH_ITER(hh, vips->by_host, vip, next)
		vip_free(vips, vip);
}

void vip_changed(struct master *master, struct vip *vip)
{
	if (!vip->is_dirty)
		TAILQ_INSERT_TAIL(&vips_of(master)->dirty, vip, in_dirty);
	vip->is_dirty = true;
}

/* ---- whose they are ---- */

/* A framework that is removed has nothing any more, though its tasks may still be about to end. */
static int check_owner(const struct vip *vip, const struct framework *framework, struct err *e)
{
	const struct framework *owner = framework_find(framework->master, vip->framework_id);

	if (owner == framework || vip->released_wall_ms || (owner && owner->is_removed))
		return 0;
	return err_set(e, EPERM, "'%s' is of framework '%s' ('%.100s'), which had it first",
		       vip->host, vip->framework_id,
		       owner && owner->info ? owner->info->name : "not back yet");
}

static int take(struct vip *vip, const struct framework *framework, struct err *e)
{
	struct master *master = framework->master;
	int r = check_owner(vip, framework, e);
	struct service *service;
	char *id;

	if (r < 0)
		return r;
	if (strcmp(vip->framework_id, framework->id) != 0) {
		id = strdup(framework->id);
		if (!id)
			return err_set(e, ENOMEM, "give '%s'", vip->host);
		free(vip->framework_id);
		vip->framework_id = id;
		vip_changed(master, vip);
		LIST_FOREACH(service, &vip->services, of_vip)
			directory_touch(master, &service->entry);
	}
	if (vip->released_wall_ms) {
		TAILQ_REMOVE(&vips_of(master)->released, vip, in_released);
		vip->released_wall_ms = 0;
		vip_changed(master, vip);
	}
	return 0;
}

/* One that was never given, or else the one that has been free for longest. */
static int give_address(struct master *master, const char *name, in_addr_t *ret, struct err *e)
{
	struct vips *vips = vips_of(master);
	struct vip *vip;
	in_addr_t address;
	int r;

	if (vips->n_given < size_of(vips)) {
		*ret = next_free(vips);
		return 0;
	}
	TAILQ_FOREACH(vip, &vips->released, in_released) {
		if (is_in_range(vips, vip->address))
			break;
	}
	if (!vip)
		return err_set(e, ENOSPC, "give '%s' an address: all %zu of '--service_addresses'"
			       " are in use", name, size_of(vips));
	address = vip->address;
	master_explain(master, "the service name '%s' is forgotten: its address goes to '%s', none"
		       " has been free for longer", vip->host, name);
	r = forget(master, vip, e);
	*ret = address;
	return r;
}

/* 0: it has none, or one of IPv6. */
static in_addr_t address_of(const struct agent *agent)
{
	struct in_addr own;

	return agent->address && inet_pton(AF_INET, agent->address, &own) == 1 ? own.s_addr : 0;
}

static int refuse_own(const struct agent *agent, struct err *e)
{
	return err_set(e, EINVAL, "the address is of agent '%s' on '%s' itself", agent->id,
		       agent->info->hostname);
}

static int check_address(struct master *master, in_addr_t address, struct err *e)
{
	struct vip *vip = find_address(vips_of(master), address);
	const struct agent *agent;

	if (vip && !vip->released_wall_ms)
		return err_set(e, EPERM, "the address was given to the service name '%s'",
			       vip->host);
	if (vip)
		return forget(master, vip, e);
	for (agent = master->agents; agent; agent = agent->hh.next) {
		if (address_of(agent) == address)
			return refuse_own(agent, e);
	}
	return 0;
}

struct vip *vip_of_agent(const struct agent *agent, struct err *ret_why)
{
	in_addr_t address = address_of(agent);
	struct vip *vip = address ? find_address(vips_of(agent->master), address) : NULL;

	if (!vip || vip->is_named)
		return NULL;
	(void)refuse_own(agent, ret_why);
	return vip;
}

int vip_get(const struct framework *framework, const char *host, in_addr_t address,
	    struct vip **ret, struct err *e)
{
	struct master *master = framework->master;
	struct vips *vips = vips_of(master);
	bool is_named = address == 0;
	struct vip *vip = NULL;
	int r;

	HASH_FIND_STR(vips->by_host, host, vip);
	if (vip) {
		*ret = vip;
		return take(vip, framework, e);
	}
	r = is_named ? give_address(master, host, &address, e) : check_address(master, address, e);
	if (r < 0)
		return r;
	if (vip_new(vips, host, is_named, address, framework->id, ret) < 0)
		return err_set(e, ENOMEM, "give '%s' an address", host);
	vip_changed(master, *ret);
	return 0;
}

void vip_release(struct master *master, struct vip *vip)
{
	struct err e = { 0 };

	if (!LIST_EMPTY(&vip->services) || vip->released_wall_ms)
		return;
	if (!vip->is_named && forget(master, vip, &e) == 0)
		return;
	if (e.code)
		master_explain(master, "%s", e.msg);
	vip->released_wall_ms = master_wall_ms(master);
	TAILQ_INSERT_TAIL(&vips_of(master)->released, vip, in_released);
	vip_changed(master, vip);
}

/* ---- records ---- */

static int put(struct master *master, const struct vip *vip, struct err *e)
{
	Tepui__VipRecord record = TEPUI__VIP_RECORD__INIT;
	AUTO_FREE Tepui__Service *services = NULL;
	AUTO_FREE Tepui__Service **pointers = NULL;
	char address[INET_ADDRSTRLEN];
	const struct service *service;
	size_t n = 0;

	LIST_FOREACH(service, &vip->services, of_vip)
		n++;
	services = calloc(n + 1, sizeof(*services));
	pointers = calloc(n + 1, sizeof(*pointers));
	if (!services || !pointers)
		return err_set(e, ENOMEM, "record the service address '%s'", vip->host);
	LIST_FOREACH(service, &vip->services, of_vip) {
		pointers[record.n_services] = &services[record.n_services];
		service_describe(master, service, pointers[record.n_services++], address);
	}
	inet_ntop(AF_INET, &vip->address, address, sizeof(address));
	record.address = address;
	record.has_is_named = true;
	record.is_named = vip->is_named;
	record.framework_id = vip->framework_id;
	record.has_released_wall_ms = vip->released_wall_ms != 0;
	record.released_wall_ms = vip->released_wall_ms;
	record.services = pointers;
	return master_put(master, KIND, vip->host, &record.base, e);
}

void vips_put(struct master *master)
{
	struct vips *vips = vips_of(master);
	struct vip *vip;

	while ((vip = TAILQ_FIRST(&vips->dirty))) {
		struct err e = { 0 };

		TAILQ_REMOVE(&vips->dirty, vip, in_dirty);
		vip->is_dirty = false;
		if (put(master, vip, &e) < 0)
			master_explain(master, "%s", e.msg);
	}
}

static int restore(struct master *master, const char *host, const Tepui__VipRecord *record,
		   struct err *e)
{
	struct vips *vips = vips_of(master);
	struct in_addr address;
	struct vip *vip = NULL;
	int r = 0;

	if (inet_pton(AF_INET, record->address, &address) != 1 ||
	    find_address(vips, address.s_addr) ||
	    (record->is_named && !is_in_range(vips, address.s_addr))) {
		master_explain(master, "the service name '%s' does not keep the address '%.40s': it"
			       " is not one of '--service_addresses', or another's", host,
			       record->address);
		return store_delete(master->store, KIND, host, e);
	}
	if (vip_new(vips, host, record->is_named, address.s_addr, record->framework_id, &vip) < 0)
		return err_set(e, ENOMEM, "load the service address '%s'", host);
	vip->released_wall_ms = record->released_wall_ms;	/* vips_load() puts it in order */
	for (size_t i = 0; i < record->n_services && r == 0; i++)
		r = service_restore(master, vip, record->services[i]);
	return r < 0 ? err_set(e, -r, "load the service address '%s'", host) : 0;
}

static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct master *master = arg;
	Tepui__VipRecord *record = tepui__vip_record__unpack(NULL, size, data);
	int r;

	if (!record) {
		master_explain(master, "the record of service address '%s' cannot be read and is"
			       " ignored", key);
		return 0;
	}
	r = restore(master, key, record, e);
	tepui__vip_record__free_unpacked(record, NULL);
	return r;
}

static int by_release(const struct vip *a, const struct vip *b)
{
	return (a->released_wall_ms > b->released_wall_ms) -
	       (a->released_wall_ms < b->released_wall_ms);
}

int vips_load(struct master *master, struct err *e)
{
	struct vips *vips = vips_of(master);
	struct vip *vip;
	int r = store_each(master->store, KIND, load, master, e);

	HASH_SORT(vips->by_host, by_release);
	for (vip = vips->by_host; vip; vip = vip->hh.next) {
		if (vip->released_wall_ms)
			TAILQ_INSERT_TAIL(&vips->released, vip, in_released);
	}
	return r;
}
