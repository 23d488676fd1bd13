/* /v2/events: the event stream, filtered for each of its readers; and again for those who come back. */
#include "master_stub/marathon/rest/api.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/event/event_ring.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/state.h"
#include "net/sse.h"

enum {
	MAX_TYPES = 64,
	MAX_STREAMS = 1024,
	MAX_QUEUED_EVENTS = 1024,	/* as Marathon has it since 1.8 */
	/* Unsent bytes of one stream: a fair share of the whole, but enough to fall behind a little. */
	MIN_BOUND = 256 << 10,
	MAX_BOUND = 4 << 20,
	SHARED_BOUND = 32 << 20,
	REPLAY_BYTES = 64 << 10,	/* queued at once for a reader that catches up */
	EVENT_ID_SIZE = 48,
};

struct event_stream {
	TAILQ_ENTRY(event_stream) all;
	struct event_streams *owner;
	struct http_stream *stream;
	char peer[API_PEER_SIZE];
	char **types;		/* ended by NULL; none: everything */
	bool has_ids;		/* it asked for them */
	bool is_behind;		/* catching up: NEXT is the number of what it gets next */
	uint64_t next;
	bool is_cut;		/* too far behind */
	/* To tell how many events are unsent: where the newest ones end in all that was queued. */
	uint32_t n_queued, queued_bytes;
	uint32_t ends[MAX_QUEUED_EVENTS];
};

struct event_streams {
	TAILQ_HEAD(, event_stream) list;
	size_t n;
	struct controller *controller;
	struct event_ring ring;
	int64_t epoch;		/* tells the numbers of this process from those of others */
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
	struct controller *c = stream->owner->controller;
	char peer[API_PEER_SIZE];

	memcpy(peer, stream->peer, sizeof(peer));
	stream->owner->is_trim_due |= stream->is_cut;
	unlink_stream(stream);
	event_stream_detached(c, peer);
}

/* ---- Writing ---- */

static size_t bound_of_each(const struct event_streams *streams)
{
	size_t share = SHARED_BOUND / streams->n;

	return share < MIN_BOUND ? MIN_BOUND : share > MAX_BOUND ? MAX_BOUND : share;
}

/* Is the event that was queued before as many others as there may be still unsent? */
static bool has_too_many(const struct event_stream *stream)
{
	uint32_t sent = stream->queued_bytes - (uint32_t)http_stream_queued(stream->stream);

	return stream->n_queued >= MAX_QUEUED_EVENTS &&
	       (int32_t)(stream->ends[stream->n_queued % MAX_QUEUED_EVENTS] - sent) > 0;
}

static void format_id(const struct event_streams *streams, uint64_t number, char ret_id[EVENT_ID_SIZE])
{
	(void)snprintf(ret_id, EVENT_ID_SIZE, "%" PRIx64 "-%" PRIu64, (uint64_t)streams->epoch,
		       number);
}

static void write_event(struct event_stream *stream, uint64_t number, const char *type,
			const char *text, size_t bound)
{
	size_t before = http_stream_queued(stream->stream);
	char id[EVENT_ID_SIZE];

	if (stream->has_ids)
		format_id(stream->owner, number, id);
	/* Whoever has too much queued is closed by the next write beyond the bound. */
	http_stream_set_bound(stream->stream, has_too_many(stream) ? 0 : bound);
	if (sse_write(stream->stream, type, stream->has_ids ? id : NULL, text) == -ENOBUFS)
		stream->is_cut = true;
	stream->queued_bytes += (uint32_t)(http_stream_queued(stream->stream) - before);
	stream->ends[stream->n_queued++ % MAX_QUEUED_EVENTS] = stream->queued_bytes;
}

static bool wants(const struct event_stream *stream, const char *type)
{
	for (char **wanted = stream->types; *wanted; wanted++) {
		if (strcmp(*wanted, type) == 0)
			return true;
	}
	return !stream->types[0] && !event_is_past_marathon(type);
}

/* Rendered once for all readers; the next one is remembered, as a write may close a stream. */
void event_streams_send(struct event_streams *streams, const char *type, const json_t *event)
{
	struct event_stream *stream, *next = TAILQ_FIRST(&streams->list);
	AUTO_FREE char *text = json_dumps(event, JSON_COMPACT);
	size_t bound = next ? bound_of_each(streams) : 0;
	uint64_t number;

	if (!text)
		return;
	number = event_ring_add(&streams->ring, type, text);
	while ((stream = next)) {
		next = TAILQ_NEXT(stream, all);
		if (!stream->is_behind && wants(stream, type))
			write_event(stream, number, type, text, bound);
	}
}

size_t event_streams_count(const struct event_streams *streams)
{
	return streams->n;
}

void event_streams_keepalive(struct event_streams *streams)
{
	struct event_stream *stream, *next = TAILQ_FIRST(&streams->list);

	while ((stream = next)) {
		size_t before = http_stream_queued(stream->stream);

		next = TAILQ_NEXT(stream, all);
		if (sse_keepalive(stream->stream) == -ENOBUFS)
			stream->is_cut = true;
		stream->queued_bytes += (uint32_t)(http_stream_queued(stream->stream) - before);
	}
	/* Here and not when one is cut: it takes its time, and readers could ask for it. */
	if (streams->is_trim_due)
		(void)malloc_trim(0);
	streams->is_trim_due = false;
}

