#include "net/http_conn.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"

enum { MAX_WRITE = 1 << 20 };

struct evbuffer *conn_output(struct http_conn *conn)
{
	if (conn->server->is_corked && !conn->is_held) {
		conn->is_held = true;
		(void)bufferevent_disable(conn->bev, EV_WRITE);
	}
	return bufferevent_get_output(conn->bev);
}

void conn_hold(struct http_conn *conn)
{
	if (conn->is_held || evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0)
		return;
	conn->is_held = true;
	(void)bufferevent_disable(conn->bev, EV_WRITE);
}

void conn_release(struct http_conn *conn)
{
	if (!conn->is_held)
		return;
	conn->is_held = false;
	(void)bufferevent_enable(conn->bev, EV_WRITE);
}

void conn_wake_soon(struct http_conn *conn)
{
	static const struct timeval now = { 0 };

	conn->is_due = true;
	(void)evtimer_add(conn->wake, &now);
}

void conn_cut(struct http_conn *conn)
{
	conn->is_cut = true;
	conn_wake_soon(conn);
}

/* A kibibyte a second is the slowest reader or writer that is waited for. */
static int64_t slowest_ms(uint64_t bytes)
{
	return (int64_t)(bytes / 1024 * 1000);
}

static size_t output_size(const struct http_conn *conn)
{
	return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

void conn_answered(struct http_conn *conn, bool is_keep_alive)
{
	const struct http_limits *limits = &conn->server->limits;
	int64_t now = clock_boot_ms();

	conn->req = NULL;
	conn->n_scanned = 0;
	conn->n_drained = 0;
	conn->state = is_keep_alive ? CONN_HEAD : CONN_FLUSH;
	conn->deadline_ms = now + (is_keep_alive ? limits->idle_ms : limits->body_ms) +
			    slowest_ms(output_size(conn));
	if (!conn->is_running)
		conn_wake_soon(conn);
}

/* Answer STATUS and close: what follows on the connection cannot be trusted to be a request. */
static void fail(struct http_conn *conn, int status, const char *message)
{
	char allow[HTTP_ALLOW_SIZE];

	if (!conn->req)
		conn->req = request_new(conn->server, conn);
	if (!conn->req) {
		conn_cut(conn);
		return;
	}
	conn->is_lingering = true;
	conn->state = CONN_HANDLED;
	conn->deadline_ms = 0;
	if (status == 405)
		request_add_allow(conn->req, (1u << N_HTTP_METHODS) - 1, allow);
	request_fail(conn->req, status, "%s", message);
}

static const char *head_error(int status)
{
	switch (status) {
	case 405:
		return "refuse request: its method is not known";
	case 414:
		return "refuse request: its target is too long";
	case 417:
		return "refuse request: only '100-continue' can be expected";
	case 431:
		return "refuse request: its headers are too large";
	case 501:
		return "refuse request: the only transfer coding is 'chunked'";
	case 503:
		return "refuse request: out of memory";
	case 505:
		return "refuse request: the protocol is HTTP/1.1";
	default:
		return "refuse request: it is malformed";
	}
}

static void handle(struct http_conn *conn, route_fn *fn)
{
	struct http_request *req = conn->req;
	struct err e = { 0 };
	int r;

	conn->state = CONN_HANDLED;
	conn->deadline_ms = 0;
	r = fn(req, &e);
	if (r >= 0 || conn->req != req || conn->state != CONN_HANDLED)
		return;
	if (e.code == 0)
		(void)err_set(&e, -r, "answer '%s'", http_request_path(req));
	http_reply_error(req, &e);
}

static void dispatch(struct http_conn *conn)
{
	const struct http_request *req = conn->req;

	handle(conn, req->collected ? req->collected : req->route->handle);
}

static bool has_body(const struct http_request *req)
{
	return req->head.is_chunked || req->head.length > 0;
}

void conn_start_body(struct http_conn *conn, enum conn_state state)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct http_request *req = conn->req;

	conn->state = state;
	/* Unless all of an upload has been read, only the end of the connection can end it. */
	conn->is_lingering = state == CONN_UPLOAD;
	if (state == CONN_BODY) {
		conn->body_since_ms = clock_boot_ms();
		conn->deadline_ms = conn->body_since_ms + conn->server->limits.body_ms;
		if (!req->head.is_chunked)
			conn->deadline_ms += slowest_ms(req->head.length);
	}
	if (has_body(req) && req->head.expects_continue &&
	    evbuffer_get_length(bufferevent_get_input(conn->bev)) == 0)
		(void)evbuffer_add(conn_output(conn), go_on, sizeof(go_on) - 1);
}

