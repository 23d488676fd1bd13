#include "executor/agent_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "executor/environment.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/rng.h"
#include "net/http_client.h"
#include "net/recordio.h"
#include "net/wire.h"

enum { CALL_TIMEOUT_MS = 10000, MIN_BACKOFF_MS = 50 };

struct agent_link {
	struct loop *loop;
	const struct environment *env;
	struct rng *rng;
	const struct agent_link_ops *ops;
	void *arg;

	bool is_up;				/* SUBSCRIBED was received */
	bool is_dialing;			/* a subscription is on its way or up */
	bool is_absence_told;			/* in the log, once each time the agent is away */
	struct http_client *stream, *calls;	/* two: a stream never ends its request */
	struct recordio_reader reader;
	struct loop_timer *retry, *abandon;
};

/* Callable from every callback of both clients; what it cancels comes back and finds nothing. */
static void lost(struct agent_link *link)
{
	struct http_client *stream = TAKE_PTR(link->stream), *calls = TAKE_PTR(link->calls);
	uint64_t spread = (uint64_t)link->env->backoff_ms;

	if (!link->is_dialing)
		return;
	if (link->is_up)
		loop_timer_set(link->abandon, link->env->recovery_ms);
	link->is_dialing = false;
	link->is_up = false;
	http_client_free(stream);
	http_client_free(calls);
	loop_timer_set(link->retry, MIN_BACKOFF_MS +
		       (int64_t)(spread > 0 ? rng_below(link->rng, spread) : 0));
}

static int on_record(void *arg, const void *data, size_t size, struct err *e)
{
	struct agent_link *link = arg;
	ProtobufCMessage *message;
	Mesos__V1__Executor__Event *event;
	int r;

	r = wire_read(WIRE_PROTOBUF, &mesos__v1__executor__event__descriptor, data, size, &message,
		      e);
	if (r < 0)
		return r;
	event = (Mesos__V1__Executor__Event *)message;
	if (event->type == MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED) {
		link->is_up = true;
		link->is_absence_told = false;
		loop_timer_clear(link->abandon);
	}
	link->ops->event(link->arg, event);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}

static void on_data(void *arg, const void *data, size_t size)
{
	struct agent_link *link = arg;
	struct err e = { 0 };

	if (recordio_feed(&link->reader, data, size, on_record, link, &e) == 0)
		return;
	log_write_err(LOG_LEVEL_ERROR, &e, "read events of the agent");
	lost(link);
}

static void on_head(void *arg, const struct http_answer *answer)
{
	(void)arg;
	(void)answer;
}

static void on_stream_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct agent_link *link = arg;

	if (!link->is_dialing)
		return;
	if (!link->is_absence_told && !answer)
		log_write_err(LOG_LEVEL_INFO, e, "subscribe to the agent");
	else if (!link->is_absence_told)
		log_info("subscription to the agent ended, status %d", answer->status);
	link->is_absence_told = true;
	lost(link);
}

static void on_update_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct agent_link *link = arg;

	if ((answer && answer->status == 202) || !link->is_dialing)
		return;
	if (!answer)
		log_write_err(LOG_LEVEL_WARNING, e, "send status update");
	else
		log_warning("send status update: the agent answered %d", answer->status);
	lost(link);
}

/* Owned text of CALL, sent through CLIENT. */
static int post(struct agent_link *link, struct http_client *client,
		Mesos__V1__Executor__Call *call, struct http_call *http, struct err *e)
{
	Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
	AUTO_FREE void *body = NULL;
	int r;

	framework_id.value = link->env->framework_id;
	executor_id.value = link->env->executor_id;
	call->framework_id = &framework_id;
	call->executor_id = &executor_id;
	call->has_type = true;
	r = pb_pack(&call->base, &body, &http->size, e);
	if (r < 0)
		return r;
	http->method = HTTP_POST;
	http->target = "/api/v1/executor";
	http->content_type = "application/x-protobuf";
	http->accept = "application/x-protobuf";
	http->body = body;
	http->timeout_ms = CALL_TIMEOUT_MS;
	http->arg = link;
	return http_client_call(client, http, e);
}

