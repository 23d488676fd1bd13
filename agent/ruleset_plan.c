#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/ruleset_parts.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/texts.h"

/* ---- where a backend is ---- */

static bool is_loopback(in_addr_t address)
{
	return ntohl(address) >> 24 == 127;
}

/* One that packets can be sent to: no group, no broadcast, nothing of 0.0.0.0/8. */
static bool parse_address(const char *text, in_addr_t *ret)
{
	struct in_addr address;
	uint32_t first;

	if (!text || inet_pton(AF_INET, text, &address) != 1)
		return false;
	first = ntohl(address.s_addr) >> 24;
	*ret = address.s_addr;
	return first != 0 && first < 224;
}

/* Of a task that has the network of NODE.  What listens on loopback alone is out of containers' reach. */
static bool node_address(const struct ruleset *ruleset, const struct directory_node *node,
			 in_addr_t *ret)
{
	if (!node || !parse_address(node->info->address, ret))
		return false;
	if (is_loopback(*ret) && *ruleset->bridge.name)
		*ret = ruleset_bridge_address(ruleset);
	return true;
}

static bool container_address(const Tepui__Endpoint *info, in_addr_t *ret)
{
	for (size_t i = 0; i < info->n_addresses; i++) {
		if (parse_address(info->addresses[i], ret) && !is_loopback(*ret))
			return true;
	}
	return false;
}

/*
 * On this node a container is reached at its own address, without its port mapping; on another one at
 * its own only where it has no port of the node, which it would need if its network ended there.
 */
bool ruleset_locate(const struct ruleset *ruleset, const struct directory_endpoint *endpoint,
		    const Tepui__EndpointPort *port, struct ruleset_backend *ret)
{
	bool is_own = port->container_port && endpoint->info->n_addresses > 0 &&
		      (endpoint->is_here || !port->host_port);
	uint32_t number = is_own ? port->container_port : port->host_port;

	*ret = (struct ruleset_backend){
		.port = htons((uint16_t)number), .weight = (uint16_t)endpoint->info->weight,
	};
	return number && (is_own ? container_address(endpoint->info, &ret->address) :
			  node_address(ruleset, endpoint->node, &ret->address));
}

/* ---- the backends of a service ---- */

static int compare_backends(const void *a, const void *b)
{
	const struct ruleset_backend *left = a, *right = b;

	if (left->address != right->address)
		return ntohl(left->address) < ntohl(right->address) ? -1 : 1;
	if (left->port != right->port)
		return ntohs(left->port) < ntohs(right->port) ? -1 : 1;
	return left->weight > right->weight ? -1 : left->weight < right->weight;
}

static bool is_serving(const struct directory_backend *backend)
{
	return backend->endpoint->info->state == TEPUI__ENDPOINT__STATE__SERVING &&
	       backend->endpoint->info->weight > 0;
}

/* Does SERVICE keep to this node? */
static bool has_local(const struct ruleset *ruleset, const struct directory_service *service)
{
	const struct directory_backend *backend;
	struct ruleset_backend found;

	TAILQ_FOREACH(backend, &service->backends, of_service) {
		if (backend->endpoint->is_here && is_serving(backend) &&
		    ruleset_locate(ruleset, backend->endpoint, backend->port, &found))
			return true;
	}
	return false;
}

/* Two of one address and port, one of which must be about to go, are one. */
static size_t sort_backends(struct ruleset_backend *backends, size_t n)
{
	size_t kept = 0;

	qsort(backends, n, sizeof(*backends), compare_backends);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || backends[kept - 1].address != backends[i].address ||
		    backends[kept - 1].port != backends[i].port)
			backends[kept++] = backends[i];
	}
	return kept;
}

static int find_backends(const struct ruleset *ruleset, const struct directory_service *service,
			 struct ruleset_plan *plan)
{
	bool is_local = service->info->prefers_local && has_local(ruleset, service);
	const struct directory_backend *backend;
	struct ruleset_backend found;
	size_t n = 0;

