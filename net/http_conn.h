/* Inside of the server: connections, requests and streams.  For net/http_*.c only. */
#ifndef NET_HTTP_CONN_H
#define NET_HTTP_CONN_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "net/address.h"
#include "net/http_params.h"
#include "net/http_parser.h"
#include "net/http_server.h"

struct evconnlistener;
struct event;
struct http_host;

enum {
	HTTP_MAX_ARGS = 8,		/* of one pattern */
	HTTP_MAX_SEGMENTS = 256,	/* of one path */
	HTTP_INPUT_MARK = 64 << 10,	/* unread bytes held for one connection */
	HTTP_OUTPUT_MARK = 256 << 10,	/* unsent bytes beyond which no pipelined request starts */
	HTTP_LINGER_MS = 2000,
	HTTP_LINGER_BYTES = 4 << 20,
	HTTP_STREAM_INPUT = 64 << 10,	/* a stream's reader has nothing to say */
	HTTP_ACCEPT_PAUSE_MS = 100,
};

struct http_mount {
	TAILQ_ENTRY(http_mount) link;
	const struct route *routes;
	size_t n_routes;
	http_error_fn *error;
	void *app;
};

struct http_listener {
	TAILQ_ENTRY(http_listener) link;
	struct http_server *server;
	struct evconnlistener *evconn;
	char *unix_path;	/* removed with the listener; NULL for TCP */
	bool is_public;		/* for whoever reaches it: all but a unix socket of the administrator's */
};

TAILQ_HEAD(http_mount_list, http_mount);
TAILQ_HEAD(http_listener_list, http_listener);
TAILQ_HEAD(http_conn_list, http_conn);
TAILQ_HEAD(http_request_list, http_request);

struct http_server {
	struct loop *loop;
	struct http_limits limits;
	struct http_mount_list mounts;
	struct http_listener_list listeners;
	struct http_conn_list conns;
	struct http_request_list orphans;	/* held by handlers, their client is gone */
	size_t n_conns;
	struct http_host *hosts;		/* that have connections */
	bool is_corked;
	http_gate_fn *gate;
	void *gate_arg;
	int reserve_fd;				/* given up for a moment when descriptors are out */
	struct event *accept_again;
};

struct http_request {
	TAILQ_ENTRY(http_request) link;	/* in server->orphans */
	struct http_server *server;
	struct http_conn *conn;		/* NULL: the client is gone */
	const struct http_mount *mount;	/* whose error function speaks; NULL: none mounted */
	const struct route *route;
	struct http_head head;
	char *head_data;		/* what HEAD's views point into */
	char *path;
	char *args_data;
	const char *args[HTTP_MAX_ARGS];
	size_t n_args;
	struct http_params query;
	char *body;
	size_t body_size, body_cap;
	size_t max_body;
	struct http_chunks chunks;
	route_fn *collected;		/* instead of the route's, once the body is there; or NULL */
	const struct http_upload_ops *upload;
	void *upload_arg;
	uint64_t uploaded;
	bool is_upload_paused;
	bool may_gzip;			/* the reply's body */
	struct evbuffer *reply_headers;	/* NULL: none */
	void (*on_close)(void *arg);
	void *on_close_arg;
	char peer[ADDRESS_TEXT_SIZE];
	char *principal;		/* or NULL */
	bool is_local;
	uid_t uid;
};

struct http_stream {
	struct http_conn *conn;
	size_t bound;			/* of unsent bytes */
	void (*on_close)(void *arg);
	void (*on_drain)(void *arg);	/* or NULL */
	void *arg;
};

enum conn_state {
	CONN_HEAD,	/* between requests, or in the middle of a head */
	CONN_BODY,
	CONN_UPLOAD,	/* a handler holds the request and takes its body as it comes */
	CONN_HANDLED,	/* a handler holds the request */
	CONN_STREAM,
	CONN_FLUSH,	/* nothing more is read; closed when everything is written */
	CONN_LINGER,	/* written and shut down; the client's last bytes are thrown away */
};

