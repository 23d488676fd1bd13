#include "agent/operator_api.h"

#include <errno.h>
#include <string.h>

#include "agent/api.h"
#include "agent/session.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "net/http_server.h"
#include "net/wire.h"

enum { MAX_BODY = 1 << 20 };

static const struct operator_calls *const topics[] = {
	&operator_node_calls,
	&operator_state_calls,
	&operator_files_calls,
	&operator_container_calls,
	&operator_image_calls,
	&operator_session_calls,
};

static bool has_body(const OperatorCall *call, size_t off)
{
	const void *body;

	memcpy(&body, (const char *)call + off, sizeof(body));
	return body;
}

static const struct operator_call *find_call(Mesos__V1__Agent__Call__Type type)
{
	for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
		for (size_t j = 0; j < topics[i]->n; j++) {
			if (topics[i]->rows[j].type == type)
				return &topics[i]->rows[j];
		}
	}
	return NULL;
}

static int refuse(Mesos__V1__Agent__Call__Type type, struct err *e)
{
	const ProtobufCEnumValue *name;

	if (type == MESOS__V1__AGENT__CALL__TYPE__UNKNOWN)
		return err_set(e, EINVAL, "read call: unknown type");
	if (type == MESOS__V1__AGENT__CALL__TYPE__ATTACH_CONTAINER_INPUT)
		return err_set(e, ENOTSUP, "read call: ATTACH_CONTAINER_INPUT is a stream of "
			       "'application/recordio'");
	name = protobuf_c_enum_descriptor_get_value(&mesos__v1__agent__call__type__descriptor,
						    (int)type);
	return err_set(e, ENOSYS, "read call: %s is not supported", name ? name->name : "it");
}

static int handle(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct operator_call *row = find_call(call->type);

	if (!row)
		return refuse(call->type, e);
	if (row->body && !has_body(call, row->body_off))
		return err_set(e, EINVAL, "read call: %s is missing", row->body);
	return row->handle(req, call, e);
}

int operator_reply(struct http_request *req, const Mesos__V1__Agent__Response *response,
		   struct err *e)
{
	return wire_reply(req, &response->base, e);
}

int operator_reply_json(struct http_request *req, json_t *body_take, struct err *e)
{
	return wire_reply_json(req, &mesos__v1__agent__response__descriptor, body_take, e);
}

void operator_reply_done(struct http_request *req)
{
	http_reply(req, 200, NULL, NULL, 0);
}

static int post_collected(struct http_request *req, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	enum wire_format format;
	int r = wire_read_body(req, &mesos__v1__agent__call__descriptor, &format, &message, e);

	return r < 0 ? r : handle(req, (const OperatorCall *)message, e);
}

int api_operator(struct http_request *req, struct err *e)
{
	if (wire_is_records(req))
		return session_input_start(req, e);
	return http_request_collect(req, MAX_BODY, post_collected, e);
}
