#include "containerizer/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

enum { EXIT_NOT_EXECUTED = 127 };

/* The state as a file without a name, read from its start; owned. */
static int make_state(const struct hook_state *state, struct err *e)
{
	json_auto_t *object = json_copy((json_t *)(uintptr_t)state->object);
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int fd = -EBADF;

	if (object && json_object_set_new(object, "status", json_string(state->status)) == 0 &&
	    json_object_set_new(object, "pid", json_integer(state->pid)) == 0)
		text = json_dumps(object, JSON_COMPACT);
	if (!text)
		return err_set(e, ENOMEM, "make the state for hooks");
	fd = memfd_create("state", MFD_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "make the state for hooks");
	return TAKE_FD(fd);
}

/* In the hook's process: what it prints goes to our stderr, and it has nothing else of ours. */
static _Noreturn void execute(const struct spec_hook *hook, int state_fd)
{
	static char *const no_env[] = { NULL };
	char *const args[] = { hook->path, NULL };
	sigset_t none;

	sigemptyset(&none);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)umask(022);
	if (dup2(state_fd, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    close_range(3, ~0U, 0) < 0 || setsid() < 0 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(EXIT_NOT_EXECUTED);
	(void)execve(hook->path, hook->args ? hook->args : args, hook->env ? hook->env : no_env);
	_exit(EXIT_NOT_EXECUTED);
}

/* 1 when it has ended, 0 when its time is over. */
static int await(int pidfd, uint64_t timeout_seconds)
{
	int64_t deadline = clock_boot_ms() + (int64_t)timeout_seconds * 1000;
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	int64_t left = -1;
	int n;

	do {
		if (timeout_seconds > 0) {
			left = deadline - clock_boot_ms();
			left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
		}
		n = poll(&poll_fd, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int judge(const struct spec_hook *hook, int status, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set_code(e, ECANCELED, true, "run hook '%.160s': it was killed by signal %d",
			       hook->path, WTERMSIG(status));
	if (WEXITSTATUS(status) == EXIT_NOT_EXECUTED)
		return err_set_code(e, ECANCELED, true, "run hook '%.160s': it could not be executed",
			       hook->path);
	if (WEXITSTATUS(status) != 0)
		return err_set_code(e, ECANCELED, true, "run hook '%.160s': it exited with status %d",
			       hook->path, WEXITSTATUS(status));
	return 0;
}

static int run_one(const struct spec_hook *hook, int state_fd, struct err *e)
{
	AUTO_CLOSE int pidfd = -EBADF;
	bool is_late = false;
	int status = 0;
	pid_t pid;

	/* The one before has read it, with the same offset. */
	if (lseek(state_fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "rewind the state for hooks");
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "run hook '%.160s'", hook->path);
	if (pid == 0)
		execute(hook, state_fd);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
	if (pidfd < 0 || await(pidfd, hook->timeout_seconds) <= 0) {
		is_late = true;
		/* Its own session, if it has got so far. */
		if (kill(-pid, SIGKILL) < 0)
			(void)kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (is_late)
		return err_set_code(e, ECANCELED, true, "run hook '%.160s': it took longer than %llu s",
			       hook->path, (unsigned long long)hook->timeout_seconds);
	return judge(hook, status, e);
}

int hooks_run(const struct spec *spec, enum spec_hook_kind kind, const struct hook_state *state,
	      struct err *e)
{
	AUTO_CLOSE int state_fd = -EBADF;

	if (spec->n_hooks[kind] == 0)
		return 0;
	state_fd = make_state(state, e);
	if (state_fd < 0)
		return state_fd;
	for (size_t i = 0; i < spec->n_hooks[kind]; i++) {
		if (run_one(&spec->hooks[kind][i], state_fd, e) < 0)
			return err_wrap(e, "hooks.%s[%zu]", spec_hook_names[kind], i);
	}
	return 0;
}

void hooks_run_all(const struct spec *spec, enum spec_hook_kind kind,
		   const struct hook_state *state, void (*report)(const struct err *what))
{
	AUTO_CLOSE int state_fd = -EBADF;
	struct err e = { 0 };

	if (spec->n_hooks[kind] == 0)
		return;
	state_fd = make_state(state, &e);
	for (size_t i = 0; i < spec->n_hooks[kind] && state_fd >= 0; i++) {
		if (run_one(&spec->hooks[kind][i], state_fd, &e) < 0) {
			(void)err_wrap(&e, "hooks.%s[%zu]", spec_hook_names[kind], i);
			report(&e);
			err_clear(&e);
		}
	}
	if (state_fd < 0)
		report(&e);
}
