/* Replies' bodies in gzip (RFC 1952), for clients that take it. */
#include <errno.h>
#include <event2/buffer.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "net/http_conn.h"

enum {
	MIN_SIZE = 1024,	/* less is one packet either way */
	MAX_SIZE = 4 << 20,	/* more would take the loop's time: tens of milliseconds */
	GZIP_WINDOW = 15 + 16,	/* zlib's way to ask for its largest window, and gzip's frame */
	MEMORY_LEVEL = 8,	/* zlib's default */
};

/* "gzip;q=0.5": is it NAME, and wanted? */
static bool is_wanted(const char *token, size_t size, const char *name)
{
	size_t name_size = strlen(name);
	const char *q;

	if (size < name_size || strncasecmp(token, name, name_size) != 0)
		return false;
	if (size > name_size && !strchr("; \t", token[name_size]))
		return false;
	q = memmem(token, size, "q=", 2);
	return !q || strtod(q + 2, NULL) > 0;
}

static bool takes_gzip(const struct http_request *req)
{
	const char *accept = http_request_header(req, "Accept-Encoding");

	while (accept && *accept) {
		size_t size;

		accept += strspn(accept, ", \t");
		size = strcspn(accept, ",");
		if (is_wanted(accept, size, "gzip") || is_wanted(accept, size, "*"))
			return true;
		accept += size;
	}
	return false;
}

/* Everything of BODY into OUT. */
static int deflate_all(struct evbuffer *body, struct evbuffer *out)
{
	size_t size = evbuffer_get_length(body);
	struct evbuffer_iovec space;
	z_stream z = { 0 };
	int r = -ENOMEM;

	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return r;
	z.next_in = evbuffer_pullup(body, -1);
	z.avail_in = (uInt)size;
	if (z.next_in && evbuffer_reserve_space(out, (ev_ssize_t)deflateBound(&z, size), &space, 1) == 1) {
		z.next_out = space.iov_base;
		z.avail_out = (uInt)space.iov_len;
		if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
			space.iov_len = z.total_out;
			r = evbuffer_commit_space(out, &space, 1) == 0 ? 0 : -ENOMEM;
		}
	}
	(void)deflateEnd(&z);
	return r;
}

void reply_compress(struct http_request *req, struct evbuffer *body)
{
	size_t size = evbuffer_get_length(body);
	struct evbuffer *small;

	http_reply_header(req, "Vary", "Accept-Encoding");
	if (size < MIN_SIZE || size > MAX_SIZE || !takes_gzip(req))
		return;
	small = evbuffer_new();
	/* Without memory it goes as it is. */
	if (small && deflate_all(body, small) == 0) {
		(void)evbuffer_drain(body, size);
		(void)evbuffer_add_buffer(body, small);
		http_reply_header(req, "Content-Encoding", "gzip");
	}
	if (small)
		evbuffer_free(small);
}
