#include "master_stub/scheduler_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/id.h"
#include "lib/log.h"
#include "master_stub/outbox.h"
#include "master_stub/scheduler.h"
#include "master_stub/shell.h"
#include "net/http_server.h"
#include "net/wire.h"

typedef Mesos__V1__Scheduler__Call Call;
typedef Mesos__V1__Scheduler__Event Event;

struct scheduler_stream {
	struct scheduler_streams *streams;
	struct scheduler *scheduler;	/* NULL: the subscription is over */
	struct http_stream *http;
	enum wire_format format;
	char id[ID_UUID_SIZE];		/* fences off a framework that another instance replaced */
	struct outbox box;
	bool is_broken;			/* something could not be queued: it has to come back */
	bool is_waiting;		/* in the list of those with something to flush */
	TAILQ_ENTRY(scheduler_stream) waiting;
	UT_hash_handle hh;
};

struct scheduler_streams {
	struct shell *shell;
	struct scheduler_stream *by_id;
	TAILQ_HEAD(, scheduler_stream) waiting;
};

int scheduler_streams_new(struct shell *shell, struct scheduler_streams **ret, struct err *e)
{
	struct scheduler_streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return err_set(e, ENOMEM, "make table of frameworks' streams");
	streams->shell = shell;
	TAILQ_INIT(&streams->waiting);
	*ret = streams;
	return 0;
}

static void stream_free(struct scheduler_stream *stream)
{
	outbox_drop(&stream->box);
	if (stream->is_waiting)
		TAILQ_REMOVE(&stream->streams->waiting, stream, waiting);
	HASH_DEL(stream->streams->by_id, stream);
	free(stream);
}

void scheduler_streams_free(struct scheduler_streams *streams)
{
	struct scheduler_stream *stream, *next;

	if (!streams)
		return;
	HASH_ITER(hh, streams->by_id, stream, next)
		stream_free(stream);
	free(streams);
}

static struct scheduler_stream *stream_new(struct scheduler_streams *streams,
					   enum wire_format format)
{
	struct scheduler_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->streams = streams;
	stream->format = format;
	outbox_init(&stream->box);
	id_uuid(&streams->shell->rng, stream->id);
	HASH_ADD_STR(streams->by_id, id, stream);
	if (!stream->hh.tbl) {
		free(stream);
		return NULL;
	}
	return stream;
}

/* ---- to the framework ---- */

/* From the core's turn: what can end the subscription there waits for the flush. */
static void on_event(void *arg, const Event *event)
{
	struct scheduler_stream *stream = arg;
	struct err e = { 0 };

	if (!stream->is_broken &&
	    outbox_add(&stream->box, stream->format, &event->base, &e) < 0) {
		log_warning("framework '%s': its stream is closed: %s",
			    scheduler_framework_id(stream->scheduler), e.msg);
		outbox_drop(&stream->box);
		stream->is_broken = true;
	}
	if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR)
		stream->scheduler = NULL;
	if (!stream->is_waiting)
		TAILQ_INSERT_TAIL(&stream->streams->waiting, stream, waiting);
	stream->is_waiting = true;
}

static void disconnect(struct scheduler_stream *stream)
{
	struct shell *shell = stream->streams->shell;

	if (!stream->scheduler)
		return;
	scheduler_disconnect(TAKE_PTR(stream->scheduler), clock_boot_ms());
	shell_wake(shell);
}

static void flush(struct scheduler_stream *stream)
{
	outbox_flush(&stream->box, stream->http);
	if (stream->is_broken)
		disconnect(stream);
	if (!stream->scheduler) {
		http_stream_end(stream->http);
		stream_free(stream);
	}
}

void scheduler_streams_flush(struct scheduler_streams *streams)
{
	struct scheduler_stream *stream;

	while ((stream = TAILQ_FIRST(&streams->waiting))) {
		TAILQ_REMOVE(&streams->waiting, stream, waiting);
		stream->is_waiting = false;
		flush(stream);
	}
}

/* ---- SUBSCRIBE ---- */

static void on_close(void *arg)
{
	struct scheduler_stream *stream = arg;

	disconnect(stream);
	stream_free(stream);
}

static void on_close_of_error(void *arg)
{
	(void)arg;
}

/* Who may not subscribe is told so on the stream that it asked for, which then ends. */
static int refuse(struct http_request *req, enum wire_format format, const struct err *why,
		  struct err *e)
{
	Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;
	char text[sizeof(why->msg)];
	struct http_stream *http;
	int r = http_stream_start(req, 200, wire_content_type(format), on_close_of_error, NULL,
				  &http, e);

	if (r < 0)
		return r;
	memcpy(text, why->msg, sizeof(text));
	error.message = text;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR;
	event.error = &error;
	if (wire_stream(http, format, &event.base, e) < 0)
		log_write_err(LOG_LEVEL_WARNING, e, "refuse a framework");
	err_clear(e);
	http_stream_end(http);
	return 0;
}

