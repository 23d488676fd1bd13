#include "containerizer/unpack/feed.h"

#include <archive.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "containerizer/unpack/unpack.h"
#include "lib/err.h"

int feed_open(struct feed *feed, struct err *e)
{
	void *ring = mmap(NULL, (size_t)UNPACK_SEGMENT_BYTES * UNPACK_N_SEGMENTS, PROT_READ,
			  MAP_SHARED, UNPACK_RING_FD, 0);

	if (ring == MAP_FAILED || close(UNPACK_RING_FD) < 0)
		return err_set(e, errno, "map the archive");
	*feed = (struct feed){
		.length_fd = STDIN_FILENO, .read_fd = UNPACK_READ_FD, .ring = ring,
	};
	return 0;
}

ssize_t feed_next(struct feed *feed, const void **ret)
{
	uint32_t size;
	ssize_t n;

	/* The segment before may be filled anew: nobody looks at it any more. */
	if (feed->n_taken > 0 && write(feed->read_fd, "", 1) != 1)
		return -errno;
	do {
		n = read(feed->length_fd, &size, sizeof(size));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	if (n != sizeof(size) || size > UNPACK_SEGMENT_BYTES)
		return -EPROTO;
	*ret = feed->ring + (size_t)UNPACK_SEGMENT_BYTES * (feed->n_taken++ % UNPACK_N_SEGMENTS);
	return (ssize_t)size;
}

static la_ssize_t read_feed(struct archive *archive, void *data, const void **ret)
{
	ssize_t n = feed_next(data, ret);

	if (n < 0)
		archive_set_error(archive, (int)-n, "cannot be read");
	return n < 0 ? ARCHIVE_FATAL : n;
}

int feed_attach(struct feed *feed, struct archive *archive)
{
	return archive_read_open(archive, feed, NULL, read_feed, NULL);
}
