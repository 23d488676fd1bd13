#include "master_stub/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/core.h"
#include "master_stub/directory_parts.h"
#include "master_stub/endpoint.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum { KEY_SIZE = VIP_HOST_SIZE + 16 };

static struct services *services_of(const struct master *master)
{
	return &master->directory->services;
}

static struct master *master_of(const struct claim *claim)
{
	return claim->endpoint->task->framework->master;
}

int services_new(struct services *services, const char *addresses, const char *node_ports,
		 struct err *e)
{
	TAILQ_INIT(&services->refused);
	TAILQ_INIT(&services->empty);
	if (vips_new(&services->vips, addresses, e) < 0)
		return err_wrap(e, "give services addresses");
	if (ranges_parse(node_ports, &services->node_ports) < 0 ||
	    ranges_contains(&services->node_ports, 0, 0) ||
	    (services->node_ports.n > 0 &&
	     services->node_ports.items[services->node_ports.n - 1].last > UINT16_MAX))
		return err_set(e, EINVAL, "give services ports of nodes: '%.100s' are not ports",
			       node_ports);
	return 0;
}

struct service *service_find(const struct master *master, const char *key)
{
	struct service *service = NULL;

	HASH_FIND_STR(services_of(master)->services, key, service);
	return service;
}

void service_describe(const struct master *master, const struct service *service,
		      Tepui__Service *ret, char address[INET_ADDRSTRLEN])
{
	const struct vip *vip = service->vip;
	const struct framework *owner = framework_find(master, vip->framework_id);

	tepui__service__init(ret);
	inet_ntop(AF_INET, &vip->address, address, INET_ADDRSTRLEN);
	ret->key = service->key;
	ret->name = vip->is_named ? vip->host : NULL;
	ret->address = address;
	ret->has_port = true;
	ret->port = service->port;
	ret->protocol = service->is_udp ? (char *)(uintptr_t)"udp" : (char *)(uintptr_t)"tcp";
	ret->has_balance = true;
	ret->balance = service->choices.balance;
	ret->has_prefers_local = true;
	ret->prefers_local = service->choices.prefers_local;
	ret->has_node_port = service->node_port != 0;
	ret->node_port = service->node_port >> 1;
	ret->framework = owner && owner->info ? owner->info->name : NULL;
}

/* ---- ports of nodes ---- */

static void drop_node_port(struct services *services, struct service *service)
{
	if (service->node_port) {
		HASH_DELETE(hh_node_port, services->by_node_port, service);
		services->is_retry_due = true;
	}
	services->n_lacking -= service->lacks_node_port;
	service->node_port = 0;
	service->lacks_node_port = false;
}

/* The first that claims one keeps it.  True: the service has another one now. */
static bool take_node_port(struct services *services, struct service *service)
{
	uint32_t wanted = (uint32_t)service->choices.node_port << 1 | service->is_udp;
	struct service *other = NULL;

	if (!service->choices.node_port || service->node_port == wanted)
		return false;
	HASH_FIND(hh_node_port, services->by_node_port, &wanted, sizeof(wanted), other);
	if (!other) {
		service->node_port = wanted;
		HASH_ADD(hh_node_port, services->by_node_port, node_port,
			 sizeof(service->node_port), service);
	}
	if (other || !service->hh_node_port.tbl) {
		service->node_port = 0;
		services->n_lacking += !service->lacks_node_port;
		service->lacks_node_port = true;
		return false;
	}
	services->n_lacking -= service->lacks_node_port;
	service->lacks_node_port = false;
	return true;
}

static void set_node_port(struct master *master, struct service *service)
{
	struct services *services = services_of(master);
	bool lacked_it = service->lacks_node_port;

	if (service->node_port >> 1 != service->choices.node_port || !service->choices.node_port)
		drop_node_port(services, service);
	(void)take_node_port(services, service);
	if (service->lacks_node_port && !lacked_it)
		master_explain(master, "service '%s' does not get port %u of the nodes: another"
			       " service had it first", service->key, service->choices.node_port);
}

/* ---- rows ---- */

static int service_new(struct services *services, struct vip *vip, uint16_t port, bool is_udp,
		       const char *key, struct service **ret)
{
	struct service *service = calloc(1, sizeof(*service));

	if (!service)
		return -ENOMEM;
	service->entry.kind = ENTRY_SERVICE;
	service->vip = vip;
	service->port = port;
	service->is_udp = is_udp;
	TAILQ_INIT(&service->claims);
	service->key = strdup(key);
	if (service->key)
		HASH_ADD_KEYPTR(hh, services->services, service->key, strlen(service->key), service);
	if (!service->hh.tbl) {
		free(service->key);
		free(service);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&vip->services, service, of_vip);
	*ret = service;
	return 0;
}

