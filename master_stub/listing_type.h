/* Inside of listings: what they are made of.  For master_stub/listing*.c only. */
#ifndef MASTER_STUB_LISTING_TYPE_H
#define MASTER_STUB_LISTING_TYPE_H

#include "master_stub/listing.h"
#include "master_stub/view.h"

union listing_view {
	struct task_view task;
	struct agent_view agent;
	struct framework_view framework;
	struct executor_view executor;
	const struct operation *operation;
};

/* How an item is told: as a message of the v1 API, or by WRITE as members of a JSON object. */
struct listing_kind {
	int (*view)(union listing_view *view, const void *item);
	void (*done)(union listing_view *view);
	const ProtobufCMessage *(*message)(const union listing_view *view);
	void (*write)(struct json_out *out, const union listing_view *view);
};

/* Where items come from.  OWNER is the item that the list is in, or NULL. */
struct listing_source {
	void *(*first)(const struct master *master, const struct listing_query *query,
		       const void *owner);
	void *(*next)(const struct master *master, const struct listing_query *query,
		      const void *item);
};

/* A member: a list if it has a source, an object if it has fields only, or a number. */
struct listing_node {
	const char *key;
	unsigned number;			/* of the field in its message; 0: JSON only */
	const struct listing_node *fields;	/* of the object, or lists in each item */
	size_t n_fields;
	const struct listing_source *source;
	bool (*wants)(const struct listing_query *query, const void *item);	/* NULL: all */
	const struct listing_kind *kind;
	bool is_continued;			/* goes on with the list of the node before it */
	double real;
};

struct listing_type {
	const char *name;			/* of the message's type; NULL: none, JSON only */
	unsigned number;
	const struct listing_node *nodes;
	size_t n_nodes;
};

#endif
