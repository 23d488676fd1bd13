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
	return wire_reply(req, &response->base, e);
}

int operator_reply_json(struct http_request *req, json_t *response_take, struct err *e)
{
	return wire_reply_json(req, &mesos__v1__master__response__descriptor, response_take, e);
}

void operator_reply_empty(struct http_request *req, int status)
{
	http_reply(req, status, NULL, NULL, 0);
}

int operator_done(struct http_request *req, int r)
{
	if (r == 0)
		operator_reply_empty(req, 200);
	return r;
}

struct master *operator_master(const struct http_request *req)
{
	const struct shell *shell = http_request_app(req);

	return shell->master;
}
