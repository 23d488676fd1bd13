#include "containerizer/image/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "containerizer/image/digest.h"
#include "containerizer/unpack/unpack.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const size_t ring_bytes = (size_t)UNPACK_SEGMENT_BYTES * UNPACK_N_SEGMENTS;

/* Mapped for writing by us, and sealed so that nobody else ever can. */
static int make_ring(struct stream *stream, struct err *e)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	AUTO_CLOSE int fd = memfd_create("tepui-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *ring;

	if (fd < 0 || ftruncate(fd, (off_t)ring_bytes) < 0)
		return err_set(e, errno, "create shared memory");
	ring = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		return err_set(e, errno, "map shared memory");
	stream->ring = ring;
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return err_set(e, errno, "seal shared memory");
	return TAKE_FD(fd);
}

/* Neither pipe ever fills: there is a word in one or the other for each segment, and no more. */
static int make_pipes(struct stream *stream, struct stream_ends *ends, struct err *e)
{
	int lengths[2], reads[2];

	if (pipe2(lengths, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	ends->length_fd = lengths[0];
	stream->length_fd = lengths[1];
	if (pipe2(reads, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	stream->read_fd = reads[0];
	ends->read_fd = reads[1];
	if (fcntl(stream->read_fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, errno, "create pipe");
	return 0;
}

int stream_open(struct stream *stream, int in_fd, struct stream_ends *ret, struct err *e)
{
	struct stream_ends ends = STREAM_ENDS_INIT;
	int r = make_pipes(stream, &ends, e);

	if (r == 0)
		r = ends.ring_fd = make_ring(stream, e);
	if (r < 0) {
		stream_ends_done(&ends);
		return r;
	}
	stream->in_fd = in_fd;
	stream->n_free = UNPACK_N_SEGMENTS;
	*ret = ends;
	return 0;
}

void stream_ends_done(struct stream_ends *ends)
{
	fd_close(&ends->length_fd);
	fd_close(&ends->read_fd);
	fd_close(&ends->ring_fd);
}

struct pollfd stream_poll(const struct stream *stream)
{
	if (stream->is_done || stream->in_fd < 0)
		return (struct pollfd){ .fd = -1 };
	if (stream->n_free == 0 && stream->read_fd >= 0)
		return (struct pollfd){ .fd = stream->read_fd, .events = POLLIN };
	return (struct pollfd){ .fd = stream->in_fd, .events = POLLIN };
}

static void lose_reader(struct stream *stream)
{
	fd_close(&stream->length_fd);
	fd_close(&stream->read_fd);
}

/* Segments that were read may be filled again. */
static void take_reads(struct stream *stream)
{
	char bytes[UNPACK_N_SEGMENTS];
	ssize_t n = stream->read_fd < 0 ? -1 : read(stream->read_fd, bytes, sizeof(bytes));

	if (n == 0)
		lose_reader(stream);
	else if (n > 0 && stream->n_free + (size_t)n <= UNPACK_N_SEGMENTS)
		stream->n_free += (unsigned)n;
}

static char *segment(const struct stream *stream)
{
	return stream->ring + (size_t)stream->next * UNPACK_SEGMENT_BYTES;
}

/* How many bytes came: 0 at the end, and -EAGAIN when none are there now. */
static ssize_t fill(struct stream *stream, struct err *e)
{
	ssize_t n = read(stream->in_fd, segment(stream) + stream->pending,
			 UNPACK_SEGMENT_BYTES - stream->pending);

	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return -EAGAIN;
	return err_set(e, errno, "read the archive");
}

int stream_peek(struct stream *stream, struct err *e)
{
	ssize_t n = fill(stream, e);

	if (n == 0)
		return 0;
	if (n < 0 && n != -EAGAIN)
		return (int)n;
	stream->pending += n > 0 ? (size_t)n : 0;
	return 1;
}

static int pass_on(struct stream *stream, size_t size, struct err *e)
{
	uint32_t length = (uint32_t)size;

	stream->bytes += size;
	if (stream->bytes > stream->max_bytes)
		return err_set(e, EINVAL, "read the archive: longer than the %llu bytes that its "
			       "manifest says", (unsigned long long)stream->max_bytes);
	if (stream->hash)
		hash_add(stream->hash, segment(stream), size);
	if (stream->length_fd < 0)
		return 0;
	if (write(stream->length_fd, &length, sizeof(length)) != sizeof(length)) {
		lose_reader(stream);
		return 0;
	}
	stream->next = (stream->next + 1) % UNPACK_N_SEGMENTS;
	stream->n_free--;
	return 0;
}

int stream_step(struct stream *stream, struct err *e)
{
	bool was_full = stream->n_free == 0 && stream->read_fd >= 0;
	size_t size;
	ssize_t n;

	if (stream->is_done || stream->in_fd < 0)
		return 0;
	take_reads(stream);
	/* It was a segment that was waited for: whether there is anything to read is not known. */
	if (was_full)
		return 0;
	if (stream->pending > 0) {
		size = stream->pending;
		stream->pending = 0;
		return pass_on(stream, size, e);
	}
	n = fill(stream, e);
	if (n == 0) {
		stream->is_done = true;
		fd_close(&stream->length_fd);
		return 0;
	}
	return n > 0 ? pass_on(stream, (size_t)n, e) : n == -EAGAIN ? 0 : (int)n;
}

void stream_done(struct stream *stream)
{
	lose_reader(stream);
	if (stream->ring)
		(void)munmap(stream->ring, ring_bytes);
	stream->ring = NULL;
}
