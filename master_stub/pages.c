#include "master_stub/pages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/loop.h"
#include "net/http_server.h"
#include "net/wire.h"

enum {
	SLICE_NS = 4000000,		/* of one turn, for all of them */
	MAX_PAGES = 256,
	CHUNK_SIZE = 64 << 10,
	QUEUE_SIZE = 1 << 20,		/* unsent bytes beyond which a page waits for its reader */
	PATIENCE_MS = 30000,		/* with a reader that takes nothing */
};

struct page {
	struct pages *pages;
	struct json_source source;	/* owned */
	char *agent_id, *framework_id, *task_id;	/* what its query points to */
	struct http_stream *http;	/* NULL: it is collected, or the answer has not begun */
	page_done_fn *done;		/* NULL: it is for a reader */
	void *arg;
	bool is_script, is_waiting;	/* waiting: for its reader */
	TAILQ_ENTRY(page) in_ready, all;
};

TAILQ_HEAD(page_queue, page);

struct pages {
	struct loop_timer *timer;
	struct page_queue ready, all;
	size_t n;
	int64_t spent_ns;		/* in this turn */
};

static void on_timer(void *arg);

int pages_new(struct loop *loop, struct pages **ret, struct err *e)
{
	struct pages *pages = calloc(1, sizeof(*pages));
	int r;

	if (!pages)
		return err_set(e, ENOMEM, "make table of answers");
	TAILQ_INIT(&pages->ready);
	TAILQ_INIT(&pages->all);
	r = loop_timer_new(loop, on_timer, pages, &pages->timer, e);
	if (r < 0) {
		free(pages);
		return r;
	}
	*ret = pages;
	return 0;
}

static void page_free(struct page *page)
{
	struct pages *pages = page->pages;

	if (!page->is_waiting)
		TAILQ_REMOVE(&pages->ready, page, in_ready);
	TAILQ_REMOVE(&pages->all, page, all);
	pages->n--;
	if (page->source.arg)
		page->source.free(page->source.arg);
	free(page->agent_id);
	free(page->framework_id);
	free(page->task_id);
	free(page);
}

void page_cancel(struct page *page)
{
	page_free(page);
}

void pages_free(struct pages *pages)
{
	struct page *page;

	if (!pages)
		return;
	while ((page = TAILQ_FIRST(&pages->all))) {
		if (page->http)
			http_stream_end(page->http);
		page_free(page);
	}
	loop_timer_free(pages->timer);
	free(pages);
}

static char *copy(const char *text, bool *is_failed)
{
	char *result = text ? strdup(text) : NULL;

	*is_failed |= text && !result;
	return result;
}

static struct json_out *out_of(const struct page *page)
{
	return page->source.out(page->source.arg);
}

/* Its source is still to be set. */
static int page_add(struct pages *pages, struct page **ret, struct err *e)
{
	struct page *page;

	if (pages->n >= MAX_PAGES)
		return err_set(e, EAGAIN, "list what the master knows: %d others are read",
			       MAX_PAGES);
	page = calloc(1, sizeof(*page));
	if (!page)
		return err_set(e, ENOMEM, "list what the master knows");
	page->pages = pages;
	TAILQ_INSERT_TAIL(&pages->ready, page, in_ready);
	TAILQ_INSERT_TAIL(&pages->all, page, all);
	pages->n++;
	*ret = page;
	return 0;
}

/* ---- listings as sources ---- */

static bool on_step(void *arg)
{
	return listing_step(arg);
}

static struct json_out *on_out(void *arg)
{
	return listing_out(arg);
}

static void on_free(void *arg)
{
	listing_free(arg);
}

static int page_new(struct pages *pages, struct master *master, const struct listing_type *type,
		    const struct listing_query *query, struct page **ret, struct err *e)
{
	struct listing_query own = *query;
	struct listing *listing = NULL;
	bool is_failed = false;
	struct page *page;
	int r = page_add(pages, &page, e);

	if (r < 0)
		return r;
	own.agent_id = page->agent_id = copy(query->agent_id, &is_failed);
	own.framework_id = page->framework_id = copy(query->framework_id, &is_failed);
	own.task_id = page->task_id = copy(query->task_id, &is_failed);
	r = is_failed ? err_set(e, ENOMEM, "list what the master knows") :
			listing_new(master, type, &own, &listing, e);
	if (r < 0) {
		page_free(page);
		return r;
	}
	page->source = (struct json_source){ on_step, on_out, on_free, listing };
	*ret = page;
	return 0;
}

/* ---- a slice ---- */

/* Until a chunk is full, the time is over at UNTIL, or all is written (false). */
static bool write_some(struct page *page, int64_t until_ns)
{
	const struct json_out *out = out_of(page);
	bool is_more = true;

	while (is_more && out->size < CHUNK_SIZE && clock_boot_ns() < until_ns)
		is_more = page->source.step(page->source.arg);
	return is_more;
}

static void finish_script(struct page *page)
{
	if (page->is_script)
		json_out_raw(out_of(page), ");", 2);
}

