#include "agent/directory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/directory_parts.h"
#include "agent/master_link.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"

enum { MAX_RUN = 1 << 12 };

/* ---- what is told ---- */

static void tell_service(const struct directory *directory, const struct directory_service *service)
{
	for (size_t i = 0; i < directory->n_listeners; i++) {
		if (directory->listeners[i].does->service)
			directory->listeners[i].does->service(directory->listeners[i].arg, service,
							      service->is_removed);
	}
}

static void tell_settled(const struct directory *directory)
{
	for (size_t i = 0; i < directory->n_listeners; i++) {
		if (directory->listeners[i].does->settled)
			directory->listeners[i].does->settled(directory->listeners[i].arg,
							      directory->generation);
	}
}

/* ---- messages ---- */

static void apply_removals(struct directory *directory, const Tepui__Directory *message)
{
	for (size_t i = 0; i < message->n_removed_endpoints; i++)
		directory_remove_endpoint(directory, directory_seek_endpoint(
			directory, message->removed_endpoints[i]));
	for (size_t i = 0; i < message->n_removed_services; i++)
		directory_remove_service(directory, directory_seek_service(
			directory, message->removed_services[i]));
	for (size_t i = 0; i < message->n_removed_nodes; i++)
		directory_remove_node(directory, directory_seek_node(
			directory, message->removed_nodes[i]));
}

/* Removals first: what they give up another one may have. */
static int apply_message(struct directory *directory, Tepui__Directory *message, struct err *e)
{
	int r = 0;

	directory->refused_before = directory->refused;
	apply_removals(directory, message);
	for (size_t i = 0; i < message->n_nodes && r >= 0; i++)
		r = directory_take_node(directory, &message->nodes[i], e);
	for (size_t i = 0; i < message->n_services && r >= 0; i++)
		r = directory_take_service(directory, &message->services[i], e);
	for (size_t i = 0; i < message->n_endpoints && r >= 0; i++)
		r = directory_take_endpoint(directory, &message->endpoints[i], e);
	if (directory->refused > directory->refused_before + 1)
		log_warning("refuse %" PRIu64 " parts of the master's directory",
			    directory->refused - directory->refused_before);
	return r;
}

/* What MESSAGE names was told on this stream. */
static void mark(const struct directory *directory, const Tepui__Directory *message)
{
	for (size_t i = 0; i < message->n_nodes; i++) {
		struct directory_node *node = directory_seek_node(directory,
								  message->nodes[i]->agent_id);

		if (node)
			node->stream = directory->stream;
	}
	for (size_t i = 0; i < message->n_services; i++) {
		struct directory_service *service =
			directory_seek_service(directory, message->services[i]->key);

		if (service)
			service->stream = directory->stream;
	}
	for (size_t i = 0; i < message->n_endpoints; i++) {
		struct directory_endpoint *endpoint =
			directory_seek_endpoint(directory, message->endpoints[i]->key);

		if (endpoint)
			endpoint->stream = directory->stream;
	}
}

/* All that was not told on this stream. */
static void forget_untold(struct directory *directory)
{
	struct directory_endpoint *endpoint, *next_endpoint;
	struct directory_service *service, *next_service;
	struct directory_node *node, *next_node;

	HASH_ITER(hh, directory->endpoints, endpoint, next_endpoint) {
		if (endpoint->stream != directory->stream)
			directory_remove_endpoint(directory, endpoint);
	}
	HASH_ITER(hh, directory->services, service, next_service) {
		if (service->stream != directory->stream)
			directory_remove_service(directory, service);
	}
	HASH_ITER(hh, directory->nodes, node, next_node) {
		if (node->stream != directory->stream)
			directory_forget_node(directory, node);
	}
}

/* What is at a node that is named is known. */
static void forget_untold_at_nodes(struct directory *directory, const Tepui__Directory *message)
{
	struct directory_endpoint *endpoint, *next;

	for (size_t i = 0; i < message->n_nodes; i++) {
		struct directory_node *node = directory_seek_node(directory,
								  message->nodes[i]->agent_id);

		/* One of which no more is known than its endpoints ends with the last. */
		endpoint = node ? TAILQ_FIRST(&node->endpoints) : NULL;
		for (; endpoint; endpoint = next) {
			next = TAILQ_NEXT(endpoint, of_node);
			if (endpoint->stream != directory->stream)
				directory_remove_endpoint(directory, endpoint);
		}
	}
}

/* Before anything of the run is taken: it may need the room and the addresses. */
static void forget_what_run_does_not_name(struct directory *directory)
{
	for (size_t i = 0; i < directory->n_run; i++)
		mark(directory, directory->run[i]);
	if (directory->run[directory->n_run - 1]->is_whole)
		forget_untold(directory);
	for (size_t i = 0; i < directory->n_run; i++)
		forget_untold_at_nodes(directory, directory->run[i]);
}

static void tell_touched(struct directory *directory)
{
	struct directory_service *service;

	while ((service = TAILQ_FIRST(&directory->touched))) {
		TAILQ_REMOVE(&directory->touched, service, touched);
		service->is_touched = false;
		tell_service(directory, service);
		if (!service->is_removed)
			continue;
		service->is_removed = false;
		pb_free(&service->info->base);
		service->info = NULL;
		directory_release_service(directory, service);
	}
}

