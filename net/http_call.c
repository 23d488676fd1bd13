#include "net/http_call.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { DEFAULT_MAX_BODY = 64 << 20, DEFAULT_TIMEOUT_MS = 30000, FIRST_BODY = 4096 };

DEFINE_AUTO(struct call *, call_free);
DEFINE_AUTO(struct evbuffer *, evbuffer_free);

/* Nothing that could end a line may come from a caller's value. */
static bool is_clean(const char *text, bool may_have_lines)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == 0x7f || (c < 0x20 && !(may_have_lines && strchr("\r\n\t", c))))
			return false;
	}
	return true;
}

static int add_header(struct evbuffer *out, const char *name, const char *value)
{
	return value ? evbuffer_add_printf(out, "%s: %s\r\n", name, value) : 0;
}

static int build_request(const struct http_call *spec, const char *host,
			 const char *authorization, struct evbuffer *out)
{
	bool is_upload = spec->on_upload;
	bool has_length = spec->size > 0 || spec->method == HTTP_POST || spec->method == HTTP_PUT ||
			  spec->method == HTTP_PATCH;

	if (evbuffer_add_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n",
				http_method_name(spec->method), spec->target, host) < 0 ||
	    add_header(out, "Authorization", authorization) < 0 ||
	    add_header(out, "Content-Type", spec->content_type) < 0 ||
	    add_header(out, "Accept", spec->accept) < 0)
		return -ENOMEM;
	if (is_upload && add_header(out, "Transfer-Encoding", "chunked") < 0)
		return -ENOMEM;
	if (has_length && !is_upload && evbuffer_add_printf(out, "Content-Length: %zu\r\n", spec->size) < 0)
		return -ENOMEM;
	if (spec->extra_headers &&
	    evbuffer_add(out, spec->extra_headers, strlen(spec->extra_headers)) < 0)
		return -ENOMEM;
	if (evbuffer_add(out, "\r\n", 2) < 0 || evbuffer_add(out, spec->body, spec->size) < 0)
		return -ENOMEM;
	return 0;
}

int call_new(const struct http_call *spec, const char *host, const char *authorization,
	     struct call **ret, struct err *e)
{
	AUTO(call_freep) struct call *call = calloc(1, sizeof(*call));
	AUTO(evbuffer_freep) struct evbuffer *out = evbuffer_new();

	if (!spec->target || spec->target[0] != '/' || strpbrk(spec->target, " #") ||
	    !is_clean(spec->target, false) || !is_clean(spec->content_type, false) ||
	    !is_clean(authorization, false) || !is_clean(spec->accept, false) ||
	    !is_clean(spec->extra_headers, true))
		return err_set(e, EINVAL, "call '%s': target or header is malformed",
			       spec->target ? spec->target : "");
	if (!call || !out || build_request(spec, host, authorization, out) < 0)
		return err_set(e, ENOMEM, "call '%s'", spec->target);
	call->spec = *spec;
	call->request_size = evbuffer_get_length(out);
	call->request = malloc(call->request_size);
	if (!call->request)
		return err_set(e, ENOMEM, "call '%s'", spec->target);
	(void)evbuffer_remove(out, call->request, call->request_size);
	if (call->spec.max_body == 0)
		call->spec.max_body = DEFAULT_MAX_BODY;
	if (call->spec.timeout_ms <= 0)
		call->spec.timeout_ms = DEFAULT_TIMEOUT_MS;
	*ret = TAKE_PTR(call);
	return 0;
}

void call_free(struct call *call)
{
	if (!call)
		return;
	free(call->request);
	free(call->head_data);
	free(call->body);
	free(call);
}

void call_forget_answer(struct call *call)
{
	free(TAKE_PTR(call->head_data));
	call->body_size = 0;
	memset(&call->chunks, 0, sizeof(call->chunks));
}

bool call_is_idempotent(const struct call *call)
{
	switch (call->spec.method) {
	case HTTP_GET:
	case HTTP_HEAD:
	case HTTP_PUT:
	case HTTP_DELETE:
	case HTTP_OPTIONS:
		return true;
	case HTTP_POST:
	case HTTP_PATCH:
	case N_HTTP_METHODS:
	default:
		return false;
	}
}

