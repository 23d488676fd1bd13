#include "agent/executor_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/executor_events.h"
#include "agent/supervisor.h"
#include "agent/task.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "net/http_server.h"
#include "net/wire.h"
#include "proto/executor.pb-c.h"

/* Mesos answers errors in plain text. */
static const char error_type[] = "text/plain; charset=utf-8";

/* ---- updates ---- */

/* One that is known already, or comes after the end, is acknowledged and nothing else. */
static int accept_update(struct container *c, const Mesos__V1__TaskStatus *status, struct err *e)
{
	int r = c->ops->check(c, status, e);

	if (r < 0) {
		c->agent->counters.invalid_updates++;
		return r;
	}
	c->agent->counters.valid_updates++;
	if (!c->ops->knows(c, status) && !c->has_ended)
		r = c->ops->update(c, status, e);
	return r < 0 ? r : supervisor_confirm(c, status->uuid.data, e);
}

/* ---- SUBSCRIBE ---- */

/*
 * Executors repeat in order what they saw no acknowledgement for.  Those before the last
 * one that is known here were known once too, and acknowledged by the master.
 */
static void accept_repeated(struct container *c, const Mesos__V1__Executor__Call__Subscribe *call)
{
	size_t first = 0;
	struct err e = { 0 };

	for (size_t i = 0; i < call->n_unacknowledged_updates; i++) {
		if (c->ops->knows(c, call->unacknowledged_updates[i]->status))
			first = i;
	}
	for (size_t i = 0; i < call->n_unacknowledged_updates; i++) {
		const Mesos__V1__TaskStatus *status = call->unacknowledged_updates[i]->status;
		int r = i < first ? supervisor_confirm(c, status->uuid.data, &e) :
				    accept_update(c, status, &e);

		if (r < 0) {
			log_write_err(LOG_LEVEL_WARNING, &e, "repeat an update of container '%s'",
				      c->id);
			err_clear(&e);
		}
	}
}

