#include "net/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "net/http_server.h"
#include "net/recordio.h"

static const char *const content_types[] = {
	[WIRE_JSON] = "application/json",
	[WIRE_PROTOBUF] = "application/x-protobuf",
};

const char *wire_content_type(enum wire_format format)
{
	return content_types[format];
}

static const char records_type[] = "application/recordio";

/* The form that HEADER names. */
static int format_of_header(const struct http_request *req, const char *header,
			    enum wire_format *ret, struct err *e)
{
	const char *type = http_request_header(req, header);

	if (!type)
		return err_set(e, EINVAL, "read body: header '%s' is missing", header);
	/* Exactly: a "; charset=" is refused, as Mesos does (reference/mesos.md 1.1). */
	for (size_t i = 0; i < ARRAY_SIZE(content_types); i++) {
		if (strcasecmp(type, content_types[i]) == 0) {
			*ret = (enum wire_format)i;
			return 0;
		}
	}
	return err_set(e, ENOTSUP, "read body: '%s' is '%s', not '%s' or '%s'", header, type,
		       content_types[WIRE_JSON], content_types[WIRE_PROTOBUF]);
}

int wire_format_of_body(const struct http_request *req, enum wire_format *ret, struct err *e)
{
	return format_of_header(req, "Content-Type", ret, e);
}

bool wire_is_records(const struct http_request *req)
{
	const char *type = http_request_header(req, "Content-Type");

	return type && strcasecmp(type, records_type) == 0;
}

int wire_format_of_records(const struct http_request *req, enum wire_format *ret, struct err *e)
{
	return format_of_header(req, "Message-Content-Type", ret, e);
}

/* 3 for TYPE itself, 2 for its tree, 1 for anything, 0 for another. */
static int specificity(const char *range, size_t size, const char *type)
{
	if (size == strlen(type) && strncasecmp(range, type, size) == 0)
		return 3;
	if (size == strlen("application/*") && strncasecmp(range, "application/*", size) == 0)
		return 2;
	return size == 3 && memcmp(range, "*/*", 3) == 0;
}

/* A quality of zero ("q=0", "q=0.000") refuses. */
static bool is_refusal(const char *params, size_t size)
{
	for (const char *at = params; at + 2 < params + size; at++) {
		const char *end = params + size;

		if ((at[-1] != ';' && at[-1] != ' ') || strncasecmp(at, "q=0", 3) != 0)
			continue;
		for (at += 3; at < end && (*at == '.' || *at == '0'); at++)
			;
		return at == end || *at == ' ' || *at == ';';
	}
	return false;
}

/* The most specific range in ACCEPT that names TYPE decides. */
static bool admits(const char *accept, const char *type)
{
	bool is_admitted = false;
	int best = 0;

	while (*accept) {
		size_t size = strcspn(accept, ","), name = strcspn(accept, ",;");
		size_t lead = strspn(accept, " \t"), end = name;
		int rank;

		while (end > lead && strchr(" \t", accept[end - 1]))
			end--;
		rank = end > lead ? specificity(accept + lead, end - lead, type) : 0;
		if (rank > best) {
			best = rank;
			is_admitted = name == size ||
				      !is_refusal(accept + name + 1, size - name - 1);
		}
		accept += size + (accept[size] == ',');
	}
	return is_admitted;
}

/* The first form that HEADER admits; any, if it is missing. */
static int format_of_accept(const struct http_request *req, const char *header,
			    enum wire_format *ret, struct err *e)
{
	const char *accept = http_request_header(req, header);

	for (size_t i = 0; i < ARRAY_SIZE(content_types); i++) {
		if (!accept || admits(accept, content_types[i])) {
			*ret = (enum wire_format)i;
			return 0;
		}
	}
	return err_set(e, EPROTONOSUPPORT, "answer: '%s' is '%s' and admits neither '%s' nor '%s'", header,
		       accept, content_types[WIRE_JSON], content_types[WIRE_PROTOBUF]);
}

int wire_format_of_answer(const struct http_request *req, enum wire_format *ret, struct err *e)
{
	return format_of_accept(req, "Accept", ret, e);
}

static bool wants_records(const struct http_request *req)
{
	const char *accept = http_request_header(req, "Accept");

	return accept && strcasecmp(accept, records_type) == 0;
}

int wire_stream_format_of_answer(const struct http_request *req, enum wire_format *ret,
				 struct err *e)
{
	return format_of_accept(req, wants_records(req) ? "Message-Accept" : "Accept", ret, e);
}

int wire_stream_start(struct http_request *req, enum wire_format format,
		      void (*on_close)(void *arg), void *arg, struct http_stream **ret,
		      struct err *e)
{
	if (!wants_records(req))
		return http_stream_start(req, 200, wire_content_type(format), on_close, arg, ret,
					 e);
	http_reply_header(req, "Message-Content-Type", wire_content_type(format));
	return http_stream_start(req, 200, records_type, on_close, arg, ret, e);
}

int wire_read(enum wire_format format, const ProtobufCMessageDescriptor *descriptor,
	      const void *data, size_t size, ProtobufCMessage **ret, struct err *e)
{
	json_t *json = NULL;
	int r;

	/* Not by protobuf-c alone: it follows nested messages down until the stack is used up. */
	if (format == WIRE_PROTOBUF)
		return pb_unpack(descriptor, data, size, ret, e);
	r = json_in_parse_up_to(data, size, WIRE_MAX_VALUES, &json, e);
	if (r < 0)
		return r;
	r = pb_from_json(descriptor, json, ret, e);
	json_decref(json);
	return r;
}

int wire_read_body(const struct http_request *req, const ProtobufCMessageDescriptor *descriptor,
		   enum wire_format *ret_format, ProtobufCMessage **ret, struct err *e)
{
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = wire_format_of_body(req, ret_format, e);

	return r < 0 ? r : wire_read(*ret_format, descriptor, body, size, ret, e);
}

int wire_write(enum wire_format format, const ProtobufCMessage *message, void **ret,
	       size_t *ret_size, struct err *e)
{
	char *text = NULL;
	int r;

	if (format == WIRE_PROTOBUF)
		return pb_pack(message, ret, ret_size, e);
	r = pb_to_json_text(message, &text, ret_size, e);
	if (r >= 0)
		*ret = text;
	return r;
}

int wire_stream(struct http_stream *stream, enum wire_format format,
		const ProtobufCMessage *message, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size = 0;
	int r;

	r = wire_write(format, message, &data, &size, e);
	if (r < 0)
		return r;
	r = recordio_write(stream, data, size);
	return r < 0 ? err_set(e, -r, "write '%s' to stream", message->descriptor->name) : 0;
}

int wire_reply(struct http_request *req, const ProtobufCMessage *message, struct err *e)
{
	AUTO_FREE void *data = NULL;
	enum wire_format format;
	size_t size;
	int r = wire_format_of_answer(req, &format, e);

	if (r >= 0)
		r = wire_write(format, message, &data, &size, e);
	if (r >= 0)
		http_reply(req, 200, wire_content_type(format), data, size);
	return r;
}

int wire_reply_json(struct http_request *req, const ProtobufCMessageDescriptor *descriptor,
		    json_t *message_take, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	int r;

	if (!message_take)
		return err_set(e, ENOMEM, "describe the answer");
	r = pb_from_json(descriptor, message_take, &message, e);
	json_decref(message_take);
	return r < 0 ? r : wire_reply(req, message, e);
}
