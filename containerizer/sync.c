#include "containerizer/sync.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/packet.h"

int sync_pair(int ret_fds[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return err_set(e, errno, "create sync socket");
	return 0;
}

int sync_send(int fd, const struct sync_head *head, const void *data, size_t size, struct err *e)
{
	AUTO_FREE char *big = NULL;
	char small[sizeof(*head) + sizeof(struct err)];
	char *buf = small;
	ssize_t n;

	if (size > SYNC_MAX_DATA)
		return err_set(e, E2BIG, "send message of %zu bytes to the container", size);
	if (sizeof(*head) + size > sizeof(small)) {
		big = malloc(sizeof(*head) + size);
		if (!big)
			return err_set(e, ENOMEM, "send message to the container");
		buf = big;
	}
	memcpy(buf, head, sizeof(*head));
	if (size > 0)
		memcpy(buf + sizeof(*head), data, size);
	do {
		n = write(fd, buf, sizeof(*head) + size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "send message %u over the sync socket", head->type);
	return 0;
}

int sync_send_fds(int fd, const struct sync_head *head, const void *data, size_t size,
		  const struct packet_fds *fds, struct err *e)
{
	const struct iovec parts[] = {
		{ .iov_base = (void *)(uintptr_t)head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = size },
	};

	if (size > SYNC_MAX_DATA)
		return err_set(e, E2BIG, "send message of %zu bytes to the container", size);
	return packet_send(fd, parts, ARRAY_SIZE(parts), fds, e);
}

int sync_recv_fds(int fd, int flags, struct sync_head *ret, void *data, size_t cap,
		  size_t *ret_size, struct packet_fds *ret_fds, struct err *e)
{
	const struct iovec parts[] = {
		{ .iov_base = ret, .iov_len = sizeof(*ret) },
		{ .iov_base = data, .iov_len = cap },
	};
	ssize_t n = packet_recv(fd, flags, parts, ARRAY_SIZE(parts), ret_fds, e);

	if (n <= 0)
		return (int)n;
	if ((size_t)n < sizeof(*ret)) {
		if (ret_fds)
			packet_fds_done(ret_fds);
		return err_set(e, EPROTO, "receive message of odd size from the sync socket");
	}
	*ret_size = (size_t)n - sizeof(*ret);
	return 1;
}

int sync_recv(int fd, int flags, struct sync_head *ret, void *data, size_t cap, size_t *ret_size,
	      struct err *e)
{
	return sync_recv_fds(fd, flags, ret, data, cap, ret_size, NULL, e);
}

void sync_send_err(int fd, enum sync_type type, uint32_t id, const struct err *failure)
{
	struct sync_head head = { .type = type, .id = id };
	struct err lost = { 0 };

	(void)sync_send(fd, &head, failure, sizeof(*failure), &lost);
}

void sync_get_err(const void *data, size_t size, struct err *ret)
{
	if (size != sizeof(*ret)) {
		*ret = (struct err){ .code = EPROTO, .msg = "read error of the container's init" };
		return;
	}
	memcpy(ret, data, sizeof(*ret));
	ret->msg[sizeof(ret->msg) - 1] = '\0';
	if (ret->code <= 0)
		ret->code = EPROTO;
}
