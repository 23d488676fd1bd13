#include "agent/executor_calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/executor.h"
#include "agent/executor_api.h"
#include "agent/executor_env.h"
#include "agent/executor_stream.h"
#include "agent/executor_token.h"
#include "agent/master_link.h"
#include "agent/runtime_dir.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "net/http_server.h"
#include "net/wire.h"
#include "proto/executor.pb-c.h"

typedef Mesos__V1__Executor__Call Call;

/* ---- the calls ---- */

static int subscribe(struct http_request *req, struct executor *x, const Call *call, struct err *e)
{
	const Mesos__V1__Executor__Call__Subscribe *body = call->subscribe;
	struct http_stream *stream;
	enum wire_format format;
	int r = executor_check_repeated(x, body, e);

	if (r >= 0)
		r = executor_api_format(req, &format, e);
	if (r == 0)
		r = http_stream_start(req, 200, wire_content_type(format), executor_disconnected,
				      x, &stream, e);
	if (r < 0)
		return r;
	if (r == 0)
		executor_subscribed(x, stream, format, body);
	return 0;
}

static int update(struct http_request *req, struct executor *x, const Call *call, struct err *e)
{
	int r = executor_check_update(x, call->update->status, e);

	if (r < 0)
		x->agent->counters.invalid_updates++;
	else
		r = executor_update(x, call->update->status, e);
	if (r >= 0)
		http_reply(req, 202, NULL, NULL, 0);
	return r;
}

/* Accepted is not delivered: nobody keeps it for a master that is not there. */
static int message(struct http_request *req, struct executor *x, const Call *call, struct err *e)
{
	struct err why = { 0 };

	(void)e;
	if (!master_link_is_up(x->agent->link))
		log_info("drop a message of executor '%s': there is no master", executor_id(x));
	else if (master_link_message(x->agent->link, x->record, &call->message->data, &why) < 0)
		log_write_err(LOG_LEVEL_WARNING, &why, "send a message of executor '%s'",
			      executor_id(x));
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

/* It keeps what lies between from closing the connection. */
static int heartbeat(struct http_request *req, struct executor *x, const Call *call, struct err *e)
{
	(void)x;
	(void)call;
	(void)e;
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

static int (*const handlers[])(struct http_request *req, struct executor *x, const Call *call,
			       struct err *e) = {
	[MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE] = subscribe,
	[MESOS__V1__EXECUTOR__CALL__TYPE__UPDATE] = update,
	[MESOS__V1__EXECUTOR__CALL__TYPE__MESSAGE] = message,
	[MESOS__V1__EXECUTOR__CALL__TYPE__HEARTBEAT] = heartbeat,
};

/* ---- who calls ---- */

/* An executor that is another's token's learns no more than that. */
static int handle(struct http_request *req, const Call *call, struct err *e)
{
	struct agent *agent = http_request_app(req);
	struct executor_claims claims = { call->framework_id->value, call->executor_id->value, "" };
	struct executor *x = executor_find(agent, claims.framework_id, claims.executor_id);
	int r = 0;

	if (!x)
		return err_set(e, EINVAL, "Executor '%.255s' of framework '%.255s' cannot be found",
			       claims.executor_id, claims.framework_id);
	claims.container_id = x->container->id;
	if (agent->flags.authenticate_http_executors)
		r = executor_token_check(http_request_principal(req), &claims, e);
	if (r < 0)
		return r;
	if (call->type != MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE && !x->stream)
		return err_set(e, EPERM, "Executor is not subscribed");
	return handlers[call->type](req, x, call, e);
}

static int read_call(struct http_request *req, struct err *e)
{
	return executor_api_read(req, handle, e);
}

/* Verified once: what follows compares names. */
static int read_token(struct http_request *req, const struct agent *agent, struct err *e)
{
	AUTO_FREE char *principal = NULL;
	json_auto_t *token = NULL;
	int r = executor_token_read(agent, http_request_header(req, "Authorization"), &token, e);

	if (r < 0)
		return r;
	principal = executor_token_principal(token);
	return principal && http_request_set_principal(req, principal, strlen(principal)) >= 0 ? 0 :
		err_set(e, ENOMEM, "read a token");
}

/* Who shows no token of ours is told so before a byte of the body is read. */
static int post_call(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	int r = agent->flags.authenticate_http_executors ? read_token(req, agent, e) : 0;

	return r < 0 ? r : http_request_collect(req, EXECUTOR_API_MAX_BODY, read_call, e);
}

static const struct route routes[] = {
	{ HTTP_POST, "/api/v1/executor", post_call, HTTP_BODY_LATER },
	{ HTTP_POST, "/slave(1)/api/v1/executor", post_call, HTTP_BODY_LATER },
};

int executor_calls_mount(struct agent *agent, struct http_server *server, struct err *e)
{
	return http_server_mount(server, routes, ARRAY_SIZE(routes), executor_api_error, agent, e);
}

/*
 * In a directory that executors' containers have mounted: the directory, because a restarted agent
 * makes another socket.  Any user in there may connect; who speaks for whom is told by tokens.
 */
int executor_calls_listen(struct agent *agent, struct err *e)
{
	struct http_limits limits = http_default_limits;
	AUTO_CLOSE int dir = -EBADF;
	AUTO_FREE char *path = NULL;
	int r;

	if (!agent->flags.http_executor_domain_sockets)
		return 0;
	if (asprintf(&path, "%s/" EXECUTOR_SOCKETS "/" EXECUTOR_SOCKET, agent->work_dir) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "listen for executors");
	}
	dir = dir_make(agent->work_fd, EXECUTOR_SOCKETS, 0755, e);
	if (dir < 0)
		return dir;
	/* Of each executor two, which agent.c counts among the descriptors of its tasks. */
	limits.max_connections = 2 * agent->max_tasks;
	r = http_server_new(agent->loop, &limits, &agent->domain, e);
	if (r >= 0)
		r = executor_calls_mount(agent, agent->domain, e);
	if (r >= 0)
		r = http_server_listen_public(agent->domain, path, e);
	return r;
}
