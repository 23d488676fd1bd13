/* Long lists of /v2, an app at a time: others are served while one is written. */
#ifndef MASTER_STUB_MARATHON_REST_API_LISTS_H
#define MASTER_STUB_MARATHON_REST_API_LISTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "master_stub/marathon/rest/api.h"

struct app_filter;
struct controller;
struct entry;
struct err;
struct http_request;
struct json_source;

/* So many are told in one answer; with more, it is written while it is sent. */
enum { API_WHOLE_APPS = 200, API_WHOLE_TASKS = 2000 };
bool api_has_many(const struct controller *c);
/*
 * Answers REQ with what SOURCE writes: all of it at once, which can be compressed, or when there
 * are many while others are served.
 */
int api_reply_source(struct http_request *req, const struct json_source *source_take,
		     struct err *e);

enum { STATUS_RUNNING = 1 << 0, STATUS_STAGING = 1 << 1 };

enum api_list_of { LIST_APPS, LIST_TASKS, LIST_PODS, LIST_POD_STATUSES };

/* Which apps or pods, and what of each.  Those that are added meanwhile may be told or not. */
struct api_list {
	const char *key;		/* of the only member, the list; NULL: it is the answer itself */
	char group[API_ID_SIZE];	/* what is within it, which may be one app */
	struct app_filter *filter;	/* owned; NULL: all */
	enum api_list_of of;
	unsigned statuses;		/* of tasks */
	unsigned embeds;		/* of apps */
	size_t limit;			/* 0: none; else "nextCursor" tells where there are more */
	const char *cursor, *fields;	/* of apps, see representation.h; borrowed for the call */
};

/* Answers REQ.  Takes what LIST owns. */
int api_reply_list(struct http_request *req, const struct api_list *list_take, struct err *e);

#endif
