/* The HTTP server of the daemons: listeners, a route table, bounded requests, replies, streams. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/http_parser.h"

struct err;
struct http_request;
struct http_server;
struct http_stream;
struct loop;

/*
 * Answers (at once, or later: keep REQ), or returns -errno with E set and leaves the answer to the
 * server's error function.
 */
typedef int route_fn(struct http_request *req, struct err *e);

/*
 * Patterns are matched segment by segment after decoding and collapsing repeated slashes:
 * "v2" literal; ":name" one segment; "*" one or more segments (app ids), at most one per pattern.
 * First match in table order wins.  Paths may also end in '/'.
 */
struct route {
	enum http_method method;
	const char *pattern;
	route_fn *handle;
	size_t max_body;	/* 0: the server's default of 1 MiB; or HTTP_BODY_LATER */
};

/* The handler is called when the head is there, and says what becomes of the body. */
#define HTTP_BODY_LATER SIZE_MAX

/* In such a handler: read the body, of at most MAX_BODY bytes, and go on with FN.  -EMSGSIZE. */
int http_request_collect(struct http_request *req, size_t max_body, route_fn *fn, struct err *e);

struct http_upload_ops {
	/* Take SIZE bytes, at most 64 KiB.  A negative result is the answer, and ends it. */
	int (*data)(void *arg, const void *data, size_t size, struct err *e);
	/* The body is complete: answer, like a handler. */
	int (*end)(void *arg, struct err *e);
};

/*
 * In such a handler: take the body piece by piece, for as long as it comes: there is no deadline.
 * The request may be answered at any time, which ends it.  OPS is borrowed.
 */
void http_request_upload(struct http_request *req, const struct http_upload_ops *ops, void *arg);

/* While paused nothing is handed over and nothing more is read than one buffer. */
void http_upload_pause(struct http_request *req, bool is_paused);

/* How errors look is the dialect's business: send a reply for E (errno mapped to STATUS). */
typedef void http_error_fn(struct http_request *req, int status, const struct err *e);

struct http_limits {
	/*
	 * Beyond them a connection takes the place of an idle one; with none it is refused.  The
	 * administrator's, on a unix socket that is not public, give way to nobody and are no peer's.
	 */
	size_t max_connections;		/* 512 */
	size_t max_per_peer;		/* 64 per TCP address, or pid namespace on a unix socket */
	size_t max_body;		/* 1 MiB */
	int64_t head_ms;		/* 5,000 absolute for a head */
	int64_t body_ms;		/* 10,000 absolute, plus 1 s a KiB announced */
	int64_t idle_ms;		/* 30,000 between requests */
	size_t max_stream_queue;	/* 1 MiB unsent bytes, then the stream is closed */
};
extern const struct http_limits http_default_limits;

int http_server_new(struct loop *loop, const struct http_limits *limits, struct http_server **ret,
		    struct err *e);

/*
 * Serve ROUTES (borrowed) with APP; may be called several times: tables are searched in order, and
 * errors raised by a table's handlers (and 405s of its paths) are told by its ERROR function; what
 * no table knows is told by the first table's.  A path known in one table with another method is
 * still looked for in the following ones.
 */
int http_server_mount(struct http_server *server, const struct route *routes, size_t n_routes,
		      http_error_fn *error, void *app, struct err *e);

/* "127.0.0.1:5050", "[::1]:0".  -EADDRINUSE names the address.  *ret_port may be NULL. */
int http_server_listen(struct http_server *server, const char *address, uint16_t *ret_port,
		       struct err *e);

/* A unix socket, mode 0600; a stale one is replaced, a live one is -EADDRINUSE. */
int http_server_listen_unix(struct http_server *server, const char *path, struct err *e);
/* The same, mode 0666: for whoever reaches it, to be told apart by something else than its user. */
int http_server_listen_public(struct http_server *server, const char *path, struct err *e);

/*
 * While corked no byte leaves: replies are queued until the state they speak of is on disk
 * (DESIGN.md decision 4).
 */
void http_server_cork(struct http_server *server, bool is_corked);

/*
 * Hold back what is queued now, and what follows on the same connections; other replies leave.  For
 * answers that speak of state which could not be written yet.
 */
void http_server_hold(struct http_server *server);
void http_server_release(struct http_server *server);

