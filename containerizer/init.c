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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Close every descriptor from 3 on but the N of KEEP (sorted here; negative ones are skipped). */
static int close_others(int *keep, size_t n, struct err *e)
{
	unsigned first = 3;

	qsort(keep, n, sizeof(*keep), compare_fds);
	for (size_t i = 0; i <= n; i++) {
		unsigned last = i < n ? (unsigned)keep[i] - 1 : ~0U;

		if (i < n && keep[i] < 3)
			continue;
		if (first <= last && close_range(first, last, 0) < 0)
			return err_set(e, errno, "close descriptors");
		first = last + 2;
	}
	return 0;
}

/* Credentials' changes clear the death signal and set the dump flag by sysctl: so after each. */
static int protect_self(struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "protect the container's init");
	return 0;
}

static int await(int sync_fd, enum sync_type type, struct err *e)
{
	struct sync_head head;
	size_t size;
	char none[1];
	int r = sync_recv(sync_fd, 0, &head, none, 0, &size, e);

	if (r < 0)
		return r;
	/* Nothing has been started that a signal could be passed on to: then it is meant for us. */
	if (r > 0 && head.type == SYNC_SIGNAL)
		return err_set(e, ECANCELED, "launch in spite of signal %d", head.value);
	if (r == 0 || head.type != (uint32_t)type)
		return err_set(e, ECONNABORTED, "wait for the supervisor");
	return 0;
}

static int send_plain(int sync_fd, enum sync_type type, uint32_t id, int value, struct err *e)
{
	struct sync_head head = { .type = type, .id = id, .value = value };

	return sync_send(sync_fd, &head, NULL, 0, e);
}

/*
 * All of seal but the system call filter, which init must not share: it would not be able to
 * serve a payload whose profile forbids fork(2).  What init has given up, the processes that it
 * forks do not have either, so they add the filter alone (payload.c).
 */
static int seal_self(struct box *box, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (!iso->seal || payload_is_filter(iso))
			continue;
		if (iso->seal(box, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return protect_self(e);
}

/* Steps 5 and 6 of the launch. */
static int enter(const struct init_args *a, struct err *e)
{
	int r = protect_self(e);

	if (r < 0)
		return r;
	(void)prctl(PR_SET_NAME, "tepui-init");
	if (a->arguments_size >= sizeof("tepui-init")) {
		memset(a->arguments, 0, a->arguments_size);
		memcpy(a->arguments, "tepui-init", sizeof("tepui-init"));
	}
	for (int fd = 0; fd <= 2; fd++) {
		if (dup3(a->null_fd, fd, 0) < 0)
			return err_set(e, errno, "redirect descriptor %d", fd);
	}
	r = await(a->sync_fd, SYNC_GO, e);
	if (r < 0)
		return r;
	if (setsid() < 0)
		return err_set(e, errno, "create session");
	return isolators_enter(a->box, e);
}

/* Step 7: nothing of the host stays open but what is still needed. */
static int release_host(const struct init_args *a, struct err *e)
{
	int keep[] = { a->sync_fd, a->null_fd, a->out_fd, a->err_fd, a->box->seccomp_fd };
	int r = close_others(keep, ARRAY_SIZE(keep), e);

	if (r < 0)
		return r;
	r = send_plain(a->sync_fd, SYNC_READY, 0, 0, e);
	if (r < 0)
		return r;
	return await(a->sync_fd, SYNC_START, e);
}

/* Step 8: fork the main process and wait for the end of its copy of a pipe, which execve closes. */
static int start_main(struct init *in, const struct init_args *a, struct err *e)
{
	struct payload p = {
		.box = a->box, .argv = a->box->spec->args, .env = a->box->spec->env,
		.in_fd = a->null_fd, .out_fd = a->out_fd, .err_fd = a->err_fd,
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
		int r = payload_exec(&p, e);

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
		.box = in->box, .in_fd = in->null_fd, .out_fd = in->null_fd, .err_fd = in->null_fd,
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
		if (payload_exec(&p, e) < 0)
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

void init_run(const struct init_args *args)
{
	struct init *in = &the_init;
	struct err e = { 0 };

	in->box = args->box;
	in->sync_fd = args->sync_fd;
	in->null_fd = args->null_fd;
	if (enter(args, &e) < 0 || release_host(args, &e) < 0 || open_signals(in, &e) < 0 ||
	    seal_self(args->box, &e) < 0 || start_main(in, args, &e) < 0) {
		sync_send_err(args->sync_fd, SYNC_FAILED, 0, &e);
		_exit(1);
	}
	/* Step 9.  The main process alone writes to its stdout and stderr. */
	(void)close(args->out_fd);
	if (args->err_fd != args->out_fd)
		(void)close(args->err_fd);
	if (send_plain(in->sync_fd, SYNC_STARTED, 0, 0, &e) < 0)
		_exit(1);
	serve(in);
}