/* ---- Catching up ---- */

/* Only readers that asked for what they missed are told of what nobody can tell them any more. */
static void write_gap(struct event_stream *stream, const char *last_id)
{
	char now[CLOCK_TEXT_SIZE];
	AUTO_FREE char *text = NULL;
	json_t *event;

	clock_format(controller_wall_ms(stream->owner->controller), now);
	event = json_pack("{s:s, s:s, s:s}", "eventType", "event_stream_gap", "timestamp", now,
			  "lastEventId", last_id);
	text = event ? json_dumps(event, JSON_COMPACT) : NULL;
	json_decref(event);
	if (text)
		(void)sse_write(stream->stream, "event_stream_gap", NULL, text);
}

/* Piece by piece, as it reads. */
static void catch_up(void *arg)
{
	struct event_stream *stream = arg;
	const struct event_ring *ring = &stream->owner->ring;
	char id[EVENT_ID_SIZE];

	if (stream->is_behind && stream->next < ring->first) {
		format_id(stream->owner, stream->next - 1, id);
		write_gap(stream, id);
		stream->next = ring->first;
	}
	while (stream->is_behind && stream->next < ring->next &&
	        http_stream_queued(stream->stream) < REPLAY_BYTES) {
		const struct kept_event *event = event_ring_get(ring, stream->next);

		if (event && wants(stream, event->type))
			write_event(stream, stream->next, event->type, event->text, MAX_BOUND);
		stream->next++;
	}
	stream->is_behind = stream->next < ring->next;
}

/* From behind the event of LAST_ID; when that is not known any more, from the oldest that is kept. */
static void begin_behind(struct event_stream *stream, const char *last_id)
{
	const struct event_ring *ring = &stream->owner->ring;
	uint64_t epoch, number;
	char rest;

	stream->next = ring->first;
	if (sscanf(last_id, "%" SCNx64 "-%" SCNu64 "%c", &epoch, &number, &rest) == 2 &&
	    epoch == (uint64_t)stream->owner->epoch && number < ring->next &&
	    number + 1 >= ring->first)
		stream->next = number + 1;
	else
		write_gap(stream, last_id);
	http_stream_on_drain(stream->stream, catch_up);
	catch_up(stream);
}

/* ---- Readers ---- */

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

static int open_stream(struct http_request *req, struct event_stream **ret, struct err *e)
{
	struct event_streams *streams = api_of(req)->streams;
	struct event_stream *stream = calloc(1, sizeof(*stream));
	int r;

	if (!stream || read_types(req, stream) < 0) {
		if (stream)
			stream_free(stream);
		return err_set(e, ENOMEM, "open event stream");
	}
	stream->owner = streams;
	api_client_ip(req, stream->peer);
	stream->has_ids = http_request_header(req, "Last-Event-ID") ||
			  http_request_query_bool(req, "ids", false);
	api_set_headers(req);
	r = http_stream_start(req, 200, "text/event-stream", on_close, stream, &stream->stream, e);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	stream->queued_bytes = (uint32_t)http_stream_queued(stream->stream);
	TAILQ_INSERT_TAIL(&streams->list, stream, all);
	streams->n++;
	*ret = stream;
	return 0;
}

/* Who may not read: 405 or 503 in REFUSAL. */
static int check_reader(const struct http_request *req, struct refusal *refusal)
{
	const char *accept = http_request_header(req, "Accept");

	if (!accept || !strstr(accept, "text/event-stream"))
		return refuse(refusal, 405, "the event stream needs 'Accept: text/event-stream'");
	if (api_of(req)->streams->n >= MAX_STREAMS)
		return refuse(refusal, 503, "the event stream has %d readers, no more are served",
			      MAX_STREAMS);
	return 0;
}

int api_events(struct http_request *req, struct err *e)
{
	struct event_streams *streams = api_of(req)->streams;
	const char *asked = http_request_header(req, "Last-Event-ID");
	AUTO_FREE char *last_id = NULL;
	struct event_stream *stream = NULL;
	struct refusal refusal = { 0 };
	int r;

	if (check_reader(req, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	/* The request is gone when the stream has begun. */
	last_id = asked ? strdup(asked) : NULL;
	if (asked && !last_id)
		return err_set(e, ENOMEM, "open event stream");
	r = open_stream(req, &stream, e);
	if (r < 0)
		return r;
	/* A new reader hears of itself first, one that comes back after all that it missed. */
	stream->is_behind = last_id != NULL;
	event_stream_attached(streams->controller, stream->peer);
	if (last_id)
		begin_behind(stream, last_id);
	return 0;
}

/* ---- Life ---- */

int event_streams_new(struct controller *controller, struct event_streams **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	TAILQ_INIT(&(*ret)->list);
	(*ret)->controller = controller;
	(*ret)->epoch = controller_wall_ms(controller);
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
	event_ring_done(&streams->ring);
	free(streams);
}
