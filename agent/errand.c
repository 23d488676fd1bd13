#include "agent/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/process.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

enum { REPORT_FD = 3, NICE = 10, LOWEST_IO = IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | 7 };

struct report {
	int r;
	struct err e;
	unsigned char result[ERRAND_RESULT];
};

struct errand {
	const struct errand_kind *kind;
	void *arg;
	int pidfd, report_fd;
	struct loop_watch *watch;
};

/* In the child of clone3(): a copy of the agent, single-threaded, so libc may be used. */
static void run(const struct errand_kind *kind, const void *arg, pid_t parent, int report_fd)
{
	struct report report = { 0 };
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	(void)prctl(PR_SET_NAME, "tepui-errand");
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (report_fd != REPORT_FD && dup2(report_fd, REPORT_FD) < 0)
		_exit(1);
	/* The log, on standard error, stays. */
	(void)syscall(SYS_close_range, (unsigned)REPORT_FD + 1, ~0U, 0U);
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, LOWEST_IO);
	report.r = kind->run(arg, report.result, &report.e);
	_exit(write(REPORT_FD, &report, sizeof(report)) != (ssize_t)sizeof(report));
}

static void end(struct errand *errand)
{
	process_reap(errand->pidfd);
	loop_watch_free(errand->watch);
	fd_close(&errand->pidfd);
	fd_close(&errand->report_fd);
	free(errand);
}

static void on_end(int fd, void *arg)
{
	struct errand *errand = arg;
	const struct errand_kind *kind = errand->kind;
	void *kind_arg = errand->arg;
	struct report report;

	(void)fd;
	/* It is smaller than a pipe's buffer and written at once. */
	if (read(errand->report_fd, &report, sizeof(report)) != (ssize_t)sizeof(report)) {
		report = (struct report){ .r = -ECHILD };
		(void)err_set(&report.e, ECHILD, "wait for the process that does it");
	}
	end(errand);
	kind->done(kind_arg, report.r, report.result, &report.e);
}

int errand_start(struct loop *loop, const struct errand_kind *kind, void *arg, struct errand **ret,
		 struct err *e)
{
	struct errand *errand = calloc(1, sizeof(*errand));
	AUTO_CLOSE int write_end = -EBADF;
	pid_t self = getpid();
	int fds[2], pidfd = -EBADF, r;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (!errand)
		return err_set(e, ENOMEM, "start a process");
	errand->kind = kind;
	errand->arg = arg;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(errand);
		return err_set(e, errno, "create pipe");
	}
	errand->report_fd = fds[0];
	write_end = fds[1];
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		run(kind, arg, self, write_end);
	if (pid < 0) {
		r = err_set(e, errno, "start a process");
		fd_close(&errand->report_fd);
		free(errand);
		return r;
	}
	errand->pidfd = pidfd;
	r = loop_watch_fd(loop, pidfd, on_end, errand, &errand->watch, e);
	if (r < 0) {
		errand_free(errand);
		return r;
	}
	*ret = errand;
	return 0;
}

void errand_free(struct errand *errand)
{
	struct err none = { 0 };

	if (!errand)
		return;
	(void)process_kill(errand->pidfd, &none);
	end(errand);
}
