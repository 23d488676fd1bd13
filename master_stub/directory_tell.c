/* How agents are told what the directory has: put together once for all who have been told as much. */
#include "master_stub/directory_parts.h"

#include <stdlib.h>
#include <string.h>

#include "master_stub/core.h"
#include "master_stub/endpoint.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum {
	MAX_AT_ONCE = 64,		/* agents that have to read before they are told more, */
	MAX_QUEUED = 1 << 20,		/* bytes of it that wait for each of them, */
	MAX_MESSAGES = 256,		/* and of all in a turn */
	MAX_GONE = 200000,		/* kept for the sake of those */
};

/* ---- the message ---- */

/* Memory that lives as long as CHUNK; NULL: it is out, and CHUNK has failed. */
static void *chunk_alloc(struct chunk *chunk, size_t size)
{
	void *p = chunk->arena.allocator.alloc(chunk->arena.allocator.allocator_data, size);

	if (!p)
		chunk->is_failed = true;
	return p;
}

static char *chunk_copy(struct chunk *chunk, const char *text)
{
	char *copy = chunk_alloc(chunk, strlen(text) + 1);

	return copy ? strcpy(copy, text) : NULL;
}

static void chunk_init(struct chunk *chunk)
{
	pb_arena_init(&chunk->arena);
	chunk->bytes = chunk->n = 0;
	chunk->is_failed = false;
	tepui__directory__init(&chunk->message);
	chunk->message.nodes = chunk->nodes;
	chunk->message.services = chunk->services;
	chunk->message.endpoints = chunk->endpoints;
	chunk->message.removed_nodes = chunk->removed_nodes;
	chunk->message.removed_services = chunk->removed_services;
	chunk->message.removed_endpoints = chunk->removed_endpoints;
}

static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;	/* the sender only reads it */
}

static void add_removed(struct chunk *chunk, enum directory_kind kind, const char *key)
{
	Tepui__Directory *message = &chunk->message;

	if (kind == ENTRY_NODE)
		chunk->removed_nodes[message->n_removed_nodes++] = text_of(key);
	else if (kind == ENTRY_SERVICE)
		chunk->removed_services[message->n_removed_services++] = text_of(key);
	else
		chunk->removed_endpoints[message->n_removed_endpoints++] = text_of(key);
	chunk->bytes += strlen(key) + 4;
}

static void add_node(struct chunk *chunk, const struct directory_node *node)
{
	Tepui__DirectoryNode *message;

	if (!node->is_known) {
		add_removed(chunk, ENTRY_NODE, node->agent->id);
		return;
	}
	message = chunk_alloc(chunk, sizeof(*message));
	if (!message)
		return;
	tepui__directory_node__init(message);
	message->agent_id = node->agent->id;
	message->hostname = node->agent->info->hostname;
	message->address = node->agent->address;
	message->has_port = node->agent->info->has_port && node->agent->info->port > 0;
	message->port = message->has_port ? (uint32_t)node->agent->info->port : 0;
	chunk->nodes[chunk->message.n_nodes++] = message;
	chunk->bytes += protobuf_c_message_get_packed_size(&message->base);
}

static void add_service(struct chunk *chunk, const struct master *master,
			const struct service *service)
{
	Tepui__Service *message = chunk_alloc(chunk, sizeof(*message));
	char *address = chunk_alloc(chunk, INET_ADDRSTRLEN);

	if (!message || !address)
		return;
	service_describe(master, service, message, address);
	chunk->services[chunk->message.n_services++] = message;
	chunk->bytes += protobuf_c_message_get_packed_size(&message->base);
}

