/* What an agent makes of the directory that it is told: for tests, by the letter of proto/tepui.proto. */
#ifndef TESTS_DIRECTORY_MIRROR_H
#define TESTS_DIRECTORY_MIRROR_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/pb_json.h"
#include "proto/tepui.pb-c.h"

struct mirrored {
	char *key;
	ProtobufCMessage *message;	/* owned */
	unsigned stream, run;		/* in which it was told last */
	UT_hash_handle hh;
};

struct mirror {
	struct mirrored *nodes, *services, *endpoints;
	unsigned stream, run;
	uint64_t generation;		/* of the last message */
	bool is_open;			/* the run goes on */
	bool is_whole;			/* there is nothing but what was told on this stream */
	bool is_broken;			/* a message was missing */
};

static inline void mirrored_free(struct mirrored **table, struct mirrored *item)
{
	HASH_DEL(*table, item);
	pb_free(item->message);
	free(item->key);
	free(item);
}

static inline void mirror_drop(struct mirrored **table, const char *key)
{
	struct mirrored *item = NULL;

	HASH_FIND_STR(*table, key, item);
	if (item)
		mirrored_free(table, item);
}

static inline void mirror_put(struct mirror *mirror, struct mirrored **table, const char *key,
			      const ProtobufCMessage *message)
{
	struct mirrored *item;

	mirror_drop(table, key);
	item = calloc(1, sizeof(*item));
	if (!item || !(item->key = strdup(key)) || !(item->message = pb_copy(message)))
		abort();
	item->stream = mirror->stream;
	item->run = mirror->run;
	HASH_ADD_KEYPTR(hh, *table, item->key, strlen(item->key), item);
}

static inline const void *mirror_find(struct mirrored *table, const char *key)
{
	struct mirrored *item = NULL;

	HASH_FIND_STR(table, key, item);
	return item ? item->message : NULL;
}

static inline const Tepui__Endpoint *mirror_endpoint(const struct mirror *mirror, const char *key)
{
	return mirror_find(mirror->endpoints, key);
}

static inline const Tepui__Service *mirror_service(const struct mirror *mirror, const char *key)
{
	return mirror_find(mirror->services, key);
}

static inline void mirror_begin(struct mirror *mirror)
{
	mirror->stream++;
	mirror->generation = 0;
	mirror->is_open = mirror->is_whole = false;
}

/* NODE was named in this run, and all that is there was told. */
static inline bool mirror_is_known(const struct mirror *mirror, const char *agent_id)
{
	struct mirrored *node = NULL;

	HASH_FIND_STR(mirror->nodes, agent_id, node);
	return node && node->run == mirror->run;
}

static inline void mirror_drop_node(struct mirror *mirror, const char *agent_id)
{
	struct mirrored *item, *next;

	mirror_drop(&mirror->nodes, agent_id);
	HASH_ITER(hh, mirror->endpoints, item, next) {
		if (strcmp(((const Tepui__Endpoint *)item->message)->agent_id, agent_id) == 0)
			mirrored_free(&mirror->endpoints, item);
	}
}

static inline void mirror_sweep(struct mirror *mirror, const Tepui__Directory *message)
{
	struct mirrored **tables[] = { &mirror->nodes, &mirror->services, &mirror->endpoints };
	struct mirrored *item, *next;

	HASH_ITER(hh, mirror->endpoints, item, next) {
		if (item->stream != mirror->stream &&
		    mirror_is_known(mirror, ((const Tepui__Endpoint *)item->message)->agent_id))
			mirrored_free(&mirror->endpoints, item);
	}
	if (!message->is_whole)
		return;
	mirror->is_whole = true;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		HASH_ITER(hh, *tables[i], item, next) {
			if (item->stream != mirror->stream)
				mirrored_free(tables[i], item);
		}
	}
}

static inline void mirror_apply(struct mirror *mirror, const Tepui__Directory *message)
{
	if (!mirror->is_open)
		mirror->run++;
	if (message->generation != mirror->generation + 1)
		mirror->is_broken = true;
	mirror->generation = message->generation;
	mirror->is_open = message->has_more;
	for (size_t i = 0; i < message->n_removed_nodes; i++)
		mirror_drop_node(mirror, message->removed_nodes[i]);
	for (size_t i = 0; i < message->n_removed_services; i++)
		mirror_drop(&mirror->services, message->removed_services[i]);
	for (size_t i = 0; i < message->n_removed_endpoints; i++)
		mirror_drop(&mirror->endpoints, message->removed_endpoints[i]);
	for (size_t i = 0; i < message->n_nodes; i++)
		mirror_put(mirror, &mirror->nodes, message->nodes[i]->agent_id,
			   &message->nodes[i]->base);
	for (size_t i = 0; i < message->n_services; i++)
		mirror_put(mirror, &mirror->services, message->services[i]->key,
			   &message->services[i]->base);
	for (size_t i = 0; i < message->n_endpoints; i++)
		mirror_put(mirror, &mirror->endpoints, message->endpoints[i]->key,
			   &message->endpoints[i]->base);
	if (!message->has_more)
		mirror_sweep(mirror, message);
}

static inline void mirror_done(struct mirror *mirror)
{
	struct mirrored **tables[] = { &mirror->nodes, &mirror->services, &mirror->endpoints };
	struct mirrored *item, *next;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		HASH_ITER(hh, *tables[i], item, next)
			mirrored_free(tables[i], item);
	}
}

#endif
