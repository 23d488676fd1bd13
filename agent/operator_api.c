#include "agent/operator_api.h"

#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/executor_token.h"
#include "agent/session.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_field.h"
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

/* NULL: it needs none, or has none. */
static const ProtobufCMessage *body_of(const OperatorCall *call, const struct operator_call *row)
{
	const ProtobufCMessage *body = NULL;

	if (row->body)
		memcpy(&body, pb_member(&call->base, (unsigned)row->body_off), sizeof(body));
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

/* ---- executors ---- */

/* A reference to what its token claims, or NULL. */
static json_t *read_token(const struct http_request *req)
{
	static const char *const own[] = {
		"/api/v1", "/api/v1/*", "/slave(1)/api/v1", "/slave(1)/api/v1/*",
	};
	const struct agent *agent = http_request_app(req);
	struct err e = { 0 };
	json_t *token = NULL;

	if (!agent->auth.is_closed[HTTP_AREA_READWRITE] || http_request_is_local(req, NULL))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (strcmp(http_request_pattern(req), own[i]) == 0)
			(void)executor_token_read(agent, http_request_header(req, "Authorization"),
						  &token, &e);
	}
	return token;
}

bool operator_is_executors(const struct http_request *req)
{
	json_auto_t *token = read_token(req);

	return token;
}

int operator_check_executor(const struct http_request *req, const Mesos__V1__ContainerID *id,
			    struct err *e)
{
	json_auto_t *token = read_token(req);
	const char *own = json_string_value(json_object_get(token, "cid"));

	if (!token)
		return 0;
	while (id && id->parent)
		id = id->parent;
	return id && own && strcmp(id->value, own) == 0 ? 0 :
		err_set(e, EPERM, "an executor may only speak for what is in its own container");
}

/* What BODY, of any call, says of a container; NULL: it is about none. */
static const Mesos__V1__ContainerID *container_of(const ProtobufCMessage *body)
{
	const ProtobufCFieldDescriptor *field = body ?
		protobuf_c_message_descriptor_get_field_by_name(body->descriptor, "container_id") :
		NULL;
	const Mesos__V1__ContainerID *id = NULL;

	if (field && field->descriptor == &mesos__v1__container_id__descriptor)
		memcpy(&id, pb_member(body, field->offset), sizeof(id));
	return id;
}

/* ---- calls ---- */

static int handle(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct operator_call *row = find_call(call->type);
	int r;

	if (!row)
		return refuse(call->type, e);
	if (row->body && !body_of(call, row))
		return err_set(e, EINVAL, "read call: %s is missing", row->body);
	r = operator_check_executor(req, container_of(body_of(call, row)), e);
	return r < 0 ? r : row->handle(req, call, e);
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