static Tepui__EndpointPort *describe_port(struct chunk *chunk, const struct endpoint *endpoint,
					  const struct endpoint_port *port)
{
	Tepui__EndpointPort *message = chunk_alloc(chunk, sizeof(*message));
	char **keys = chunk_alloc(chunk, (ENDPOINT_MAX_CLAIMS + 1) * sizeof(*keys));

	if (!message || !keys)
		return NULL;
	tepui__endpoint_port__init(message);
	message->name = port->name;
	message->protocol = text_of(port->is_udp ? "udp" : "tcp");
	message->has_host_port = port->host_port != 0;
	message->host_port = port->host_port;
	message->has_container_port = port->container_port != 0;
	message->container_port = port->container_port;
	message->services = keys;
	for (unsigned i = 0; i < endpoint->n_claims; i++) {
		if (endpoint->claims[i].port == port && endpoint->claims[i].service)
			keys[message->n_services++] = endpoint->claims[i].service->key;
	}
	return message;
}

static void add_ports(struct chunk *chunk, const struct endpoint *endpoint, Tepui__Endpoint *message)
{
	message->ports = chunk_alloc(chunk, (endpoint->n_ports + 1) * sizeof(Tepui__EndpointPort *));
	for (unsigned i = 0; message->ports && i < endpoint->n_ports; i++) {
		message->ports[i] = describe_port(chunk, endpoint, &endpoint->ports[i]);
		if (!message->ports[i])
			return;
		message->n_ports++;
	}
}

static void add_endpoint(struct chunk *chunk, const struct endpoint *endpoint)
{
	Tepui__Endpoint *message = chunk_alloc(chunk, sizeof(*message));
	const struct task *task = endpoint->task;
	char key[ENDPOINT_KEY_SIZE];

	if (!message)
		return;
	tepui__endpoint__init(message);
	endpoint_key(endpoint, key);
	message->key = chunk_copy(chunk, key);
	message->task_id = task->id;
	message->name = endpoint->name;
	message->framework = task->framework->info ? task->framework->info->name : NULL;
	message->agent_id = task->agent->id;
	message->n_addresses = endpoint->n_addresses;
	message->addresses = endpoint->addresses;
	message->has_state = true;
	message->state = endpoint->state;
	message->has_weight = endpoint->weight != 1;
	message->weight = endpoint->weight;
	add_ports(chunk, endpoint, message);
	if (chunk->is_failed)
		return;
	chunk->endpoints[chunk->message.n_endpoints++] = message;
	chunk->bytes += protobuf_c_message_get_packed_size(&message->base);
}

static void add(struct chunk *chunk, const struct master *master, const struct directory_entry *entry)
{
	chunk->n++;
	switch (entry->kind) {
	case ENTRY_MARK:
		chunk->n--;
		break;
	case ENTRY_NODE:
		add_node(chunk, (const struct directory_node *)entry);
		break;
	case ENTRY_SERVICE:
		add_service(chunk, master, (const struct service *)entry);
		break;
	case ENTRY_ENDPOINT:
		add_endpoint(chunk, (const struct endpoint *)entry);
		break;
	case ENTRY_GONE:
		add_removed(chunk, ((const struct gone *)entry)->kind,
			    ((const struct gone *)entry)->key);
		break;
	}
}

/* As many of the entries as one message holds, from ENTRY on (NULL: none); the first that it does not. */
static struct directory_entry *fill(struct directory *directory, struct directory_entry *entry)
{
	struct chunk *chunk = directory->chunk;

	chunk_init(chunk);
	for (; entry; entry = TAILQ_NEXT(entry, in_order)) {
		if (entry->kind == ENTRY_MARK)
			continue;
		if (chunk->n == CHUNK_ENTRIES || chunk->bytes >= CHUNK_BYTES || chunk->is_failed)
			break;
		add(chunk, directory->master, entry);
	}
	return entry;
}

/* ---- to whom ---- */

void directory_cut_off(struct reader *reader)
{
	struct agent *agent = reader->agent;
	struct master *master = agent->master;
	void *stream = agent->stream;

	master->directory->counters.cut_off++;
	master_explain(master, "agent '%s' on '%s' has to come back: it cannot be told what has changed"
		       " in the directory", agent->id, agent->info->hostname);
	registry_disconnect(agent);
	master->io.agent_close(master->io.arg, stream);
}

/* VERSION is told with the end of the run; what it is told next is told apart from that. */
static void note_open(struct reader *reader, uint64_t version)
{
	if (reader->n_open == READER_MAX_OPEN)
		reader->n_open--;
	reader->open[reader->n_open].generation = reader->generation;
	reader->open[reader->n_open++].version = version;
}