static void set_empty(struct services *services, struct service *service, bool is_empty)
{
	if (service->is_empty == is_empty)
		return;
	service->is_empty = is_empty;
	service->empty_since_ms = 0;
	if (is_empty)
		TAILQ_INSERT_TAIL(&services->empty, service, in_empty);
	else
		TAILQ_REMOVE(&services->empty, service, in_empty);
}

/* Nobody is behind it any more. */
static void service_free(struct master *master, struct service *service)
{
	struct services *services = services_of(master);

	directory_remove(master, &service->entry, service->key);
	drop_node_port(services, service);
	set_empty(services, service, false);
	LIST_REMOVE(service, of_vip);
	vip_changed(master, service->vip);
	vip_release(master, service->vip);
	HASH_DEL(services->services, service);
	services->is_retry_due = true;
	free(service->key);
	free(service);
}

void services_free(struct services *services)
{
	struct service *service, *next;

	HASH_ITER(hh, services->services, service, next) {
		HASH_DEL(services->services, service);
		if (service->node_port)
			HASH_DELETE(hh_node_port, services->by_node_port, service);
		free(service->key);
		free(service);
	}
	vips_free(&services->vips);
	ranges_done(&services->node_ports);
}

static bool are_equal(const struct vip_choices *a, const struct vip_choices *b)
{
	return a->balance == b->balance && a->prefers_local == b->prefers_local &&
	       a->node_port == b->node_port;
}

/* As its newest backend wants it. */
static void update(struct master *master, struct service *service)
{
	const struct claim *newest = TAILQ_LAST(&service->claims, claim_queue);
	bool is_new = !service->entry.is_listed;

	if (newest && !service->is_restored && !are_equal(&newest->choices, &service->choices)) {
		service->choices = newest->choices;
		set_node_port(master, service);
		is_new = true;
	}
	if (!is_new)
		return;
	vip_changed(master, service->vip);
	directory_touch(master, &service->entry);
}

int service_restore(struct master *master, struct vip *vip, const Tepui__Service *record)
{
	struct services *services = services_of(master);
	struct service *service;
	int r;

	if (record->port == 0 || record->port > UINT16_MAX || service_find(master, record->key))
		return 0;
	r = service_new(services, vip, (uint16_t)record->port,
			record->protocol && strcmp(record->protocol, "udp") == 0, record->key,
			&service);
	if (r < 0)
		return r;
	service->is_restored = true;
	service->choices = (struct vip_choices){
		.balance = record->balance, .prefers_local = record->prefers_local,
		.node_port = (uint16_t)record->node_port,
	};
	(void)take_node_port(services, service);
	return 0;
}

/* ---- claims ---- */

static void attach(struct claim *claim, struct service *service, bool is_launched)
{
	struct master *master = master_of(claim);

	claim->service = service;
	/*
	 * Agents bring their tasks in any order: those that want what was recorded last are taken for
	 * the newest.
	 */
	if (is_launched || are_equal(&claim->choices, &service->choices))
		TAILQ_INSERT_TAIL(&service->claims, claim, in_claims);
	else
		TAILQ_INSERT_HEAD(&service->claims, claim, in_claims);
	service->n_claims++;
	if (is_launched)
		service->is_restored = false;
	set_empty(services_of(master), service, false);
	update(master, service);
}

static int find_or_make(struct claim *claim, const char *host, struct service **ret, struct err *e)
{
	const struct framework *framework = claim->endpoint->task->framework;
	struct services *services = services_of(framework->master);
	struct vip *vip;
	char key[KEY_SIZE];
	int r;

	snprintf(key, sizeof(key), "%s:%u/%s", host, claim->service_port,
		 claim->port->is_udp ? "udp" : "tcp");
	*ret = service_find(framework->master, key);
	if (!*ret && HASH_COUNT(services->services) >= MAX_SERVICES)
		return err_set(e, ENOSPC, "there are %d services, and cannot be more", MAX_SERVICES);
	r = vip_get(framework, host, claim->address, &vip, e);
	if (r < 0 || *ret)
		return r;
	r = service_new(services, vip, claim->service_port, claim->port->is_udp, key, ret);
	if (r < 0) {
		vip_release(framework->master, vip);
		return err_set(e, ENOMEM, "make service '%s'", key);
	}
	(*ret)->choices = claim->choices;
	set_node_port(framework->master, *ret);
	return 0;
}

/* It asks again when something is released. */
static int refuse(struct claim *claim, const char *host, const struct err *why)
{
	if (!claim->host) {
		claim->host = strdup(host);
		if (!claim->host)
			return -ENOMEM;
		TAILQ_INSERT_TAIL(&services_of(master_of(claim))->refused, claim, in_claims);
	}
	free(claim->why);
	claim->why = strdup(why->msg);
	return claim->why ? 0 : -ENOMEM;
}

static void set_accepted(struct claim *claim)
{
	if (!claim->host)
		return;
	if (!master_of(claim)->directory->is_ending)
		TAILQ_REMOVE(&services_of(master_of(claim))->refused, claim, in_claims);
	free(TAKE_PTR(claim->host));
	free(TAKE_PTR(claim->why));
}

