/* Inside of the client: one queued call, its request and its answer.  For net/http_*.c only. */
#ifndef NET_HTTP_CALL_H
#define NET_HTTP_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "net/http_client.h"

struct evbuffer;

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_TO_END };

struct call {
	STAILQ_ENTRY(call) link;
	struct http_call spec;		/* its pointers to text are not used: see REQUEST */
	char *request;			/* all bytes to send */
	size_t request_size;
	bool has_retried;
	bool has_uploaded;		/* the last piece of an upload was sent */

	/* The answer. */
	struct http_head head;
	char *head_data;
	enum body_kind body_kind;
	bool is_stream;			/* a 2xx whose body goes to on_data */
	uint64_t body_left;		/* BODY_LENGTH */
	struct http_chunks chunks;
	char *body;
	size_t body_size, body_cap;
};

/*
 * A copy of SPEC as bytes to send to HOST, with AUTHORIZATION (NULL: none).  -EINVAL: text with control
 * bytes; -ENOMEM.
 */
int call_new(const struct http_call *spec, const char *host, const char *authorization,
	     struct call **ret, struct err *e);
void call_free(struct call *call);
void call_forget_answer(struct call *call);	/* before it is sent again */

/* May it be sent again when the connection ended without an answer? */
bool call_is_idempotent(const struct call *call);

/* Take the answer's head off INPUT: its size, 0 when more must come, or -errno. */
int call_read_head(struct call *call, struct evbuffer *input, struct err *e);

/*
 * Take one piece of body off INPUT.  1 when the body is complete, 0 when more must come, or -errno.
 * A stream's piece is left in *ret_piece (a view of INPUT, of which *ret_used bytes are to be
 * drained after use); otherwise it is collected.
 */
int call_read_body(struct call *call, struct evbuffer *input, struct http_text *ret_piece,
		   size_t *ret_used, struct err *e);

#endif
