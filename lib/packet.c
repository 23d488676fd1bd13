#include "lib/packet.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* As large as any message, and aligned for its header. */
union control {
	char data[CMSG_SPACE(PACKET_MAX_FDS * sizeof(int))];
	struct cmsghdr align;
};

static void attach(struct msghdr *msg, union control *control, const struct packet_fds *fds)
{
	struct cmsghdr *head = &control->align;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->data;
	msg->msg_controllen = CMSG_SPACE(fds->n * sizeof(int));
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(fds->n * sizeof(int));
	memcpy(CMSG_DATA(head), fds->fd, fds->n * sizeof(int));
}

int packet_send(int socket_fd, const struct iovec *parts, size_t n_parts,
		const struct packet_fds *fds, struct err *e)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = n_parts,
	};
	union control control;
	ssize_t n;

	if (fds && fds->n > 0)
		attach(&msg, &control, fds);
	do {
		n = sendmsg(socket_fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? err_set(e, errno, "send message over socket %d", socket_fd) : 0;
}

static void detach(struct msghdr *msg, struct packet_fds *ret)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(msg);

	ret->n = 0;
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
		return;
	ret->n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(ret->fd, CMSG_DATA(head), ret->n * sizeof(int));
}

ssize_t packet_recv(int socket_fd, int flags, const struct iovec *parts, size_t n_parts,
		    struct packet_fds *ret_fds, struct err *e)
{
	struct packet_fds fds = { 0 };
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = n_parts,
	};
	union control control;
	ssize_t n;

	/* Without room for them the kernel closes descriptors, and says that it did. */
	if (ret_fds) {
		msg.msg_control = control.data;
		msg.msg_controllen = sizeof(control.data);
	}
	do {
		n = recvmsg(socket_fd, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n < 0 && errno != ECONNRESET)
		return err_set(e, errno, "receive message from socket %d", socket_fd);
	if (n <= 0)
		return 0;
	if (ret_fds)
		detach(&msg, &fds);
	if (msg.msg_flags & MSG_TRUNC || (ret_fds && msg.msg_flags & MSG_CTRUNC)) {
		packet_fds_done(&fds);
		return err_set(e, EPROTO, "receive message from socket %d: too large", socket_fd);
	}
	if (ret_fds)
		*ret_fds = fds;
	return n;
}

void packet_fds_done(struct packet_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++)
		fd_close(&fds->fd[i]);
	fds->n = 0;
}