static void send_chunk(struct directory *directory, struct reader *reader, bool has_more)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__Directory *message = &directory->chunk->message;
	bool is_whole = !has_more && directory->is_complete && !reader->is_whole;

	message->has_generation = true;
	message->generation = ++reader->generation;
	message->has_has_more = message->has_more = has_more;
	message->has_is_whole = message->is_whole = is_whole;
	reader->is_whole |= is_whole;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__DIRECTORY;
	event.directory = message;
	directory->counters.messages++;
	registry_send(reader->agent, &event);
	if (!has_more)
		note_open(reader, directory->version);
}

/* To those who have been told all before. */
static void send_fresh(struct directory *directory)
{
	struct directory_entry *entry = TAILQ_NEXT(&directory->told, in_order);
	struct reader *reader, *next;
	bool is_failed;

	do {
		entry = fill(directory, entry);
		is_failed = directory->chunk->is_failed;
		for (reader = TAILQ_FIRST(&directory->current); reader; reader = next) {
			next = TAILQ_NEXT(reader, in_readers);
			if (is_failed)
				directory_cut_off(reader);
			else
				send_chunk(directory, reader, entry != NULL);
		}
		pb_arena_done(&directory->chunk->arena);
	} while (entry && !is_failed);
	directory->counters.runs++;
}

static void tell_fresh(struct directory *directory)
{
	struct directory_entry *entry = TAILQ_NEXT(&directory->told, in_order);

	if (!entry && !directory->is_completion_due)
		return;
	directory->is_completion_due = false;
	directory->version++;
	if (!TAILQ_EMPTY(&directory->current))
		send_fresh(directory);
	for (; entry; entry = TAILQ_NEXT(entry, in_order))
		entry->is_told = true;
	TAILQ_REMOVE(&directory->entries, &directory->told, in_order);
	TAILQ_INSERT_TAIL(&directory->entries, &directory->told, in_order);
}

static bool is_stalled(const struct directory *directory, const struct reader *reader)
{
	const struct master_io *io = &directory->master->io;

	return io->agent_queued && io->agent_queued(io->arg, reader->agent->stream) >= MAX_QUEUED;
}

/* One message of it. */
static void tell_more(struct directory *directory, struct reader *reader)
{
	struct directory_entry *next = fill(directory, TAILQ_NEXT(&reader->mark, in_order));

	if (directory->chunk->is_failed) {
		pb_arena_done(&directory->chunk->arena);
		directory_cut_off(reader);
		return;
	}
	TAILQ_REMOVE(&directory->entries, &reader->mark, in_order);
	if (next) {
		TAILQ_INSERT_BEFORE(next, &reader->mark, in_order);
	} else {
		reader->is_behind = false;
		TAILQ_REMOVE(&directory->behind, reader, in_readers);
		TAILQ_INSERT_TAIL(&directory->current, reader, in_readers);
	}
	send_chunk(directory, reader, next != NULL);
	pb_arena_done(&directory->chunk->arena);
}

static void tell_behind(struct directory *directory)
{
	struct reader *reader, *next;
	unsigned n_stalled = 0, n_messages = 0;

	for (reader = TAILQ_FIRST(&directory->behind);
	     reader && n_stalled < MAX_AT_ONCE && n_messages < MAX_MESSAGES; reader = next) {
		next = TAILQ_NEXT(reader, in_readers);
		while (reader->is_open && reader->is_behind && n_messages < MAX_MESSAGES &&
		       !is_stalled(directory, reader)) {
			tell_more(directory, reader);
			n_messages++;
		}
		n_stalled += reader->is_open && reader->is_behind;
	}
	directory->is_busy = n_messages == MAX_MESSAGES;
}

void directory_tell(struct directory *directory)
{
	tell_fresh(directory);
	tell_behind(directory);
	while (directory->n_gone > MAX_GONE && !TAILQ_EMPTY(&directory->behind))
		directory_cut_off(TAILQ_FIRST(&directory->behind));
}
