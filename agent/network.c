#include "agent/network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/errand.h"
#include "agent/network_cni.h"
#include "agent/ruleset.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/store.h"

static const char store_kind[] = "network";

/* ---- flags ---- */

int networks_check_flags(const struct agent_flags *flags, struct err *e)
{
	struct ipam ipam;

	if (network_cni_check_flags(flags, e) < 0)
		return -e->code;
	if (!*flags->bridge)
		return 0;
	if (!link_name_is_valid(flags->bridge))
		return err_set(e, EINVAL, "use '--bridge=%.64s': it cannot be the name of a link",
			       flags->bridge);
	if (flags->bridge_mtu < LINK_MIN_MTU || flags->bridge_mtu > LINK_MAX_MTU)
		return err_set(e, EINVAL, "use '--bridge_mtu=%llu': not %d to %d",
			       (unsigned long long)flags->bridge_mtu, LINK_MIN_MTU, LINK_MAX_MTU);
	if (ipam_init(flags->bridge_subnet, flags->bridge_subnet6, &ipam, e) < 0)
		return err_wrap(e, "use '--bridge_subnet' and '--bridge_subnet6'");
	return 0;
}

/* ---- life ---- */

static int init_bridge(struct networks *networks, struct err *e)
{
	const struct agent_flags *flags = &networks->agent->flags;
	struct bridge *bridge = &networks->bridge;
	const char *subnet6 = bridge_can_ipv6() ? flags->bridge_subnet6 : "";
	int r;

	if (!*flags->bridge)
		return 0;
	if (*flags->bridge_subnet6 && !*subnet6)
		log_info("bridge '%s' has no IPv6, for the node has none", flags->bridge);
	r = ipam_init(flags->bridge_subnet, subnet6, &networks->ipam, e);
	if (r < 0)
		return r;
	(void)strncpy(bridge->name, flags->bridge, sizeof(bridge->name) - 1);
	bridge->mtu = (unsigned)flags->bridge_mtu;
	bridge->address = ipam_address(&networks->ipam, IPAM_GATEWAY);
	if (networks->ipam.subnet6.family)
		bridge->address6 = ipam_address6(&networks->ipam, IPAM_GATEWAY);
	return 0;
}

static void on_retry(void *arg)
{
	networks_remove_links(arg);
}

int networks_new(struct agent *agent, struct networks **ret, struct err *e)
{
	struct networks *networks = calloc(1, sizeof(*networks));
	int r;

	if (!networks)
		return err_set(e, ENOMEM, "prepare networks");
	networks->agent = agent;
	networks->lock_fd = -EBADF;
	network_cni_look(agent);
	r = init_bridge(networks, e);
	if (r >= 0)
		r = loop_timer_new(agent->loop, on_retry, networks, &networks->retry, e);
	if (r < 0)
		networks_free(networks);
	else
		*ret = networks;
	return r;
}

static void drop(struct networks *networks, struct network *network)
{
	network_cni_stop(network);
	HASH_DEL(networks->all, network);
	if (network->number) {
		HASH_DELETE(by_number, networks->numbered, network);
		ipam_give_back(&networks->ipam, network->number);
	}
	tepui__network_record__free_unpacked(network->record, NULL);
	free(network);
}

void networks_free(struct networks *networks)
{
	struct network *network, *next;

	if (!networks)
		return;
	errand_free(networks->making);
	errand_free(networks->removing);
	errand_free(networks->collecting);
	loop_timer_free(networks->retry);
	HASH_ITER(hh, networks->all, network, next)
		drop(networks, network);
	ipam_done(&networks->ipam);
	fd_close(&networks->lock_fd);
	free(networks);
}

const struct bridge *networks_bridge(const struct agent *agent)
{
	return agent->networks->is_bridge_made ? &agent->networks->bridge : NULL;
}

struct network *network_find(const struct networks *networks, const char *container_id)
{
	struct network *network = NULL;

	if (networks)
		HASH_FIND_STR(networks->all, container_id, network);
	return network;
}

struct network *network_of(const struct container *c)
{
	while (c->parent)
		c = c->parent;
	return network_find(c->agent->networks, c->id);
}

/* ---- the record ---- */

/* RECORD and NUMBER are taken, also on failure. */
static int adopt(struct networks *networks, Tepui__NetworkRecord *record, uint32_t number,
		 struct network **ret, struct err *e)
{
	struct network *network = calloc(1, sizeof(*network));

	if (network) {
		network->record = record;
		network->number = number;
		HASH_ADD_KEYPTR(hh, networks->all, record->container_id,
				strlen(record->container_id), network);
	}
	if (network && network->hh.tbl && number)
		HASH_ADD(by_number, networks->numbered, number, sizeof(network->number), network);
	if (network && network->hh.tbl && (!number || network->by_number.tbl)) {
		*ret = network;
		return 0;
	}
	if (network && network->hh.tbl)
		HASH_DEL(networks->all, network);
	(void)err_set(e, ENOMEM, "keep the networks of container '%s'", record->container_id);
	if (number)
		ipam_give_back(&networks->ipam, number);
	tepui__network_record__free_unpacked(record, NULL);
	free(network);
	return -ENOMEM;
}

static int put(struct networks *networks, const struct network *network, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = pb_pack(&network->record->base, &data, &size, e);

	return r < 0 ? r : store_put(networks->agent->store, store_kind,
				     network->record->container_id, data, size, e);
}

