#include "containerizer/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/child.h"
#include "containerizer/payload.h"
#include "containerizer/sync.h"
#include "containerizer/terminal.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/packet.h"

enum { MAX_COMMANDS = 24 };

/* A program that was forked and has to be executed yet. */
struct start {
	pid_t pid;
	int pipe_fd;		/* ends when execve(2) succeeds, or carries struct err; or -EBADF */
	int terminal_fd;	/* the master for the supervisor; or -EBADF */
};

/* A command that runs beside the main process: a health check, or somebody's session. */
struct command {
	struct start start;	/* pid 0: free */
	uint32_t id;
};

struct init {
	struct box *box;
	int sync_fd, null_fd;
	int signal_fd;
	int devpts_fd;		/* or -EBADF */
	struct start main;
	struct command commands[MAX_COMMANDS];
	char data[SYNC_MAX_DATA];
};

/* In the bss: pages are only touched when a command is sent. */
static struct init the_init;

/* The death signal is cleared by each change of credentials. */
static int die_with_supervisor(struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(e, errno, "die with the supervisor");
	return 0;
}

int init_prepare(const struct child_args *args, struct err *e)
{
	int r = die_with_supervisor(e);

	if (r < 0)
		return r;
	/* As pid 1 it is that in any case. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_set(e, errno, "become the parent of orphans");
	for (int fd = 0; fd <= 2; fd++) {
		if (dup3(args->null_fd, fd, 0) < 0)
			return err_set(e, errno, "redirect descriptor %d", fd);
	}
	return setsid() < 0 ? err_set(e, errno, "create session") : 0;
}

static int send_plain(int sync_fd, enum sync_type type, uint32_t id, int value, struct err *e)
{
	struct sync_head head = { .type = type, .id = id, .value = value };

	return sync_send(sync_fd, &head, NULL, 0, e);
}

static int become(const struct payload *p, struct err *e)
{
	int r = payload_prepare(p, e);

	return r < 0 ? r : payload_exec(p, e);
}

/*
 * The supervisor opened the file, and its rights count.  Kernels before 5.15.14 ask for those of the
 * task: there the command stays where it is, and what leaves its session ends with the container.
 */
static void enter_cgroup(const struct payload *p)
{
	ssize_t n = p->has_cgroup ? write(p->cgroup_fd, "0", 1) : 0;

	(void)n;
}

/* In the child of fork_payload(). */
static _Noreturn void run_payload(const struct payload *p, int pipe_fd)
{
	struct err e = { 0 };
	int r;

	enter_cgroup(p);
	r = become(p, &e);
	/* R is only ever an error; a full pipe or a dead reader changes nothing. */
	if (r < 0 && write(pipe_fd, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

/* On a terminal of its own if P says so: then all of P's descriptors are set here. */
static int fork_payload(struct init *in, struct payload *p, const struct sync_command *how,
			struct start *ret, struct err *e)
{
	AUTO_CLOSE int read_end = -EBADF, write_end = -EBADF, terminal = -EBADF, master = -EBADF;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	read_end = fds[0];
	write_end = fds[1];
	if (p->has_terminal) {
		master = terminal_open(in->devpts_fd, how->rows, how->columns, &terminal, e);
		if (master < 0)
			return master;
		p->stdio = (struct container_stdio){ terminal, terminal, terminal };
	}
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork '%s'", p->argv[0]);
	if (pid == 0)
		run_payload(p, write_end);
	*ret = (struct start){
		.pid = pid, .pipe_fd = TAKE_FD(read_end), .terminal_fd = TAKE_FD(master),
	};
	return 0;
}

/* Waits for execve(2), then tells the supervisor, and gives it the terminal. */
static int finish_start(struct init *in, struct start *start, enum sync_type type, uint32_t id,
			struct err *e)
{
	AUTO_CLOSE int pipe_fd = TAKE_FD(start->pipe_fd), terminal = TAKE_FD(start->terminal_fd);
	struct packet_fds fds = { .fd = { terminal }, .n = terminal >= 0 };
	struct sync_head head = { .type = type, .id = id };
	struct err failure;
	ssize_t n;

	do {
		n = read(pipe_fd, &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return sync_send_fds(in->sync_fd, &head, NULL, 0, &fds, e);
	sync_get_err(&failure, n < 0 ? 0 : (size_t)n, e);
	return -e->code;
}

/* Step 8. */
static int start_main(struct init *in, const struct child_args *a, struct err *e)
{
	const struct spec *spec = a->box->spec;
	const struct sync_command how = {
		.rows = spec->terminal_rows, .columns = spec->terminal_columns,
	};
	struct payload p = {
		.box = a->box, .argv = spec->args, .env = spec->env,
		.stdio = a->launch.stdio, .has_terminal = spec->terminal,
	};

	return fork_payload(in, &p, &how, &in->main, e);
}

static struct command *find_command(struct init *in, pid_t pid)
{
	for (size_t i = 0; i < MAX_COMMANDS; i++) {
		if (in->commands[i].start.pid == pid)
			return &in->commands[i];
	}
	return NULL;
}

/* N_ARGS strings and the environment's after them, each with its NUL, as a NULL-ended vector. */
static int split_strings(char *data, size_t size, size_t n_args, char ***ret_argv, char ***ret_env,
			 struct err *e)
{
	size_t n = 0, k = 0;
	char **all;

	for (size_t i = 0; i < size; i++)
		n += data[i] == '\0';
	if (n_args == 0 || n_args > n || data[size - 1] != '\0')
		return err_set(e, EPROTO, "read command");
	all = calloc(n + 2, sizeof(*all));
	if (!all)
		return err_set(e, ENOMEM, "read command");
	for (size_t i = 0, at = 0; i < n; i++, at += strlen(data + at) + 1) {
		if (i == n_args)
			k = 1;
		all[i + k] = data + at;
	}
	*ret_argv = all;
	*ret_env = all + n_args + 1;
	return 0;
}

/* FDS: stdin, stdout and stderr, or none; then that of the cgroup, or none.  SIZE bytes of IN->data say what to run. */
static int start_command(struct init *in, uint32_t id, size_t size, const struct packet_fds *fds,
			 struct err *e)
{
	struct command *slot = find_command(in, 0);
	struct payload p = {
		.box = in->box, .stdio = { in->null_fd, in->null_fd, in->null_fd },
	};
	AUTO_FREE char **strings = NULL;
	struct sync_command how;
	size_t n_stdio;
	int r;

	if (!slot)
		return err_set(e, EAGAIN, "run more than %d commands at once", MAX_COMMANDS);
	if (size <= sizeof(how))
		return err_set(e, EPROTO, "read command");
	memcpy(&how, in->data, sizeof(how));
	n_stdio = fds->n - (how.has_cgroup != 0);
	if (n_stdio != 0 && n_stdio != 3)
		return err_set(e, EPROTO, "read command");
	r = split_strings(in->data + sizeof(how), size - sizeof(how), how.n_args, &strings, &p.env,
			  e);
	if (r < 0)
		return r;
	p.argv = strings;
	p.has_terminal = how.has_terminal;
	if (n_stdio == 3)
		p.stdio = (struct container_stdio){ fds->fd[0], fds->fd[1], fds->fd[2] };
	p.has_cgroup = how.has_cgroup;
	if (p.has_cgroup)
		p.cgroup_fd = fds->fd[n_stdio];
	slot->id = id;
	return fork_payload(in, &p, &how, &slot->start, e);
}

static void finish_command(struct init *in, struct command *command)
{
	struct err e = { 0 };

	if (command->start.pid == 0 || command->start.pipe_fd < 0)
		return;
	if (finish_start(in, &command->start, SYNC_EXEC_STARTED, command->id, &e) < 0)
		sync_send_err(in->sync_fd, SYNC_EXEC_FAILED, command->id, &e);
}

/* Before a program's own setsid() there is no such group. */
static void signal_group(pid_t pid, int signo)
{
	if (kill(-pid, signo) < 0)
		(void)kill(pid, signo);
}

static void signal_command(struct init *in, uint32_t id, int signo)
{
	for (size_t i = 0; i < MAX_COMMANDS; i++) {
		if (in->commands[i].start.pid != 0 && in->commands[i].id == id)
			signal_group(in->commands[i].start.pid, signo);
	}
}

/* Where others are in the same pid namespace, what has left the main process's group is not reached. */
static void signal_all(struct init *in, int signo)
{
	if (in->box->spec->namespaces & CLONE_NEWPID)
		(void)kill(-1, signo);
	else
		signal_group(in->main.pid, signo);
}

/* The supervisor is gone: _exit() takes a whole pid namespace along, or whoever finds the cgroup does. */
static void serve_supervisor(struct init *in)
{
	AUTO(packet_fds_done) struct packet_fds fds = { 0 };
	struct sync_head head;
	struct err e = { 0 };
	size_t size;
	int r = sync_recv_fds(in->sync_fd, MSG_DONTWAIT, &head, in->data, sizeof(in->data), &size,
			      &fds, &e);

	if (r == 0)
		_exit(0);
	if (r < 0)
		return;
	if (head.type == SYNC_SIGNAL)
		signal_all(in, head.value);
	else if (head.type == SYNC_SIGNAL_MAIN)
		(void)kill(in->main.pid, head.value);
	else if (head.type == SYNC_EXEC_SIGNAL)
		signal_command(in, head.id, head.value);
	else if (head.type == SYNC_EXEC && start_command(in, head.id, size, &fds, &e) < 0)
		sync_send_err(in->sync_fd, SYNC_EXEC_FAILED, head.id, &e);
}

static void reap(struct init *in)
{
	struct err lost = { 0 };
	bool is_over = false;
	int status, main_status = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct command *command = find_command(in, pid);

		if (pid == in->main.pid) {
			is_over = true;
			main_status = status;
		} else if (command) {
			finish_command(in, command);
			(void)send_plain(in->sync_fd, SYNC_EXEC_DONE, command->id, status, &lost);
			err_clear(&lost);
			command->start.pid = 0;
		}
	}
	if (!is_over)
		return;
	(void)send_plain(in->sync_fd, SYNC_EXITED, 0, main_status, &lost);
	_exit(0);
}

static void serve_signals(struct init *in)
{
	struct signalfd_siginfo info;

	while (read(in->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		/* From outside the namespace only: inside, nobody speaks for the supervisor. */
		if (info.ssi_signo != SIGCHLD && info.ssi_pid == 0)
			signal_all(in, (int)info.ssi_signo);
	}
	reap(in);
}

static _Noreturn void serve(struct init *in)
{
	struct pollfd fds[2 + MAX_COMMANDS] = {
		{ .fd = in->sync_fd, .events = POLLIN },
		{ .fd = in->signal_fd, .events = POLLIN },
	};
	struct pollfd *starts = fds + 2;

	for (;;) {
		nfds_t n = 2;

		/*
		 * A free slot's descriptor is negative, which poll(2) skips; those behind the last
		 * one in use are left out, because a list longer than the task's own limit of
		 * descriptors is refused.
		 */
		for (size_t i = 0; i < MAX_COMMANDS; i++) {
			starts[i] = (struct pollfd){ .fd = in->commands[i].start.pipe_fd,
						     .events = POLLIN };
			if (starts[i].fd >= 0)
				n = 2 + i + 1;
		}
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			_exit(1);
		for (size_t i = 0; i < MAX_COMMANDS; i++) {
			if (starts[i].revents)
				finish_command(in, &in->commands[i]);
		}
		if (fds[1].revents)
			serve_signals(in);
		if (fds[0].revents)
			serve_supervisor(in);
	}
}

static int open_signals(struct init *in, struct err *e)
{
	static const int forwarded[] = {
		SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
	};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	in->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (in->signal_fd < 0)
		return err_set(e, errno, "open signals");
	return 0;
}

/* The main process alone holds what is its stdin, stdout and stderr. */
static void close_stdio(const struct child_args *args)
{
	const struct container_stdio *stdio = &args->launch.stdio;
	const int fds[] = { stdio->in_fd, stdio->out_fd, stdio->err_fd };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] != args->null_fd)
			(void)close(fds[i]);
	}
}

/* A container without one has no terminals, which whoever asks for one is told. */
static int open_devpts(struct init *in, struct err *e)
{
	in->devpts_fd = terminal_open_devpts(e);
	if (in->devpts_fd < 0 && !in->box->spec->terminal)
		err_clear(e);
	return e->code ? -e->code : 0;
}

void init_run(const struct child_args *args)
{
	struct init *in = &the_init;
	struct err e = { 0 };

	in->box = args->box;
	in->sync_fd = args->sync_fd;
	in->null_fd = args->null_fd;
	for (size_t i = 0; i < MAX_COMMANDS; i++)
		in->commands[i].start.pipe_fd = in->commands[i].start.terminal_fd = -EBADF;
	if (open_signals(in, &e) < 0 || open_devpts(in, &e) < 0 ||
	    child_seal(args->box, &e) < 0 || die_with_supervisor(&e) < 0 ||
	    start_main(in, args, &e) < 0 ||
	    /* Step 9. */
	    finish_start(in, &in->main, SYNC_STARTED, 0, &e) < 0)
		child_fail(args, &e);
	close_stdio(args);
	serve(in);
}
