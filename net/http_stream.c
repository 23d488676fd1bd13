#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_conn.h"

static int queue_head(struct http_request *req, int status, const char *type)
{
	struct evbuffer *out = evbuffer_new();
	int r = -ENOMEM;

	if (!out)
		return r;
	if (reply_head(req, status, type, out) == 0 &&
	    evbuffer_add_printf(out, "%s\r\n",
				req->head.minor_version > 0 ? "Transfer-Encoding: chunked\r\n" :
							      "") > 0 &&
	    evbuffer_add_buffer(conn_output(req->conn), out) == 0)
		r = 0;
	evbuffer_free(out);
	return r;
}

int http_stream_start(struct http_request *req, int status, const char *type,
		      void (*on_close)(void *arg), void *arg, struct http_stream **ret,
		      struct err *e)
{
	struct http_conn *conn = req->conn;
	struct http_stream *stream;

	if (!conn)
		return err_set(e, ENOTCONN, "start stream to '%s'", req->peer);
	stream = calloc(1, sizeof(*stream));
	/* Without chunks only the end of the connection can end the stream. */
	if (req->head.minor_version == 0)
		req->head.keep_alive = false;
	if (!stream || queue_head(req, status, type) < 0) {
		free(stream);
		return err_set(e, ENOMEM, "start stream to '%s'", req->peer);
	}
	stream->conn = conn;
	stream->bound = conn->server->limits.max_stream_queue;
	stream->on_close = on_close;
	stream->arg = arg;
	conn->stream = stream;
	conn->state = CONN_STREAM;
	conn->deadline_ms = 0;
	conn->n_drained = 0;
	conn->is_raw_stream = req->head.minor_version == 0;
	conn->is_stream_last = !request_keeps_alive(req);
	conn->req = NULL;
	*ret = stream;
	/* A HEAD has its answer already. */
	conn->is_bodyless = req->head.method == HTTP_HEAD;
	if (!conn->is_running)
		conn_wake_soon(conn);
	request_free(req);
	return 0;
}

int http_stream_write(struct http_stream *stream, const void *data, size_t size)
{
	struct http_conn *conn = stream->conn;
	struct evbuffer *out;
	int r = 0;

	if (!conn || conn->is_cut)
		return -EPIPE;
	/* What is queued counts, not what comes: who keeps up gets a record of any size. */
	if (http_stream_queued(stream) > stream->bound) {
		conn_cut(conn);
		return -ENOBUFS;
	}
	if (size == 0 || conn->is_bodyless)
		return 0;
	out = conn_output(conn);
	if (conn->is_raw_stream)
		r = evbuffer_add(out, data, size);
	else if (evbuffer_expand(out, size + 32) < 0 ||
		 evbuffer_add_printf(out, "%zx\r\n", size) < 0 ||
		 evbuffer_add(out, data, size) < 0 || evbuffer_add(out, "\r\n", 2) < 0)
		r = -1;
	if (r < 0) {
		conn_cut(conn);
		return -ENOBUFS;
	}
	return 0;
}

void http_stream_end(struct http_stream *stream)
{
	struct http_conn *conn = stream->conn;
	bool is_keep_alive;

	/* Within its own close callback: the caller of that frees it. */
	if (!conn)
		return;
	is_keep_alive = !conn->is_stream_last && conn->n_drained == 0;
	(void)bufferevent_set_timeouts(conn->bev, NULL, NULL);
	conn->stream = NULL;
	free(stream);
	if (conn->is_cut) {
		conn_wake_soon(conn);
		return;
	}
	if (!conn->is_raw_stream && !conn->is_bodyless &&
	    evbuffer_add(conn_output(conn), "0\r\n\r\n", 5) < 0)
		conn_cut(conn);
	else
		conn_answered(conn, is_keep_alive);
}

size_t http_stream_queued(const struct http_stream *stream)
{
	struct http_conn *conn = stream->conn;

	return conn ? evbuffer_get_length(bufferevent_get_output(conn->bev)) : 0;
}

void http_stream_set_bound(struct http_stream *stream, size_t bytes)
{
	stream->bound = bytes;
}

/* Of libevent: it runs while something is to be written, and begins anew with every byte that is. */
void http_stream_set_patience(struct http_stream *stream, int64_t ms)
{
	const struct timeval patience = { ms / 1000, ms % 1000 * 1000 };

	if (stream->conn)
		(void)bufferevent_set_timeouts(stream->conn->bev, NULL, &patience);
}

void http_stream_on_drain(struct http_stream *stream, void (*fn)(void *arg))
{
	stream->on_drain = fn;
}
