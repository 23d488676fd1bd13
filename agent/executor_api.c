#include "agent/executor_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/executor_events.h"
#include "agent/executors.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "net/http_server.h"
#include "net/wire.h"
#include "proto/executor.pb-c.h"

enum { MAX_BODY = 4 << 20 };

/* ---- updates ---- */

static bool is_known(const struct task *task, const Mesos__V1__TaskStatus *status)
{
	const Tepui__TaskRecord *record = task->record;

	if (status_same_uuid(record->latest, status))
		return true;
	for (size_t i = 0; i < record->n_updates; i++) {
		if (status_same_uuid(record->updates[i]->status, status))
			return true;
	}
	return false;
}

/* One that is known already, or comes after the end, is acknowledged and nothing else. */
static int accept_update(struct task *task, const Mesos__V1__TaskStatus *status, struct err *e)
{
	Mesos__V1__TaskStatus *copy;
	int r = updates_check(task, status, e);

	if (r < 0) {
		task->agent->counters.invalid_updates++;
		return r;
	}
	task->agent->counters.valid_updates++;
	if (!is_known(task, status) && !task_has_ended(task)) {
		copy = (Mesos__V1__TaskStatus *)pb_copy(&status->base);
		if (!copy || status_complete(copy, agent_id(task->agent),
					     task->record->container_id,
					     task->record->executor_pid) < 0) {
			if (copy)
				mesos__v1__task_status__free_unpacked(copy, NULL);
			return err_set(e, ENOMEM, "update task '%s'", task_id(task));
		}
		r = updates_add(task, copy, e);
	}
	return r < 0 ? r : executor_confirm(task, status->uuid.data, e);
}

/* ---- SUBSCRIBE ---- */

/*
 * Executors repeat in order what they saw no acknowledgement for.  If the latest update that is
 * known here is among them, those before it were known once too, and acknowledged by the master.
 */
static void accept_repeated(struct task *task, const Mesos__V1__Executor__Call__Subscribe *call)
{
	size_t first = 0;
	struct err e = { 0 };

	for (size_t i = 0; i < call->n_unacknowledged_updates; i++) {
		if (status_same_uuid(task->record->latest,
				     call->unacknowledged_updates[i]->status))
			first = i;
	}
	for (size_t i = 0; i < call->n_unacknowledged_updates; i++) {
		const Mesos__V1__TaskStatus *status = call->unacknowledged_updates[i]->status;
		int r = i < first ? executor_confirm(task, status->uuid.data, &e) :
				    accept_update(task, status, &e);

		if (r < 0) {
			log_write_err(LOG_LEVEL_WARNING, &e, "repeat an update of task '%s'",
				      task_id(task));
			err_clear(&e);
		}
	}
}

static int check_repeated(const struct task *task,
			  const Mesos__V1__Executor__Call__Subscribe *call, struct err *e)
{
	for (size_t i = 0; i < call->n_unacknowledged_updates; i++) {
		int r = updates_check(task, call->unacknowledged_updates[i]->status, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_task(const struct task *task, const Mesos__V1__Executor__Call__Subscribe *call)
{
	for (size_t i = 0; i < call->n_unacknowledged_tasks; i++) {
		if (strcmp(call->unacknowledged_tasks[i]->task_id->value, task_id(task)) == 0)
			return true;
	}
	return call->n_unacknowledged_updates > 0;
}

static void on_stream_close(void *arg)
{
	executor_disconnected(arg);
}

static int subscribe(struct http_request *req, struct task *task,
		     const Mesos__V1__Executor__Call__Subscribe *call, struct err *e)
{
	struct http_stream *stream;
	enum wire_format format;
	int r;

	if (task->executor.state != EXECUTOR_WAITING && task->executor.state != EXECUTOR_SUBSCRIBED)
		return err_set(e, EINVAL, "subscribe executor '%s': it has ended", task_id(task));
	r = check_repeated(task, call, e);
	if (r >= 0)
		r = wire_format_of_answer(req, &format, e);
	if (r >= 0)
		r = http_stream_start(req, 200, wire_content_type(format), on_stream_close, task,
				      &stream, e);
	if (r < 0)
		return r;
	/* From here on the request is gone: what fails is seen by the executor as a lost stream. */
	task->executor.format = format;
	executor_subscribed(task, stream, has_task(task, call));
	r = executor_send_subscribed(task, stream, format, e);
	if (r < 0) {
		log_write_err(LOG_LEVEL_WARNING, e, "subscribe executor '%s'", task_id(task));
		err_clear(e);
		return 0;
	}
	accept_repeated(task, call);
	return 0;
}

/* ---- the calls ---- */

static int handle(struct http_request *req, struct task *task,
		  const Mesos__V1__Executor__Call *call, struct err *e)
{
	int r = 0;

	switch (call->type) {
	case MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE:
		if (!call->subscribe)
			return err_set(e, EINVAL, "read call: subscribe is missing");
		return subscribe(req, task, call->subscribe, e);
	case MESOS__V1__EXECUTOR__CALL__TYPE__UPDATE:
		if (!call->update)
			return err_set(e, EINVAL, "read call: update is missing");
		if (task->executor.state != EXECUTOR_SUBSCRIBED)
			return err_set(e, EPERM, "update task '%s': its executor is not subscribed",
				       task_id(task));
		r = accept_update(task, call->update->status, e);
		break;
	case MESOS__V1__EXECUTOR__CALL__TYPE__MESSAGE:
	case MESOS__V1__EXECUTOR__CALL__TYPE__HEARTBEAT:
		break;
	case MESOS__V1__EXECUTOR__CALL__TYPE__UNKNOWN:
	case _MESOS__V1__EXECUTOR__CALL__TYPE_IS_INT_SIZE:
	default:
		return err_set(e, EINVAL, "read call: unknown type");
	}
	if (r >= 0)
		http_reply(req, 202, NULL, NULL, 0);
	return r;
}

/* Only root on the socket is asked for: a supervisor has no other secret, and needs none. */
static int post_call(struct http_request *req, struct err *e)
{
	struct agent *agent = http_request_app(req);
	Mesos__V1__Executor__Call *call;
	ProtobufCMessage *message;
	enum wire_format format;
	struct task *task;
	const char *body;
	size_t size;
	uid_t uid;
	int r;

	if (!http_request_is_local(req, &uid) || uid != 0)
		return err_set(e, EPERM, "use the executor API: only root on the unix socket may");
	r = wire_format_of_body(req, &format, e);
	if (r < 0)
		return r;
	body = http_request_body(req, &size);
	r = wire_read(format, &mesos__v1__executor__call__descriptor, body, size, &message, e);
	if (r < 0)
		return r;
	call = (Mesos__V1__Executor__Call *)message;
	task = task_find(agent, call->framework_id->value, call->executor_id->value);
	r = task ? handle(req, task, call, e) :
		   err_set(e, EINVAL, "find executor '%s' of framework '%s': unknown",
			   call->executor_id->value, call->framework_id->value);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static const struct route routes[] = {
	{ HTTP_POST, "/api/v1/executor", post_call, MAX_BODY },
	{ HTTP_POST, "/slave(1)/api/v1/executor", post_call, MAX_BODY },
};

/* Mesos answers errors in plain text. */
static void reply_error(struct http_request *req, int status, const struct err *e)
{
	http_reply(req, status, "text/plain; charset=utf-8", e->msg, strlen(e->msg));
}

int executor_api_mount(struct agent *agent, struct http_server *server, struct err *e)
{
	return http_server_mount(server, routes, ARRAY_SIZE(routes), reply_error, agent, e);
}