static void drop_run(struct directory *directory)
{
	for (size_t i = 0; i < directory->n_run; i++)
		pb_free(&directory->run[i]->base);
	free(directory->run);
	directory->run = NULL;
	directory->n_run = 0;
}

static int apply_run(struct directory *directory, struct err *e)
{
	int r = 0;

	forget_what_run_does_not_name(directory);
	for (size_t i = 0; i < directory->n_run && r >= 0; i++)
		r = apply_message(directory, directory->run[i], e);
	drop_run(directory);
	tell_touched(directory);
	return r;
}

static int add_to_run(struct directory *directory, Tepui__Directory *message_take, struct err *e)
{
	Tepui__Directory **run;

	run = directory->n_run < MAX_RUN ?
		      reallocarray(directory->run, directory->n_run + 1, sizeof(*run)) : NULL;
	if (!run) {
		pb_free(&message_take->base);
		return err_set(e, directory->n_run < MAX_RUN ? ENOMEM : EPROTO,
			       "take the directory of the master: %zu messages have not come to an "
			       "end",
			       directory->n_run);
	}
	directory->run = run;
	run[directory->n_run++] = message_take;
	return 0;
}

static int check_order(const struct directory *directory, const Tepui__Directory *message,
		       struct err *e)
{
	uint64_t expected = directory->n_messages + 1;

	return message->generation == expected ? 0 :
		err_set(e, EPROTO, "take the directory of the master: generation %" PRIu64 " comes "
			"where %" PRIu64 " should", message->generation, expected);
}

void directory_begin(struct directory *directory)
{
	drop_run(directory);
	directory->base = directory->generation;
	directory->n_messages = 0;
	directory->stream++;
}

int directory_apply(struct directory *directory, Tepui__Directory *message_take, struct err *e)
{
	uint64_t generation = directory->base + message_take->generation;
	bool has_more = message_take->has_more;
	int r = check_order(directory, message_take, e);

	if (r < 0) {
		pb_free(&message_take->base);
		return r;
	}
	directory->n_messages++;
	r = add_to_run(directory, message_take, e);
	if (r < 0 || has_more)
		return r;
	r = apply_run(directory, e);
	if (r < 0)
		return r;
	directory->generation = generation;
	tell_settled(directory);
	return 0;
}

void directory_in_force(struct directory *directory, uint64_t generation)
{
	struct master_link *link = directory->agent->link;
	struct err e = { 0 };

	if (generation <= directory->in_force || generation > directory->generation)
		return;
	directory->in_force = generation;
	/* What an earlier stream told nobody waits for any more. */
	if (generation > directory->base && master_link_is_up(link) &&
	    master_link_directory_applied(link, generation - directory->base, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "tell the master that its directory is in force");
}

/* ---- the table as others see it ---- */

const struct directory_node *directory_node_find(const struct directory *directory, const char *id)
{
	const struct directory_node *node = directory_seek_node(directory, id);

	return node && node->info ? node : NULL;
}

const struct directory_service *directory_service_find(const struct directory *directory,
						       const char *key)
{
	const struct directory_service *service = directory_seek_service(directory, key);

	return directory_is_service(service) ? service : NULL;
}

const struct directory_endpoint *directory_endpoint_find(const struct directory *directory,
							 const char *key)
{
	return directory_seek_endpoint(directory, key);
}

const struct directory_node *directory_node_next(const struct directory *directory,
						 const struct directory_node *previous)
{
	const struct directory_node *node = previous ? previous->hh.next : directory->nodes;

	while (node && !node->info)
		node = node->hh.next;
	return node;
}

const struct directory_service *directory_service_next(const struct directory *directory,
						       const struct directory_service *previous)
{
	const struct directory_service *service = previous ? previous->hh.next :
							     directory->services;

	while (service && !directory_is_service(service))
		service = service->hh.next;
	return service;
}

const struct directory_endpoint *directory_endpoint_next(const struct directory *directory,
							 const struct directory_endpoint *previous)
{
	return previous ? previous->hh.next : directory->endpoints;
}

struct directory_counts directory_count(const struct directory *directory)
{
	return (struct directory_counts){
		.nodes = directory->n_nodes,
		.services = directory->n_services,
		.endpoints = HASH_COUNT(directory->endpoints),
		.generation = directory->generation,
		.in_force = directory->in_force,
		.refused = directory->refused,
	};
}

/* ---- life ---- */

int directory_new(struct agent *agent, struct directory **ret, struct err *e)
{
	struct directory *directory = calloc(1, sizeof(*directory));

	if (!directory)
		return err_set(e, ENOMEM, "prepare the directory");
	directory->agent = agent;
	TAILQ_INIT(&directory->touched);
	*ret = directory;
	return 0;
}

int directory_listen(struct directory *directory, const struct directory_listener *listener,
		     void *arg, struct err *e)
{
	if (directory->n_listeners == DIRECTORY_MAX_LISTENERS)
		return err_set(e, ENOMEM, "listen to the directory");
	directory->listeners[directory->n_listeners].does = listener;
	directory->listeners[directory->n_listeners++].arg = arg;
	return 0;
}

/* Nobody is told: the node's rules stay. */
void directory_free(struct directory *directory)
{
	if (!directory)
		return;
	drop_run(directory);
	directory->n_listeners = 0;
	directory->stream++;
	forget_untold(directory);
	tell_touched(directory);
	free(directory);
}
