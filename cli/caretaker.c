#include "cli/caretaker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bundle.h"
#include "cli/cli.h"
#include "cli/programs.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void tell(const struct err *e)
{
	fprintf(stderr, "tepui: %s\n", e->msg);
}

/* Whether it is there or not; a runtime that still was about to make it died with tepui run. */
static void end_container(const struct bundle *bundle)
{
	char *argv[] = {
		(char[]){ "tepui-oci" }, (char[]){ "delete" }, (char[]){ "--force" },
		(char *)(uintptr_t)bundle->id, NULL,
	};
	struct err e = { 0 };
	pid_t pid;

	if (program_start("tepui-oci", argv, false, false, &pid, &e) < 0 ||
	    program_finish("tepui-oci", pid, &e) < 0)
		tell(&e);
}

/* In a session of its own, for a signal to our process group is not for it. */
static _Noreturn void take_care(const struct cli *cli, const struct bundle *bundle, int fd)
{
	struct err e = { 0 };
	bool has_ended;
	char word;

	(void)setsid();
	/* Neither is one to all that look like us. */
	for (int signo = 1; signo < SIGRTMIN; signo++)
		(void)signal(signo, signo == SIGCHLD ? SIG_DFL : SIG_IGN);
	if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout))
		_exit(CLI_OWN_FAILURE);
	has_ended = read(fd, &word, 1) == 1;
	if (!has_ended)
		end_container(bundle);
	if (cli->options.image &&
	    program_image(cli, "release", (const char *[]){ bundle->id, NULL }, &e) < 0)
		tell(&e);
	bundle_remove(bundle);
	_exit(0);
}

int caretaker_start(const struct cli *cli, const struct bundle *bundle, struct caretaker *ret,
		    struct err *e)
{
	int fds[2];
	pid_t pid;

	/* Its end goes on to the runtime, and so tells of the end of both. */
	if (pipe2(fds, 0) < 0)
		return err_set(e, errno, "create pipe");
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)close(fds[1]);
		take_care(cli, bundle, fds[0]);
	}
	(void)close(fds[0]);
	if (pid < 0) {
		(void)close(fds[1]);
		return err_set(e, errno, "start a process");
	}
	*ret = (struct caretaker){ pid, fds[1] };
	return 0;
}

/* One that was killed has a successor. */
void caretaker_finish(const struct cli *cli, const struct bundle *bundle,
		      struct caretaker *caretaker, bool has_ended)
{
	struct err e = { 0 };
	int status;

	(void)signal(SIGPIPE, SIG_IGN);
	do {
		status = 0;
		if (has_ended)
			(void)!write(caretaker->fd, "x", 1);
		fd_close(&caretaker->fd);
		while (waitpid(caretaker->pid, &status, 0) < 0 && errno == EINTR)
			;
	} while (WIFSIGNALED(status) && caretaker_start(cli, bundle, caretaker, &e) == 0);
	if (e.code)
		tell(&e);
}
