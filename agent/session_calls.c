#include <errno.h>

#include "agent/agent.h"
#include "agent/launched.h"
#include "agent/operator_api.h"
#include "agent/session.h"
#include "agent/container.h"
#include "lib/err.h"
#include "net/http_server.h"

static int launch_session(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Agent__Call__LaunchNestedContainerSession *body =
		call->launch_nested_container_session;
	struct container *c;

	if (!body->container_id->parent)
		return err_set(e, EINVAL, "container_id.parent: missing");
	c = launched_find(http_request_app(req), body->container_id->parent);
	if (!c)
		return err_set(e, ENOENT, "find container '%s'",
			       body->container_id->parent->value);
	return session_launch(req, c, body, e);
}

static int attach_output(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__ContainerID *id = call->attach_container_output->container_id;
	struct container *c;

	if (session_find(http_request_app(req), id))
		return err_set(e, ENOTSUP, "attach to the output of nested container '%s': it "
			       "goes to who launched it", id->value);
	c = launched_find(http_request_app(req), id);
	if (!c)
		return err_set(e, ENOENT, "find container '%s'", id->value);
	return session_attach_output(req, c, e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(LAUNCH_NESTED_CONTAINER_SESSION, launch_nested_container_session,
		      launch_session),
	OPERATOR_CALL(ATTACH_CONTAINER_OUTPUT, attach_container_output, attach_output),
};

const struct operator_calls operator_session_calls = OPERATOR_CALLS(rows);
