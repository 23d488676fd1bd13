/* /v2/events: the event stream, filtered for each of its readers. */
#include "master_stub/marathon/api.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/state.h"
#include "net/sse.h"

enum {
	MAX_TYPES = 64,
	MAX_STREAMS = 1024,
	/* Unsent bytes of one stream: a fair share of the whole, but enough to fall behind a little. */
	MIN_BOUND = 256 << 10,
	MAX_BOUND = 4 << 20,
	SHARED_BOUND = 32 << 20,
};

struct event_stream {
	TAILQ_ENTRY(event_stream) all;
	struct event_streams *owner;
	struct http_stream *stream;
	char **types;		/* ended by NULL; none: everything */
	bool is_cut;		/* too far behind */
};

struct event_streams {
	TAILQ_HEAD(, event_stream) list;
	size_t n;
	bool is_trim_due;	/* what cut streams had queued is back in the heap */
};

static void stream_free(struct event_stream *stream)
{
	for (char **type = stream->types; type && *type; type++)
		free(*type);
	free(stream->types);
	free(stream);
}

static void unlink_stream(struct event_stream *stream)
{
	TAILQ_REMOVE(&stream->owner->list, stream, all);
	stream->owner->n--;
	stream_free(stream);
}

/* The reader went away, or fell too far behind. */
static void on_close(void *arg)
{
	struct event_stream *stream = arg;

	stream->owner->is_trim_due |= stream->is_cut;
	unlink_stream(stream);
}

static size_t bound_of_each(const struct event_streams *streams)
{
	size_t share = SHARED_BOUND / streams->n;

	return share < MIN_BOUND ? MIN_BOUND : share > MAX_BOUND ? MAX_BOUND : share;
}

static int read_types(const struct http_request *req, struct event_stream *stream)
{
	const char *type;

	stream->types = calloc(MAX_TYPES + 1, sizeof(*stream->types));
	if (!stream->types)
		return -ENOMEM;
	for (size_t i = 0; i < MAX_TYPES && (type = http_request_query_at(req, "event_type", i));
	     i++) {
		stream->types[i] = strdup(type);
		if (!stream->types[i])
			return -ENOMEM;
	}
	return 0;
}

static int send_attached(struct event_stream *stream, const char *peer, int64_t wall_ms)
{
	char now[CLOCK_TEXT_SIZE];
	AUTO_FREE char *text = NULL;
	json_t *event;

	clock_format(wall_ms, now);
	event = json_pack("{s:s, s:s, s:s}", "eventType", "event_stream_attached", "timestamp",
			  now, "remoteAddress", peer ? peer : "");
	text = json_dumps(event, JSON_COMPACT);
	json_decref(event);
	return text ? sse_write(stream->stream, "event_stream_attached", NULL, text) : -ENOMEM;
}

static bool wants(const struct event_stream *stream, const char *type)
{
	for (char **wanted = stream->types; *wanted; wanted++) {
		if (strcmp(*wanted, type) == 0)
			return true;
	}
	return !stream->types[0];
}

int api_events(struct http_request *req, struct err *e)
{
	struct marathon_api *api = api_of(req);
	const char *accept = http_request_header(req, "Accept");
	struct event_stream *stream;
	struct refusal refusal = { 0 };
	AUTO_FREE char *peer = NULL;
	int r;

	if (!accept || !strstr(accept, "text/event-stream")) {
		(void)refuse(&refusal, 405, "the event stream needs 'Accept: text/event-stream'");
		return marathon_refuse(req, &refusal);
	}
	if (api->streams->n >= MAX_STREAMS) {
		(void)refuse(&refusal, 503, "the event stream has %d readers, no more are served",
			     MAX_STREAMS);
		return marathon_refuse(req, &refusal);
	}
	stream = calloc(1, sizeof(*stream));
	if (!stream || read_types(req, stream) < 0) {
		if (stream)
			stream_free(stream);
		return err_set(e, ENOMEM, "open event stream");
	}
	stream->owner = api->streams;
	peer = strdup(http_request_peer(req));
	api_set_headers(req);
	r = http_stream_start(req, 200, "text/event-stream", on_close, stream, &stream->stream, e);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	TAILQ_INSERT_TAIL(&api->streams->list, stream, all);
	api->streams->n++;
	http_stream_set_bound(stream->stream, bound_of_each(api->streams));
	/* A reader that is already behind is closed by the server in its own time. */
	if (wants(stream, "event_stream_attached"))
		(void)send_attached(stream, peer, controller_wall_ms(api->controller));
	return 0;
}

int event_streams_new(struct event_streams **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	TAILQ_INIT(&(*ret)->list);
	return 0;
}

void event_streams_free(struct event_streams *streams)
{
	struct event_stream *stream;

	if (!streams)
		return;
	while ((stream = TAILQ_FIRST(&streams->list))) {
		http_stream_end(stream->stream);
		unlink_stream(stream);
	}
	free(streams);
}

/* Rendered once for all readers; the next one is remembered, as a write may close a stream. */
void event_streams_send(struct event_streams *streams, const char *type, const json_t *event)
{
	struct event_stream *stream, *next = TAILQ_FIRST(&streams->list);
	size_t bound = next ? bound_of_each(streams) : 0;
	AUTO_FREE char *text = NULL;

	if (next)
		text = json_dumps(event, JSON_COMPACT);
	while (text && (stream = next)) {
		next = TAILQ_NEXT(stream, all);
		if (!wants(stream, type))
			continue;
		http_stream_set_bound(stream->stream, bound);
		if (sse_write(stream->stream, type, NULL, text) == -ENOBUFS)
			stream->is_cut = true;
	}
}

void event_streams_keepalive(struct event_streams *streams)
{
	struct event_stream *stream, *next = TAILQ_FIRST(&streams->list);

	while ((stream = next)) {
		next = TAILQ_NEXT(stream, all);
		if (sse_keepalive(stream->stream) == -ENOBUFS)
			stream->is_cut = true;
	}
	/* Here and not when one is cut: it takes its time, and readers could ask for it. */
	if (streams->is_trim_due)
		(void)malloc_trim(0);
	streams->is_trim_due = false;
}
