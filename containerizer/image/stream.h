/* Bytes on their way from one descriptor to another, counted and hashed as they pass. */
#ifndef CONTAINERIZER_IMAGE_STREAM_H
#define CONTAINERIZER_IMAGE_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct hash;

enum { STREAM_BYTES = 512 << 10 };

struct stream {
	int in_fd;		/* borrowed; -EBADF: there is no such stream */
	int out_fd;		/* owned, and closed at the end; -EBADF: nobody reads on */
	struct hash *hash;	/* borrowed, or NULL */
	uint64_t bytes;
	uint64_t max_bytes;	/* more is an error */
	char *buf;		/* of STREAM_BYTES, owned */
	size_t begin, end;
	bool is_done;
};

#define STREAM_INIT { .in_fd = -EBADF, .out_fd = -EBADF, .max_bytes = UINT64_MAX }

/* What to wait for; a stream that is done waits for nothing. */
struct pollfd stream_poll(const struct stream *stream);

/*
 * Move what can be moved without waiting.  A reader that goes away is no error: the rest is read for
 * the digest alone.
 */
int stream_step(struct stream *stream, struct err *e);
void stream_done(struct stream *stream);

#endif
