/* One message on a SOCK_SEQPACKET socket, with descriptors beside it. */
#ifndef LIB_PACKET_H
#define LIB_PACKET_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct err;

enum { PACKET_MAX_FDS = 4 };

struct packet_fds {
	int fd[PACKET_MAX_FDS];
	size_t n;
};

/* Send the parts as one message, and copies of FDS (borrowed, may be NULL) along.  -EPIPE. */
int packet_send(int socket_fd, const struct iovec *parts, size_t n_parts,
		const struct packet_fds *fds, struct err *e);

/*
 * Receive one message into the parts.  FLAGS: MSG_DONTWAIT or 0.  Returns its size, 0 at the end,
 * -EAGAIN when nothing is there (E untouched), -EPROTO when there is no room for all of it.
 * *ret_fds are close-on-exec and owned; NULL: what was sent along is closed.
 */
ssize_t packet_recv(int socket_fd, int flags, const struct iovec *parts, size_t n_parts,
		    struct packet_fds *ret_fds, struct err *e);

void packet_fds_done(struct packet_fds *fds);

#endif
