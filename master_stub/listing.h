/*
 * Long answers, an object at a time: walks over the master's tables that may rest after every object
 * while the tables change.  What is added meanwhile may be told or not; what stays is told once.
 */
#ifndef MASTER_STUB_LISTING_H
#define MASTER_STUB_LISTING_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct json_out;
struct listing;
struct master;

/* What is listed: a tree of objects and lists, and for the v1 API the number of the message's type. */
struct listing_type;
extern const struct listing_type listing_get_state, listing_get_agents, listing_get_frameworks,
	listing_get_executors, listing_get_tasks, listing_get_operations;	/* Response */
extern const struct listing_type listing_subscribed;	/* Event */
extern const struct listing_type listing_state, listing_state_summary, listing_slaves,
	listing_frameworks, listing_tasks, listing_oldest_tasks;	/* JSON only */

/* Borrowed until listing_free().  NULL: all of them. */
struct listing_query {
	const char *agent_id, *framework_id, *task_id;
	size_t offset, limit;		/* of the objects of the list; 0: no limit */
	bool is_ascending;		/* the oldest first, within the tables of tasks */
	bool is_protobuf;		/* the v1 API's */
	const char *before;		/* the name of a function to call with it; NULL: none */
	/* Members that stand first, as a JSON object; NULL: none. */
	const char *head;
};

int listing_new(struct master *master, const struct listing_type *type,
		const struct listing_query *query, struct listing **ret, struct err *e);
void listing_free(struct listing *listing);

/* Write some: an object at most.  False: that was all, or memory is out. */
bool listing_step(struct listing *listing);
/* What was written since it was last cleared; is_failed: memory was out, and the rest is missing. */
struct json_out *listing_out(struct listing *listing);

/* For the owners of the tables: ITEM is about to be freed. */
void listings_forget(struct master *master, const void *item);

#endif