static int check_repeated(const struct container *c,
			  const Mesos__V1__Executor__Call__Subscribe *call, struct err *e)
{
	for (size_t i = 0; i < call->n_unacknowledged_updates; i++) {
		int r = c->ops->check(c, call->unacknowledged_updates[i]->status, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_task(const struct container *c, const Mesos__V1__Executor__Call__Subscribe *call)
{
	for (size_t i = 0; i < call->n_unacknowledged_tasks; i++) {
		if (strcmp(call->unacknowledged_tasks[i]->task_id->value,
			   c->info->task_id->value) == 0)
			return true;
	}
	return call->n_unacknowledged_updates > 0;
}

static void on_stream_close(void *arg)
{
	supervisor_disconnected(arg);
}

static int subscribe(struct http_request *req, struct container *c,
		     const Mesos__V1__Executor__Call__Subscribe *call, struct err *e)
{
	struct http_stream *stream;
	enum wire_format format;
	int r;

	if (!container_is_alive(c))
		return err_set(e, EINVAL, "subscribe executor '%s': it has ended", c->executor);
	r = check_repeated(c, call, e);
	if (r >= 0)
		r = executor_api_format(req, &format, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = http_stream_start(req, 200, wire_content_type(format), on_stream_close, c,
				      &stream, e);
	if (r < 0)
		return r;
	/* From here on the request is gone: what fails is seen by the executor as a lost stream. */
	c->format = format;
	supervisor_subscribed(c, stream, has_task(c, call));
	r = executor_send_subscribed(c, stream, format, e);
	if (r < 0) {
		log_write_err(LOG_LEVEL_WARNING, e, "subscribe executor '%s'", c->executor);
		err_clear(e);
		return 0;
	}
	accept_repeated(c, call);
	return 0;
}

/* ---- the calls ---- */

typedef Mesos__V1__Executor__Call Call;

static int update(struct http_request *req, struct container *c, const Call *call, struct err *e)
{
	int r = accept_update(c, call->update->status, e);

	if (r >= 0)
		http_reply(req, 202, NULL, NULL, 0);
	return r;
}

/* HEARTBEAT, which only keeps what lies between from closing the connection; and MESSAGE. */
static int accept_call(struct http_request *req, struct container *c, const Call *call,
		       struct err *e)
{
	(void)c;
	(void)call;
	(void)e;
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

static int subscribe_call(struct http_request *req, struct container *c, const Call *call,
			  struct err *e)
{
	return subscribe(req, c, call->subscribe, e);
}

#define ROW(name_, handle_, body_) \
	[MESOS__V1__EXECUTOR__CALL__TYPE__##name_] = { #body_, offsetof(Call, body_), handle_ }

static const struct {
	const char *field;	/* that has to be there */
	size_t body;
	int (*handle)(struct http_request *req, struct container *c, const Call *call, struct err *e);
} calls[] = {
	ROW(SUBSCRIBE, subscribe_call, subscribe),
	ROW(UPDATE, update, update),
	ROW(MESSAGE, accept_call, message),
	ROW(HEARTBEAT, accept_call, executor_id),
};

/* What can be said of a call before it is known whose it is. */
static int check_call(const Call *call, struct err *e)
{
	if (!call->has_type)
		return err_set(e, EINVAL, "Expecting 'type' to be present");
	if ((size_t)call->type >= ARRAY_SIZE(calls) || !calls[call->type].handle)
		return err_set(e, ENOSYS, "Received a call of unknown type %d", (int)call->type);
	if (!*(void *const *)((const char *)call + calls[call->type].body))
		return err_set(e, EINVAL, "Expecting '%s' to be present", calls[call->type].field);
	return 0;
}

/* The container whose supervisor calls. */
static struct container *find_supervised(struct agent *agent, const char *framework,
					 const char *executor)
{
	struct task *task;

	if (strcmp(framework, CONTAINER_FRAMEWORK) == 0)
		return container_find(agent, executor);
	task = task_find(agent, framework, executor);
	return task ? task->container : NULL;
}

static int handle(struct http_request *req, const Call *call, struct err *e)
{
	struct container *c = find_supervised(http_request_app(req), call->framework_id->value,
					      call->executor_id->value);

	if (!c)
		return err_set(e, EINVAL, "Executor '%s' of framework '%s' cannot be found",
			       call->executor_id->value, call->framework_id->value);
	if (call->type != MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE &&
	    c->state != CONTAINER_SUBSCRIBED)
		return err_set(e, EPERM, "Executor is not subscribed");
	return calls[call->type].handle(req, c, call, e);
}

int executor_api_format(struct http_request *req, enum wire_format *ret, struct err *e)
{
	if (wire_format_of_answer(req, ret, e) >= 0)
		return 0;
	http_reply(req, 406, error_type, e->msg, strlen(e->msg));
	err_clear(e);
	return 1;
}

int executor_api_read(struct http_request *req, executor_call_fn *handle_call, struct err *e)
{
	ProtobufCMessage *read;
	enum wire_format format;
	int r = wire_read_body(req, &mesos__v1__executor__call__descriptor, &format, &read, e);

	if (r < 0)
		return r;
	r = check_call((const Call *)read, e);
	if (r >= 0)
		r = handle_call(req, (const Call *)read, e);
	protobuf_c_message_free_unpacked(read, NULL);
	return r;
}

static int read_call(struct http_request *req, struct err *e)
{
	return executor_api_read(req, handle, e);
}

/* Only root on the agent's own socket is asked for: a supervisor has no other secret. */
static int post_as_supervisor(struct http_request *req, struct err *e)
{
	uid_t uid;

	if (!http_request_is_local(req, &uid) || uid != 0)
		return err_set(e, EPERM, "use the executor API: only root on the unix socket may");
	return http_request_collect(req, EXECUTOR_API_MAX_BODY, read_call, e);
}

#define BOTH(handler) \
	{ HTTP_POST, "/api/v1/executor", handler, HTTP_BODY_LATER }, \
	{ HTTP_POST, "/slave(1)/api/v1/executor", handler, HTTP_BODY_LATER }

static const struct route supervisor_routes[] = { BOTH(post_as_supervisor) };

void executor_api_error(struct http_request *req, int status, const struct err *e)
{
	if (status == 401)
		http_reply_header(req, "WWW-Authenticate",
				  "Bearer realm=\"mesos-agent-executor\"");
	http_reply(req, status, error_type, e->msg, strlen(e->msg));
}

int executor_api_mount_supervisors(struct agent *agent, struct http_server *server, struct err *e)
{
	return http_server_mount(server, supervisor_routes, ARRAY_SIZE(supervisor_routes),
				 executor_api_error, agent, e);
}
