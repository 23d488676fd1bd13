/* tepui run: one container here and now, without any daemon. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bundle.h"
#include "cli/caretaker.h"
#include "cli/cli.h"
#include "cli/programs.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/*
 * What the terminal sends goes to the whole foreground group, the runtime included; what somebody
 * sends to us is for the container.
 */
static int wait_for(pid_t pid, const sigset_t *signals, int *ret_status, struct err *e)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		if (sigwaitinfo(signals, &info) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, errno, "wait for tepui-oci");
		}
		if (info.si_signo != SIGCHLD && info.si_code != SI_KERNEL)
			(void)kill(pid, info.si_signo);
	}
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

static int run_bundle(struct cli *cli, const struct bundle *bundle, struct err *e)
{
	char *argv[] = {
		(char[]){ "tepui-oci" }, (char[]){ "run" }, (char[]){ "--bundle" },
		(char *)(uintptr_t)bundle->dir, (char *)(uintptr_t)bundle->id, NULL,
	};
	static const int passed[] = { SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t signals;
	pid_t pid;
	int r;

	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaddset(&signals, passed[i]);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return err_set(e, errno, "block signals");
	r = program_start("tepui-oci", argv, cli->options.interactive || cli->options.tty, true,
			  &pid, e);
	return r < 0 ? r : wait_for(pid, &signals, &cli->status, e);
}

static int fill_from_image(const struct cli *cli, const struct bundle *bundle, char **args, size_t n,
			   struct err *e)
{
	const char *list[PROGRAM_MAX_ARGS + 5] = { cli->options.image, bundle->id, bundle->dir };
	size_t used = 3;

	if (n > 0)
		list[used++] = "--";
	for (size_t i = 0; i < n && used < PROGRAM_MAX_ARGS + 4; i++)
		list[used++] = args[i];
	return program_image(cli, "bundle", list, e);
}

static int run_container(struct cli *cli, char **args, size_t n, struct err *e)
{
	const struct cli_options *o = &cli->options;
	const struct bundle_plan plan = {
		.rootfs = o->rootfs, .args = args, .n_args = n, .has_terminal = o->tty,
		.cpus = o->cpus, .mem = o->mem, .volumes = o->volume,
	};
	struct bundle bundle = { 0 };
	struct caretaker caretaker;
	int r = bundle_name(&bundle, e);

	/* Before there is anything to take care of. */
	if (r >= 0)
		r = caretaker_start(cli, &bundle, &caretaker, e);
	if (r < 0)
		return r;
	r = bundle_make(&plan, &bundle, e);
	if (r >= 0 && o->image)
		r = fill_from_image(cli, &bundle, args, n, e);
	if (r >= 0)
		r = run_bundle(cli, &bundle, e);
	/* A runtime that was killed has the status of one whose container was: better look. */
	caretaker_finish(cli, &bundle, &caretaker, r >= 0 && cli->status < 128);
	return r;
}

static int run(struct cli *cli, char **args, size_t n, struct err *e)
{
	const struct cli_options *o = &cli->options;
	size_t skipped = n > 0 && strcmp(args[0], "--") == 0;
	int r;

	if (!o->image == !o->rootfs)
		return err_set(e, CLI_MISUSE, "run a container: either --image or --rootfs");
	if (o->rootfs && n == skipped)
		return err_set(e, CLI_MISUSE, "run a container: no command after '--'");
	if (geteuid() != 0)
		r = err_set(e, EPERM, "run a container: only root may");
	else if (o->tty && !isatty(STDIN_FILENO))
		r = err_set(e, ENOTTY, "use a terminal (-t): standard input is none");
	else
		r = run_container(cli, args + skipped, n - skipped, e);
	if (r < 0)
		cli->status = CLI_OWN_FAILURE;
	return r;
}

const struct command run_commands[] = {
	{ "run", "", "-- COMMAND ...", 0, PROGRAM_MAX_ARGS - 8,
	  "image rootfs store interactive tty cpus mem volume",
	  "a container here and now; its exit status is passed on, 125 is ours", run },
	{ 0 },
};
