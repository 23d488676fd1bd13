#include "cli/programs.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/program.h"

/* In the child. */
static _Noreturn void become(int program_fd, char **argv, bool passes_input)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (!passes_input && !freopen("/dev/null", "r", stdin))
		_exit(CLI_OWN_FAILURE);
	(void)fexecve(program_fd, argv, environ);
	_exit(CLI_OWN_FAILURE);
}

int program_start(const char *name, char **argv, bool passes_input, bool dies_with_us, pid_t *ret,
		  struct err *e)
{
	AUTO_CLOSE int fd = program_open(name, e);
	pid_t self = getpid();

	if (fd < 0)
		return fd;
	(void)fflush(stdout);
	*ret = fork();
	if (*ret < 0)
		return err_set(e, errno, "run %s", name);
	if (*ret > 0)
		return 0;
	if (dies_with_us && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != self))
		_exit(CLI_OWN_FAILURE);
	become(fd, argv, passes_input);
}

int program_finish(const char *name, pid_t pid, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set(e, errno, "wait for %s", name);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ?
		       0 : err_set(e, EINVAL, "%s failed", name);
}

int program_image(const struct cli *cli, const char *verb, const char *const *args, struct err *e)
{
	AUTO_FREE char *store = NULL;
	char *argv[PROGRAM_MAX_ARGS + 8] = { (char[]){ "tepui-image" } };
	size_t n = 1;
	pid_t pid;
	int r;

	if (cli->options.store && asprintf(&store, "--store=%s", cli->options.store) < 0) {
		store = NULL;
		return err_set(e, ENOMEM, "run tepui-image");
	}
	if (store)
		argv[n++] = store;
	argv[n++] = (char *)(uintptr_t)verb;
	for (; *args && n < PROGRAM_MAX_ARGS; args++)
		argv[n++] = (char *)(uintptr_t)*args;
	r = program_start("tepui-image", argv, false, false, &pid, e);
	return r < 0 ? r : program_finish("tepui-image", pid, e);
}
