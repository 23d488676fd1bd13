#include "master_stub/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/pb_json.h"
#include "master_stub/core.h"
#include "master_stub/listing_type.h"

enum { MAX_LEVELS = 6, VARINT_SIZE = 10, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

/* An object whose members are being written. */
struct level {
	const struct listing_node *nodes;
	size_t n_nodes, at;
	void *owner;			/* what its lists belong to; NULL: the master */
	void *cursor;			/* the next item of the list, once IS_BEGUN */
	bool is_begun, is_open;		/* open: its bracket is written */
};

struct listing {
	struct master *master;
	const struct listing_type *type;
	struct listing_query query;
	struct json_out out;
	struct level levels[MAX_LEVELS];
	size_t depth;			/* of levels in use */
	size_t n_passed;		/* items that were to be listed */
	LIST_ENTRY(listing) all;
};

struct json_out *listing_out(struct listing *listing)
{
	return &listing->out;
}

static struct level *top(struct listing *listing)
{
	return &listing->levels[listing->depth - 1];
}

static void push(struct listing *listing, const struct listing_node *nodes, size_t n, void *owner)
{
	listing->levels[listing->depth++] =
		(struct level){ .nodes = nodes, .n_nodes = n, .owner = owner };
}

/* ---- protobuf: a message may come in parts, which its reader joins ---- */

static size_t put_varint(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		to[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[n++] = (uint8_t)value;
	return n;
}

/* That SIZE bytes follow of the field that the levels are at: a length for every level. */
static void put_path(struct listing *listing, size_t size)
{
	uint8_t heads[MAX_LEVELS][2 * VARINT_SIZE];
	size_t sizes[MAX_LEVELS];

	for (size_t i = listing->depth; i > 0; i--) {
		const struct level *level = &listing->levels[i - 1];
		uint8_t *head = heads[i - 1];
		size_t n = put_varint(head, level->nodes[level->at].number << 3 | WIRE_BYTES);

		n += put_varint(head + n, size);
		sizes[i - 1] = n;
		size += n;
	}
	for (size_t i = 0; i < listing->depth; i++)
		json_out_raw(&listing->out, heads[i], sizes[i]);
}

static void put_message(struct listing *listing, const ProtobufCMessage *message)
{
	struct err e = { 0 };
	size_t size = 0;
	void *data = NULL;

	if (pb_pack(message, &data, &size, &e) < 0) {
		listing->out.is_failed = true;
		return;
	}
	put_path(listing, size);
	json_out_raw(&listing->out, data, size);
	free(data);
}

static void put_real(struct listing *listing, const struct listing_node *node)
{
	uint8_t field[VARINT_SIZE + sizeof(double)];
	size_t n = put_varint(field, node->number << 3 | WIRE_FIXED64);

	/* As the other of our formats, for the byte order of the machines that we run on. */
	memcpy(field + n, &node->real, sizeof(double));
	listing->depth--;
	put_path(listing, n + sizeof(double));
	listing->depth++;
	json_out_raw(&listing->out, field, n + sizeof(double));
}

/* ---- items ---- */

static void put_json(struct listing *listing, const ProtobufCMessage *message)
{
	struct err e = { 0 };

	/* It cannot be told; that it is there can. */
	if (pb_write_json(message, &listing->out, &e) == -EINVAL)
		json_out_null(&listing->out);
}

static void put_item(struct listing *listing, const struct listing_node *node, void *item)
{
	union listing_view view;
	int r = node->kind->view(&view, item);

	if (r < 0) {
		listing->out.is_failed = true;
	} else if (!node->kind->write) {
		const ProtobufCMessage *message = node->kind->message(&view);

		if (listing->query.is_protobuf)
			put_message(listing, message);
		else
			put_json(listing, message);
	} else {
		json_out_open(&listing->out, '{');
		node->kind->write(&listing->out, &view);
		/* Its lists come next, and then its end. */
		push(listing, node->fields, node->n_fields, item);
	}
	node->kind->done(&view);
}

/* Is ITEM among those that were asked for, and on the page that was? */
static bool takes(struct listing *listing, const struct listing_node *node, const void *item)
{
	const struct listing_query *query = &listing->query;

	if (node->wants && !node->wants(query, item))
		return false;
	return listing->n_passed++ >= query->offset || listing->depth > 1;
}

static bool is_page_full(const struct listing *listing)
{
	const struct listing_query *query = &listing->query;

	return query->limit > 0 && listing->n_passed >= query->offset + query->limit;
}

static void open_list(struct listing *listing, struct level *level)
{
	if (level->is_open || listing->query.is_protobuf)
		return;
	json_out_key(&listing->out, level->nodes[level->at].key);
	json_out_open(&listing->out, '[');
	level->is_open = true;
}

static void end_list(struct listing *listing, struct level *level)
{
	bool goes_on;

	level->at++;
	level->is_begun = false;
	goes_on = level->at < level->n_nodes && level->nodes[level->at].is_continued;
	if (level->is_open && !goes_on) {
		json_out_close(&listing->out, ']');
		level->is_open = false;
	}
}

static void step_list(struct listing *listing)
{
	struct level *level = top(listing);
	const struct listing_node *node = &level->nodes[level->at];
	void *item;

	if (!level->is_begun) {
		level->cursor = node->source->first(listing->master, &listing->query, level->owner);
		level->is_begun = true;
		/* The v1 API leaves out empty lists. */
		if (!listing->type->name)
			open_list(listing, level);
	}
	item = level->cursor;
	if (!item || is_page_full(listing)) {
		end_list(listing, level);
		return;
	}
	level->cursor = node->source->next(listing->master, &listing->query, item);
	if (!takes(listing, node, item))
		return;
	open_list(listing, level);
	put_item(listing, node, item);
}

/* ---- objects ---- */

static void enter(struct listing *listing, const struct listing_node *node)
{
	if (listing->query.is_protobuf) {
		/* It is there, even if nothing is in it. */
		put_path(listing, 0);
	} else {
		json_out_key(&listing->out, node->key);
		json_out_open(&listing->out, '{');
	}
	push(listing, node->fields, node->n_fields, NULL);
}

static void leave(struct listing *listing)
{
	if (top(listing)->is_open)
		json_out_close(&listing->out, ']');
	if (!listing->query.is_protobuf)
		json_out_close(&listing->out, '}');
	listing->depth--;
	/* An object is done with; a list goes on with its next item. */
	if (listing->depth > 0 && !top(listing)->is_begun)
		top(listing)->at++;
}

static void step_real(struct listing *listing, const struct listing_node *node)
{
	if (listing->query.is_protobuf) {
		put_real(listing, node);
	} else {
		json_out_key(&listing->out, node->key);
		json_out_real(&listing->out, node->real);
	}
	top(listing)->at++;
}

bool listing_step(struct listing *listing)
{
	struct level *level = top(listing);

	if (level->at == level->n_nodes)
		leave(listing);
	else if (level->nodes[level->at].source)
		step_list(listing);
	else if (level->nodes[level->at].fields)
		enter(listing, &level->nodes[level->at]);
	else
		step_real(listing, &level->nodes[level->at]);
	return listing->depth > 0 && !listing->out.is_failed;
}

/* ---- life ---- */

static void begin(struct listing *listing)
{
	const struct listing_type *type = listing->type;
	const char *head = listing->query.head;

	if (listing->query.is_protobuf) {
		uint8_t field[2 * VARINT_SIZE];
		size_t n = put_varint(field, 1 << 3);

		n += put_varint(field + n, type->number);
		json_out_raw(&listing->out, field, n);
		return;
	}
	if (listing->query.before) {
		json_out_raw(&listing->out, listing->query.before, strlen(listing->query.before));
		json_out_raw(&listing->out, "(", 1);
	}
	json_out_open(&listing->out, '{');
	if (type->name) {
		json_out_key(&listing->out, "type");
		json_out_string(&listing->out, type->name);
	}
	/* Without its braces. */
	if (head && strlen(head) > 2)
		json_out_text(&listing->out, head + 1, strlen(head) - 2);
}

int listing_new(struct master *master, const struct listing_type *type,
		const struct listing_query *query, struct listing **ret, struct err *e)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		return err_set(e, ENOMEM, "list what the master knows");
	listing->master = master;
	listing->type = type;
	listing->query = *query;
	push(listing, type->nodes, type->n_nodes, NULL);
	LIST_INSERT_HEAD(&master->listings, listing, all);
	begin(listing);
	listing->query.head = listing->query.before = NULL;
	*ret = listing;
	return 0;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	LIST_REMOVE(listing, all);
	json_out_done(&listing->out);
	free(listing);
}

static void forget(struct listing *listing, const void *item)
{
	for (size_t i = 0; i < listing->depth; i++) {
		struct level *level = &listing->levels[i];
		const struct listing_node *node = &level->nodes[level->at];

		if (level->is_begun && level->cursor == item)
			level->cursor = node->source->next(listing->master, &listing->query,
							   level->cursor);
		/* No list of what is gone goes on. */
		if (level->owner == item) {
			level->at = level->n_nodes;
			level->is_begun = false;
			level->owner = NULL;
		}
	}
}

void listings_forget(struct master *master, const void *item)
{
	struct listing *listing;

	LIST_FOREACH(listing, &master->listings, all)
		forget(listing, item);
}
