#include "master_stub/agent_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/id.h"
#include "lib/log.h"
#include "master_stub/master.h"
#include "master_stub/outbox.h"
#include "master_stub/shell.h"
#include "net/http_server.h"
#include "net/wire.h"

struct agent_stream {
	struct agent_streams *streams;
	struct http_stream *http;	/* NULL before the answer has begun */
	enum wire_format format;
	char id[ID_UUID_SIZE];
	char *agent_id;			/* as in SUBSCRIBED */
	struct outbox box;
	bool is_closing;		/* by the core: it does not know the stream any more */
	bool is_broken;			/* something could not be queued: the rest would mislead */
	bool is_waiting;		/* in the list of those with something to flush */
	TAILQ_ENTRY(agent_stream) waiting;
	UT_hash_handle hh;
};

struct agent_streams {
	struct shell *shell;
	struct agent_stream *by_id;
	TAILQ_HEAD(, agent_stream) waiting;
};

int agent_streams_new(struct shell *shell, struct agent_streams **ret, struct err *e)
{
	struct agent_streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return err_set(e, ENOMEM, "make table of agents' streams");
	streams->shell = shell;
	TAILQ_INIT(&streams->waiting);
	*ret = streams;
	return 0;
}

static void stream_free(struct agent_stream *stream)
{
	outbox_drop(&stream->box);
	if (stream->is_waiting)
		TAILQ_REMOVE(&stream->streams->waiting, stream, waiting);
	HASH_DEL(stream->streams->by_id, stream);
	free(stream->agent_id);
	free(stream);
}

void agent_streams_free(struct agent_streams *streams)
{
	struct agent_stream *stream, *next;

	if (!streams)
		return;
	HASH_ITER(hh, streams->by_id, stream, next)
		stream_free(stream);
	free(streams);
}

static struct agent_stream *stream_new(struct agent_streams *streams, enum wire_format format)
{
	struct agent_stream *stream = calloc(1, sizeof(*stream));

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

/* ---- to the agent ---- */

static void set_waiting(struct agent_stream *stream)
{
	if (!stream->is_waiting)
		TAILQ_INSERT_TAIL(&stream->streams->waiting, stream, waiting);
	stream->is_waiting = true;
}

/*
 * It comes back, and is told then what it missed.  The core hears of it later: it is in the middle
 * of something now.
 */
static void give_up(struct agent_stream *stream, const char *why)
{
	log_warning("agent '%s': its stream is closed: %s",
		    stream->agent_id ? stream->agent_id : "?", why);
	outbox_drop(&stream->box);
	stream->is_broken = true;
	set_waiting(stream);
}

void agent_stream_event(struct agent_stream *stream, const Tepui__AgentEvent *event)
{
	struct err e = { 0 };

	if (stream->is_closing || stream->is_broken)
		return;
	if (event->subscribed && !stream->agent_id)
		stream->agent_id = strdup(event->subscribed->agent_id->value);
	if (outbox_add(&stream->box, stream->format, &event->base, &e) < 0)
		give_up(stream, e.msg);
	else
		set_waiting(stream);
}

void agent_stream_close(struct agent_stream *stream)
{
	stream->is_closing = true;
	set_waiting(stream);
}

static void flush(struct agent_stream *stream)
{
	outbox_flush(&stream->box, stream->http);
	if (stream->is_broken && !stream->is_closing) {
		stream->is_closing = true;
		master_agent_lost(stream->streams->shell->master, stream, clock_boot_ms());
		shell_wake(stream->streams->shell);
	}
	if (stream->is_closing) {
		http_stream_end(stream->http);
		stream_free(stream);
	}
}

void agent_streams_flush(struct agent_streams *streams)
{
	struct agent_stream *stream;

	while ((stream = TAILQ_FIRST(&streams->waiting))) {
		TAILQ_REMOVE(&streams->waiting, stream, waiting);
		stream->is_waiting = false;
		flush(stream);
	}
}

/* ---- from the agent ---- */

static void on_close(void *arg)
{
	struct agent_stream *stream = arg;
	struct shell *shell = stream->streams->shell;

	if (!stream->is_closing && shell->master)
		master_agent_lost(shell->master, stream, clock_boot_ms());
	stream_free(stream);
	shell_wake(shell);
}

static int subscribe(struct shell *shell, struct http_request *req, const Tepui__AgentCall *call,
		     struct err *e)
{
	enum wire_format format;
	struct agent_stream *stream;
	int r;

	if (http_request_header(req, "Mesos-Stream-Id"))
		return err_set(e, EINVAL,
			       "subscribe agent: header 'Mesos-Stream-Id' must not be set");
	r = wire_format_of_answer(req, &format, e);
	if (r < 0)
		return r;
	stream = stream_new(shell->agents, format);
	if (!stream)
		return err_set(e, ENOMEM, "subscribe agent");
	r = master_agent_subscribe(shell->master, call, stream, clock_boot_ms(), e);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	http_reply_header(req, "Mesos-Stream-Id", stream->id);
	r = http_stream_start(req, 200, wire_content_type(format), on_close, stream, &stream->http,
			      e);
	if (r < 0) {
		if (!stream->is_closing)
			master_agent_lost(shell->master, stream, clock_boot_ms());
		stream_free(stream);
	}
	return r;
}

static int other_call(struct shell *shell, struct http_request *req, const Tepui__AgentCall *call,
		      struct err *e)
{
	const char *id = http_request_header(req, "Mesos-Stream-Id");
	struct agent_stream *stream = NULL;
	int r;

	if (!id)
		return err_set(e, EINVAL, "read agent's call: header 'Mesos-Stream-Id' is missing");
	HASH_FIND_STR(shell->agents->by_id, id, stream);
	/* A call of an older stream must not act for the newer one. */
	if (!stream || stream->is_closing)
		return err_set(e, EINVAL, "read agent's call: stream '%.64s' is not open", id);
	if (!call->agent_id || !stream->agent_id ||
	    strcmp(call->agent_id->value, stream->agent_id) != 0)
		return err_set(e, EINVAL, "read agent's call: agent_id is not of this stream");
	r = master_agent_call(shell->master, call, clock_boot_ms(), e);
	if (r < 0)
		return r;
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

static void free_message(ProtobufCMessage *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

DEFINE_AUTO(ProtobufCMessage *, free_message);

int agent_stream_handle(struct http_request *req, struct err *e)
{
	struct shell *shell = http_request_app(req);
	AUTO(free_messagep) ProtobufCMessage *message = NULL;
	const Tepui__AgentCall *call;
	enum wire_format format;
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = wire_format_of_body(req, &format, e);

	if (r == 0)
		r = wire_read(format, &tepui__agent_call__descriptor, body, size, &message, e);
	if (r < 0)
		return r;
	call = (const Tepui__AgentCall *)message;
	shell_wake(shell);
	if (call->type == TEPUI__AGENT_CALL__TYPE__SUBSCRIBE)
		return subscribe(shell, req, call, e);
	return other_call(shell, req, call, e);
}
