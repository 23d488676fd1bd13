#include "containerizer/oci/console_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

int console_socket_check(const char *path, bool has_terminal, bool has_foreground, struct err *e)
{
	if (path && !has_terminal)
		return err_set(e, EINVAL, "read flag '--console-socket': the process has no "
			       "terminal");
	if (!path && has_terminal && !has_foreground)
		return err_set(e, EINVAL, "make a terminal for a detached process without "
			       "--console-socket");
	return 0;
}

static int send_fd(int socket_fd, int fd)
{
	/* Receivers show it as the terminal's name. */
	static const char name[] = "/dev/console";
	char copy[sizeof(name)];
	struct iovec part = { .iov_base = copy, .iov_len = sizeof(copy) - 1 };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(copy, name, sizeof(copy));
	control.head = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)),
	};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int console_socket_send(const char *path, int master_fd, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(e, ENAMETOOLONG, "connect to console socket '%.160s'", path);
	(void)stpcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(e, errno, "connect to console socket '%s'", path);
	r = send_fd(fd, master_fd);
	return r < 0 ? err_set(e, -r, "send the terminal to '%s'", path) : 0;
}
