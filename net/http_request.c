#include <errno.h>
#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_conn.h"

enum { FIRST_BODY = 4096 };

struct http_request *request_new(struct http_server *server, struct http_conn *conn)
{
	struct http_request *req = calloc(1, sizeof(*req));

	if (!req)
		return NULL;
	req->server = server;
	req->conn = conn;
	req->mount = TAILQ_FIRST(&server->mounts);
	req->is_local = conn->is_local;
	req->uid = conn->uid;
	if (conn->is_local)
		(void)snprintf(req->peer, sizeof(req->peer), "unix:%u", conn->uid);
	else
		address_format(&conn->peer, req->peer);
	return req;
}

void request_free(struct http_request *req)
{
	if (!req)
		return;
	if (!req->conn)
		TAILQ_REMOVE(&req->server->orphans, req, link);
	if (req->reply_headers)
		evbuffer_free(req->reply_headers);
	free(req->head_data);
	free(req->path);
	free(req->args_data);
	http_params_done(&req->query);
	free(req->body);
	free(req->principal);
	free(req);
}

/* Without a close callback the handler still holds REQ and its reply will free it. */
void request_orphan(struct http_request *req)
{
	void (*on_close)(void *arg) = req->on_close;
	void *arg = req->on_close_arg;

	req->conn = NULL;
	TAILQ_INSERT_TAIL(&req->server->orphans, req, link);
	if (!on_close)
		return;
	on_close(arg);
	request_free(req);
}

/* Room for SIZE more bytes and the NUL, never far beyond what has come. */
static int grow_body(struct http_request *req, size_t size)
{
	size_t need = req->body_size + size + 1, cap = req->body_cap ? req->body_cap : FIRST_BODY;
	char *body;

	if (need <= req->body_cap)
		return 0;
	while (cap < need)
		cap *= 2;
	body = realloc(req->body, cap);
	if (!body)
		return -503;
	req->body = body;
	req->body_cap = cap;
	return 0;
}

static int add_body(struct http_request *req, const char *data, size_t size)
{
	int r;

	if (size > req->max_body - req->body_size)
		return -413;
	r = grow_body(req, size);
	if (r < 0)
		return r;
	memcpy(req->body + req->body_size, data, size);
	req->body_size += size;
	req->body[req->body_size] = '\0';
	return 0;
}

static int read_chunks(struct http_request *req, struct evbuffer *input)
{
	for (;;) {
		size_t size = evbuffer_get_contiguous_space(input), used = 0;
		const char *data = (const char *)evbuffer_pullup(input, (ev_ssize_t)size);
		struct http_text payload;
		int done, r;

		if (size == 0)
			return 0;
		if (!data)
			return -503;
		done = http_chunks_feed(&req->chunks, data, size, &used, &payload);
		if (done < 0)
			return done;
		r = add_body(req, payload.data, payload.size);
		if (r < 0)
			return r;
		(void)evbuffer_drain(input, used);
		if (done > 0)
			return 1;
	}
}

/* 1 when the body is complete, 0 when more must come, or minus the status to answer. */
int request_read_body(struct http_request *req, struct evbuffer *input)
{
	size_t n = evbuffer_get_length(input), left;
	int r;

	if (req->head.is_chunked)
		return read_chunks(req, input);
	left = (size_t)req->head.length - req->body_size;
	if (n > left)
		n = left;
	if (n > 0) {
		r = grow_body(req, n);
		if (r < 0)
			return r;
		(void)evbuffer_remove(input, req->body + req->body_size, n);
		req->body_size += n;
		req->body[req->body_size] = '\0';
	}
	return n == left;
}

void request_fail_err(struct http_request *req, int status, const struct err *e)
{
	struct http_conn *conn = req->conn;

	if (req->mount && req->mount->error)
		req->mount->error(req, status, e);
	else
		http_reply(req, status, "text/plain", e->msg, strlen(e->msg));
	/* An error function that did not answer must not leave the client waiting. */
	if (conn && conn->req == req && conn->state == CONN_HANDLED)
		http_reply(req, status, NULL, NULL, 0);
}

static int code_of_status(int status)
{
	static const struct {
		int status, code;
	} codes[] = {
		{ 404, ENOENT }, { 408, ETIMEDOUT }, { 413, EMSGSIZE }, { 501, ENOSYS },
		{ 503, EAGAIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return EINVAL;
}

void request_fail(struct http_request *req, int status, const char *fmt, ...)
{
	struct err e = { .code = code_of_status(status) };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	request_fail_err(req, status, &e);
}

void *http_request_app(const struct http_request *req)
{
	return req->mount ? req->mount->app : NULL;
}

enum http_method http_request_method(const struct http_request *req)
{
	return req->head.method;
}

const char *http_request_path(const struct http_request *req)
{
	return req->path ? req->path : "";
}

const char *http_request_arg(const struct http_request *req, size_t i)
{
	return i < req->n_args ? req->args[i] : "";
}

const char *http_request_header(const struct http_request *req, const char *name)
{
	const struct http_header *header = http_head_find(&req->head, name);

	return header ? header->value.data : NULL;
}

const char *http_request_body(const struct http_request *req, size_t *ret_size)
{
	if (ret_size)
		*ret_size = req->body_size;
	return req->body ? req->body : "";
}

const char *http_request_peer(const struct http_request *req)
{
	return req->peer;
}

const char *http_request_pattern(const struct http_request *req)
{
	return req->route ? req->route->pattern : "";
}

const char *http_request_principal(const struct http_request *req)
{
	return req->principal;
}

int http_request_set_principal(struct http_request *req, const char *name, size_t size)
{
	free(req->principal);
	req->principal = strndup(name, size);
	return req->principal ? 0 : -ENOMEM;
}

uint16_t http_request_port(const struct http_request *req)
{
	struct address own = { .size = sizeof(own.storage) };
	int fd = req->conn ? bufferevent_getfd(req->conn->bev) : -EBADF;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&own.storage, &own.size) < 0)
		return 0;
	return address_port(&own);
}

bool http_request_is_local(const struct http_request *req, uid_t *ret_uid)
{
	if (req->is_local && ret_uid)
		*ret_uid = req->uid;
	return req->is_local;
}

const char *http_request_query_at(const struct http_request *req, const char *name, size_t i)
{
	return http_params_get(&req->query, name, i);
}

const char *http_request_query(const struct http_request *req, const char *name)
{
	return http_request_query_at(req, name, 0);
}

bool http_request_query_bool(const struct http_request *req, const char *name, bool fallback)
{
	const char *value = http_request_query(req, name);

	if (!value)
		return fallback;
	return strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0 || !*value;
}

void http_request_on_close(struct http_request *req, void (*fn)(void *arg), void *arg)
{
	req->on_close = fn;
	req->on_close_arg = arg;
}
