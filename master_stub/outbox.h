/* What is to be told on a stream, kept until the state that it speaks of is on disk. */
#ifndef MASTER_STUB_OUTBOX_H
#define MASTER_STUB_OUTBOX_H

#include <stddef.h>
#include <sys/queue.h>

#include "net/wire.h"

struct err;
struct http_stream;
struct outbox_entry;

/* A message in the form of a stream; several outboxes may hold the same one. */
struct outbox_record {
	unsigned refs;
	size_t size;
	void *data;
};

/* With one reference, the caller's. */
int outbox_record_new(enum wire_format format, const ProtobufCMessage *message,
		      struct outbox_record **ret, struct err *e);
void outbox_record_unref(struct outbox_record *record);

struct outbox {
	STAILQ_HEAD(, outbox_entry) entries;
	size_t bytes;
};

void outbox_init(struct outbox *box);
/* Forget what is in it. */
void outbox_drop(struct outbox *box);

/*
 * Takes a reference of its own.  -ENOBUFS: more than OUTBOX_MAX_BYTES wait; the reader has to come
 * back.
 */
enum { OUTBOX_MAX_BYTES = 64 << 20 };
int outbox_add(struct outbox *box, struct outbox_record *record, struct err *e);

/* Everything leaves; empty afterwards also if the reader is gone, which its close callback tells. */
void outbox_flush(struct outbox *box, struct http_stream *http);

#endif
