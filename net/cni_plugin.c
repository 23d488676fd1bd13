#include "net/cni_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/excerpt.h"
#include "lib/json_in.h"
#include "lib/utf8.h"
#include "net/cni.h"
#include "net/cni_result.h"

enum {
	MAX_OUTPUT = 1 << 20, READ_BYTES = 16 << 10, DRAIN_READS = MAX_OUTPUT / READ_BYTES,
	MAX_WORDS = 200,
	EXIT_NOT_EXECUTED = 127,
	HOLD_FD = 3,
	CODE_VERSION = 1,	/* of an error object: the version is not known */
};

struct plugin {
	pid_t pid;
	int pidfd;
	int out_fd, err_fd;	/* what it prints and what it complains; -EBADF: at their ends */
	char *output;
	size_t size;
	char words[EXCERPT_BYTES];	/* the end of what it complained */
	size_t n_words;
	bool is_cut;			/* there was more before them */
};

static void done(struct plugin *p)
{
	fd_close(&p->pidfd);
	fd_close(&p->out_fd);
	fd_close(&p->err_fd);
	free(p->output);
}

/* ---- its beginning ---- */

int cni_plugin_find(const char *dirs, const char *type, char **ret, struct err *e)
{
	AUTO_FREE char *copy = strdup(dirs);
	char *rest = copy, *dir, *path;
	struct stat st;

	while (copy && (dir = strsep(&rest, ":"))) {
		if (asprintf(&path, "%s/%s", dir, type) < 0)
			return err_set(e, ENOMEM, "find plugin");
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	return err_set_code(e, ECANCELED, true, "there is no such program in '%.160s'", dirs);
}

/* What it reads, as a file that has no name: one that reads slowly, or not at all, holds up nobody. */
static int make_input(const json_t *input, struct err *e)
{
	AUTO_FREE char *text = json_dumps(input, JSON_COMPACT);
	AUTO_CLOSE int fd = memfd_create("cni", MFD_CLOEXEC);

	if (!text)
		return err_set(e, ENOMEM, "write its configuration");
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "write its configuration");
	return TAKE_FD(fd);
}

/* In its process: group, descriptors, signals and environment are its own. */
static _Noreturn void execute(const char *path, char *const *env, pid_t parent, const int fds[3],
			      int hold_fd)
{
	char *const args[] = { (char *)(uintptr_t)path, NULL };
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || setpgid(0, 0) < 0 || chdir("/") < 0)
		_exit(EXIT_NOT_EXECUTED);
	for (int i = 0; i < 3; i++) {
		if (dup2(fds[i], i) < 0)
			_exit(EXIT_NOT_EXECUTED);
	}
	/* It may have that number already, and then with the flag. */
	if (hold_fd >= 0 && (dup2(hold_fd, HOLD_FD) < 0 || fcntl(HOLD_FD, F_SETFD, 0) < 0))
		_exit(EXIT_NOT_EXECUTED);
	(void)close_range(hold_fd >= 0 ? HOLD_FD + 1 : HOLD_FD, ~0U, 0);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)umask(022);
	(void)execve(path, args, env);
	_exit(EXIT_NOT_EXECUTED);
}

/* Two ends of a pipe, of which we never wait for ours; none is among 0 to 3. */
static int open_pipe(int *ret_ours, int *ret_its, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	*ret_ours = fds[0];
	*ret_its = fcntl(fds[1], F_DUPFD_CLOEXEC, HOLD_FD + 1);
	fd_close(&fds[1]);
	if (*ret_its < 0 || fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, errno, "create pipe");
	return 0;
}

static int start(struct plugin *p, const struct cni_host *host, const struct cni_call *call,
		 struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int input = make_input(call->input, e), out = -EBADF, complaints = -EBADF;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&p->pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t self = getpid();
	int r = input < 0 ? input : cni_plugin_find(host->dirs, call->type, &path, e);

	if (r == 0)
		r = open_pipe(&p->out_fd, &out, e);
	if (r == 0)
		r = open_pipe(&p->err_fd, &complaints, e);
	if (r < 0)
		return r;
	p->pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (p->pid == 0)
		execute(path, call->env, self, (const int[]){ input, out, complaints },
			host->hold_fd);
	if (p->pid < 0)
		return err_set(e, errno, "start it");
	/* Here too, so that it is a group by the time that it is killed as one. */
	(void)setpgid(p->pid, p->pid);
	return 0;
}

/* ---- what it says ---- */

static int keep_output(struct plugin *p, const char *data, size_t n, struct err *e)
{
	char *grown;

	if (p->size + n > MAX_OUTPUT)
		return err_set_code(e, ECANCELED, true, "it printed more than %d bytes",
				    MAX_OUTPUT);
	grown = realloc(p->output, p->size + n);
	if (!grown)
		return err_set(e, ENOMEM, "read what it prints");
	p->output = grown;
	memcpy(p->output + p->size, data, n);
	p->size += n;
	return 0;
}

static void keep_words(struct plugin *p, const char *data, size_t n)
{
	size_t kept = n < sizeof(p->words) ? sizeof(p->words) - n : 0;

	if (n > sizeof(p->words)) {
		data += n - sizeof(p->words);
		n = sizeof(p->words);
		p->is_cut = true;
	}
	if (p->n_words > kept) {
		memmove(p->words, p->words + p->n_words - kept, kept);
		p->n_words = kept;
		p->is_cut = true;
	}
	memcpy(p->words + p->n_words, data, n);
	p->n_words += n;
}