static void start_body(struct call *call)
{
	const struct http_head *head = &call->head;

	call->is_stream = call->spec.on_data && head->status >= 200 && head->status < 300;
	call->body_left = head->length;
	if (call->spec.method == HTTP_HEAD || head->status == 204 || head->status == 304)
		call->body_kind = BODY_NONE;
	else if (head->is_chunked)
		call->body_kind = BODY_CHUNKED;
	else if (head->has_length)
		call->body_kind = head->length > 0 ? BODY_LENGTH : BODY_NONE;
	else
		call->body_kind = BODY_TO_END;
}

int call_read_head(struct call *call, struct evbuffer *input, struct err *e)
{
	size_t size = evbuffer_get_length(input);
	const char *data;
	int n;

	if (size > HTTP_MAX_HEAD + 1)
		size = HTTP_MAX_HEAD + 1;
	data = (const char *)evbuffer_pullup(input, (ev_ssize_t)size);
	if (!data)
		return size == 0 ? 0 : err_set(e, ENOMEM, "read answer");
	n = http_parse_response(data, size, &call->head);
	if (n == 0)
		return 0;
	if (n < 0 || call->head.status == 101)
		return err_set(e, EBADMSG, "read answer: its head is malformed");
	call_forget_answer(call);
	call->head_data = malloc((size_t)n);
	if (!call->head_data)
		return err_set(e, ENOMEM, "read answer");
	(void)evbuffer_remove(input, call->head_data, (size_t)n);
	/* Once more, so that the views are into our copy. */
	(void)http_parse_response(call->head_data, (size_t)n, &call->head);
	start_body(call);
	if (!call->is_stream && call->body_kind == BODY_LENGTH &&
	    call->head.length > call->spec.max_body)
		return err_set(e, EMSGSIZE, "read answer: its body is too large");
	return n;
}

static int collect(struct call *call, struct http_text piece, struct err *e)
{
	size_t need = call->body_size + piece.size + 1;
	size_t cap = call->body_cap ? call->body_cap : FIRST_BODY;
	char *body;

	if (piece.size > call->spec.max_body - call->body_size)
		return err_set(e, EMSGSIZE, "read answer: its body is too large");
	while (cap < need)
		cap *= 2;
	if (cap > call->body_cap) {
		body = realloc(call->body, cap);
		if (!body)
			return err_set(e, ENOMEM, "read answer");
		call->body = body;
		call->body_cap = cap;
	}
	memcpy(call->body + call->body_size, piece.data, piece.size);
	call->body_size += piece.size;
	call->body[call->body_size] = '\0';
	return 0;
}

/* The next piece of payload in DATA: as call_read_body(). */
static int next_piece(struct call *call, const char *data, size_t size, size_t *ret_used,
		      struct http_text *ret_piece)
{
	ret_piece->data = data;
	ret_piece->size = size;
	*ret_used = size;
	switch (call->body_kind) {
	case BODY_CHUNKED:
		return http_chunks_feed(&call->chunks, data, size, ret_used, ret_piece);
	case BODY_LENGTH:
		if (size > call->body_left)
			*ret_used = ret_piece->size = (size_t)call->body_left;
		call->body_left -= *ret_used;
		return call->body_left == 0;
	case BODY_NONE:
		*ret_used = ret_piece->size = 0;
		return 1;
	case BODY_TO_END:
	default:
		return 0;
	}
}

int call_read_body(struct call *call, struct evbuffer *input, struct http_text *ret_piece,
		   size_t *ret_used, struct err *e)
{
	size_t size = evbuffer_get_contiguous_space(input);
	const char *data = (const char *)evbuffer_pullup(input, (ev_ssize_t)size);
	int done, r;

	if (size > 0 && !data)
		return err_set(e, ENOMEM, "read answer");
	done = next_piece(call, data, size, ret_used, ret_piece);
	if (done < 0)
		return err_set(e, EBADMSG, "read answer: its body is malformed");
	if (call->is_stream)
		return done;
	if (ret_piece->size > 0) {
		r = collect(call, *ret_piece, e);
		if (r < 0)
			return r;
	}
	ret_piece->size = 0;
	return done;
}