static void send_chunk(struct page *page)
{
	struct json_out *out = out_of(page);

	/* A reader that is gone is told of by its close callback. */
	(void)http_stream_write(page->http, out->data, out->size);
	json_out_clear(out);
	if (http_stream_queued(page->http) < QUEUE_SIZE)
		return;
	page->is_waiting = true;
	TAILQ_REMOVE(&page->pages->ready, page, in_ready);
}

static void end(struct page *page)
{
	finish_script(page);
	(void)http_stream_write(page->http, out_of(page)->data,
				out_of(page)->size);
	http_stream_end(page->http);
	page_free(page);
}

static void end_collected(struct page *page)
{
	struct json_out *out = out_of(page);
	page_done_fn *done = page->done;
	void *arg = page->arg;
	size_t size = 0;
	char *data = json_out_take(out, &size);

	page_free(page);
	done(arg, data, size);
}

/* Nothing leaves before it is whole. */
static void collect(struct page *page, int64_t until_ns)
{
	bool is_more = true;

	while (is_more && clock_boot_ns() < until_ns)
		is_more = page->source.step(page->source.arg);
	if (!is_more)
		end_collected(page);
}

static void run(struct page *page, int64_t until_ns)
{
	TAILQ_REMOVE(&page->pages->ready, page, in_ready);
	TAILQ_INSERT_TAIL(&page->pages->ready, page, in_ready);
	if (page->done)
		collect(page, until_ns);
	else if (!write_some(page, until_ns))
		end(page);
	else if (out_of(page)->size >= CHUNK_SIZE)
		send_chunk(page);
}

static void on_timer(void *arg)
{
	struct pages *pages = arg;
	int64_t now = clock_boot_ns(), until = now + SLICE_NS - pages->spent_ns;

	while (!TAILQ_EMPTY(&pages->ready) && clock_boot_ns() < until)
		run(TAILQ_FIRST(&pages->ready), until);
	pages->spent_ns += clock_boot_ns() - now;
	if (!TAILQ_EMPTY(&pages->ready))
		loop_timer_set(pages->timer, 0);
}

void pages_turn(struct pages *pages)
{
	pages->spent_ns = 0;
}

/* ---- readers ---- */

static void on_drain(void *arg)
{
	struct page *page = arg;

	if (!page->is_waiting)
		return;
	page->is_waiting = false;
	TAILQ_INSERT_TAIL(&page->pages->ready, page, in_ready);
	loop_timer_set(page->pages->timer, 0);
}

static void on_close(void *arg)
{
	page_free(arg);
}

/* What it took is taken from this turn's time. */
static bool write_first(struct page *page)
{
	struct pages *pages = page->pages;
	int64_t now = clock_boot_ns();
	bool is_more = write_some(page, now + SLICE_NS - pages->spent_ns);

	pages->spent_ns += clock_boot_ns() - now;
	return is_more;
}

static int begin_stream(struct page *page, struct http_request *req, const char *content_type,
			struct err *e)
{
	int r = http_stream_start(req, 200, content_type, on_close, page, &page->http, e);

	if (r < 0)
		return r;
	http_stream_on_drain(page->http, on_drain);
	http_stream_set_patience(page->http, PATIENCE_MS);
	/* It stops by itself long before. */
	http_stream_set_bound(page->http, 4 * QUEUE_SIZE);
	loop_timer_set(page->pages->timer, 0);
	return 0;
}

/* One that is short is answered as a whole. */
static int begin(struct page *page, struct http_request *req, const char *content_type,
		 struct err *e)
{
	int r;

	if (write_first(page)) {
		r = begin_stream(page, req, content_type, e);
		if (r < 0)
			page_free(page);
		return r;
	}
	finish_script(page);
	http_reply(req, 200, content_type, out_of(page)->data, out_of(page)->size);
	page_free(page);
	return 0;
}

int page_reply(struct pages *pages, struct master *master, struct http_request *req,
	       const struct listing_type *type, const struct listing_query *query,
	       const char *callback, struct err *e)
{
	const char *content_type = callback ? "text/javascript" : query->is_protobuf ?
		wire_content_type(WIRE_PROTOBUF) : wire_content_type(WIRE_JSON);
	struct listing_query wrapped = *query;
	struct page *page;
	int r;

	wrapped.before = callback;
	r = page_new(pages, master, type, &wrapped, &page, e);
	if (r < 0)
		return r;
	page->is_script = callback != NULL;
	if (callback)
		http_reply_header(req, "X-Content-Type-Options", "nosniff");
	return begin(page, req, content_type, e);
}

int page_reply_source(struct pages *pages, struct http_request *req,
		      const struct json_source *source_take, struct err *e)
{
	struct page *page;
	int r = page_add(pages, &page, e);

	if (r < 0) {
		source_take->free(source_take->arg);
		return r;
	}
	page->source = *source_take;
	return begin(page, req, wire_content_type(WIRE_JSON), e);
}

int page_collect(struct pages *pages, struct master *master, const struct listing_type *type,
		 const struct listing_query *query, page_done_fn *done, void *arg,
		 struct page **ret, struct err *e)
{
	int r = page_new(pages, master, type, query, ret, e);

	if (r < 0)
		return r;
	(*ret)->done = done;
	(*ret)->arg = arg;
	loop_timer_set(pages->timer, 0);
	return 0;
}
