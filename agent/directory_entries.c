#include "agent/directory_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "lib/texts.h"

/* ---- what is told ---- */

static void tell_endpoint(const struct directory *directory,
			  const struct directory_endpoint *before,
			  const struct directory_endpoint *after)
{
	for (size_t i = 0; i < directory->n_listeners; i++) {
		if (directory->listeners[i].does->endpoint)
			directory->listeners[i].does->endpoint(directory->listeners[i].arg, before,
							       after);
	}
}

static void tell_node(const struct directory *directory, const struct directory_node *node,
		      bool is_removed)
{
	for (size_t i = 0; i < directory->n_listeners; i++) {
		if (directory->listeners[i].does->node)
			directory->listeners[i].does->node(directory->listeners[i].arg, node,
							   is_removed);
	}
}

/* SERVICE is told of when all is in place; a name without a service is not. */
static void touch(struct directory *directory, struct directory_service *service)
{
	if (!service->info || service->is_touched)
		return;
	service->is_touched = true;
	TAILQ_INSERT_TAIL(&directory->touched, service, touched);
}

static void refuse(struct directory *directory, const struct err *why)
{
	/* One line a message: with everything wrong there are many. */
	if (directory->refused++ == directory->refused_before)
		log_write_err(LOG_LEVEL_WARNING, why, "refuse a part of the master's directory");
}

/* ---- nodes ---- */

struct directory_node *directory_seek_node(const struct directory *directory, const char *id)
{
	struct directory_node *node;

	HASH_FIND_STR(directory->nodes, id, node);
	return node;
}

static void set_node_info(struct directory *directory, struct directory_node *node,
			  Tepui__DirectoryNode *info_take)
{
	directory->n_nodes += !!info_take;
	directory->n_nodes -= !!node->info;
	pb_free(node->info ? &node->info->base : NULL);
	node->info = info_take;
}

static struct directory_node *get_node(struct directory *directory, const char *id, struct err *e)
{
	struct directory_node *node = directory_seek_node(directory, id);

	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	if (node)
		node->id = strdup(id);
	if (node && node->id)
		HASH_ADD_KEYPTR(hh, directory->nodes, node->id, strlen(node->id), node);
	if (!node || !node->hh.tbl) {
		if (node)
			free(node->id);
		free(node);
		(void)err_set(e, ENOMEM, "take node '%s'", id);
		return NULL;
	}
	TAILQ_INIT(&node->endpoints);
	return node;
}

static void release_node(struct directory *directory, struct directory_node *node)
{
	if (node->info || !TAILQ_EMPTY(&node->endpoints))
		return;
	HASH_DEL(directory->nodes, node);
	free(node->id);
	free(node);
}

static void node_has_changed(struct directory *directory, struct directory_node *node)
{
	struct directory_endpoint *endpoint;

	TAILQ_FOREACH(endpoint, &node->endpoints, of_node) {
		endpoint->node = node->info ? node : NULL;
		for (size_t i = 0; i < endpoint->n_backends; i++)
			touch(directory, endpoint->backends[i].service);
		tell_endpoint(directory, endpoint, endpoint);
	}
}

void directory_forget_node(struct directory *directory, struct directory_node *node)
{
	if (!node || !node->info)
		return;
	tell_node(directory, node, true);
	set_node_info(directory, node, NULL);
	node_has_changed(directory, node);
	release_node(directory, node);
}

static bool is_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	AUTO_FREE void *packed_a = NULL, *packed_b = NULL;
	size_t size_a, size_b;
	struct err e = { 0 };

	return protobuf_c_message_get_packed_size(a) == protobuf_c_message_get_packed_size(b) &&
	       pb_pack(a, &packed_a, &size_a, &e) >= 0 && pb_pack(b, &packed_b, &size_b, &e) >= 0 &&
	       size_a == size_b && memcmp(packed_a, packed_b, size_a) == 0;
}

static int check_room(size_t n, size_t max, const char *what, const char *key, struct err *e)
{
	return n < max ? 0 : err_set(e, EINVAL, "take %s '%s': there are %zu already", what, key, n);
}

