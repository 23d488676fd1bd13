#include "master_stub/service_listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/json_source.h"
#include "master_stub/core.h"
#include "master_stub/directory_parts.h"
#include "master_stub/endpoint.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum { MAX_PROBLEMS = 1000, WHY_SIZE = 512 };

/* Of what may change while it is told only the keys are kept. */
struct listing {
	const struct master *master;
	char *name;			/* or NULL */
	char **keys;			/* in order */
	size_t n, at;
	struct json_out out;
};

/* ---- values ---- */

static const char *enum_name(const ProtobufCEnumDescriptor *descriptor, int value)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);

	return known ? known->name : "UNKNOWN";
}

static void put_task(struct json_out *out, const struct endpoint *endpoint)
{
	const struct task *task = endpoint->task;

	json_out_key_string(out, "task_id", task->id);
	json_out_key_string(out, "name", endpoint->name);
	json_out_key_string(out, "framework_id", task->framework->id);
	json_out_key_string(out, "agent_id", task->agent->id);
	json_out_key_string(out, "hostname", task->agent->info->hostname);
}

/* Where it is reached from anywhere: at its node by the port there, or by an address of its own. */
static void put_address(struct json_out *out, const struct claim *claim)
{
	const struct endpoint *endpoint = claim->endpoint;
	bool is_own = endpoint->n_addresses > 0 && !claim->port->host_port;

	json_out_key_string(out, "address", is_own ? endpoint->addresses[0] : endpoint->task->agent->address);
	json_out_key_uint(out, "port", is_own ? claim->port->container_port : claim->port->host_port);
}

static void put_backend(struct json_out *out, const struct claim *claim)
{
	const struct endpoint *endpoint = claim->endpoint;
	char why[WHY_SIZE];

	json_out_open(out, '{');
	put_task(out, endpoint);
	put_address(out, claim);
	json_out_key_string(out, "state",
			    enum_name(&tepui__endpoint__state__descriptor, (int)endpoint->state));
	json_out_key_uint(out, "weight", endpoint->weight);
	json_out_key_string(out, "why_out", endpoint_why_out(endpoint, why, sizeof(why)));
	json_out_close(out, '}');
}

static void put_service(struct json_out *out, const struct master *master,
			const struct service *service)
{
	char address[INET_ADDRSTRLEN];
	const struct claim *claim;
	Tepui__Service info;

	service_describe(master, service, &info, address);
	json_out_open(out, '{');
	json_out_key_string(out, "key", info.key);
	json_out_key_string(out, "name", info.name);
	json_out_key_string(out, "address", info.address);
	json_out_key_uint(out, "port", info.port);
	json_out_key_string(out, "protocol", info.protocol);
	json_out_key_string(out, "balance",
			    enum_name(&tepui__service__balance__descriptor, (int)info.balance));
	json_out_key(out, "prefers_local");
	json_out_bool(out, info.prefers_local);
	if (info.node_port)
		json_out_key_uint(out, "node_port", info.node_port);
	if (service->lacks_node_port)
		json_out_key_string(out, "why_no_node_port", "another service had it first");
	json_out_key_string(out, "framework", info.framework);
	json_out_key_string(out, "framework_id", service->vip->framework_id);
	json_out_key(out, "backends");
	json_out_open(out, '[');
	TAILQ_FOREACH(claim, &service->claims, in_claims)
		put_backend(out, claim);
	json_out_close(out, ']');
	json_out_close(out, '}');
}

/* ---- what is not so ---- */

static void put_problem(struct json_out *out, const struct endpoint *endpoint, const char *why,
			unsigned *n)
{
	if (!why || ++*n > MAX_PROBLEMS)
		return;
	json_out_open(out, '{');
	put_task(out, endpoint);
	json_out_key_string(out, "why", why);
	json_out_close(out, '}');
}

static void put_problems(struct json_out *out, const struct directory *directory)
{
	const struct directory_entry *entry;
	unsigned n = 0;

	json_out_key(out, "problems");
	json_out_open(out, '[');
	TAILQ_FOREACH(entry, &directory->entries, in_order) {
		const struct endpoint *endpoint = (const struct endpoint *)entry;

		if (entry->kind != ENTRY_ENDPOINT)
			continue;
		put_problem(out, endpoint, endpoint->complaint, &n);
		for (unsigned i = 0; i < endpoint->n_claims; i++)
			put_problem(out, endpoint, endpoint->claims[i].why, &n);
	}
	json_out_close(out, ']');
}

/* ---- the source ---- */

static bool is_asked_for(const struct listing *listing, const struct service *service)
{
	const struct vip *vip = service->vip;

	return !listing->name || strcmp(listing->name, service->key) == 0 ||
	       (vip->is_named && strcmp(listing->name, vip->host) == 0);
}

static bool step(void *arg)
{
	struct listing *listing = arg;
	struct json_out *out = &listing->out;
	const struct service *service;

	if (listing->at == 0) {
		json_out_open(out, '{');
		json_out_key(out, "services");
		json_out_open(out, '[');
	}
	if (listing->at < listing->n) {
		service = service_find(listing->master, listing->keys[listing->at++]);
		if (service && is_asked_for(listing, service))
			put_service(out, listing->master, service);
		return !out->is_failed;
	}
	json_out_close(out, ']');
	if (!listing->name)
		put_problems(out, listing->master->directory);
	json_out_close(out, '}');
	return false;
}

static struct json_out *out_of(void *arg)
{
	struct listing *listing = arg;

	return &listing->out;
}

static void release(void *arg)
{
	struct listing *listing = arg;

	for (size_t i = 0; i < listing->n; i++)
		free(listing->keys[i]);
	free(listing->keys);
	free(listing->name);
	json_out_done(&listing->out);
	free(listing);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_keys(struct listing *listing)
{
	const struct service *service = listing->master->directory->services.services;

	listing->keys = calloc(HASH_COUNT(service) + 1, sizeof(*listing->keys));
	if (!listing->keys)
		return -ENOMEM;
	for (; service; service = service->hh.next) {
		listing->keys[listing->n] = strdup(service->key);
		if (!listing->keys[listing->n++])
			return -ENOMEM;
	}
	qsort(listing->keys, listing->n, sizeof(*listing->keys), compare);
	return 0;
}

int service_listing_new(const struct master *master, const char *name, struct json_source *ret,
			struct err *e)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		return err_set(e, ENOMEM, "list services");
	listing->master = master;
	listing->name = name ? strdup(name) : NULL;
	if ((name && !listing->name) || list_keys(listing) < 0) {
		release(listing);
		return err_set(e, ENOMEM, "list services");
	}
	*ret = (struct json_source){ .step = step, .out = out_of, .free = release, .arg = listing };
	return 0;
}
