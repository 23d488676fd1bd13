#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "net/http_conn.h"

enum { DATE_SIZE = 30 };

static const struct {
	int code, status;
} statuses[] = {
	{ EINVAL, 400 },    { ERANGE, 400 },	  { EILSEQ, 400 },  { EDOM, 400 },
	{ EBADMSG, 400 },   { ENAMETOOLONG, 400 }, { EACCES, 401 },  { EPERM, 403 },
	{ ENOENT, 404 },    { ESRCH, 404 },	  { EEXIST, 409 },  { EBUSY, 409 },
	{ ESTALE, 409 },    { EMSGSIZE, 413 },	  { E2BIG, 413 },   { ENOTSUP, 415 },
	{ EPROTONOSUPPORT, 406 }, { ENOBUFS, 503 },
	{ ENOSYS, 501 },    { EAGAIN, 503 },	  { ENOMEM, 503 },  { EMFILE, 503 },
	{ ENFILE, 503 },    { ENOTCONN, 503 },	  { ETIMEDOUT, 504 }, { ENOSPC, 507 },
	{ EDQUOT, 507 },
};

int http_status_from_errno(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return 500;
}

static bool is_clean(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

void http_reply_header(struct http_request *req, const char *name, const char *value)
{
	if (!*name || strpbrk(name, ": \t") || !is_clean(name) || !is_clean(value))
		return;
	if (!req->reply_headers)
		req->reply_headers = evbuffer_new();
	if (req->reply_headers)
		(void)evbuffer_add_printf(req->reply_headers, "%s: %s\r\n", name, value);
}

/* Names of days and months of our own: strftime(3) would follow a locale. */
static const char *format_date(char ret_text[DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm = { 0 };

	(void)gmtime_r(&now, &tm);
	(void)snprintf(ret_text, DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		       days + tm.tm_wday * 3, (unsigned)tm.tm_mday % 100, months + tm.tm_mon * 3,
		       (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
		       (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	return ret_text;
}

bool request_keeps_alive(const struct http_request *req)
{
	return req->head.keep_alive && !req->conn->is_lingering;
}

int reply_head(struct http_request *req, int status, const char *type, struct evbuffer *out)
{
	const char *connection = "";
	char date[DATE_SIZE];

	if (!request_keeps_alive(req))
		connection = "Connection: close\r\n";
	else if (req->head.minor_version == 0)
		connection = "Connection: keep-alive\r\n";
	if (evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s", status,
				http_status_text(status), format_date(date), connection) < 0)
		return -ENOMEM;
	if (type && evbuffer_add_printf(out, "Content-Type: %s\r\n", type) < 0)
		return -ENOMEM;
	return req->reply_headers && evbuffer_add_buffer(out, req->reply_headers) < 0 ? -ENOMEM : 0;
}

static bool is_bodyless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

/* The whole answer with the body in BODY (emptied) into OUT. */
static int build_reply(struct http_request *req, int status, const char *type,
		       struct evbuffer *body, struct evbuffer *out)
{
	int r = reply_head(req, status, type, out);

	if (r == 0 && !is_bodyless(status) &&
	    evbuffer_add_printf(out, "Content-Length: %zu\r\n", evbuffer_get_length(body)) < 0)
		r = -ENOMEM;
	if (r == 0 && evbuffer_add(out, "\r\n", 2) < 0)
		r = -ENOMEM;
	if (r == 0 && !is_bodyless(status) && req->head.method != HTTP_HEAD &&
	    evbuffer_add_buffer(out, body) < 0)
		r = -ENOMEM;
	return r;
}

static void reply_buffer(struct http_request *req, int status, const char *type,
			 struct evbuffer *body)
{
	struct http_conn *conn = req->conn;
	struct evbuffer *out;

	if (!conn) {
		request_free(req);
		return;
	}
	if (body && req->may_gzip && !is_bodyless(status))
		reply_compress(req, body);
	out = body ? evbuffer_new() : NULL;
	if (out && build_reply(req, status, type, body, out) == 0 &&
	    evbuffer_add_buffer(conn_output(conn), out) == 0)
		conn_answered(conn, request_keeps_alive(req));
	else
		conn_cut(conn);
	conn->req = NULL;
	if (out)
		evbuffer_free(out);
	request_free(req);
}

void http_reply_gzip(struct http_request *req)
{
	req->may_gzip = true;
}

void http_reply(struct http_request *req, int status, const char *type, const void *body,
		size_t size)
{
	struct evbuffer *buffer = evbuffer_new();

	if (buffer && size > 0)
		(void)evbuffer_add(buffer, body, size);
	reply_buffer(req, status, type, buffer);
	if (buffer)
		evbuffer_free(buffer);
}

static void free_text(const void *data, size_t size, void *extra)
{
	(void)data;
	(void)size;
	free(extra);
}

void http_reply_json(struct http_request *req, int status, json_t *body_take)
{
	char *text = body_take ? json_dumps(body_take, PB_JSON_DUMP | JSON_ENCODE_ANY) : NULL;
	struct evbuffer *buffer = evbuffer_new();

	json_decref(body_take);
	if (!text || !buffer ||
	    evbuffer_add_reference(buffer, text, strlen(text), free_text, text) < 0) {
		free(text);
		http_reply(req, 500, NULL, NULL, 0);
	} else {
		reply_buffer(req, status, "application/json", buffer);
	}
	if (buffer)
		evbuffer_free(buffer);
}

void http_reply_error(struct http_request *req, const struct err *e)
{
	request_fail_err(req, http_status_from_errno(e->code), e);
}