static void start_body(struct http_conn *conn)
{
	const struct http_request *req = conn->req;

	if (req->route->max_body == HTTP_BODY_LATER) {
		/* An answer without a look at the body ends the connection. */
		conn->is_lingering = has_body(req);
		dispatch(conn);
	} else if (has_body(req)) {
		conn_start_body(conn, CONN_BODY);
	} else {
		dispatch(conn);
	}
}

static void refuse_route(struct http_request *req, int status, unsigned methods)
{
	char allow[HTTP_ALLOW_SIZE];

	if (status == 404) {
		request_fail(req, 404, "find '%s': no such path here", req->path);
		return;
	}
	if (status != 405) {
		request_fail(req, status, "%s", head_error(status));
		return;
	}
	request_add_allow(req, methods, allow);
	request_fail(req, 405, "refuse '%s' on '%s': allowed are %s",
		     http_method_name(req->head.method), req->path, allow);
}

/* May it come in?  If not, it has its answer. */
static bool pass_gate(struct http_conn *conn)
{
	struct http_server *server = conn->server;
	struct http_request *req = conn->req;
	struct err e = { 0 };

	if (!server->gate || server->gate(server->gate_arg, req, &e) >= 0)
		return true;
	conn->is_lingering = has_body(req);
	conn->state = CONN_HANDLED;
	http_reply_error(req, &e);
	return false;
}

/* Everything that can be refused is refused before the body is read. */
static void route_request(struct http_conn *conn)
{
	struct http_request *req = conn->req;
	unsigned methods = 0;
	int r;

	r = request_read_target(req);
	if (r < 0) {
		fail(conn, -r, head_error(-r));
		return;
	}
	r = request_find_route(req, &methods);
	if (r < 0) {
		/* Without a body the framing is sound, and the connection can go on. */
		conn->is_lingering = has_body(req);
		conn->state = CONN_HANDLED;
		refuse_route(req, -r, methods);
		return;
	}
	req->max_body = req->route->max_body ? req->route->max_body : conn->server->limits.max_body;
	if (req->head.length > req->max_body) {
		fail(conn, 413, "refuse request: its body is too large");
		return;
	}
	if (pass_gate(conn))
		start_body(conn);
}

/* Take the head of SIZE bytes off the input, as strings. */
static int take_head(struct http_request *req, struct evbuffer *input, size_t size)
{
	req->head_data = malloc(size);
	if (!req->head_data)
		return -503;
	(void)evbuffer_remove(input, req->head_data, size);
	(void)http_parse_request(req->head_data, size, &req->head);
	for (size_t i = 0; i < req->head.n_headers; i++) {
		struct http_text value = req->head.headers[i].value;

		req->head_data[value.data - req->head_data + (ptrdiff_t)value.size] = '\0';
	}
	return 0;
}