	plan->backends = malloc((service->n_backends ? service->n_backends : 1) * sizeof(found));
	if (!plan->backends)
		return -ENOMEM;
	TAILQ_FOREACH(backend, &service->backends, of_service) {
		if (n < service->n_backends && is_serving(backend) &&
		    (!is_local || backend->endpoint->is_here) &&
		    ruleset_locate(ruleset, backend->endpoint, backend->port, &found))
			plan->backends[n++] = found;
	}
	n = sort_backends(plan->backends, n);
	plan->n_backends = n < RULESET_MAX_SLOTS ? n : RULESET_MAX_SLOTS;
	return 0;
}

/* ---- its slots ---- */

/*
 * Every node begins with another one: otherwise the first connection of each would meet the same
 * backend.
 */
static void rotate(uint16_t *slots, size_t n, const char *key)
{
	uint16_t turned[RULESET_MAX_SLOTS];
	size_t first = n ? (size_t)(hash_bytes(key, strlen(key)) % n) : 0;

	for (size_t i = 0; i < n; i++)
		turned[i] = slots[(first + i) % n];
	memcpy(slots, turned, n * sizeof(*slots));
}

static int find_slots(struct ruleset_plan *plan, const char *key)
{
	AUTO_FREE unsigned *weights = calloc(plan->n_backends + 1, sizeof(*weights));
	AUTO_FREE uint64_t *identities = calloc(plan->n_backends + 1, sizeof(*identities));
	uint16_t slots[RULESET_MAX_SLOTS];

	if (!weights || !identities)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_backends; i++) {
		weights[i] = plan->backends[i].weight;
		identities[i] = (uint64_t)ntohl(plan->backends[i].address) << 16 |
				ntohs(plan->backends[i].port);
	}
	if (plan->balance == TEPUI__SERVICE__BALANCE__SOURCE) {
		plan->n_slots = ruleset_slots_by_source(weights, identities, plan->n_backends, slots);
	} else {
		plan->n_slots = ruleset_slots_by_turn(weights, plan->n_backends, slots);
		rotate(slots, plan->n_slots, key);
	}
	plan->slots = malloc((plan->n_slots ? plan->n_slots : 1) * sizeof(*slots));
	if (!plan->slots)
		return -ENOMEM;
	memcpy(plan->slots, slots, plan->n_slots * sizeof(*slots));
	return 0;
}

/*
 * What is nobody's to give to a service: with the master's address it would be the master to all
 * agents, and with one of the bridge's it would be others' containers.
 */
static bool is_taken(const struct ruleset *ruleset, in_addr_t address)
{
	struct ip_prefix host = { .family = AF_INET, .length = 32 };

	memcpy(host.bytes, &address, sizeof(address));
	return address && (address == ruleset->master ||
			   (*ruleset->bridge.name &&
			    ip_prefix_contains(&ruleset->bridge.address, &host)));
}

int ruleset_plan(const struct ruleset *ruleset, const struct directory_service *service,
		 struct ruleset_plan *ret, struct err *e)
{
	const Tepui__Service *info = service->info;
	struct ruleset_plan plan = {
		.port = htons((uint16_t)info->port),
		.node_port = htons((uint16_t)info->node_port),
		.protocol = texts_equal(info->protocol, "udp") ? IPPROTO_UDP : IPPROTO_TCP,
		.balance = (uint8_t)info->balance,
		.is_named = info->name != NULL,
	};

	(void)parse_address(info->address, &plan.address);
	if (is_taken(ruleset, plan.address)) {
		log_warning("service '%s' is not called at '%s': the address is the master's, or the "
			    "bridge's", service->key, info->address);
		plan.address = 0;
	}
	if (find_backends(ruleset, service, &plan) < 0 || find_slots(&plan, service->key) < 0) {
		ruleset_plan_done(&plan);
		return err_set(e, ENOMEM, "balance service '%s'", service->key);
	}
	*ret = plan;
	return 0;
}

void ruleset_plan_done(struct ruleset_plan *plan)
{
	free(plan->backends);
	free(plan->slots);
	*plan = (struct ruleset_plan){ 0 };
}
