/* RecordIO: "LENGTH\n" and so many bytes (reference/mesos.md 1.2). */
#ifndef NET_RECORDIO_H
#define NET_RECORDIO_H

#include <stddef.h>

struct err;
struct http_stream;

enum { RECORDIO_MAX = 64 << 20 };

/* One record as one chunk.  Errors of http_stream_write(). */
int recordio_write(struct http_stream *stream, const void *data, size_t size);

/* Zero-initialised is empty. */
struct recordio_reader {
	char *data;
	size_t size, cap;
	size_t max;	/* of one record; 0: RECORDIO_MAX */
};

typedef int recordio_fn(void *arg, const void *data, size_t size, struct err *e);

/*
 * Feed bytes; FN is called for each complete record.  -EINVAL on a bad length, FN's errors: READER
 * is empty then.  FN may call recordio_done() when a record ends the stream: what follows is dropped.
 */
int recordio_feed(struct recordio_reader *reader, const void *data, size_t size, recordio_fn *fn,
		  void *arg, struct err *e);
void recordio_done(struct recordio_reader *reader);

#endif
