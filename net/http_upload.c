#include <errno.h>
#include <event2/buffer.h>

#include "lib/err.h"
#include "net/http_conn.h"

int http_request_collect(struct http_request *req, size_t max_body, route_fn *fn, struct err *e)
{
	if (req->head.length > max_body)
		return err_set(e, EMSGSIZE, "refuse request: its body is too large");
	req->max_body = max_body;
	req->collected = fn;
	conn_start_body(req->conn, CONN_BODY);
	return 0;
}

void http_request_upload(struct http_request *req, const struct http_upload_ops *ops, void *arg)
{
	req->upload = ops;
	req->upload_arg = arg;
	conn_start_body(req->conn, CONN_UPLOAD);
}

void http_upload_pause(struct http_request *req, bool is_paused)
{
	if (req->is_upload_paused == is_paused)
		return;
	req->is_upload_paused = is_paused;
	if (req->conn && !is_paused)
		conn_wake_soon(req->conn);
}

/* The next piece of body in INPUT: as http_chunks_feed(). */
static int next_piece(struct http_request *req, const char *data, size_t size, size_t *ret_used,
		      struct http_text *ret_piece)
{
	uint64_t left = req->head.length - req->uploaded;

	if (req->head.is_chunked)
		return http_chunks_feed(&req->chunks, data, size, ret_used, ret_piece);
	*ret_used = size < left ? size : (size_t)left;
	*ret_piece = (struct http_text){ .data = data, .size = *ret_used };
	return *ret_used == left;
}

/* Whether REQ is still being uploaded on CONN, after a callback that may have answered it. */
static bool is_going_on(const struct http_conn *conn, const struct http_request *req)
{
	return conn->req == req && conn->state == CONN_UPLOAD;
}

static void refuse(struct http_conn *conn, struct http_request *req, int r, struct err *e)
{
	if (r >= 0 || conn->req != req)
		return;
	if (e->code == 0)
		(void)err_set(e, -r, "read the body of '%s'", http_request_path(req));
	http_reply_error(req, e);
}

static void end_upload(struct http_conn *conn, struct http_request *req)
{
	struct err e = { 0 };

	/* All of it was read: what follows is a request again. */
	conn->is_lingering = false;
	conn->state = CONN_HANDLED;
	refuse(conn, req, req->upload->end(req->upload_arg, &e), &e);
}

bool conn_read_upload(struct http_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	struct http_request *req = conn->req;
	size_t size = evbuffer_get_contiguous_space(input), used = 0;
	const char *data = (const char *)evbuffer_pullup(input, (ev_ssize_t)size);
	struct http_text piece = { 0 };
	struct err e = { 0 };
	int done, r = 0;

	if (req->is_upload_paused || (size == 0 && req->head.is_chunked))
		return false;
	done = next_piece(req, data, size, &used, &piece);
	if (done < 0) {
		(void)err_set(&e, EBADMSG, "refuse request: its body is malformed");
		refuse(conn, req, -EBADMSG, &e);
		return true;
	}
	req->uploaded += piece.size;
	if (piece.size > 0)
		r = req->upload->data(req->upload_arg, piece.data, piece.size, &e);
	(void)evbuffer_drain(input, used);
	refuse(conn, req, r, &e);
	if (!is_going_on(conn, req))
		return true;
	/* Who pauses at the last piece hears of the end when it goes on: nothing is left to read then. */
	if (done > 0 && !req->is_upload_paused)
		end_upload(conn, req);
	return done > 0 || used > 0;
}
