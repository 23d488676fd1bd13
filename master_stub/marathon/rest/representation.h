/* What of apps is shown to a request past Marathon's parameters: some fields, some apps, or that nothing is new. */
#ifndef MASTER_STUB_MARATHON_REST_REPRESENTATION_H
#define MASTER_STUB_MARATHON_REST_REPRESENTATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct app;
struct http_request;
struct refusal;

/* ?limit=N&cursor=ID: at most N apps, those behind ID. */
struct app_page {
	const char *cursor;	/* borrowed from the request; NULL: from the first */
	size_t limit, n;	/* 0: no limit */
	char last[192];		/* that was taken */
	bool has_more;
};

/* 422 in REFUSAL. */
int app_page_read(const struct http_request *req, struct app_page *ret, struct refusal *refusal);
/* Is the next app in order, ID, on it? */
bool app_page_takes(struct app_page *page, const char *id);

/* ?fields=id,instances: only these members of APP (consumed), all if FIELDS is NULL; a new reference. */
json_t *app_fields(const char *fields, json_t *app_take);

/*
 * 200 with BODY and its ETag, or 304 if the client has it already (If-None-Match).  The tag of a single app begins with the
 * VERSION of its definition; NULL: of several.
 */
int api_reply_tagged(struct http_request *req, json_t *body_take, const char *version);

/*
 * May the app or pod ID (NOUN: "App", "Pod"), now TARGET (NULL: there is none), be changed by this request?  If-Match holds the tag, or only the version,
 * of what the client believes is there; If-None-Match: * is for those who only create.  412 in REFUSAL.
 */
int api_check_match(const struct http_request *req, const char *noun, const char *id,
		    const struct app *target, struct refusal *refusal);

#endif
