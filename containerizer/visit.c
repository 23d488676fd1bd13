#include "containerizer/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/child.h"
#include "containerizer/console.h"
#include "containerizer/direct.h"
#include "containerizer/payload.h"
#include "containerizer/sync.h"
#include "isolators/attributes.h"
#include "isolators/cgroup.h"
#include "isolators/isolator.h"
#include "isolators/namespaces.h"
#include "isolators/spec.h"
#include "isolators/user.h"
#include "lib/cleanup.h"
#include "lib/packet.h"

static _Noreturn void fail(int sync_fd, const struct err *e)
{
	sync_send_err(sync_fd, SYNC_FAILED, 0, e);
	_exit(1);
}

/* Every namespace that the container does not share with the host. */
static int join_namespaces(const struct visit *v, struct err *e)
{
	unsigned long flags = v->spec->namespaces;

	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++) {
		if (v->spec->namespace_paths[i])
			flags |= namespace_kinds[i].flag;
	}
	if (setns(v->pidfd, (int)flags) < 0)
		return err_set(e, errno, "join the namespaces of container '%s'", v->spec->id);
	return spec_has_user_namespace(v->spec) ? user_become_root(e) : 0;
}

static int set_oom_score(const struct spec *spec, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	char value[16];
	int n = snprintf(value, sizeof(value), "%d", spec->oom_score_adj);

	if (!spec->has_oom_score_adj)
		return 0;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	/* Where it may not be lowered it stays, as for the container itself. */
	if (fd < 0 || (write(fd, value, (size_t)n) < 0 && errno != EACCES && errno != EPERM))
		return err_set(e, errno, "write '%s' to '/proc/self/oom_score_adj'", value);
	return 0;
}

/* With the host's rights and its /proc; the sibling inherits all of it. */
static int take_attributes(const struct spec *spec, struct err *e)
{
	AUTO_CLOSE int proc_fd = -EBADF;
	int r = scheduler_ends_with_fork(spec) ? 0 : scheduler_set(spec, 0, e);

	if (r < 0 || !spec->apparmor_profile)
		return r;
	proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return proc_fd < 0 ? err_set(e, errno, "open '/proc'") : apparmor_enter(spec, proc_fd, e);
}

/* In the order of rule R8: what is of the host first. */
static int leave_host(struct visit *v, int sync_fd, int *ret_master_fd, struct err *e)
{
	int r;

	if ((r = child_protect(e)) < 0 || (r = set_oom_score(v->spec, e)) < 0 ||
	    (r = take_attributes(v->spec, e)) < 0 ||
	    (r = affinity_set(v->spec->exec_cpus_initial, e)) < 0 ||
	    (r = cgroup_enter(v->cgroup, v->group, e)) < 0 ||
	    (r = affinity_set(v->spec->exec_cpus_final, e)) < 0 ||
	    (r = join_namespaces(v, e)) < 0 ||
	    (r = namespaces_leave_keyring(v->spec, e)) < 0)
		return r;
	if (v->spec->terminal) {
		int fd;

		*ret_master_fd = console_open_another(v->spec, &fd, e);
		if (*ret_master_fd < 0)
			return *ret_master_fd;
		v->stdio = (struct container_stdio){ fd, fd, fd };
	}
	int keep[] = {
		sync_fd, *ret_master_fd, v->seccomp_fd, v->stdio.in_fd, v->stdio.out_fd,
		v->stdio.err_fd,
	};

	return child_close_others(3 + v->n_preserved, keep, ARRAY_SIZE(keep), e);
}

/* The one that stays.  The end of the sync socket is its execve. */
static _Noreturn void become(const struct visit *v, int sync_fd, int master_fd)
{
	struct box box;
	struct payload p = {
		.box = &box, .argv = v->spec->args, .env = v->spec->env, .stdio = v->stdio,
		.has_terminal = v->spec->terminal,
	};
	struct err e = { 0 };

	fd_close(&master_fd);
	box_init(&box, v->spec, v->seccomp_fd);
	if (!v->spec->terminal)
		direct_give_stdio(v->spec);
	if ((!scheduler_ends_with_fork(v->spec) || scheduler_set(v->spec, 0, &e) == 0) &&
	    child_protect(&e) == 0 && direct_keep_preserved(v->n_preserved, &e) == 0 &&
	    child_seal(&box, &e) == 0 && payload_prepare(&p, &e) == 0)
		(void)payload_exec(&p, &e);
	fail(sync_fd, &e);
}