static bool read_head(struct http_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t size = evbuffer_get_length(input);
	struct http_head head;
	const char *data;
	int r;

	if (size == 0 || output_size(conn) > HTTP_OUTPUT_MARK)
		return false;
	if (size > HTTP_MAX_HEAD + 1)
		size = HTTP_MAX_HEAD + 1;
	if (conn->n_scanned == 0)
		conn->deadline_ms = clock_boot_ms() + conn->server->limits.head_ms;
	data = (const char *)evbuffer_pullup(input, (ev_ssize_t)size);
	if (!data) {
		conn_cut(conn);
		return false;
	}
	/* Parse once a line, not once a byte: a slow writer costs no more than a fast one. */
	if (conn->n_scanned > 0 && size <= HTTP_MAX_HEAD &&
	    !memchr(data + conn->n_scanned, '\n', size - conn->n_scanned)) {
		conn->n_scanned = size;
		return false;
	}
	conn->n_scanned = size;
	r = http_parse_request(data, size, &head);
	if (r == 0)
		return false;
	if (r > 0) {
		conn->req = request_new(conn->server, conn);
		r = conn->req ? take_head(conn->req, input, (size_t)r) : -503;
	}
	if (r < 0)
		fail(conn, -r, head_error(-r));
	else
		route_request(conn);
	return true;
}

static bool read_body(struct http_conn *conn)
{
	struct http_request *req = conn->req;
	int r = request_read_body(req, bufferevent_get_input(conn->bev));

	if (r == 0) {
		if (req->head.is_chunked)
			conn->deadline_ms = conn->body_since_ms + conn->server->limits.body_ms +
					    slowest_ms(req->body_size);
		return false;
	}
	if (r > 0)
		dispatch(conn);
	else
		fail(conn, -r, r == -413 ? "refuse request: its body is too large" :
					   "refuse request: its body is malformed");
	return true;
}

static bool drain(struct http_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t size = evbuffer_get_length(input);

	conn->n_drained += size;
	(void)evbuffer_drain(input, size);
	return false;
}

/* One step; false when nothing more can be done with what has arrived. */
static bool step(struct http_conn *conn)
{
	switch (conn->state) {
	case CONN_HEAD:
		return read_head(conn);
	case CONN_BODY:
		return read_body(conn);
	case CONN_UPLOAD:
		return conn_read_upload(conn);
	case CONN_STREAM:
	case CONN_FLUSH:
	case CONN_LINGER:
		return drain(conn);
	case CONN_HANDLED:
	default:
		return false;
	}
}

static bool is_over(const struct http_conn *conn)
{
	if (conn->is_cut)
		return true;
	switch (conn->state) {
	case CONN_HEAD:
	case CONN_FLUSH:
		return conn->is_eof && output_size(conn) == 0;
	case CONN_STREAM:
		return conn->is_eof || conn->n_drained > HTTP_STREAM_INPUT;
	case CONN_LINGER:
		return conn->is_eof || conn->n_drained > HTTP_LINGER_BYTES;
	case CONN_BODY:
	case CONN_UPLOAD:
	case CONN_HANDLED:
	default:
		return conn->is_eof;
	}
}

static void arm(struct http_conn *conn)
{
	int64_t left;
	struct timeval tv;

	if (conn->is_due)
		return;
	if (conn->deadline_ms == 0) {
		(void)evtimer_del(conn->wake);
		return;
	}
	left = conn->deadline_ms - clock_boot_ms();
	if (left < 0)
		left = 0;
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	(void)evtimer_add(conn->wake, &tv);
}

/*
 * Closing with bytes unread would make the kernel send a reset that destroys the answer: shut down
 * our side, and wait a little for the client's.
 */
static void finish(struct http_conn *conn)
{
	if (!conn->is_lingering) {
		conn->is_cut = true;
		return;
	}
	(void)shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
	conn->state = CONN_LINGER;
	conn->deadline_ms = clock_boot_ms() + HTTP_LINGER_MS;
}

/*
 * Read no further ahead than the mark.  Not by libevent's own watermark: at it, 2.1.12 calls the
 * read callback again and again within one turn, and the whole daemon stands still.
 */