/* *INFO is NULL when it was taken. */
int directory_take_node(struct directory *directory, Tepui__DirectoryNode **info, struct err *e)
{
	struct directory_node *node = directory_seek_node(directory, (*info)->agent_id);
	struct err why = { 0 };

	if (directory_check_node(*info, &why) < 0 ||
	    ((!node || !node->info) && check_room(directory->n_nodes, DIRECTORY_MAX_NODES, "node",
						  (*info)->agent_id, &why) < 0)) {
		refuse(directory, &why);
		directory_forget_node(directory, node);
		return 0;
	}
	if (node && node->info && is_same(&node->info->base, &(*info)->base))
		return 0;
	node = get_node(directory, (*info)->agent_id, e);
	if (!node)
		return -e->code;
	node->stream = directory->stream;
	set_node_info(directory, node, TAKE_PTR(*info));
	tell_node(directory, node, false);
	node_has_changed(directory, node);
	return 0;
}

/* ---- services ---- */

struct directory_service *directory_seek_service(const struct directory *directory, const char *key)
{
	struct directory_service *service;

	HASH_FIND_STR(directory->services, key, service);
	return service;
}

static void release_claims(struct directory *directory, struct directory_service *service)
{
	for (size_t i = 0; i < DIRECTORY_CLAIMS; i++) {
		if (service->claims[i].service)
			HASH_DEL(directory->claims, &service->claims[i]);
		service->claims[i] = (struct directory_claim){ 0 };
	}
}

