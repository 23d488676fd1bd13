/* Server-sent events in the form that Marathon's clients parse (reference/marathon.md 1.9). */
#ifndef NET_SSE_H
#define NET_SSE_H

#include <stddef.h>

struct http_stream;

/* "event: TYPE\r\ndata: JSON\r\n\r\n"; ID NULL writes no id line.  JSON has no newline. */
int sse_write(struct http_stream *stream, const char *type, const char *id, const char *json);
int sse_keepalive(struct http_stream *stream);	/* bare CRLF */

/* Reading side for the command line: FN per event. Zero-initialised is empty. */
struct sse_reader {
	char *data;
	size_t size, cap;
	size_t line;	/* where the line that is not complete starts */
};
typedef void sse_fn(void *arg, const char *type, const char *id, const char *data);
/* TYPE is "message" and ID NULL when not sent.  -EMSGSIZE: an event beyond 16 MiB; -ENOMEM. */
int sse_feed(struct sse_reader *reader, const void *data, size_t size, sse_fn *fn, void *arg);
void sse_done(struct sse_reader *reader);

#endif