static void pause_input(struct http_conn *conn)
{
	bool is_full = evbuffer_get_length(bufferevent_get_input(conn->bev)) >= HTTP_INPUT_MARK;

	if (is_full == conn->is_paused)
		return;
	conn->is_paused = is_full;
	if (is_full)
		(void)bufferevent_disable(conn->bev, EV_READ);
	else if (!conn->is_eof)
		(void)bufferevent_enable(conn->bev, EV_READ);
}

/* Do all that can be done now.  CONN may be gone after it. */
static void conn_run(struct http_conn *conn)
{
	conn->is_running = true;
	if (conn->state == CONN_STREAM && conn->stream->on_drain && output_size(conn) == 0)
		conn->stream->on_drain(conn->stream->arg);
	while (!conn->is_cut && step(conn))
		;
	conn->is_running = false;
	if (!conn->is_cut && conn->state == CONN_FLUSH && output_size(conn) == 0)
		finish(conn);
	if (is_over(conn)) {
		conn_free(conn);
		return;
	}
	pause_input(conn);
	arm(conn);
}

static void on_deadline(struct http_conn *conn)
{
	conn->deadline_ms = 0;
	if (conn->state == CONN_BODY || (conn->state == CONN_HEAD && conn->n_scanned > 0))
		fail(conn, 408, "refuse request: it took too long to arrive");
	else
		conn->is_cut = true;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *conn = arg;

	(void)fd;
	(void)what;
	conn->is_due = false;
	if (conn->deadline_ms > 0 && clock_boot_ms() >= conn->deadline_ms)
		on_deadline(conn);
	conn_run(conn);
}

static void on_io(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_run(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_conn *conn = arg;

	(void)bev;
	if (what & BEV_EVENT_EOF)
		conn->is_eof = true;
	else
		conn->is_cut = true;
	conn_run(conn);
}

int conn_new(const struct http_listener *listener, int fd_take, const struct address *peer, uid_t uid)
{
	struct http_server *server = listener->server;
	struct event_base *base = loop_base(server->loop);
	struct http_conn *conn = calloc(1, sizeof(*conn));
	AUTO_CLOSE int fd = fd_take;

	if (!conn)
		return -ENOMEM;
	conn->server = server;
	conn->peer = *peer;
	conn->is_local = listener->unix_path;
	conn->is_public = listener->is_public;
	conn->uid = uid;
	conn->wake = evtimer_new(base, on_wake, conn);
	conn->host = conn->wake ? http_host_enter(server, peer) : NULL;
	conn->bev = conn->host ? bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
	if (!conn->bev) {
		if (conn->wake)
			event_free(conn->wake);
		if (conn->host)
			http_host_leave(server, conn->host);
		free(conn);
		return -ENOMEM;
	}
	(void)TAKE_FD(fd);
	bufferevent_setcb(conn->bev, on_io, on_io, on_event, conn);
	(void)bufferevent_set_max_single_write(conn->bev, MAX_WRITE);
	(void)bufferevent_enable(conn->bev, EV_READ);
	TAILQ_INSERT_TAIL(&server->conns, conn, link);
	server->n_conns++;
	conn->deadline_ms = clock_boot_ms() + server->limits.head_ms;
	arm(conn);
	return 0;
}

void conn_free(struct http_conn *conn)
{
	struct http_request *req = TAKE_PTR(conn->req);
	struct http_stream *stream = TAKE_PTR(conn->stream);

	TAILQ_REMOVE(&conn->server->conns, conn, link);
	conn->server->n_conns--;
	http_host_leave(conn->server, conn->host);
	event_free(conn->wake);
	bufferevent_free(conn->bev);
	if (req && (conn->state == CONN_HANDLED || conn->state == CONN_UPLOAD))
		request_orphan(req);
	else
		request_free(req);
	free(conn);
	if (stream) {
		stream->conn = NULL;
		if (stream->on_close)
			stream->on_close(stream->arg);
		free(stream);
	}
}