static int claim(struct directory *directory, struct directory_service *service, size_t at,
		 in_addr_t address, uint32_t port, struct err *e)
{
	struct directory_claim *own = &service->claims[at], *other;

	own->of.address = address;
	own->of.port = htons((uint16_t)port);
	own->of.protocol = texts_equal(service->info->protocol, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
	HASH_FIND(hh, directory->claims, &own->of, sizeof(own->of), other);
	if (other)
		return err_set(e, EINVAL, "take service '%s': %s port %u belongs to service '%s'",
			       service->key, address ? service->info->address : "node", port,
			       other->service->key);
	HASH_ADD(hh, directory->claims, of, sizeof(own->of), own);
	if (!own->hh.tbl)
		return err_set(e, ENOMEM, "take service '%s'", service->key);
	own->service = service;
	return 0;
}

static int take_claims(struct directory *directory, struct directory_service *service,
		       struct err *e)
{
	const Tepui__Service *info = service->info;
	struct in_addr address;
	int r = 0;

	if (info->address && inet_pton(AF_INET, info->address, &address) == 1)
		r = claim(directory, service, 0, address.s_addr, info->port, e);
	if (r >= 0 && info->node_port)
		r = claim(directory, service, 1, INADDR_ANY, info->node_port, e);
	if (r < 0)
		release_claims(directory, service);
	return r;
}

static struct directory_service *get_service(struct directory *directory, const char *key,
					     struct err *e)
{
	struct directory_service *service = directory_seek_service(directory, key);

	if (service)
		return service;
	service = calloc(1, sizeof(*service));
	if (service)
		service->key = strdup(key);
	if (service && service->key)
		HASH_ADD_KEYPTR(hh, directory->services, service->key, strlen(service->key),
				service);
	if (!service || !service->hh.tbl) {
		if (service)
			free(service->key);
		free(service);
		(void)err_set(e, ENOMEM, "take service '%s'", key);
		return NULL;
	}
	TAILQ_INIT(&service->backends);
	return service;
}

void directory_release_service(struct directory *directory, struct directory_service *service)
{
	if (service->info || !TAILQ_EMPTY(&service->backends))
		return;
	HASH_DEL(directory->services, service);
	free(service->key);
	free(service);
}

/* Its INFO stays until it has been told of. */
void directory_remove_service(struct directory *directory, struct directory_service *service)
{
	if (!service || !service->info || service->is_removed)
		return;
	release_claims(directory, service);
	touch(directory, service);
	service->is_removed = true;
	directory->n_services--;
}

bool directory_is_service(const struct directory_service *service)
{
	return service && service->info && !service->is_removed;
}

static int set_service_info(struct directory *directory, struct directory_service *service,
			    Tepui__Service *info_take, struct err *e)
{
	struct err why = { 0 };
	int r;

	release_claims(directory, service);
	directory->n_services += !directory_is_service(service);
	service->is_removed = false;
	pb_free(service->info ? &service->info->base : NULL);
	service->info = info_take;
	service->stream = directory->stream;
	touch(directory, service);
	r = take_claims(directory, service, &why);
	if (r >= 0)
		return 0;
	directory_remove_service(directory, service);
	if (r == -ENOMEM) {
		*e = why;
		return r;
	}
	refuse(directory, &why);
	return 0;
}

int directory_take_service(struct directory *directory, Tepui__Service **info, struct err *e)
{
	struct directory_service *service = directory_seek_service(directory, (*info)->key);
	struct err why = { 0 };

	if (directory_check_service(*info, &why) < 0 ||
	    (!directory_is_service(service) && check_room(directory->n_services, DIRECTORY_MAX_SERVICES,
						"service", (*info)->key, &why) < 0)) {
		refuse(directory, &why);
		directory_remove_service(directory, service);
		return 0;
	}
	if (directory_is_service(service) && is_same(&service->info->base, &(*info)->base))
		return 0;
	service = get_service(directory, (*info)->key, e);
	return service ? set_service_info(directory, service, TAKE_PTR(*info), e) : -e->code;
}

/* ---- endpoints ---- */

struct directory_endpoint *directory_seek_endpoint(const struct directory *directory,
						   const char *key)
{
	struct directory_endpoint *endpoint;

	HASH_FIND_STR(directory->endpoints, key, endpoint);
	return endpoint;
}

static struct directory_backend *backend_of(const struct directory_endpoint *endpoint,
					    const struct directory_service *service,
					    const Tepui__EndpointPort *port)
{
	for (size_t i = 0; endpoint && i < endpoint->n_backends; i++) {
		struct directory_backend *backend = &endpoint->backends[i];

		if (backend->service == service && (!port || backend->port == port))
			return backend;
	}
	return NULL;
}

/* Behind SERVICE in the place of BEFORE, so that the order, and what is made of it, stays. */
static void put_behind(struct directory *directory, struct directory_endpoint *endpoint,
		       const Tepui__EndpointPort *port, struct directory_service *service,
		       const struct directory_endpoint *before)
{
	struct directory_backend *backend, *old = backend_of(before, service, NULL);

	if (backend_of(endpoint, service, port))
		return;
	backend = &endpoint->backends[endpoint->n_backends++];
	*backend = (struct directory_backend){ .endpoint = endpoint, .port = port,
					       .service = service };
	if (old)
		TAILQ_INSERT_BEFORE(old, backend, of_service);
	else
		TAILQ_INSERT_TAIL(&service->backends, backend, of_service);
	service->n_backends++;
	touch(directory, service);
}

static int put_behind_all(struct directory *directory, struct directory_endpoint *endpoint,
			  const struct directory_endpoint *before, struct err *e)
{
	for (size_t i = 0; i < endpoint->info->n_ports; i++) {
		const Tepui__EndpointPort *port = endpoint->info->ports[i];

		for (size_t j = 0; j < port->n_services; j++) {
			struct directory_service *service = get_service(directory, port->services[j],
									e);

			if (!service)
				return -ENOMEM;
			put_behind(directory, endpoint, port, service, before);
		}
	}
	return 0;
}

/* Away from its node and its services. */
static void unlink_endpoint(struct directory *directory, struct directory_endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->n_backends; i++) {
		struct directory_backend *backend = &endpoint->backends[i];

		TAILQ_REMOVE(&backend->service->backends, backend, of_service);
		backend->service->n_backends--;
		touch(directory, backend->service);
		directory_release_service(directory, backend->service);
	}
	if (endpoint->home) {
		TAILQ_REMOVE(&endpoint->home->endpoints, endpoint, of_node);
		release_node(directory, endpoint->home);
	}
}

static void free_endpoint(struct directory_endpoint *endpoint)
{
	pb_free(&endpoint->info->base);
	free(endpoint->backends);
	free(endpoint);
}

void directory_remove_endpoint(struct directory *directory, struct directory_endpoint *endpoint)
{
	if (!endpoint)
		return;
	HASH_DEL(directory->endpoints, endpoint);
	unlink_endpoint(directory, endpoint);
	tell_endpoint(directory, endpoint, NULL);
	free_endpoint(endpoint);
}

