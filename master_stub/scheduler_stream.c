#include "master_stub/scheduler_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "master_stub/outbox.h"
#include "master_stub/scheduler.h"
#include "master_stub/shell.h"
#include "master_stub/stream.h"
#include "net/http_server.h"
#include "net/wire.h"

typedef Mesos__V1__Scheduler__Call Call;
typedef Mesos__V1__Scheduler__Event Event;

/* One call can ask for the states of all tasks: so many answers at once are no sign of a slow reader. */
enum { MAX_BEHIND = OUTBOX_MAX_BYTES };

struct scheduler_stream {
	struct shell *shell;
	struct stream *stream;
	struct scheduler *scheduler;	/* NULL: no subscription, or none any more */
};

/* ---- to the framework ---- */

static void close_stream(struct scheduler_stream *framework)
{
	stream_close(framework->stream);
	free(framework);
}

static void on_event(void *arg, const Event *event)
{
	struct scheduler_stream *framework = arg;

	stream_tell(framework->stream, &event->base);
	/* The master's last word. */
	if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR)
		close_stream(framework);
}

void scheduler_stream_lost(void *owner)
{
	struct scheduler_stream *framework = owner;

	scheduler_disconnect(framework->scheduler, clock_boot_ms());
	shell_wake(framework->shell);
	free(framework);
}

/* ---- who speaks ---- */

static int check_principal(const char *authenticated, const char *own, struct err *e)
{
	if (own && strcmp(own, authenticated) == 0)
		return 0;
	return err_set(e, EINVAL, "Authenticated principal '%.64s' does not match principal '%.64s'"
		       " set in `FrameworkInfo`", authenticated, own ? own : "");
}

/* A framework that was let in as somebody is nobody else; and need not say it again. */
static int sign(const struct http_request *req, Mesos__V1__FrameworkInfo *info, struct err *e)
{
	const char *authenticated = http_request_principal(req);

	if (!authenticated)
		return 0;
	if (info->principal)
		return check_principal(authenticated, info->principal, e) < 0 ?
			err_wrap(e, "Failed to validate scheduler::Call") : 0;
	info->principal = strdup(authenticated);
	return info->principal ? 0 : err_set(e, ENOMEM, "subscribe framework");
}

/* ---- SUBSCRIBE ---- */

/* Who may not subscribe is told so on the stream that it asked for, which then ends. */
static int refuse(struct scheduler_stream *framework, struct http_request *req,
		  const struct err *why, struct err *e)
{
	Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;
	char text[sizeof(why->msg)];
	int r;

	memcpy(text, why->msg, sizeof(text));
	error.message = text;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR;
	event.error = &error;
	stream_tell(framework->stream, &event.base);
	r = stream_start(framework->stream, req, e);
	if (r == 0)
		stream_close(framework->stream);
	free(framework);
	return r;
}

static int open_stream(struct shell *shell, enum wire_format format, struct scheduler_stream **ret,
		       struct err *e)
{
	AUTO_FREE struct scheduler_stream *framework = calloc(1, sizeof(*framework));
	int r;

	if (!framework)
		return err_set(e, ENOMEM, "subscribe framework");
	framework->shell = shell;
	r = stream_new(shell->schedulers, format, framework, &framework->stream, e);
	if (r == 0)
		*ret = TAKE_PTR(framework);
	return r;
}

static int begin(struct scheduler_stream *framework, struct http_request *req, const Call *call,
		 struct err *e)
{
	struct err why = { 0 };
	int r = scheduler_subscribe(framework->shell->master, call->subscribe, on_event, framework,
				    clock_boot_ms(), &framework->scheduler, &why);

	if (r == -EINVAL || r == -EPERM)
		return refuse(framework, req, &why, e);
	if (r < 0) {
		close_stream(framework);
		return err_set(e, -r, "%s", why.msg);
	}
	r = stream_start(framework->stream, req, e);
	if (r < 0) {
		scheduler_stream_lost(framework);
		return r;
	}
	stream_set_bound(framework->stream, MAX_BEHIND);
	return 0;
}

static int subscribe(struct shell *shell, struct http_request *req, const Call *call, struct err *e)
{
	struct scheduler_stream *framework = NULL;
	enum wire_format format;
	int r = wire_format_of_answer(req, &format, e);

	if (r == 0 && http_request_header(req, "Mesos-Stream-Id"))
		return err_set(e, EINVAL, "Subscribe calls should not include the 'Mesos-Stream-Id'"
			       " header");
	if (r == 0)
		r = sign(req, call->subscribe->framework_info, e);
	if (r == 0)
		r = open_stream(shell, format, &framework, e);
	return r < 0 ? r : begin(framework, req, call, e);
}

/* ---- every other call ---- */

/* The subscription that the call is of: its framework's, and on the stream that its header names. */
static int find_scheduler(struct shell *shell, const struct http_request *req, const Call *call,
			  struct scheduler **ret, struct err *e)
{
	const struct scheduler_stream *framework;
	const char *id = http_request_header(req, "Mesos-Stream-Id");
	int r = scheduler_find(shell->master, call->framework_id->value, ret, e);

	if (r == 0 && http_request_principal(req))
		r = check_principal(http_request_principal(req), scheduler_principal(*ret), e);
	if (r < 0)
		return r;
	if (!id)
		return err_set(e, EINVAL, "All non-subscribe calls should include the"
			       " 'Mesos-Stream-Id' header");
	framework = streams_find(shell->schedulers, id);
	if (!framework || framework->scheduler != *ret)
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

	if (r == 0 && call->type == MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK)
		r = sign(req, call->update_framework->framework_info, e);
	if (r == 0)
		r = scheduler_call(scheduler, call, clock_boot_ms(), e);
	/* Known by name but not to this version: that is not the body's form. */
	if (r == -ENOTSUP)
		e->code = ENOSYS;
	if (r < 0)
		return -e->code;
	/* The one call that is done when it is answered. */
	http_reply(req, call->type == MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK ? 200 : 202,
		   NULL, NULL, 0);
	return 0;
}

int scheduler_stream_handle(struct http_request *req, struct err *e)
{
	struct shell *shell = http_request_app(req);
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	const Call *call;
	enum wire_format format;
	int r = wire_read_body(req, &mesos__v1__scheduler__call__descriptor, &format, &message, e);

	call = (const Call *)message;
	if (r == 0)
		r = scheduler_call_validate(call, e);
	if (r < 0)
		return r;
	shell_wake(shell);
	return call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE ?
		subscribe(shell, req, call, e) : other_call(shell, req, call, e);
}