/* As a sibling: our parent is to be told how it ends. */
static _Noreturn void be_between(struct visit *v, int sync_fd)
{
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_CLEAR_SIGHAND };
	struct sync_head head = { .type = SYNC_READY };
	struct packet_fds fds = { 0 };
	int master_fd = -EBADF;
	struct err e = { 0 };
	long pid;

	if (leave_host(v, sync_fd, &master_fd, &e) < 0)
		fail(sync_fd, &e);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		become(v, sync_fd, master_fd);
	if (pid < 0) {
		err_set(&e, errno, "clone a process of container '%s'", v->spec->id);
		fail(sync_fd, &e);
	}
	head.value = (int)pid;
	if (master_fd >= 0)
		fds.fd[fds.n++] = master_fd;
	if (sync_send_fds(sync_fd, &head, NULL, 0, &fds, &e) < 0)
		fail(sync_fd, &e);
	_exit(0);
}

/* Returns the process between, with every signal blocked. */
static pid_t clone_between(const struct visit *visit, int sync_fd, struct err *e)
{
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	struct visit copy = *visit;
	sigset_t all, old;
	long pid;

	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old) < 0)
		return err_set(e, errno, "block signals");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		be_between(&copy, sync_fd);
	if (pid < 0)
		err_set(e, errno, "clone a process to join container '%s'", visit->spec->id);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return pid < 0 ? -e->code : (pid_t)pid;
}

/* Until the end of the socket, which is that of both other copies. */
static int follow(int sync_fd, struct visitor *visitor, struct err *e)
{
	for (;;) {
		struct packet_fds fds = { 0 };
		char data[sizeof(struct err)];
		struct sync_head head;
		size_t size;
		int r = sync_recv_fds(sync_fd, 0, &head, data, sizeof(data), &size, &fds, e);

		if (r <= 0)
			return r;
		if (head.type == SYNC_FAILED) {
			packet_fds_done(&fds);
			sync_get_err(data, size, e);
			return -e->code;
		}
		visitor->pid = head.value;
		if (fds.n == 1)
			visitor->terminal_fd = TAKE_FD(fds.fd[0]);
		packet_fds_done(&fds);
	}
}

static int await(pid_t between, int sync_fd, struct visitor *visitor, struct err *e)
{
	int r = follow(sync_fd, visitor, e);

	while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && visitor->pid <= 0)
		r = err_set(e, ECHILD, "join the container: the process between was killed");
	if (r == 0) {
		/* Our child, not yet reaped: nobody else has its number. */
		visitor->pidfd = (int)syscall(SYS_pidfd_open, visitor->pid, 0U);
		r = visitor->pidfd < 0 ? err_set(e, errno, "open process %d", visitor->pid) : 0;
	}
	if (r < 0 && visitor->pid > 0) {
		(void)kill(visitor->pid, SIGKILL);
		(void)waitpid(visitor->pid, NULL, 0);
	}
	return r;
}

int visit_start(const struct visit *visit, struct visitor *ret, struct err *e)
{
	struct visitor visitor = { .pid = -1, .pidfd = -EBADF, .terminal_fd = -EBADF };
	AUTO_CLOSE int sync_fd = -EBADF, far = -EBADF;
	int fds[2], r = sync_pair(fds, e);
	pid_t between;

	if (r < 0)
		return r;
	sync_fd = fds[0];
	far = fds[1];
	between = clone_between(visit, far, e);
	if (between < 0)
		return between;
	fd_close(&far);
	r = await(between, sync_fd, &visitor, e);
	if (r < 0) {
		fd_close(&visitor.terminal_fd);
		return r;
	}
	*ret = visitor;
	return 0;
}
