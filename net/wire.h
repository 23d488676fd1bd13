/* Messages on HTTP bodies and streams, as JSON or protobuf, by the headers that name the form. */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;
struct http_request;
struct http_stream;

enum wire_format { WIRE_JSON, WIRE_PROTOBUF };

/* In JSON; a RECONCILE of 100,000 tasks with their agents has as many. */
enum { WIRE_MAX_VALUES = 500000 };

const char *wire_content_type(enum wire_format format);

/* The form of the body by Content-Type.  -ENOTSUP (415), -EINVAL if the header is missing. */
int wire_format_of_body(const struct http_request *req, enum wire_format *ret, struct err *e);
/* The form to answer in by Accept; JSON when both would do.  -EPROTONOSUPPORT (406). */
int wire_format_of_answer(const struct http_request *req, enum wire_format *ret, struct err *e);

/*
 * A stream of records as the agent's API has it: 'application/recordio', the form of the records in
 * Message-Content-Type and Message-Accept.  For an answer the form alone will do, too.
 */
bool wire_is_records(const struct http_request *req);	/* the body */
int wire_format_of_records(const struct http_request *req, enum wire_format *ret, struct err *e);
int wire_stream_format_of_answer(const struct http_request *req, enum wire_format *ret,
				 struct err *e);
/* Such an answer: http_stream_start() with its headers. */
int wire_stream_start(struct http_request *req, enum wire_format format,
		      void (*on_close)(void *arg), void *arg, struct http_stream **ret,
		      struct err *e);

/* Owned message in *ret, freed with protobuf_c_message_free_unpacked(*ret, NULL). */
int wire_read(enum wire_format format, const ProtobufCMessageDescriptor *descriptor,
	      const void *data, size_t size, ProtobufCMessage **ret, struct err *e);

/* The same, of a request's body by its headers; *ret_format is its form. */
int wire_read_body(const struct http_request *req, const ProtobufCMessageDescriptor *descriptor,
		   enum wire_format *ret_format, ProtobufCMessage **ret, struct err *e);

/* One owned allocation. */
int wire_write(enum wire_format format, const ProtobufCMessage *message, void **ret,
	       size_t *ret_size, struct err *e);

/* 200 with MESSAGE in the form that REQ asks for. */
int wire_reply(struct http_request *req, const ProtobufCMessage *message, struct err *e);
/* The same of one of DESCRIPTOR in its JSON form; NULL when memory is out. */
int wire_reply_json(struct http_request *req, const ProtobufCMessageDescriptor *descriptor,
		    json_t *message_take, struct err *e);

/* As one RecordIO record on a stream. */
int wire_stream(struct http_stream *stream, enum wire_format format,
		const ProtobufCMessage *message, struct err *e);

#endif
