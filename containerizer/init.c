#include "containerizer/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_COMMANDS = 8 };

/* A command that runs beside the main process: a health check. */
struct command {
	pid_t pid;		/* 0: free */
	uint32_t id;
};

struct init {
	struct box *box;
	int sync_fd, null_fd;
	int signal_fd;
	pid_t main_pid;
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

/* Step 8: fork the main process and wait for the end of its copy of a pipe, which execve closes. */
static int start_main(struct init *in, const struct child_args *a, struct err *e)
{
	struct payload p = {
		.box = a->box, .argv = a->box->spec->args, .env = a->box->spec->env,
		.stdio = a->launch.stdio,
	};
	AUTO_CLOSE int read_end = -EBADF, write_end = -EBADF;
	struct err failure;
	int fds[2];
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	read_end = fds[0];
	write_end = fds[1];
	in->main_pid = fork();
	if (in->main_pid < 0)
		return err_set(e, errno, "fork main process");
	if (in->main_pid == 0) {
		int r = become(&p, e);

		/* R is only ever an error; a full pipe or a dead reader changes nothing. */
		if (r < 0 && write(write_end, e, sizeof(*e)) < 0)
			_exit(126);
		_exit(127);
	}
	fd_close(&write_end);
	do {
		n = read(read_end, &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	sync_get_err(&failure, n < 0 ? 0 : (size_t)n, e);
	return -e->code;
}

static struct command *find_command(struct init *in, pid_t pid)
{
	for (size_t i = 0; i < MAX_COMMANDS; i++) {
		if (in->commands[i].pid == pid)
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

static int start_command(struct init *in, uint32_t id, int n_args, size_t size, struct err *e)
{
	struct command *slot = find_command(in, 0);
	struct payload p = {
		.box = in->box, .stdio = { in->null_fd, in->null_fd, in->null_fd },
	};
	AUTO_FREE char **strings = NULL;
	int r;

	if (!slot)
		return err_set(e, EAGAIN, "run more than %d commands at once", MAX_COMMANDS);
	r = size == 0 || n_args < 0 ? err_set(e, EPROTO, "read command")
		: split_strings(in->data, size, (size_t)n_args, &strings, &p.env, e);
	if (r < 0)
		return r;
	p.argv = strings;
	slot->pid = fork();
	slot->id = id;
	if (slot->pid < 0) {
		slot->pid = 0;
		return err_set(e, errno, "fork command");
	}
	if (slot->pid == 0) {
		if (become(&p, e) < 0)
			sync_send_err(in->sync_fd, SYNC_EXEC_FAILED, id, e);
		_exit(127);
	}
	return 0;
}

static void kill_command(struct init *in, uint32_t id)
{
	for (size_t i = 0; i < MAX_COMMANDS; i++) {
		if (in->commands[i].pid == 0 || in->commands[i].id != id)
			continue;
		/* Before the command's own setsid() there is no such group. */
		if (kill(-in->commands[i].pid, SIGKILL) < 0)
			(void)kill(in->commands[i].pid, SIGKILL);
	}
}

/* The supervisor is gone: _exit() takes the whole pid namespace along. */
static void serve_supervisor(struct init *in)
{
	struct sync_head head;
	struct err e = { 0 };
	size_t size = 0;

	if (sync_recv(in->sync_fd, MSG_DONTWAIT, &head, in->data, sizeof(in->data), &size, &e) == 0)
		_exit(0);
	if (e.code != 0 || size > sizeof(in->data))
		return;
	if (head.type == SYNC_SIGNAL)
		(void)kill(-1, head.value);
	else if (head.type == SYNC_EXEC_KILL)
		kill_command(in, head.id);
	else if (head.type == SYNC_EXEC && start_command(in, head.id, head.value, size, &e) < 0)
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

		if (pid == in->main_pid) {
			is_over = true;
			main_status = status;
		} else if (command) {
			(void)send_plain(in->sync_fd, SYNC_EXEC_DONE, command->id, status, &lost);
			command->pid = 0;
		}
	}
	if (!is_over)
		return;
	err_clear(&lost);
	(void)send_plain(in->sync_fd, SYNC_EXITED, 0, main_status, &lost);
	_exit(0);
}

static void serve_signals(struct init *in)
{
	struct signalfd_siginfo info;

	while (read(in->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		/* From outside the namespace only: inside, nobody speaks for the supervisor. */
		if (info.ssi_signo != SIGCHLD && info.ssi_pid == 0)
			(void)kill(-1, (int)info.ssi_signo);
	}
	reap(in);
}

static _Noreturn void serve(struct init *in)
{
	struct pollfd fds[] = {
		{ .fd = in->sync_fd, .events = POLLIN },
		{ .fd = in->signal_fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			_exit(1);
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

void init_run(const struct child_args *args)
{
	struct init *in = &the_init;
	struct err e = { 0 };

	in->box = args->box;
	in->sync_fd = args->sync_fd;
	in->null_fd = args->null_fd;
	if (open_signals(in, &e) < 0 || child_seal(args->box, &e) < 0 ||
	    die_with_supervisor(&e) < 0 || start_main(in, args, &e) < 0)
		child_fail(args, &e);
	/* Step 9. */
	close_stdio(args);
	if (send_plain(in->sync_fd, SYNC_STARTED, 0, 0, &e) < 0)
		_exit(1);
	serve(in);
}
