#include "master_stub/marathon/placement/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/pb_json.h"
#include "master_stub/marathon/autoscale/metering.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/endpoint.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/placement/fit.h"
#include "master_stub/marathon/placement/roles.h"
#include "master_stub/marathon/placement/usable.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

enum { REMEMBERED_MS = 3600000 };

struct node *node_find(const struct controller *c, const char *id)
{
	struct node *node;

	HASH_FIND(by_id, c->nodes, id, strlen(id), node);
	return node;
}

/* ---- Zones ---- */

static struct zone *zone_take(struct controller *c, const char *name)
{
	struct zone *zone;

	HASH_FIND(by_name, c->zones, name, strlen(name), zone);
	if (!zone) {
		zone = calloc(1, sizeof(*zone));
		if (zone)
			zone->name = strdup(name);
		if (!zone || !zone->name) {
			free(zone);
			return NULL;
		}
		HASH_ADD_KEYPTR(by_name, c->zones, zone->name, strlen(zone->name), zone);
	}
	zone->n_nodes++;
	return zone;
}

static void zone_leave(struct controller *c, struct zone *zone)
{
	if (!zone || --zone->n_nodes > 0)
		return;
	HASH_DELETE(by_name, c->zones, zone);
	free(zone->name);
	free(zone);
}

/* Without memory for it a node is in no zone: it is only placed less well. */
static void find_zone(struct controller *c, struct node *node)
{
	const struct place place = node_place(node);
	char name[CONSTRAINT_VALUE_SIZE];
	struct zone *old = node->zone;

	node->zone = place_zone(&place, name) ? zone_take(c, name) : NULL;
	zone_leave(c, old);
}

/* ---- Nodes ---- */

int nodes_add(struct controller *c, const char *id, Mesos__V1__AgentInfo *info_take)
{
	struct node *node = node_find(c, id);

	if (node) {
		mesos__v1__agent_info__free_unpacked(node->info, NULL);
		node->info = info_take;
		node->is_stored = false;
		find_zone(c, node);
		return 0;
	}
	node = calloc(1, sizeof(*node));
	if (node)
		node->id = strdup(id);
	if (!node || !node->id) {
		free(node);
		mesos__v1__agent_info__free_unpacked(info_take, NULL);
		return -ENOMEM;
	}
	node->info = info_take;
	HASH_ADD_KEYPTR(by_id, c->nodes, node->id, strlen(node->id), node);
	if (node_find(c, id)) {
		find_zone(c, node);
		return 0;
	}
	mesos__v1__agent_info__free_unpacked(info_take, NULL);
	free(node->id);
	free(node);
	return -ENOMEM;
}

static bool is_same(const Mesos__V1__AgentInfo *a, const Mesos__V1__AgentInfo *b)
{
	size_t size = mesos__v1__agent_info__get_packed_size(a);
	AUTO_FREE uint8_t *pack_a = NULL, *pack_b = NULL;

	if (mesos__v1__agent_info__get_packed_size(b) != size)
		return false;
	pack_a = malloc(size + 1);
	pack_b = malloc(size + 1);
	if (!pack_a || !pack_b)
		return false;
	(void)mesos__v1__agent_info__pack(a, pack_a);
	(void)mesos__v1__agent_info__pack(b, pack_b);
	return memcmp(pack_a, pack_b, size) == 0;
}

/* Offers repeat all the time; only a change costs memory or a record. */
int nodes_learn(struct controller *c, const Mesos__V1__Offer *offer)
{
	Mesos__V1__AgentInfo view = MESOS__V1__AGENT_INFO__INIT;
	const struct node *node = node_find(c, offer->agent_id->value);
	ProtobufCMessage *copy;

	view.hostname = offer->hostname;
	view.n_attributes = offer->n_attributes;
	view.attributes = offer->attributes;
	view.domain = offer->domain;
	if (offer->url) {
		view.has_port = true;
		view.port = offer->url->address->port;
	}
	if (node && is_same(node->info, &view))
		return 0;
	copy = pb_copy(&view.base);
	if (!copy)
		return -ENOMEM;
	return nodes_add(c, offer->agent_id->value, (Mesos__V1__AgentInfo *)copy);
}

bool node_is_unavailable(const struct controller *c, const Mesos__V1__Offer *offer)
{
	const Mesos__V1__Unavailability *away = offer->unavailability;
	const int64_t ns_per_ms = 1000000;
	int64_t since;

	if (!away)
		return false;
	since = controller_wall_ms(c) - away->start->nanoseconds / ns_per_ms;
	return since >= 0 && !(away->duration && since > away->duration->nanoseconds / ns_per_ms);
}

