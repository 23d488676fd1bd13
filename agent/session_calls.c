#include <errno.h>
#include <signal.h>

#include "agent/agent.h"
#include "agent/operator_api.h"
#include "agent/session.h"
#include "agent/container.h"
#include "lib/err.h"
#include "net/http_server.h"

/* ---- what a call names ---- */

static int find_session(struct agent *agent, const Mesos__V1__ContainerID *id,
			struct session **ret, struct err *e)
{
	*ret = session_find(agent, id);
	return *ret ? 0 : err_set(e, ENOENT, "find nested container '%s'", id->value);
}

/* ---- the calls ---- */

static int launch_session(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Agent__Call__LaunchNestedContainerSession *body =
		call->launch_nested_container_session;
	struct container *c;

	if (!body->container_id->parent || body->container_id->parent->parent)
		return err_set(e, EINVAL, "container_id.parent: not the container of a task");
	c = container_find(http_request_app(req), body->container_id->parent->value);
	if (!c)
		return err_set(e, ENOENT, "find container '%s'",
			       body->container_id->parent->value);
	return session_launch(req, c, body, e);
}

static int attach_output(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__ContainerID *id = call->attach_container_output->container_id;
	struct container *c;

	if (id->parent)
		return err_set(e, ENOTSUP, "attach to the output of nested container '%s': it "
			       "goes to who launched it", id->value);
	c = container_find(http_request_app(req), id->value);
	if (!c)
		return err_set(e, ENOENT, "find container '%s'", id->value);
	return session_attach_output(req, c, e);
}

static int wait_nested(struct http_request *req, const OperatorCall *call, struct err *e)
{
	struct session *session;
	int r = find_session(http_request_app(req), call->wait_nested_container->container_id,
			     &session, e);

	return r < 0 ? r : session_wait(req, session, e);
}

static int kill_nested(struct http_request *req, const OperatorCall *call, struct err *e)
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
		operator_reply_done(req);
	return r;
}

static int remove_nested(struct http_request *req, const OperatorCall *call, struct err *e)
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
	operator_reply_done(req);
	return 0;
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(LAUNCH_NESTED_CONTAINER_SESSION, launch_nested_container_session,
		      launch_session),
	OPERATOR_CALL(ATTACH_CONTAINER_OUTPUT, attach_container_output, attach_output),
	OPERATOR_CALL(WAIT_NESTED_CONTAINER, wait_nested_container, wait_nested),
	OPERATOR_CALL(KILL_NESTED_CONTAINER, kill_nested_container, kill_nested),
	OPERATOR_CALL(REMOVE_NESTED_CONTAINER, remove_nested_container, remove_nested),
};

const struct operator_calls operator_session_calls = OPERATOR_CALLS(rows);
