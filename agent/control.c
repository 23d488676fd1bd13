#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/agent.h"
#include "agent/runtime_dir.h"
#include "agent/container.h"
#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/packet.h"
#include "lib/pb_json.h"

enum { MAX_EVENT = 4096 };

int control_open(const struct container *c, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	AUTO_CLOSE int dir = runtime_dir_open(c->agent->work_fd, c->id);

	if (fd < 0)
		return err_set(e, errno, "create socket");
	/* By way of /proc, as it was bound: the path may be longer than an address. */
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir,
		       HANDOVER_CONTROL);
	if (dir < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(e, errno == ECONNREFUSED ? ENOENT : errno,
			       "reach container '%s'", c->id);
	return TAKE_FD(fd);
}

int control_send(int fd, const Tepui__ControlCall *call, const struct packet_fds *fds,
		 struct err *e)
{
	AUTO_FREE void *data = NULL;
	struct iovec part;
	int r = pb_pack(&call->base, &data, &part.iov_len, e);

	if (r < 0)
		return r;
	part.iov_base = data;
	r = packet_send(fd, &part, 1, fds, e);
	return r < 0 ? err_wrap(e, "ask the supervisor") : 0;
}

int control_recv(int fd, Tepui__ControlEvent **ret, struct packet_fds *ret_fds, struct err *e)
{
	char data[MAX_EVENT];
	struct iovec part = { .iov_base = data, .iov_len = sizeof(data) };
	ProtobufCMessage *message;
	ssize_t n = packet_recv(fd, MSG_DONTWAIT, &part, 1, ret_fds, e);
	int r;

	if (n == 0)
		return err_set(e, EPIPE, "read the supervisor's answer: it closed the connection");
	if (n < 0)
		return n == -EAGAIN && e->code == 0 ? 0 : (int)n;
	r = pb_unpack(&tepui__control_event__descriptor, data, (size_t)n, &message, e);
	if (r < 0) {
		packet_fds_done(ret_fds);
		return r;
	}
	*ret = (Tepui__ControlEvent *)message;
	return 1;
}

int control_error(const Tepui__ControlEvent *event, struct err *e)
{
	int code = event->error_code > 0 ? event->error_code : EPROTO;

	return err_set(e, code, "%s", event->error ? event->error : "the supervisor refused");
}