static int subscribe(struct agent_link *link, struct err *e)
{
	Mesos__V1__Executor__Call call = MESOS__V1__EXECUTOR__CALL__INIT;
	Mesos__V1__Executor__Call__Subscribe body = MESOS__V1__EXECUTOR__CALL__SUBSCRIBE__INIT;
	struct http_call http = {
		.on_head = on_head, .on_data = on_data, .on_done = on_stream_done,
	};
	AUTO_FREE char *address = NULL;
	int r;

	if (asprintf(&address, "unix:%s", link->env->domain_socket) < 0) {
		address = NULL;
		return err_set(e, ENOMEM, "subscribe to the agent");
	}
	r = http_client_new(link->loop, address, &link->stream, e);
	if (r < 0)
		return r;
	r = http_client_new(link->loop, address, &link->calls, e);
	if (r < 0)
		return r;
	r = link->ops->subscribe(link->arg, &body, e);
	if (r < 0)
		return r;
	call.type = MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE;
	call.subscribe = &body;
	r = post(link, link->stream, &call, &http, e);
	link->ops->subscribe_done(link->arg, &body);
	return r;
}

static void on_retry(void *arg)
{
	struct agent_link *link = arg;
	struct err e = { 0 };

	recordio_done(&link->reader);
	link->reader = (struct recordio_reader){ 0 };
	link->is_dialing = true;
	if (subscribe(link, &e) == 0)
		return;
	log_write_err(LOG_LEVEL_ERROR, &e, "subscribe to the agent");
	lost(link);
}

static void on_abandon(void *arg)
{
	struct agent_link *link = arg;

	link->ops->abandoned(link->arg);
}

void agent_link_update(struct agent_link *link, Mesos__V1__TaskStatus *status)
{
	Mesos__V1__Executor__Call call = MESOS__V1__EXECUTOR__CALL__INIT;
	Mesos__V1__Executor__Call__Update update = MESOS__V1__EXECUTOR__CALL__UPDATE__INIT;
	struct http_call http = { .on_done = on_update_done };
	struct err e = { 0 };

	if (!link->is_up)
		return;
	call.type = MESOS__V1__EXECUTOR__CALL__TYPE__UPDATE;
	call.update = &update;
	update.status = status;
	if (post(link, link->calls, &call, &http, &e) == 0)
		return;
	log_write_err(LOG_LEVEL_ERROR, &e, "send status update");
	lost(link);
}

DEFINE_AUTO(struct agent_link *, agent_link_free);

int agent_link_new(struct loop *loop, const struct environment *env, struct rng *rng,
		   const struct agent_link_ops *ops, void *arg, struct agent_link **ret,
		   struct err *e)
{
	AUTO(agent_link_freep) struct agent_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return err_set(e, ENOMEM, "create link to the agent");
	link->loop = loop;
	link->env = env;
	link->rng = rng;
	link->ops = ops;
	link->arg = arg;
	r = loop_timer_new(loop, on_retry, link, &link->retry, e);
	if (r < 0)
		return r;
	r = loop_timer_new(loop, on_abandon, link, &link->abandon, e);
	if (r < 0)
		return r;
	loop_timer_set(link->retry, 0);
	loop_timer_set(link->abandon, env->recovery_ms);
	*ret = TAKE_PTR(link);
	return 0;
}

void agent_link_free(struct agent_link *link)
{
	if (!link)
		return;
	link->is_dialing = false;
	link->is_up = false;
	http_client_free(TAKE_PTR(link->stream));
	http_client_free(TAKE_PTR(link->calls));
	recordio_done(&link->reader);
	loop_timer_free(link->retry);
	loop_timer_free(link->abandon);
	free(link);
}