/* What of LEFT is reserved for others than ROLE, into RET. */
static int keep_others(const struct resources *left, const char *role, struct resources *ret)
{
	int r = 0;

	for (size_t i = 0; i < left->parts.n && r == 0; i++) {
		if (!resource_part_is_for(&left->parts.items[i], role))
			r = resource_parts_add(&ret->parts, &left->parts.items[i]);
	}
	return r;
}

int node_left(struct controller *c, const Mesos__V1__Offer *offer, const char *role,
	      struct resources *left_take)
{
	static const struct resources nothing;
	struct resources left = left_take ? *left_take : nothing;
	struct node *node = node_find(c, offer->agent_id->value);
	int r;

	if (left_take)
		*left_take = nothing;
	if (!node) {
		resources_done(&left);
		return 0;
	}
	r = keep_others(&node->left, role, &left);
	resources_done(&node->left);
	node->left = left;
	node->has_offered = true;
	node->offered_ms = c->now_ms;
	node->is_usable = left_take != NULL;
	node->is_unavailable = node_is_unavailable(c, offer);
	return r;
}

/* Ports are known of the instance, the rest of its definition. */
void node_give_back(struct controller *c, const struct instance *instance)
{
	struct node *node = instance->agent_id ? node_find(c, instance->agent_id) : NULL;
	struct resources freed;

	/* What is reserved for it stays so. */
	if (!node || !node->has_offered || instance->spec->is_resident ||
	    instance_resources(instance->spec, &freed) < 0)
		return;
	for (int kind = 0; kind < N_RESOURCE_KINDS; kind++)
		node->left.scalar[kind] += freed.scalar[kind];
	for (unsigned i = 0; i < instance->n_ports; i++) {
		uint16_t port = instance_host_port(instance, i);

		if (port != 0)
			(void)ranges_add(&node->left.ports, port, port);
	}
	resources_done(&freed);
}

int node_take(const struct controller *c, struct node *node, const struct app *spec)
{
	AUTO_FREE uint16_t *ports = calloc(app_n_ports(spec) + 1, sizeof(*ports));
	struct resources taken;
	int r;

	if (!ports)
		return -ENOMEM;
	r = usable_take_instance(c, NULL, spec, &node->left, ports, &taken);
	resources_done(&taken);
	return r;
}

int node_store(struct controller *c, const char *id)
{
	struct node *node = node_find(c, id);
	int r;

	if (!node || node->is_stored)
		return 0;
	r = records_put_node(c, node);
	node->is_stored = r == 0;
	return r;
}

static void node_free(struct controller *c, struct node *node)
{
	HASH_DELETE(by_id, c->nodes, node);
	metering_forget_node(c, node);
	zone_leave(c, node->zone);
	mesos__v1__agent_info__free_unpacked(node->info, NULL);
	resources_done(&node->left);
	free(node->id);
	free(node);
}

/* While offers are suppressed, that none comes says nothing of a node. */
static bool is_silenced(const struct controller *c, const struct node *node)
{
	return roles_any_suppressed(c) && node->has_offered &&
	       c->now_ms < node->offered_ms + REMEMBERED_MS;
}

void nodes_sweep(struct controller *c)
{
	struct instance_task *task, *next_task;
	struct node *node, *next;

	HASH_ITER(by_id, c->nodes, node, next)
		node->is_used = false;
	HASH_ITER(by_id, c->tasks, task, next_task) {
		node = node_find(c, task->instance->agent_id);
		if (node)
			node->is_used = true;
	}
	HASH_ITER(by_id, c->nodes, node, next) {
		if (node->is_used || is_silenced(c, node))
			continue;
		if (node->is_stored)
			records_delete_node(c, node);
		node_free(c, node);
	}
}

void nodes_free(struct controller *c)
{
	struct node *node, *next;

	HASH_ITER(by_id, c->nodes, node, next)
		node_free(c, node);
}

struct place node_place(const struct node *node)
{
	return (struct place){
		.hostname = node->info->hostname,
		.domain = node->info->domain,
		.attributes = node->info->attributes,
		.n_attributes = node->info->n_attributes,
	};
}

struct spot node_spot(const struct node *node)
{
	return (struct spot){
		.place = node_place(node),
		.left = &node->left,
		.is_usable = node->is_usable,
		.is_unavailable = node->is_unavailable,
	};
}
