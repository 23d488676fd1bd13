#include "containerizer/image/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/image/stream.h"
#include "lib/cleanup.h"
#include "lib/program.h"

enum { MAX_ARGS = 16, ARG_SIZE = 64, FIRST_FREE_FD = 16 };

/*
 * Images have no other ids; each is itself, in a namespace in which it has power over nothing else.
 */
static const char id_map[] = "0 0 65536\n";

static const char program[] = "tepui-unpack";

struct arguments {
	char text[MAX_ARGS][ARG_SIZE];
	char *argv[MAX_ARGS + 1];
};

static void write_arguments(enum unpack_mode mode, const struct unpack_limits *limits,
			    struct arguments *a)
{
	size_t n = 0;

	(void)snprintf(a->text[n++], ARG_SIZE, "%s", program);
	(void)snprintf(a->text[n++], ARG_SIZE, "%s", unpack_mode_name(mode));
	for (size_t i = 0; i < n_unpack_limits && n < MAX_ARGS; i++) {
		const struct flag *row = &unpack_limits[i];
		const char *field = (const char *)limits + row->off;

		(void)snprintf(a->text[n++], ARG_SIZE, "--%s=%llu%s", row->name,
			       (unsigned long long)*(const uint64_t *)field,
			       row->kind == FLAG_MILLIS ? "ms" : "");
	}
	for (size_t i = 0; i < n; i++)
		a->argv[i] = a->text[i];
	a->argv[n] = NULL;
}

/* Nothing in it can be executed, and what it writes is owned by nobody that matters. */
static int clone_root(int root_fd, enum unpack_mode mode, struct err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		/*
		 * A copy is shared where its source is, as everything is with systemd, and then
		 * pivot_root(2) does not take it.
		 */
		.propagation = MS_PRIVATE,
	};
	AUTO_CLOSE int fd = open_tree(root_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE |
				      OPEN_TREE_CLOEXEC);

	if (mode == UNPACK_EXPAND || mode == UNPACK_PACK)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "give the unpack helper its directory");
	return TAKE_FD(fd);
}

static int write_map(pid_t pid, const char *file, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	char path[64];

	/* Our own child, not yet reaped: its pid cannot mean another process. */
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, id_map, strlen(id_map)) < 0)
		return err_set(e, errno, "map ids of the unpack helper by '%s'", path);
	return 0;
}

/* In the child: FDS to 0, 1, 2, ...; parked first, so that none is overwritten before its turn. */
static void place_fds(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
		if (fds[i] < 0)
			_exit(126);
	}
	for (size_t i = 0; i < n; i++) {
		if (dup2(fds[i], (int)i) < 0)
			_exit(126);
	}
}

/* Once GATE_FD is closed at its other end, the ids are mapped. */
static _Noreturn void run_child(int gate_fd, int program_fd, int *fds, size_t n,
				char *const *argv)
{
	char *none[] = { NULL };
	char byte;

	if (read(gate_fd, &byte, 1) != 1)
		_exit(126);
	/* place_fds() may overwrite it. */
	program_fd = fcntl(program_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	place_fds(fds, n);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)fexecve(program_fd, argv, none);
	_exit(126);
}

static pid_t clone_child(struct sandbox *sandbox)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			CLONE_NEWUTS | CLONE_PIDFD,
		.pidfd = (uintptr_t)&sandbox->pidfd,
		/* No signal: the caller may have an event loop that reaps by it. */
		.exit_signal = 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int let_go(struct sandbox *sandbox, int gate_fd, struct err *e)
{
	int r = write_map(sandbox->pid, "uid_map", e);

	if (r == 0)
		r = write_map(sandbox->pid, "gid_map", e);
	if (r == 0 && write(gate_fd, "", 1) < 0)
		r = err_set(e, errno, "start the unpack helper");
	if (r < 0)
		(void)sandbox_end(sandbox);
	return r;
}

int sandbox_start(struct sandbox *sandbox, enum unpack_mode mode,
		  const struct unpack_limits *limits, int root_fd, const struct stream_ends *in,
		  int out_fd, int report_fd, struct err *e)
{
	AUTO_CLOSE int program_fd = program_open(program, e), null_fd = -EBADF, tree_fd = -EBADF;
	AUTO_CLOSE int gate_in = -EBADF, gate_out = -EBADF;
	struct arguments arguments;
	int gate[2];

	if (program_fd < 0)
		return program_fd;
	tree_fd = clone_root(root_fd, mode, e);
	if (tree_fd < 0)
		return tree_fd;
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || pipe2(gate, O_CLOEXEC) < 0)
		return err_set(e, errno, "start the unpack helper");
	gate_in = gate[0];
	gate_out = gate[1];
	write_arguments(mode, limits, &arguments);

	int fds[N_UNPACK_FDS] = {
		in->length_fd, out_fd, null_fd, report_fd, in->read_fd, in->ring_fd, tree_fd,
	};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = fds[i] < 0 ? null_fd : fds[i];

	sandbox->pid = clone_child(sandbox);
	if (sandbox->pid == 0) {
		/* Or the gate would never close when the parent dies before it opens it. */
		fd_close(&gate_out);
		run_child(gate_in, program_fd, fds, ARRAY_SIZE(fds), arguments.argv);
	}
	if (sandbox->pid < 0) {
		sandbox->pid = 0;
		return err_set(e, errno, "clone the unpack helper");
	}
	return let_go(sandbox, gate_out, e);
}

int sandbox_end(struct sandbox *sandbox)
{
	int status = 0;

	if (sandbox->pid <= 0)
		return 0;
	(void)syscall(SYS_pidfd_send_signal, sandbox->pidfd, SIGKILL, NULL, 0);
	while (waitpid(sandbox->pid, &status, __WALL) < 0 && errno == EINTR)
		;
	sandbox->pid = 0;
	fd_close(&sandbox->pidfd);
	return status;
}

int sandbox_explain(int wait_status, struct err *e)
{
	if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS)
		return err_set(e, EPERM, "unpack: the helper made a system call that it has no "
			       "business to make, and was killed");
	if (WIFSIGNALED(wait_status))
		return err_set(e, ECANCELED, "unpack: the helper was killed by signal %d (%s)",
			       WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
	return err_set(e, ECANCELED, "unpack: the helper ended with status %d and no report",
		       WEXITSTATUS(wait_status));
}