static int check_subscribe(const struct http_request *req, const Call *call, struct err *e)
{
	const Mesos__V1__FrameworkID *id;

	if (http_request_header(req, "Mesos-Stream-Id"))
		return err_set(e, EINVAL, "Subscribe calls should not include the 'Mesos-Stream-Id'"
			       " header");
	if (!call->subscribe)
		return err_set(e, EINVAL, "Failed to validate scheduler::Call: Expecting"
			       " 'subscribe' to be present");
	id = call->subscribe->framework_info->id;
	if (!!id != !!call->framework_id || (id && strcmp(id->value, call->framework_id->value) != 0))
		return err_set(e, EINVAL, "Failed to validate scheduler::Call: 'framework_id'"
			       " differs from 'subscribe.framework_info.id'");
	return 0;
}

static int suppress(struct scheduler *scheduler, const Mesos__V1__Scheduler__Call__Subscribe *from,
		    struct err *e)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Suppress body = MESOS__V1__SCHEDULER__CALL__SUPPRESS__INIT;

	if (from->n_suppressed_roles == 0)
		return 0;
	body.n_roles = from->n_suppressed_roles;
	body.roles = from->suppressed_roles;
	call.has_type = true;
	call.type = MESOS__V1__SCHEDULER__CALL__TYPE__SUPPRESS;
	call.suppress = &body;
	return scheduler_call(scheduler, &call, clock_boot_ms(), e);
}

static int begin(struct scheduler_stream *stream, const Call *call, struct err *e)
{
	struct shell *shell = stream->streams->shell;
	int r;

	if (call->subscribe->offer_constraints &&
	    call->subscribe->offer_constraints->n_role_constraints > 0)
		return err_set(e, EINVAL, "Offer constraints are not supported by this version");
	r = scheduler_subscribe(shell->master, call->subscribe->framework_info, on_event, stream,
				clock_boot_ms(), &stream->scheduler, e);
	return r < 0 ? r : suppress(stream->scheduler, call->subscribe, e);
}

static int subscribe(struct shell *shell, struct http_request *req, const Call *call, struct err *e)
{
	struct scheduler_stream *stream;
	enum wire_format format;
	struct err why = { 0 };
	int r = check_subscribe(req, call, e);

	if (r < 0)
		return r;
	r = wire_format_of_answer(req, &format, e);
	if (r < 0)
		return r;
	stream = stream_new(shell->schedulers, format);
	if (!stream)
		return err_set(e, ENOMEM, "subscribe framework");
	r = begin(stream, call, &why);
	if (r < 0) {
		disconnect(stream);
		stream_free(stream);
		return r == -EINVAL || r == -EPERM ? refuse(req, format, &why, e) :
						     err_set(e, -r, "%s", why.msg);
	}
	http_reply_header(req, "Mesos-Stream-Id", stream->id);
	r = http_stream_start(req, 200, wire_content_type(format), on_close, stream, &stream->http,
			      e);
	if (r < 0) {
		disconnect(stream);
		stream_free(stream);
	}
	return r;
}

/* ---- every other call ---- */

/* The subscription that the call is of: its framework's, and on the stream that its header names. */
static int find_scheduler(struct shell *shell, const struct http_request *req, const Call *call,
			  struct scheduler **ret, struct err *e)
{
	struct scheduler_stream *stream = NULL;
	const char *id = http_request_header(req, "Mesos-Stream-Id");
	int r;

	if (!call->framework_id)
		return err_set(e, EINVAL, "Failed to validate scheduler::Call: Expecting"
			       " 'framework_id' to be present");
	r = scheduler_find(shell->master, call->framework_id->value, ret, e);
	if (r < 0)
		return r;
	if (!id)
		return err_set(e, EINVAL, "All non-subscribe calls should include the"
			       " 'Mesos-Stream-Id' header");
	HASH_FIND_STR(shell->schedulers->by_id, id, stream);
	if (!stream || stream->scheduler != *ret)
		return err_set(e, EINVAL, "The stream ID '%.64s' included in this request didn't"
			       " match the stream ID currently associated with framework ID %s", id,
			       scheduler_framework_id(*ret));
	return 0;
}

static int other_call(struct shell *shell, struct http_request *req, const Call *call,
		      struct err *e)
{
	struct scheduler *scheduler;
	int r = find_scheduler(shell, req, call, &scheduler, e);

	if (r == 0)
		r = scheduler_call(scheduler, call, clock_boot_ms(), e);
	/* Known by name but not to this version: that is not the body's form. */
	if (r == -ENOTSUP)
		e->code = ENOSYS;
	if (r < 0)
		return -e->code;
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

static void free_message(ProtobufCMessage *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

DEFINE_AUTO(ProtobufCMessage *, free_message);

int scheduler_stream_handle(struct http_request *req, struct err *e)
{
	struct shell *shell = http_request_app(req);
	AUTO(free_messagep) ProtobufCMessage *message = NULL;
	const Call *call;
	enum wire_format format;
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = wire_format_of_body(req, &format, e);

	if (r == 0)
		r = wire_read(format, &mesos__v1__scheduler__call__descriptor, body, size, &message,
			      e);
	if (r < 0)
		return r;
	call = (const Call *)message;
	if (!call->has_type)
		return err_set(e, EINVAL, "Failed to validate scheduler::Call: Expecting 'type' to"
			       " be present");
	shell_wake(shell);
	return call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE ?
		subscribe(shell, req, call, e) : other_call(shell, req, call, e);
}
