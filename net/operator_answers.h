/*
 * What every daemon answers of itself to the operator's calls, which have the same form in both
 * dialects (reference/mesos.md 3.1, 3.4).  RESPONSE describes the dialect's Response.
 */
#ifndef NET_OPERATOR_ANSWERS_H
#define NET_OPERATOR_ANSWERS_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

struct err;
struct http_request;
struct log_toggle;

int operator_answer_health(struct http_request *req, const ProtobufCMessageDescriptor *response,
			   struct err *e);
int operator_answer_version(struct http_request *req, const ProtobufCMessageDescriptor *response,
			    struct err *e);
/* FLAGS and METRICS are objects, whose members become names and values; NULL when memory is out. */
int operator_answer_flags(struct http_request *req, const ProtobufCMessageDescriptor *response,
			  json_t *flags_take, struct err *e);
int operator_answer_metrics(struct http_request *req, const ProtobufCMessageDescriptor *response,
			    json_t *metrics_take, struct err *e);
int operator_answer_logging_level(struct http_request *req,
				  const ProtobufCMessageDescriptor *response,
				  const struct log_toggle *toggle, struct err *e);

#endif