struct http_conn {
	TAILQ_ENTRY(http_conn) link;
	struct http_server *server;
	struct http_host *host;
	struct bufferevent *bev;
	struct event *wake;		/* the deadline, or the next turn */
	enum conn_state state;
	struct address peer;
	bool is_local, is_public;	/* as its listener */
	uid_t uid;
	struct http_request *req;	/* BODY, UPLOAD, HANDLED */
	struct http_stream *stream;	/* STREAM */
	size_t n_scanned;		/* of the head: bytes already seen by the parser */
	size_t n_drained;		/* STREAM, FLUSH, LINGER: bytes thrown away */
	int64_t deadline_ms;		/* boot clock; 0: none */
	int64_t body_since_ms;
	bool is_running;		/* conn_run() is on the stack */
	bool is_due;			/* WAKE is for the next turn */
	bool is_paused;			/* reading is, until the input is used up */
	bool is_eof;			/* the client sends no more */
	bool is_cut;			/* close without ceremony in the next turn */
	bool is_held;			/* corked with something to write */
	bool is_lingering;		/* framing is unsure: close, but let the client read */
	bool is_stream_last;		/* the connection ends with the stream */
	bool is_raw_stream;		/* HTTP/1.0: no chunks, ends with the connection */
	bool is_bodyless;		/* answer to HEAD: a stream without a body */
};

/* http_conn.c */
/* One connection more of PEER's host, NULL when memory is out; one less; NULL if it has none. */
struct http_host *http_host_enter(struct http_server *server, const struct address *peer);
void http_host_leave(struct http_server *server, struct http_host *host);
struct http_host *http_host_find(const struct http_server *server, const struct address *peer);
size_t http_host_count(const struct http_host *host);

int conn_new(const struct http_listener *listener, int fd_take, const struct address *peer, uid_t uid);
void conn_free(struct http_conn *conn);
/* Where to queue bytes for the client; held back while the server is corked. */
struct evbuffer *conn_output(struct http_conn *conn);
void conn_release(struct http_conn *conn);	/* uncork */
void conn_hold(struct http_conn *conn);		/* cork */
/* The answer cannot be given in good order: close in the next turn. */
void conn_cut(struct http_conn *conn);
/* Look at CONN again in the next turn: after replies, which handlers give at any time. */
void conn_wake_soon(struct http_conn *conn);
/* The request's answer is queued: on to the next request or to the end. */
void conn_answered(struct http_conn *conn, bool is_keep_alive);

/* The body of the request, of which the head was handled, is to be read in STATE. */
void conn_start_body(struct http_conn *conn, enum conn_state state);

/* http_upload.c: one step; false when nothing more can be done with what has arrived. */
bool conn_read_upload(struct http_conn *conn);

/* http_route.c: split, decode and look up.  0, or minus the status to answer. */
int request_read_target(struct http_request *req);
/* -404, or -405 and in *RET_METHODS those that the path has: bits of enum http_method. */
int request_find_route(struct http_request *req, unsigned *ret_methods);
enum { HTTP_ALLOW_SIZE = 128 };
/* RET_TEXT: what the header says, "GET, HEAD". */
void request_add_allow(struct http_request *req, unsigned methods, char ret_text[HTTP_ALLOW_SIZE]);

/* http_request.c */
struct http_request *request_new(struct http_server *server, struct http_conn *conn);
void request_free(struct http_request *req);
void request_orphan(struct http_request *req);	/* its connection is gone */
int request_read_body(struct http_request *req, struct evbuffer *input);
/* Have the dialect answer STATUS, or answer plainly if it does not. */
void request_fail(struct http_request *req, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void request_fail_err(struct http_request *req, int status, const struct err *e);

/* http_reply.c: may the connection be used again after the answer to REQ? */
bool request_keeps_alive(const struct http_request *req);
/* http_gzip.c: BODY as the client likes it best, with the headers that tell. */
void reply_compress(struct http_request *req, struct evbuffer *body);
/* Status line and headers without the empty line; -ENOMEM. */
int reply_head(struct http_request *req, int status, const char *type, struct evbuffer *out);

#endif