int claim_place(struct claim *claim, const struct vip_label *label, bool is_launched)
{
	struct service *service = NULL;
	struct err e = { 0 };
	int r;

	claim->address = label->address;
	claim->service_port = label->port;
	claim->choices = label->choices;
	r = find_or_make(claim, label->host, &service, &e);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		r = refuse(claim, label->host, &e);
		endpoint_explain(claim->endpoint, e.msg);
		return r;
	}
	attach(claim, service, is_launched);
	return 0;
}

/* Memory that is out now may be there when the next thing is released. */
static void retry(struct claim *claim)
{
	struct master *master = master_of(claim);
	struct service *service = NULL;
	struct err e = { 0 };
	int r = find_or_make(claim, claim->host, &service, &e);

	if (r < 0) {
		(void)refuse(claim, claim->host, &e);
		return;
	}
	set_accepted(claim);
	attach(claim, service, true);
	directory_touch(master, &claim->endpoint->entry);
	master_explain(master, "task '%s' is behind service '%s' now", claim->endpoint->task->id,
		       service->key);
}

void claim_drop(struct claim *claim)
{
	struct service *service = TAKE_PTR(claim->service);
	struct services *services = services_of(master_of(claim));

	if (!service) {
		set_accepted(claim);
		return;
	}
	if (master_of(claim)->directory->is_ending)
		return;
	TAILQ_REMOVE(&service->claims, claim, in_claims);
	service->n_claims--;
	if (service->n_claims > 0)
		update(master_of(claim), service);
	else
		set_empty(services, service, true);
}

/* ---- what is due ---- */

void services_recovered(struct master *master)
{
	struct services *services = services_of(master);
	struct service *service, *next;

	HASH_ITER(hh, services->services, service, next) {
		service->is_restored = false;
		if (service->n_claims == 0)
			set_empty(services, service, true);
		update(master, service);
	}
}

/* All that are behind it ask for it again later on. */
static void close_service(struct master *master, struct service *service, const struct err *why)
{
	struct claim *claim;

	while ((claim = TAILQ_FIRST(&service->claims))) {
		TAILQ_REMOVE(&service->claims, claim, in_claims);
		claim->service = NULL;
		(void)refuse(claim, service->vip->host, why);
		directory_touch(master, &claim->endpoint->entry);
		endpoint_explain(claim->endpoint, why->msg);
	}
	service_free(master, service);
}

void services_yield(struct agent *agent)
{
	struct err why = { 0 };
	struct vip *vip = vip_of_agent(agent, &why);
	struct service *service = vip ? LIST_FIRST(&vip->services) : NULL, *next;

	/* The last one takes its address along. */
	for (; service; service = next) {
		next = LIST_NEXT(service, of_vip);
		close_service(agent->master, service, &why);
	}
}

static void expire(struct master *master, int64_t now_ms)
{
	struct services *services = services_of(master);
	struct service *service;

	TAILQ_FOREACH_REVERSE(service, &services->empty, service_queue, in_empty) {
		if (service->empty_since_ms)
			break;
		service->empty_since_ms = now_ms;
	}
	while ((service = TAILQ_FIRST(&services->empty)) &&
	       now_ms - service->empty_since_ms >= SERVICE_KEPT_MS)
		service_free(master, service);
}

static void retry_node_ports(struct master *master)
{
	struct services *services = services_of(master);
	struct service *service;

	for (service = services->services; service && services->n_lacking > 0;
	     service = service->hh.next) {
		if (!service->lacks_node_port || !take_node_port(services, service))
			continue;
		vip_changed(master, service->vip);
		directory_touch(master, &service->entry);
	}
}

static void retry_all(struct master *master)
{
	struct services *services = services_of(master);
	struct claim *claim, *next;

	services->is_retry_due = false;
	retry_node_ports(master);
	for (claim = TAILQ_FIRST(&services->refused); claim; claim = next) {
		next = TAILQ_NEXT(claim, in_claims);
		retry(claim);
	}
}

void services_retry(struct master *master)
{
	services_of(master)->is_retry_due = true;
}

void services_turn(struct master *master, int64_t now_ms)
{
	struct services *services = services_of(master);

	expire(master, now_ms);
	if (services->is_retry_due)
		retry_all(master);
	vips_put(master);
}

int64_t services_next_ms(const struct master *master)
{
	const struct services *services = services_of(master);
	const struct service *first = TAILQ_FIRST(&services->empty);
	const struct service *last = TAILQ_LAST(&services->empty, service_queue);

	if (services->is_retry_due || !TAILQ_EMPTY(&services->vips.dirty) ||
	    (last && !last->empty_since_ms))
		return INT64_MIN;
	return first ? first->empty_since_ms + SERVICE_KEPT_MS : INT64_MAX;
}
