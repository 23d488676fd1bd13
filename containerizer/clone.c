#include "containerizer/clone.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolators/isolator.h"
#include "isolators/namespaces.h"
#include "lib/err.h"

/* From where this process stands: its child, or with CLONE_PARENT its sibling. */
static pid_t clone_here(const struct box *box, unsigned long parent, int *ret_pidfd, struct err *e)
{
	struct clone_args args = {
		.flags = isolators_clone_flags(box->spec) | CLONE_INTO_CGROUP | CLONE_PIDFD |
			CLONE_CLEAR_SIGHAND | parent,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = parent ? 0 : SIGCHLD,	/* else as the cloning process's own */
		.cgroup = (uint64_t)box->cgroup.core_fd,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return err_set(e, errno, "clone init of container '%s'", box->spec->id);
	return (pid_t)pid;
}

/* What the process between tells the supervisor, in memory that they share. */
struct between {
	pid_t init_pid;
	int init_pidfd;
	struct err error;
};

/*
 * A process between joins the namespaces and clones init as our child.  Its descriptors are ours,
 * so that init's is one of them; its namespaces are its own and end with it.
 */
static pid_t clone_between(const struct box *box, struct between *b, struct err *e)
{
	struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return err_set(e, errno, "clone a process to join namespaces");
	if (pid == 0) {
		pid = join_all(box, &b->error);
		if (pid == 0)
			pid = clone_here(box, CLONE_PARENT, &b->init_pidfd, &b->error);
		/* Init has that memory, too, and must not write to it. */
		if (pid == 0)
			return 0;
		b->init_pid = (pid_t)pid;
		_exit(0);
	}
	while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR)
		;
	return (pid_t)pid;
}

static pid_t clone_joined(struct box *box, struct err *e)
{
	struct between *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (b == MAP_FAILED)
		return err_set(e, errno, "share memory to join namespaces");
	b->init_pid = -1;
	pid = clone_between(box, b, e);
	if (pid > 0 && b->init_pid < 0) {
		*e = b->error;
		if (e->code == 0)
			err_set(e, ECHILD, "wait for the process that joins namespaces");
		pid = -e->code;
	} else if (pid > 0) {
		pid = b->init_pid;
		box->init_pidfd = b->init_pidfd;
	}
	(void)munmap(b, sizeof(*b));
	return pid;
}

pid_t clone_init(struct box *box, struct err *e)
{
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old) < 0)
		return err_set(e, errno, "block signals");
	pid = join_is_needed(box) ? clone_joined(box, e)
		: clone_here(box, 0, &box->init_pidfd, e);
	if (pid != 0)
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}
