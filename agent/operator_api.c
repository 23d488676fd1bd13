#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/session.h"
#include "agent/task.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"
#include "net/wire.h"
#include "proto/agent.pb-c.h"

enum { MAX_BODY = 1 << 20 };

typedef Mesos__V1__Agent__Call Call;

/* ---- what a call names ---- */

static int find_session(struct agent *agent, const Mesos__V1__ContainerID *id,
			struct session **ret, struct err *e)
{
	*ret = session_find(agent, id);
	return *ret ? 0 : err_set(e, ENOENT, "find nested container '%s'", id->value);
}

static void reply_done(struct http_request *req)
{
	http_reply(req, 200, NULL, NULL, 0);
}

/* ---- the calls ---- */

static int launch_session(struct http_request *req, const Call *call, struct err *e)
{
	const Mesos__V1__Agent__Call__LaunchNestedContainerSession *body =
		call->launch_nested_container_session;
	struct task *task;

	if (!body->container_id->parent || body->container_id->parent->parent)
		return err_set(e, EINVAL, "container_id.parent: not the container of a task");
	task = session_find_task(http_request_app(req), body->container_id->parent->value);
	if (!task)
		return err_set(e, ENOENT, "find container '%s'",
			       body->container_id->parent->value);
	return session_launch(req, task, body, e);
}

static int attach_output(struct http_request *req, const Call *call, struct err *e)
{
	const Mesos__V1__ContainerID *id = call->attach_container_output->container_id;
	struct task *task;

	if (id->parent)
		return err_set(e, ENOTSUP, "attach to the output of nested container '%s': it "
			       "goes to who launched it", id->value);
	task = session_find_task(http_request_app(req), id->value);
	if (!task)
		return err_set(e, ENOENT, "find container '%s'", id->value);
	return session_attach_output(req, task, e);
}

static int wait_nested(struct http_request *req, const Call *call, struct err *e)
{
	struct session *session;
	int r = find_session(http_request_app(req), call->wait_nested_container->container_id,
			     &session, e);

	return r < 0 ? r : session_wait(req, session, e);
}

static int kill_nested(struct http_request *req, const Call *call, struct err *e)
{
	const Mesos__V1__Agent__Call__KillNestedContainer *body = call->kill_nested_container;
	int signo = body->has_signal ? body->signal : SIGKILL;
	struct session *session;
	int r;

	if (signo < 1 || signo >= NSIG)
		return err_set(e, EINVAL, "kill_nested_container.signal: %d is none", signo);
	r = find_session(http_request_app(req), body->container_id, &session, e);
	if (r >= 0)
		r = session_signal(session, signo, e);
	if (r >= 0)
		reply_done(req);
	return r;
}

static int remove_nested(struct http_request *req, const Call *call, struct err *e)
{
	struct session *session;
	int r = find_session(http_request_app(req), call->remove_nested_container->container_id,
			     &session, e);

	if (r < 0)
		return r;
	if (!session->has_ended)
		return err_set(e, EBUSY, "remove nested container '%s': it is running",
			       session->id);
	session_free(session);
	reply_done(req);
	return 0;
}

#define CALL(type_, member_, handler_) \
	{ MESOS__V1__AGENT__CALL__TYPE__##type_, #member_, offsetof(Call, member_), handler_ }

static const struct {
	Mesos__V1__Agent__Call__Type type;
	const char *body;
	size_t body_off;
	int (*handle)(struct http_request *req, const Call *call, struct err *e);
} calls[] = {
	CALL(LAUNCH_NESTED_CONTAINER_SESSION, launch_nested_container_session, launch_session),
	CALL(ATTACH_CONTAINER_OUTPUT, attach_container_output, attach_output),
	CALL(WAIT_NESTED_CONTAINER, wait_nested_container, wait_nested),
	CALL(KILL_NESTED_CONTAINER, kill_nested_container, kill_nested),
	CALL(REMOVE_NESTED_CONTAINER, remove_nested_container, remove_nested),
};

static bool has_body(const Call *call, size_t off)
{
	const void *body;

	memcpy(&body, (const char *)call + off, sizeof(body));
	return body;
}

static int handle(struct http_request *req, const Call *call, struct err *e)
{
	const ProtobufCEnumValue *name;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].type != call->type)
			continue;
		if (!has_body(call, calls[i].body_off))
			return err_set(e, EINVAL, "read call: %s is missing", calls[i].body);
		return calls[i].handle(req, call, e);
	}
	if (call->type == MESOS__V1__AGENT__CALL__TYPE__UNKNOWN)
		return err_set(e, EINVAL, "read call: unknown type");
	if (call->type == MESOS__V1__AGENT__CALL__TYPE__ATTACH_CONTAINER_INPUT)
		return err_set(e, ENOTSUP, "read call: ATTACH_CONTAINER_INPUT is a stream of "
			       "'application/recordio'");
	name = protobuf_c_enum_descriptor_get_value(&mesos__v1__agent__call__type__descriptor,
						    (int)call->type);
	return err_set(e, ENOSYS, "read call: %s is not supported", name ? name->name : "it");
}

static int post_collected(struct http_request *req, struct err *e)
{
	ProtobufCMessage *message;
	enum wire_format format;
	const char *body;
	size_t size;
	int r = wire_format_of_body(req, &format, e);

	if (r < 0)
		return r;
	body = http_request_body(req, &size);
	r = wire_read(format, &mesos__v1__agent__call__descriptor, body, size, &message, e);
	if (r < 0)
		return r;
	r = handle(req, (const Call *)message, e);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

int api_operator(struct http_request *req, struct err *e)
{
	if (wire_is_records(req))
		return session_input_start(req, e);
	return http_request_collect(req, MAX_BODY, post_collected, e);
}
