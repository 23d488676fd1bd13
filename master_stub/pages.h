/*
 * Answers made of listings (listing.h) and the like: all of them together have some milliseconds in a turn of the
 * loop, so that whoever reads much keeps nobody waiting.
 */
#ifndef MASTER_STUB_PAGES_H
#define MASTER_STUB_PAGES_H

#include <stddef.h>

#include "lib/json_source.h"
#include "master_stub/listing.h"

struct err;
struct http_request;
struct loop;
struct page;
struct pages;

int pages_new(struct loop *loop, struct pages **ret, struct err *e);
/* Those under way end without a word. */
void pages_free(struct pages *pages);
/* A turn of the loop is over. */
void pages_turn(struct pages *pages);

/*
 * Answer REQ with what TYPE lists of MASTER for QUERY (its strings are copied), as a script that
 * calls CALLBACK unless it is NULL.  -EAGAIN: too many are under way.
 */
int page_reply(struct pages *pages, struct master *master, struct http_request *req,
	       const struct listing_type *type, const struct listing_query *query,
	       const char *callback, struct err *e);

/* The same of SOURCE, whatever becomes of it. */
int page_reply_source(struct pages *pages, struct http_request *req,
		      const struct json_source *source_take, struct err *e);

/*
 * Without a reader: DONE gets it whole (owned by it), or NULL when memory was out.  It is
 * called from the loop, never from here.  page_cancel() ends it without a call.
 */
typedef void page_done_fn(void *arg, char *data_take, size_t size);
int page_collect(struct pages *pages, struct master *master, const struct listing_type *type,
		 const struct listing_query *query, page_done_fn *done, void *arg,
		 struct page **ret, struct err *e);
void page_cancel(struct page *page);

#endif
