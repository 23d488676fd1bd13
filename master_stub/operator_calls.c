#include "master_stub/operator_calls.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pb_json.h"
#include "master_stub/shell.h"
#include "net/http_server.h"
#include "net/wire.h"

static const struct operator_calls *const topics[] = {
	&operator_daemon_calls,
	&operator_framework_calls,
	&operator_list_calls,
	&operator_stream_calls,
	&operator_agent_calls,
	&operator_maintenance_calls,
	&operator_role_calls,
	&operator_resource_calls,
};

static const struct operator_call *find_call(Mesos__V1__Master__Call__Type type)
{
	for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
		for (size_t j = 0; j < topics[i]->n; j++) {
			if (topics[i]->rows[j].type == type)
				return &topics[i]->rows[j];
		}
	}
	return NULL;
}

static bool has_body(const OperatorCall *call, size_t off)
{
	const void *body;

	memcpy(&body, (const char *)call + off, sizeof(body));
	return body;
}

static int refuse(const OperatorCall *call, struct err *e)
{
	const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(
		&mesos__v1__master__call__type__descriptor, (int)call->type);

	if (!call->has_type)
		return err_set(e, EINVAL, "Failed to validate master::Call: Expecting 'type' to be"
			       " present");
	return err_set(e, ENOSYS, "call '%s' is not implemented", name ? name->name : "UNKNOWN");
}

static int dispatch(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct operator_call *row = call->has_type ? find_call(call->type) : NULL;

	if (!row)
		return refuse(call, e);
	if (row->body && !has_body(call, row->body_off))
		return err_set(e, EINVAL, "Failed to validate master::Call: Expecting '%s' to be"
			       " present", row->body);
	shell_wake(http_request_app(req));
	return row->handle(req, call, e);
}

int operator_calls_handle(struct http_request *req, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	enum wire_format format;
	int r = wire_read_body(req, &mesos__v1__master__call__descriptor, &format, &message, e);

	return r < 0 ? r : dispatch(req, (const OperatorCall *)message, e);
}

int operator_reply(struct http_request *req, const OperatorResponse *response, struct err *e)
{
	AUTO_FREE void *data = NULL;
	enum wire_format format;
	size_t size;
	int r = wire_format_of_answer(req, &format, e);

	if (r == 0)
		r = wire_write(format, &response->base, &data, &size, e);
	if (r == 0)
		http_reply(req, 200, wire_content_type(format), data, size);
	return r;
}

int operator_reply_json(struct http_request *req, json_t *response_take, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	int r;

	if (!response_take)
		return err_set(e, ENOMEM, "describe the answer");
	r = pb_from_json(&mesos__v1__master__response__descriptor, response_take, &message, e);
	json_decref(response_take);
	return r < 0 ? r : operator_reply(req, (const OperatorResponse *)message, e);
}

void operator_reply_empty(struct http_request *req, int status)
{
	http_reply(req, status, NULL, NULL, 0);
}