void directory_remove_node(struct directory *directory, struct directory_node *node)
{
	struct directory_endpoint *endpoint, *next;
	bool has_info;

	if (!node)
		return;
	/* Without its info it ends with the last of its endpoints. */
	has_info = node->info;
	for (endpoint = TAILQ_FIRST(&node->endpoints); endpoint; endpoint = next) {
		next = TAILQ_NEXT(endpoint, of_node);
		directory_remove_endpoint(directory, endpoint);
	}
	if (has_info)
		directory_forget_node(directory, node);
}

static size_t count_backends(const Tepui__Endpoint *info)
{
	size_t n = 0;

	for (size_t i = 0; i < info->n_ports; i++)
		n += info->ports[i]->n_services;
	return n;
}

static int move_in(struct directory *directory, struct directory_endpoint *endpoint, struct err *e)
{
	const char *id = endpoint->info->agent_id;
	struct directory_node *node;

	endpoint->is_here = id && texts_equal(id, agent_id(directory->agent));
	if (!id)
		return 0;
	node = get_node(directory, id, e);
	if (!node)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&node->endpoints, endpoint, of_node);
	endpoint->home = node;
	endpoint->node = node->info ? node : NULL;
	return 0;
}

static int link_endpoint(struct directory *directory, struct directory_endpoint *endpoint,
			 const struct directory_endpoint *before, struct err *e)
{
	const char *key = endpoint->info->key;
	int r;

	HASH_ADD_KEYPTR(hh, directory->endpoints, key, strlen(key), endpoint);
	if (!endpoint->hh.tbl)
		return err_set(e, ENOMEM, "take endpoint '%s'", key);
	r = move_in(directory, endpoint, e);
	return r < 0 ? r : put_behind_all(directory, endpoint, before, e);
}

/* With room for all that it may be behind. */
static struct directory_endpoint *make_endpoint(const struct directory *directory,
						Tepui__Endpoint *info_take, struct err *e)
{
	struct directory_endpoint *endpoint = calloc(1, sizeof(*endpoint));
	size_t n = count_backends(info_take);

	if (endpoint)
		endpoint->backends = calloc(n ? n : 1, sizeof(*endpoint->backends));
	if (!endpoint || !endpoint->backends) {
		(void)err_set(e, ENOMEM, "take endpoint '%s'", info_take->key);
		free(endpoint);
		pb_free(&info_take->base);
		return NULL;
	}
	endpoint->info = info_take;
	endpoint->stream = directory->stream;
	return endpoint;
}

/* INFO_TAKE in the place of BEFORE (NULL: there is none), which ends. */
static int replace_endpoint(struct directory *directory, Tepui__Endpoint *info_take,
			    struct directory_endpoint *before, struct err *e)
{
	struct directory_endpoint *after = make_endpoint(directory, info_take, e);
	int r;

	if (!after)
		return -ENOMEM;
	if (before)
		HASH_DEL(directory->endpoints, before);
	r = link_endpoint(directory, after, before, e);
	if (before)
		unlink_endpoint(directory, before);
	if (r < 0) {
		if (after->hh.tbl)
			HASH_DEL(directory->endpoints, after);
		unlink_endpoint(directory, after);
		free_endpoint(TAKE_PTR(after));
	}
	if (before || after)
		tell_endpoint(directory, before, after);
	if (before)
		free_endpoint(before);
	return r;
}

int directory_take_endpoint(struct directory *directory, Tepui__Endpoint **info, struct err *e)
{
	struct directory_endpoint *endpoint = directory_seek_endpoint(directory, (*info)->key);
	struct err why = { 0 };

	if (directory_check_endpoint(*info, &why) < 0 ||
	    (!endpoint && check_room(HASH_COUNT(directory->endpoints), DIRECTORY_MAX_ENDPOINTS,
				     "endpoint", (*info)->key, &why) < 0)) {
		refuse(directory, &why);
		directory_remove_endpoint(directory, endpoint);
		return 0;
	}
	if (endpoint && is_same(&endpoint->info->base, &(*info)->base))
		return 0;
	return replace_endpoint(directory, TAKE_PTR(*info), endpoint, e);
}
