/* Bytes on their way from a descriptor to a helper, counted and hashed where they lie. */
#ifndef CONTAINERIZER_IMAGE_STREAM_H
#define CONTAINERIZER_IMAGE_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct hash;

/*
 * This process's end of a ring: see unpack.h.  The bytes are read into shared memory that the
 * helper sees and cannot change, so they are copied once.
 */
struct stream {
	int in_fd;		/* borrowed; -EBADF: there is no such stream */
	int length_fd, read_fd;	/* owned; -EBADF: nobody reads on */
	char *ring;		/* mapped, owned */
	unsigned next;		/* the segment that is filled next */
	unsigned n_free;
	size_t pending;		/* bytes that lie in it already, not yet passed on */
	struct hash *hash;	/* borrowed, or NULL */
	uint64_t bytes;
	uint64_t max_bytes;	/* more is an error */
	bool is_done;
};

/* The helper's end: owned, and of no use to this process once the helper has them. */
struct stream_ends {
	int length_fd, read_fd, ring_fd;
};

#define STREAM_INIT \
	{ .in_fd = -EBADF, .length_fd = -EBADF, .read_fd = -EBADF, .max_bytes = UINT64_MAX }
#define STREAM_ENDS_INIT { .length_fd = -EBADF, .read_fd = -EBADF, .ring_fd = -EBADF }

/* From IN_FD; RET is written on success only, and ends with stream_ends_done(). */
int stream_open(struct stream *stream, int in_fd, struct stream_ends *ret, struct err *e);
void stream_ends_done(struct stream_ends *ends);

/* What to wait for; a stream that is done waits for nothing. */
struct pollfd stream_poll(const struct stream *stream);

/*
 * Read more of the first segment, before it is passed on: its length so far, 1 more at least, or 0
 * at the end.
 */
int stream_peek(struct stream *stream, struct err *e);

/*
 * Move what can be moved without waiting.  A reader that goes away is no error: the rest is read
 * for the digest alone.
 */
int stream_step(struct stream *stream, struct err *e);
void stream_done(struct stream *stream);

#endif
