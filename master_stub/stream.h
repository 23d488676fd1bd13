/*
 * Answers that do not end, of RecordIO: tables of them, each with what it is to be told, and with
 * an id that fences off a client which another instance has replaced.
 */
#ifndef MASTER_STUB_STREAM_H
#define MASTER_STUB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/wire.h"

struct err;
struct http_request;
struct rng;
struct stream;
struct streams;

/*
 * The reader went away, fell behind or could not be told something (which is logged): it has to
 * come back.  Called once, never from inside of the functions below except streams_flush(); STREAM
 * is gone after it.  Not called for a stream that its owner closes.
 */
typedef void stream_lost_fn(void *owner);

/* KIND names one of them in the log ("agent"); RNG is borrowed. */
int streams_new(const char *kind, struct rng *rng, stream_lost_fn *lost, struct streams **ret,
		struct err *e);
/* Streams that are still open are closed without a word; NULL is fine. */
void streams_free(struct streams *streams);

/* What was queued leaves: everything that it speaks of is on disk. */
void streams_flush(struct streams *streams);
/* Tell MESSAGE to all of them; it is written once for each form. */
void streams_tell(struct streams *streams, const ProtobufCMessage *message);
/* Those that have an owner: one that is closed is not counted, nor found below. */
size_t streams_count(const struct streams *streams);
/* The owner of the stream that was made first; NULL if there is none. */
void *streams_oldest(const struct streams *streams);
/* The owner of the stream that the header Mesos-Stream-Id names; NULL if there is none. */
void *streams_find(const struct streams *streams, const char *id);

/*
 * The first of two steps: from now on it can be told things.  -ENOMEM.
 * The second is stream_start() or stream_close().
 */
int stream_new(struct streams *streams, enum wire_format format, void *owner, struct stream **ret,
	       struct err *e);
/* The answer begins, with the stream's id in its header.  On failure the stream is closed. */
int stream_start(struct stream *stream, struct http_request *req, struct err *e);
/* A reader that takes nothing for MS, while there is something to take, is lost. */
void stream_set_patience(struct stream *stream, int64_t ms);
/* More unsent bytes than these cut a slow reader off, instead of the server's bound. */
void stream_set_bound(struct stream *stream, size_t bytes);

/* A record of DATA, of any size, goes before whatever was told; only right after stream_start(). */
void stream_write_first(struct stream *stream, const void *data, size_t size);

/* Bytes that were told and that the reader has not taken. */
size_t stream_queued(const struct stream *stream);
/* Queue MESSAGE (borrowed) until the flush; what cannot be queued ends the stream there. */
void stream_tell(struct stream *stream, const ProtobufCMessage *message);
/* The owner is done with it: it ends in the next flush, after what is queued. */
void stream_close(struct stream *stream);

#endif
