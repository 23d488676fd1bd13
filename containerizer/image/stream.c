#include "containerizer/image/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "containerizer/image/digest.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct pollfd stream_poll(const struct stream *stream)
{
	if (stream->is_done || stream->in_fd < 0)
		return (struct pollfd){ .fd = -1 };
	if (stream->begin < stream->end && stream->out_fd >= 0)
		return (struct pollfd){ .fd = stream->out_fd, .events = POLLOUT };
	return (struct pollfd){ .fd = stream->in_fd, .events = POLLIN };
}

static int fill(struct stream *stream, struct err *e)
{
	ssize_t n;

	if (!stream->buf)
		stream->buf = malloc(STREAM_BYTES);
	if (!stream->buf)
		return err_set(e, ENOMEM, "read the archive");
	n = read(stream->in_fd, stream->buf, STREAM_BYTES);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : err_set(e, errno, "read the archive");
	if (n == 0) {
		stream->is_done = true;
		fd_close(&stream->out_fd);
		return 0;
	}
	stream->bytes += (size_t)n;
	if (stream->bytes > stream->max_bytes)
		return err_set(e, EINVAL, "read the archive: longer than the %llu bytes that its "
			       "manifest says", (unsigned long long)stream->max_bytes);
	if (stream->hash)
		hash_add(stream->hash, stream->buf, (size_t)n);
	stream->begin = 0;
	stream->end = (size_t)n;
	return 0;
}

int stream_step(struct stream *stream, struct err *e)
{
	ssize_t n;

	if (stream->is_done || stream->in_fd < 0)
		return 0;
	if (stream->begin == stream->end || stream->out_fd < 0)
		return fill(stream, e);
	n = write(stream->out_fd, stream->buf + stream->begin, stream->end - stream->begin);
	if (n >= 0)
		stream->begin += (size_t)n;
	else if (errno == EPIPE)
		fd_close(&stream->out_fd);
	else if (errno != EAGAIN && errno != EINTR)
		return err_set(e, errno, "pass the archive on");
	return 0;
}

void stream_done(struct stream *stream)
{
	fd_close(&stream->out_fd);
	free(stream->buf);
	stream->buf = NULL;
}