/* Once: 1 when there was something, 0 when there is nothing now or any more. */
static int read_some(struct plugin *p, int *fd, struct err *e)
{
	char data[READ_BYTES];
	ssize_t n = *fd < 0 ? 0 : read(*fd, data, sizeof(data));
	int r = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		fd_close(fd);
		return 0;
	}
	if (fd == &p->out_fd)
		r = keep_output(p, data, (size_t)n, e);
	else
		keep_words(p, data, (size_t)n);
	return r < 0 ? r : 1;
}

/* It has ended.  What it left behind may hold its pipes open, and even go on writing. */
static int drain(struct plugin *p, struct err *e)
{
	int *const fds[] = { &p->out_fd, &p->err_fd };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		int r = 1;

		for (int n = 0; n <= DRAIN_READS && r > 0; n++)
			r = read_some(p, fds[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int listen_to(struct plugin *p, int64_t deadline, struct err *e)
{
	int r = 0;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = p->pidfd, .events = POLLIN },
			{ .fd = p->out_fd, .events = POLLIN },
			{ .fd = p->err_fd, .events = POLLIN },
		};
		int64_t left = deadline - clock_boot_ms();

		if (left <= 0)
			return err_set_code(e, ECANCELED, true, "it was not done in time and was "
					    "killed");
		if (poll(fds, ARRAY_SIZE(fds), left > INT_MAX ? INT_MAX : (int)left) < 0 &&
		    errno != EINTR)
			return err_set(e, errno, "wait for it");
		if (fds[0].revents)
			return drain(p, e);
		if (fds[1].revents)
			r = read_some(p, &p->out_fd, e);
		if (r >= 0 && fds[2].revents)
			r = read_some(p, &p->err_fd, e);
		if (r < 0)
			return r;
	}
}

/* ---- what is to be thought of it ---- */

/* It failed, as BEGINNING says; the end of its complaints may say why. */
static int complain(const struct plugin *p, struct err *e, const char *beginning)
{
	char words[EXCERPT_SIZE];
	int shown;

	excerpt_format(p->words, p->n_words, p->is_cut, words);
	shown = (int)utf8_cut(words, MAX_WORDS);
	if (shown == 0)
		return err_set_code(e, ECANCELED, true, "%s", beginning);
	return err_set_code(e, ECANCELED, true, "%s; it said: %.*s", beginning, shown, words);
}

/* A plugin that fails prints an error object, and should; E is unset if this one did not. */
static int read_error(const struct plugin *p, struct err *e)
{
	json_auto_t *error = NULL;
	char text[320];
	json_int_t code;

	if (json_in_parse(p->output, p->size, &error, e) < 0) {
		err_clear(e);
		return 0;
	}
	code = json_integer_value(json_object_get(error, "code"));
	if (!json_is_string(json_object_get(error, "msg")))
		return 0;
	cni_error_describe(error, text, sizeof(text));
	return err_set_code(e, code == CODE_VERSION ? EPROTONOSUPPORT : ECANCELED, true, "%s",
			    text);
}

static int judge(const struct plugin *p, int status, struct err *e)
{
	char beginning[64];
	int r;

	if (WIFSIGNALED(status)) {
		(void)snprintf(beginning, sizeof(beginning), "it was killed by signal %d",
			       WTERMSIG(status));
		return complain(p, e, beginning);
	}
	if (WEXITSTATUS(status) == 0)
		return 0;
	r = read_error(p, e);
	if (r < 0)
		return r;
	if (WEXITSTATUS(status) == EXIT_NOT_EXECUTED && p->n_words == 0)
		return complain(p, e, "it could not be executed");
	(void)snprintf(beginning, sizeof(beginning), "it exited with status %d",
		       WEXITSTATUS(status));
	return complain(p, e, beginning);
}

static int read_output(const struct plugin *p, json_t **ret, struct err *e)
{
	struct err why = { 0 };
	char line[EXCERPT_SIZE];

	*ret = NULL;
	if (p->size == 0 || json_in_parse(p->output, p->size, ret, &why) >= 0)
		return 0;
	/* It quotes the plugin. */
	excerpt_format(why.msg, utf8_cut(why.msg, MAX_WORDS), false, line);
	return err_set_code(e, ECANCELED, true, "what it printed is not JSON: %s", line);
}

int cni_plugin_run(const struct cni_host *host, const struct cni_call *call, json_t **ret,
		   struct err *e)
{
	AUTO(done) struct plugin p = { .pidfd = -EBADF, .out_fd = -EBADF, .err_fd = -EBADF };
	int status = 0, r = start(&p, host, call, e);

	if (r < 0)
		return r;
	r = listen_to(&p, call->deadline_boot_ms, e);
	/* Its group with it, as long as nobody else can have that number. */
	if (r < 0)
		(void)kill(-p.pid, SIGKILL);
	while (waitpid(p.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0)
		r = judge(&p, status, e);
	return r < 0 ? r : read_output(&p, ret, e);
}
