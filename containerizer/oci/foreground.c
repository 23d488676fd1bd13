#include "containerizer/oci/foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/container.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* Of our own making or of our own business. */
static const int kept[] = {
	SIGCHLD, SIGURG, SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
	SIGTRAP, SIGSYS,
};

int foreground_open(struct foreground *fg, struct err *e)
{
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		sigdelset(&set, kept[i]);
	fg->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fg->signal_fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_set(e, errno, "wait for signals");
	return 0;
}

static void pass_on(int signal_fd, int pidfd)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == sizeof(info))
		(void)syscall(SYS_pidfd_send_signal, pidfd, (int)info.ssi_signo, NULL, 0U);
}

int foreground_wait(const struct foreground *fg, struct container *c, int *ret_status,
		    struct err *e)
{
	struct pollfd fds[] = {
		{ .fd = container_pidfd(c), .events = POLLIN },
		{ .fd = fg->signal_fd, .events = POLLIN },
	};
	int status, r;

	while (!fds[0].revents) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return err_set(e, errno, "wait for the container");
		if (fds[1].revents)
			pass_on(fg->signal_fd, fds[0].fd);
	}
	r = container_reap(c, &status, e);
	if (r < 0)
		return r;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

void foreground_close(struct foreground *fg)
{
	fd_close(&fg->signal_fd);
}