/*
 * GATE is asked before any handler, and before the body is read: a negative result is the answer,
 * told by the error function of the table that matched.  For those who may not come in, and for a
 * server that cannot do what its handlers would promise.
 */
typedef int http_gate_fn(void *arg, struct http_request *req, struct err *e);
void http_server_set_gate(struct http_server *server, http_gate_fn *gate, void *arg);

/* Closes listeners and connections; requests and streams still held get their close callback. */
void http_server_free(struct http_server *server);

/* The request.  Views live until the reply (or the close callback). */
void *http_request_app(const struct http_request *req);	/* of the table that matched */
enum http_method http_request_method(const struct http_request *req);
const char *http_request_path(const struct http_request *req);	/* decoded, slashes collapsed */
const char *http_request_pattern(const struct http_request *req);	/* of the route that matched */
const char *http_request_arg(const struct http_request *req, size_t i);	/* of ':' and '*', in order */
const char *http_request_header(const struct http_request *req, const char *name); /* NULL if absent */
const char *http_request_body(const struct http_request *req, size_t *ret_size);   /* NUL-terminated */
const char *http_request_peer(const struct http_request *req);	/* "127.0.0.1:4711" or "unix:UID" */
uint16_t http_request_port(const struct http_request *req);	/* of ours, that it came to; 0: none */
bool http_request_is_local(const struct http_request *req, uid_t *ret_uid);	/* unix socket */
/* Who REQ is of, as the gate found out; NULL: nobody was asked for.  Copied; -ENOMEM. */
const char *http_request_principal(const struct http_request *req);
int http_request_set_principal(struct http_request *req, const char *name, size_t size);

/* First or I-th value of a query parameter, decoded; NULL if absent; "" if it has no value. */
const char *http_request_query(const struct http_request *req, const char *name);
const char *http_request_query_at(const struct http_request *req, const char *name, size_t i);
/* "true" in any case, "1" and "" are true, absent is FALLBACK. */
bool http_request_query_bool(const struct http_request *req, const char *name, bool fallback);

/* For a handler that answers later: FN tells that the client went away; REQ is gone after it. */
void http_request_on_close(struct http_request *req, void (*fn)(void *arg), void *arg);

/* Add a header to the coming reply.  Names and values with control bytes are dropped. */
void http_reply_header(struct http_request *req, const char *name, const char *value);

/* The body of the coming reply may go out in gzip, if the client takes it and it is worth it. */
void http_reply_gzip(struct http_request *req);

/* Each consumes REQ.  TYPE NULL with no body: no Content-Type.  HEAD sends no body. */
void http_reply(struct http_request *req, int status, const char *type, const void *body,
		size_t size);
void http_reply_json(struct http_request *req, int status, json_t *body_take);
void http_reply_error(struct http_request *req, const struct err *e);	/* by the error function */

/* errno to status: EINVAL 400, EACCES 401, EPERM 403, ENOENT 404, EEXIST/EBUSY 409, ENOSPC 507, ... */
int http_status_from_errno(int code);

/*
 * A reply without end (chunked): one write is one chunk.  Consumes REQ.  ON_CLOSE is called once
 * when the reader goes away, falls behind the queue's bound, or the server closes; the stream is
 * gone after it.
 */
int http_stream_start(struct http_request *req, int status, const char *type,
		      void (*on_close)(void *arg), void *arg, struct http_stream **ret,
		      struct err *e);
/* -ENOBUFS: over the bound; the stream closes itself in the next turn.  -EPIPE: closing. */
int http_stream_write(struct http_stream *stream, const void *data, size_t size);
/* Ends the reply in good order; ON_CLOSE is not called. */
void http_stream_end(struct http_stream *stream);
size_t http_stream_queued(const struct http_stream *stream);
/* Call FN with the argument of ON_CLOSE whenever all that was queued has left. */
void http_stream_on_drain(struct http_stream *stream, void (*fn)(void *arg));
/* A reader that takes nothing for MS, while there is something to take, is cut off. */
void http_stream_set_patience(struct http_stream *stream, int64_t ms);
/* From now on BYTES of unsent bytes are too many, instead of the server's max_stream_queue. */
void http_stream_set_bound(struct http_stream *stream, size_t bytes);

#endif
