/* The archive as the helper gets it: segments of the ring, one after the other. */
#ifndef CONTAINERIZER_UNPACK_FEED_H
#define CONTAINERIZER_UNPACK_FEED_H

#include <stddef.h>
#include <sys/types.h>

struct archive;
struct err;

struct feed {
	int length_fd, read_fd;	/* borrowed */
	const char *ring;
	unsigned n_taken;
};

/* Before anything is given up: the ring is mapped, and its descriptor closed. */
int feed_open(struct feed *feed, struct err *e);

/* The next bytes, there until the next call; 0 at the end, or -errno. */
ssize_t feed_next(struct feed *feed, const void **ret);

/* Let libarchive read ARCHIVE from FEED; as archive_read_open(3). */
int feed_attach(struct feed *feed, struct archive *archive);

#endif
