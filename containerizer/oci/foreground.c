#include "containerizer/oci/foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/oci/self.h"
#include "isolators/spec.h"
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

static void pass_on(const struct foreground *fg, int pidfd)
{
	struct signalfd_siginfo info;

	while (read(fg->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH && fg->proxy.master_fd >= 0)
			proxy_resize(&fg->proxy);
		else
			(void)syscall(SYS_pidfd_send_signal, pidfd, (int)info.ssi_signo, NULL, 0U);
	}
}

static int serve(struct foreground *fg, int pidfd, struct err *e)
{
	struct pollfd fds[2 + PROXY_N_POLL] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = fg->signal_fd, .events = POLLIN },
	};

	while (!fds[0].revents) {
		proxy_before_poll(&fg->proxy, fds + 2);
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, errno, "wait for the process");
		}
		if (fds[1].revents)
			pass_on(fg, pidfd);
		proxy_after_poll(&fg->proxy, fds + 2);
	}
	return 0;
}

int foreground_wait(struct foreground *fg, int pidfd, const struct spec *spec, int master_fd_take,
		    int *ret_status, struct err *e)
{
	siginfo_t info = { 0 };
	int r;

	self_release();
	proxy_open(&fg->proxy, master_fd_take, spec->terminal_rows > 0);
	r = serve(fg, pidfd, e);
	proxy_close(&fg->proxy);
	if (r < 0)
		return r;
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		return err_set(e, errno, "wait for the process");
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

void foreground_close(struct foreground *fg)
{
	proxy_close(&fg->proxy);
	fd_close(&fg->signal_fd);
}