void network_forget(struct networks *networks, struct network *network)
{
	struct err e = { 0 };

	if (store_delete(networks->agent->store, store_kind, network->record->container_id,
			 &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "forget the networks of container '%s'",
			      network->record->container_id);
	ruleset_drop_container(networks->agent->ruleset, network->record->container_id);
	drop(networks, network);
	agent_wake(networks->agent);
}

/* ---- a container's ---- */

int network_admit(struct container *c, struct err *e)
{
	struct networks *networks = c->agent->networks;
	Tepui__NetworkRecord *record = NULL;
	struct network *network;
	uint32_t number = 0;
	int r = network_plan(networks, c, &record, &number, e);

	if (r < 0 || !record)
		return r;
	r = adopt(networks, record, number, &network, e);
	if (r < 0)
		return r;
	r = put(networks, network, e);
	if (r >= 0 && number)
		r = ruleset_set_container(networks->agent->ruleset, record, e);
	/* Out of the store, too: after a restart its address may be another's. */
	if (r < 0)
		network_forget(networks, network);
	return r;
}

static bool is_on_bridge(const Tepui__NetworkRecord__Attachment *attachment)
{
	return attachment->link;
}

void networks_resume(struct networks *networks)
{
	bool is_any = false;

	for (struct network *network = networks->all; network; network = network->hh.next) {
		struct container *c;

		if (!network->is_waiting)
			continue;
		c = container_find(networks->agent, network->record->container_id);
		if (!c)
			continue;
		container_mark(c);
		is_any = true;
	}
	if (is_any)
		agent_wake(networks->agent);
}

int network_await(struct container *c, struct err *e)
{
	struct networks *networks = c->agent->networks;
	struct network *network = network_find(networks, c->id);
	int r;

	if (!network || network->number == 0)
		return 1;
	if (network->is_waiting && networks->is_bridge_bad) {
		network->is_waiting = false;
		*e = networks->failure;
		return -e->code;
	}
	network->is_waiting = false;
	if (networks->is_bridge_made && bridge_is_there(&networks->bridge))
		r = ruleset_await_container(c->agent->ruleset, c->id, e);
	else
		r = networks_make_bridge(networks, e);
	if (r > 0)
		return r;
	network->is_waiting = r >= 0;
	return r;
}

int64_t network_end_ms(const struct container *c)
{
	const struct network *network = network_find(c->agent->networks, c->id);

	return network && network_has_cni(network) ? c->agent->flags.cni_timeout : 0;
}

void network_release(struct container *c)
{
	struct networks *networks = c->agent->networks;
	struct network *network = network_find(networks, c->id);

	if (network && !network->is_leaving && !network->is_deleting &&
	    !network_cni_release(networks, network, true))
		network_leave(networks, network);
}

void network_leave(struct networks *networks, struct network *network)
{
	network->is_leaving = true;
	if (network_has_links(network))
		networks_remove_links(networks);
	else
		network_forget(networks, network);
}

void network_learn(struct networks *networks, struct network *network)
{
	struct err e = { 0 };
	int r = network_cni_learn(networks, network, &e);

	if (r > 0)
		r = put(networks, network, &e);
	if (r < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "learn what container '%s' has of networks",
			      network->record->container_id);
}

/* ---- after a restart ---- */

/* 0: it is not on the bridge, or not on one of this subnet. */
static int take_number(struct networks *networks, const Tepui__NetworkRecord *record,
		       uint32_t *ret, struct err *e)
{
	struct ip_prefix address;
	int r = 0;

	*ret = 0;
	for (size_t i = 0; i < record->n_attachments && r >= 0; i++) {
		const Tepui__NetworkRecord__Attachment *attachment = record->attachments[i];

		if (!is_on_bridge(attachment) || attachment->n_addresses == 0)
			continue;
		r = ip_prefix_parse(attachment->addresses[0], &address, e);
		if (r >= 0 && ip_prefix_contains(&networks->ipam.subnet, &address))
			r = ipam_take_address(&networks->ipam, &address, ret, e);
	}
	return r;
}

/* One that cannot be read is of no more use: what it was of is found by the links. */
static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct networks *networks = arg;
	Tepui__NetworkRecord *record = tepui__network_record__unpack(NULL, size, data);
	struct network *network;
	struct err why = { 0 };
	uint32_t number;

	(void)e;
	if (!record) {
		networks->agent->counters.recovery_errors++;
		log_error("skip the networks of container '%s': the record cannot be read", key);
		return 0;
	}
	if (take_number(networks, record, &number, &why) < 0) {
		networks->agent->counters.recovery_errors++;
		log_write_err(LOG_LEVEL_ERROR, &why, "take up the networks of container '%s'", key);
		number = 0;
	}
	if (adopt(networks, record, number, &network, e) < 0)
		return -ENOMEM;
	if (number && ruleset_set_container(networks->agent->ruleset, record, &why) < 0)
		log_write_err(LOG_LEVEL_ERROR, &why, "take up the ports of container '%s'", key);
	return 0;
}

int networks_load(struct networks *networks, struct err *e)
{
	return store_each(networks->agent->store, store_kind, load, networks, e);
}

void networks_settle(struct networks *networks)
{
	struct network *network, *next;
	bool needs_bridge = false;
	struct err e = { 0 };

	network_cni_settle(networks);
	if (!*networks->bridge.name && !networks->all)
		return;
	if (networks_own(networks, &e) < 0) {
		log_write_err(LOG_LEVEL_INFO, &e, "have no networks");
		return;
	}
	HASH_ITER(hh, networks->all, network, next) {
		if (!network->is_deleting &&
		    !container_find(networks->agent, network->record->container_id))
			network_forget(networks, network);
	}
	networks_remove_strangers(networks);
	for (network = networks->all; network; network = network->hh.next)
		needs_bridge |= network->number > 0;
	if (needs_bridge && networks_make_bridge(networks, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "look after the bridge");
}
