#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "containerizer/container.h"
#include "containerizer/handover.h"
#include "executor/environment.h"
#include "executor/executor.h"
#include "executor/exit_record.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

DEFINE_AUTO(struct loop *, loop_free);
DEFINE_AUTO(struct executor *, executor_free);

/*
 * Whatever the agent's parents ignored or blocked would otherwise be inherited by every task, and
 * an execve does not undo it.
 */
static void reset_signals(void)
{
	/* The kernel's struct, all zero: sigaction(3) would refuse 32 and 33, which libc keeps. */
	static const unsigned long deflt[8];
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)syscall(SYS_rt_sigaction, signo, deflt, NULL, NSIG / 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Or jansson opens /dev/urandom: these bytes are from the kernel too. */
static void seed_json(void)
{
	size_t seed;

	memcpy(&seed, (const void *)getauxval(AT_RANDOM), sizeof(seed));
	json_object_seed(seed);
}

/* Only what handover.h names stays open, and none of it goes to a task by accident. */
static int take_descriptors(int *ret_seccomp_fd, struct err *e)
{
	bool has_seccomp = fcntl(HANDOVER_SECCOMP_FD, F_GETFD) >= 0;

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			return err_set(e, errno, "find descriptor %d", fd);
	}
	if (close_range(HANDOVER_SECCOMP_FD + 1, ~0U, 0) < 0)
		return err_set(e, errno, "close descriptors");
	*ret_seccomp_fd = -EBADF;
	if (!has_seccomp)
		return 0;
	if (fcntl(HANDOVER_SECCOMP_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(e, errno, "keep descriptor %d", HANDOVER_SECCOMP_FD);
	*ret_seccomp_fd = HANDOVER_SECCOMP_FD;
	return 0;
}

static void on_terminate(void *arg)
{
	executor_shutdown(arg);
}

static int serve(const char *runtime_dir, const struct environment *env, struct err *e)
{
	AUTO(loop_freep) struct loop *loop = NULL;
	AUTO(executor_freep) struct executor *x = NULL;
	struct loop_watch *terminate = NULL;
	int seccomp_fd, r;

	r = take_descriptors(&seccomp_fd, e);
	if (r < 0)
		return r;
	r = loop_new(&loop, e);
	if (r < 0)
		return r;
	r = executor_new(loop, env, runtime_dir, seccomp_fd, &x, e);
	if (r < 0)
		return r;
	r = loop_watch_signal(loop, SIGTERM, on_terminate, x, &terminate, e);
	if (r < 0)
		return r;
	r = loop_run(loop, e);
	loop_watch_free(terminate);
	return r;
}

int main(int argc, char **argv)
{
	struct environment env;
	struct err e = { 0 };
	int r;

	container_hide_arguments(argc, argv);
	log_init("tepui-executor", LOG_LEVEL_INFO);
	reset_signals();
	seed_json();
	/* One small heap that gives back what a launch document took. */
	(void)mallopt(M_TRIM_THRESHOLD, 16 << 10);
	(void)mallopt(M_TOP_PAD, 4 << 10);
	(void)mallopt(M_MMAP_THRESHOLD, 32 << 10);
	(void)prctl(PR_SET_NAME, "tepui-executor");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		log_warning("become subreaper: errno %d", errno);
	if (argc != 2 || argv[1][0] != '/') {
		log_error("usage: tepui-executor RUNTIME-DIRECTORY (started by tepui-agent)");
		return EXIT_FAILURE;
	}
	r = environment_read(&env, &e);
	if (r == 0) {
		r = serve(argv[1], &env, &e);
		environment_done(&env);
	}
	if (r < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "supervise a container");
		exit_record_give_up(argv[1], &e);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
