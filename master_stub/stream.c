#include "master_stub/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/hash.h"
#include "lib/id.h"
#include "lib/log.h"
#include "master_stub/outbox.h"
#include "net/http_server.h"

struct stream {
	struct streams *streams;
	void *owner;			/* NULL: it is done with the stream */
	struct http_stream *http;	/* NULL before the answer has begun */
	enum wire_format format;
	char id[ID_UUID_SIZE];
	struct outbox box;
	bool is_broken;			/* something could not be queued: the rest would mislead */
	bool is_waiting;		/* in the list of those with something to flush */
	TAILQ_ENTRY(stream) all, waiting;
	UT_hash_handle hh;
};

struct streams {
	const char *kind;
	struct rng *rng;
	stream_lost_fn *lost;
	struct stream *by_id;
	TAILQ_HEAD(, stream) all, waiting;	/* both in the order in which they came */
	size_t n_owned;
};

int streams_new(const char *kind, struct rng *rng, stream_lost_fn *lost, struct streams **ret,
		struct err *e)
{
	struct streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return err_set(e, ENOMEM, "make table of streams of kind '%s'", kind);
	streams->kind = kind;
	streams->rng = rng;
	streams->lost = lost;
	TAILQ_INIT(&streams->all);
	TAILQ_INIT(&streams->waiting);
	*ret = streams;
	return 0;
}

/* Nobody counts on it any more; who did is returned. */
static void *disown(struct stream *stream)
{
	void *owner = stream->owner;

	stream->streams->n_owned -= owner != NULL;
	stream->owner = NULL;
	return owner;
}

static void stream_free(struct stream *stream)
{
	struct streams *streams = stream->streams;

	(void)disown(stream);
	outbox_drop(&stream->box);
	if (stream->is_waiting)
		TAILQ_REMOVE(&streams->waiting, stream, waiting);
	TAILQ_REMOVE(&streams->all, stream, all);
	HASH_DEL(streams->by_id, stream);
	free(stream);
}

static void end(struct stream *stream)
{
	if (stream->http)
		http_stream_end(stream->http);
	stream_free(stream);
}

void streams_free(struct streams *streams)
{
	struct stream *stream;

	if (!streams)
		return;
	while ((stream = TAILQ_FIRST(&streams->all)))
		end(stream);
	free(streams);
}

int stream_new(struct streams *streams, enum wire_format format, void *owner, struct stream **ret,
	       struct err *e)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return err_set(e, ENOMEM, "open stream of kind '%s'", streams->kind);
	stream->streams = streams;
	stream->owner = owner;
	stream->format = format;
	outbox_init(&stream->box);
	id_uuid(streams->rng, stream->id);
	HASH_ADD_STR(streams->by_id, id, stream);
	if (!stream->hh.tbl) {
		free(stream);
		return err_set(e, ENOMEM, "open stream of kind '%s'", streams->kind);
	}
	TAILQ_INSERT_TAIL(&streams->all, stream, all);
	streams->n_owned++;
	*ret = stream;
	return 0;
}

static void on_close(void *arg)
{
	struct stream *stream = arg;
	stream_lost_fn *lost = stream->streams->lost;
	void *owner = disown(stream);

	stream_free(stream);
	if (owner)
		lost(owner);
}

int stream_start(struct stream *stream, struct http_request *req, struct err *e)
{
	int r;

	http_reply_header(req, "Mesos-Stream-Id", stream->id);
	r = http_stream_start(req, 200, wire_content_type(stream->format), on_close, stream,
			      &stream->http, e);
	if (r < 0)
		stream_free(stream);
	return r;
}

void stream_set_patience(struct stream *stream, int64_t ms)
{
	http_stream_set_patience(stream->http, ms);
}

void stream_set_bound(struct stream *stream, size_t bytes)
{
	http_stream_set_bound(stream->http, bytes);
}

static void set_waiting(struct stream *stream)
{
	if (!stream->is_waiting)
		TAILQ_INSERT_TAIL(&stream->streams->waiting, stream, waiting);
	stream->is_waiting = true;
}

/* Its owner hears of it in the flush: it is in the middle of something now. */
static void give_up(struct stream *stream, const char *why)
{
	log_warning("stream '%s' of kind '%s' is closed: %s", stream->id, stream->streams->kind,
		    why);
	outbox_drop(&stream->box);
	stream->is_broken = true;
	set_waiting(stream);
}

static void add(struct stream *stream, struct outbox_record *record)
{
	struct err e = { 0 };

	if (outbox_add(&stream->box, record, &e) < 0)
		give_up(stream, e.msg);
	else
		set_waiting(stream);
}

static bool is_open(const struct stream *stream)
{
	return stream->owner && !stream->is_broken;
}

size_t stream_queued(const struct stream *stream)
{
	return stream->box.bytes + (stream->http ? http_stream_queued(stream->http) : 0);
}

void stream_tell(struct stream *stream, const ProtobufCMessage *message)
{
	struct outbox_record *record;
	struct err e = { 0 };

	if (!is_open(stream))
		return;
	if (outbox_record_new(stream->format, message, &record, &e) < 0) {
		give_up(stream, e.msg);
		return;
	}
	add(stream, record);
	outbox_record_unref(record);
}

void stream_write_first(struct stream *stream, const void *data, size_t size)
{
	char head[32];
	int n = snprintf(head, sizeof(head), "%zu\n", size);

	/* A reader that is gone is told of by its close callback. */
	(void)http_stream_write(stream->http, head, (size_t)n);
	(void)http_stream_write(stream->http, data, size);
	set_waiting(stream);
}

void streams_tell(struct streams *streams, const ProtobufCMessage *message)
{
	struct outbox_record *records[] = { [WIRE_JSON] = NULL, [WIRE_PROTOBUF] = NULL };
	struct stream *stream;

	TAILQ_FOREACH(stream, &streams->all, all) {
		struct outbox_record **record = &records[stream->format];
		struct err e = { 0 };

		if (!is_open(stream))
			continue;
		if (!*record && outbox_record_new(stream->format, message, record, &e) < 0)
			give_up(stream, e.msg);
		else
			add(stream, *record);
	}
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		outbox_record_unref(records[i]);
}

void stream_close(struct stream *stream)
{
	(void)disown(stream);
	set_waiting(stream);
}

static void flush(struct stream *stream)
{
	void *owner;

	if (stream->http)
		outbox_flush(&stream->box, stream->http);
	if (is_open(stream))
		return;
	owner = disown(stream);
	if (owner)
		stream->streams->lost(owner);
	end(stream);
}

void streams_flush(struct streams *streams)
{
	struct stream *stream;

	while ((stream = TAILQ_FIRST(&streams->waiting))) {
		TAILQ_REMOVE(&streams->waiting, stream, waiting);
		stream->is_waiting = false;
		flush(stream);
	}
}

size_t streams_count(const struct streams *streams)
{
	return streams->n_owned;
}

void *streams_oldest(const struct streams *streams)
{
	const struct stream *stream = TAILQ_FIRST(&streams->all);

	while (stream && !stream->owner)
		stream = TAILQ_NEXT(stream, all);
	return stream ? stream->owner : NULL;
}

void *streams_find(const struct streams *streams, const char *id)
{
	struct stream *stream = NULL;

	HASH_FIND_STR(streams->by_id, id, stream);
	return stream ? stream->owner : NULL;
}
