/* HTTP/1.1 message framing (RFC 9112) as a pure function over bytes: strict, bounded, no I/O. */
#ifndef NET_HTTP_PARSER_H
#define NET_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_method {
	HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS,
	N_HTTP_METHODS,
};

enum {
	HTTP_MAX_TARGET = 4096,		/* 414 beyond */
	HTTP_MAX_HEAD = 16384,		/* 431 beyond: start line and headers together */
	HTTP_MAX_HEADERS = 100,
};

/* Views into the caller's bytes, valid as long as those are. */
struct http_text {
	const char *data;
	size_t size;
};

struct http_header {
	struct http_text name, value;	/* value without surrounding white space */
};

struct http_head {
	enum http_method method;	/* requests */
	struct http_text target;	/* requests: origin-form, as sent */
	int status;			/* responses */
	int minor_version;		/* HTTP/1.x */
	struct http_header headers[HTTP_MAX_HEADERS];
	size_t n_headers;
	bool is_chunked;
	bool has_length;
	uint64_t length;		/* Content-Length */
	bool keep_alive;
	bool expects_continue;
};

/*
 * Parse the head at the start of DATA.  Returns its size in bytes with *ret filled, 0 when more
 * bytes are needed, or minus the HTTP status to answer before closing: -400, -405, -414, -417,
 * -431, -501, -505.  Every ambiguous form of reference/reliability.md 3.2 is refused:
 * Content-Length with Transfer-Encoding, differing or odd lengths, bare LF, NUL, obs-fold,
 * white space before a colon, a missing or second Host, any coding but a single "chunked", a GET or
 * HEAD with chunks.  One with another body is the last of its connection.
 */
int http_parse_request(const char *data, size_t size, struct http_head *ret);

/* The same for a response's head; every refusal is -400. */
int http_parse_response(const char *data, size_t size, struct http_head *ret);

/* Case-insensitive lookup; NULL if absent. */
const struct http_header *http_head_find(const struct http_head *head, const char *name);

/*
 * Decoder of the chunked coding.  Feed bytes, take payload.  No chunk extensions, no trailers,
 * lengths of 1 to 8 hex digits.
 */
struct http_chunks {
	uint64_t left;		/* payload bytes left in the current chunk */
	int state;
};

/*
 * Consumes up to SIZE bytes of DATA: *ret_used of them, of which *ret_payload (a view) is body.
 * Returns 1 after the last chunk, 0 if there may be more, -400 on a malformed chunk.
 */
int http_chunks_feed(struct http_chunks *chunks, const char *data, size_t size, size_t *ret_used,
		     struct http_text *ret_payload);

/* What is percent-encoded: '+' is a space but in a path, and lines may end in a form's values. */
enum http_code { HTTP_CODE_PATH, HTTP_CODE_QUERY, HTTP_CODE_FORM, N_HTTP_CODES };

/*
 * Decode SIZE bytes into DST of at least SIZE + 1.  -EINVAL on bad escapes, NUL, other control bytes
 * or invalid UTF-8.
 */
int http_decode(const char *data, size_t size, enum http_code code, char *dst);

/* The reverse, for a part of a path or query: owned, NULL when memory is out. */
char *http_encode(const char *text);

const char *http_method_name(enum http_method method);
const char *http_status_text(int status);

#endif
