#include "net/nft_client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/packet.h"

enum {
	BACKOFF_MS = 100,		/* after its first death, doubled with each further one */
	MAX_BACKOFF_MS = 10 * 1000,
	MAX_FAILURES = 8,
	DEADLINE_MS = 120 * 1000,	/* for one request */
};

struct nft_pending {
	enum nft_request_kind kind;
	int file_fd;
	nft_done_fn *done;
	void *arg;
	STAILQ_ENTRY(nft_pending) entry;
};

struct nft_client {
	struct loop *loop;
	int program_fd;
	nft_started_fn *started;
	void *arg;
	STAILQ_HEAD(, nft_pending) queue;
	size_t n_queue;
	/* The worker; -EBADF: there is none. */
	int socket_fd, pidfd;
	struct loop_watch *answers, *end;
	bool is_asked;			/* the first of the queue is with it */
	bool is_leaving;		/* it ends by its own will */
	unsigned n_failures;		/* deaths since the last answer */
	int64_t not_before_ms;		/* boot clock; of the next start */
	struct loop_timer *timer;	/* there is a worker: its deadline; none: its start */
};

static void proceed(struct nft_client *client);

/* ---- the process ---- */

/* In the child of clone3(): a copy of the daemon, single-threaded, so libc may be used. */
static void run(int program_fd, int socket_fd)
{
	char name[] = "tepui-nft", *const argv[] = { name, NULL }, *const env[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(socket_fd, STDIN_FILENO) == STDIN_FILENO)
		(void)syscall(SYS_execveat, program_fd, "", argv, env, AT_EMPTY_PATH);
	_exit(127);
}

static int spawn(int program_fd, int socket_fd, pid_t *ret_pid, struct err *e)
{
	int pidfd = -EBADF;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		run(program_fd, socket_fd);
	if (pid < 0)
		return err_set(e, errno, "start tepui-nft");
	*ret_pid = (pid_t)pid;
	return pidfd;
}

static void on_answer(int fd, void *arg);
static void on_end(int fd, void *arg);

static int start(struct nft_client *client, struct err *e)
{
	AUTO_CLOSE int ours = -EBADF, theirs = -EBADF;
	int fds[2], r;
	pid_t pid = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(e, errno, "start tepui-nft");
	ours = fds[0];
	theirs = fds[1];
	r = spawn(client->program_fd, theirs, &pid, e);
	if (r < 0)
		return r;
	client->pidfd = r;
	client->socket_fd = TAKE_FD(ours);
	if ((r = loop_watch_fd(client->loop, client->pidfd, on_end, client, &client->end, e)) < 0 ||
	    (r = loop_watch_fd(client->loop, client->socket_fd, on_answer, client, &client->answers,
			       e)) < 0)
		return r;
	if (client->started)
		client->started(client->arg, pid);
	return 0;
}

/* Let go of it; its end closes the other side. */
static void drop_worker(struct nft_client *client)
{
	loop_watch_free(TAKE_PTR(client->answers));
	loop_watch_free(TAKE_PTR(client->end));
	fd_close(&client->socket_fd);
	fd_close(&client->pidfd);
	client->is_asked = client->is_leaving = false;
}

/* ---- answers ---- */

/* The first of the queue has its answer. */
static void finish(struct nft_client *client, const struct nft_result *result, struct err *e)
{
	struct nft_pending *pending = STAILQ_FIRST(&client->queue);

	STAILQ_REMOVE_HEAD(&client->queue, entry);
	client->n_queue--;
	client->is_asked = false;
	pending->done(pending->arg, result, e);
	fd_close(&pending->file_fd);
	free(pending);
}

/* Returns whether there was one. */
static bool take_answer(struct nft_client *client)
{
	struct nft_answer answer;
	struct packet_fds fds = { 0 };
	struct nft_result result = { .file_fd = -EBADF };
	struct err e = { 0 };
	const struct iovec part = { .iov_base = &answer, .iov_len = sizeof(answer) };
	ssize_t n = packet_recv(client->socket_fd, MSG_DONTWAIT, &part, 1, &fds, &e);

	if (n != (ssize_t)sizeof(answer) || !client->is_asked) {
		packet_fds_done(&fds);
		return false;
	}
	client->n_failures = 0;
	client->is_leaving = answer.is_leaving;
	loop_timer_clear(client->timer);
	result.r = answer.r;
	result.generation = answer.generation;
	if (fds.n > 0)
		result.file_fd = fds.fd[0];
	finish(client, &result, &answer.error);
	packet_fds_done(&fds);
	return true;
}

static void on_answer(int fd, void *arg)
{
	struct nft_client *client = arg;

	(void)fd;
	if (take_answer(client)) {
		proceed(client);
		return;
	}
	/* Nothing but its end is left to hear of: on_end() tells. */
	loop_watch_free(TAKE_PTR(client->answers));
	(void)syscall(SYS_pidfd_send_signal, client->pidfd, SIGKILL, NULL, 0U);
}

static int describe_end(int pidfd, struct err *e)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	return info.si_code == CLD_EXITED ?
		       err_set(e, ECHILD, "ask tepui-nft: it exited with status %d", info.si_status) :
		       err_set(e, ECHILD, "ask tepui-nft: it was ended by signal %s",
			       sigdescr_np(info.si_status));
}

static void back_off(struct nft_client *client)
{
	int64_t wait = (int64_t)BACKOFF_MS << client->n_failures;

	client->n_failures += client->n_failures < MAX_FAILURES;
	client->not_before_ms = clock_boot_ms() + (wait < MAX_BACKOFF_MS ? wait : MAX_BACKOFF_MS);
}

static void on_end(int fd, void *arg)
{
	struct nft_client *client = arg;
	struct err e = { 0 };
	bool was_asked;
	int r;

	(void)take_answer(client);
	was_asked = client->is_asked;
	if (!client->is_leaving)
		back_off(client);
	r = describe_end(fd, &e);
	loop_timer_clear(client->timer);
	drop_worker(client);
	if (was_asked)
		finish(client, &(struct nft_result){ .r = r, .file_fd = -EBADF }, &e);
	proceed(client);
}

/* ---- requests ---- */

static int ask(struct nft_client *client, struct err *e)
{
	struct nft_pending *pending = STAILQ_FIRST(&client->queue);
	struct nft_request request = { .kind = pending->kind };
	const struct iovec part = { .iov_base = &request, .iov_len = sizeof(request) };
	const struct packet_fds fds = { .fd = { pending->file_fd }, .n = pending->file_fd >= 0 };
	int r = packet_send(client->socket_fd, &part, 1, &fds, e);

	if (r < 0)
		return r;
	client->is_asked = true;
	fd_close(&pending->file_fd);
	loop_timer_set(client->timer, DEADLINE_MS);
	return 0;
}

/* Ask the next one, if there is one and somebody to ask. */
static void proceed(struct nft_client *client)
{
	struct err e = { 0 };

	if (STAILQ_EMPTY(&client->queue) || client->is_asked || client->is_leaving)
		return;
	if (client->pidfd < 0) {
		int64_t wait = client->not_before_ms - clock_boot_ms();

		loop_timer_set(client->timer, wait > 0 ? wait : 0);
		return;
	}
	/* One that is not there to take it has ended, and on_end() comes. */
	if (ask(client, &e) < 0)
		(void)syscall(SYS_pidfd_send_signal, client->pidfd, SIGKILL, NULL, 0U);
}

static void on_timer(void *arg)
{
	struct nft_client *client = arg;
	struct err e = { 0 };
	int r;

	if (client->pidfd >= 0) {
		(void)syscall(SYS_pidfd_send_signal, client->pidfd, SIGKILL, NULL, 0U);
		return;
	}
	if (STAILQ_EMPTY(&client->queue))
		return;
	r = start(client, &e);
	if (r < 0) {
		drop_worker(client);
		back_off(client);
		finish(client, &(struct nft_result){ .r = r, .file_fd = -EBADF }, &e);
	}
	proceed(client);
}

int nft_client_ask(struct nft_client *client, enum nft_request_kind kind, int file_fd_take,
		   nft_done_fn *done, void *arg, struct err *e)
{
	AUTO_CLOSE int file_fd = file_fd_take;
	struct nft_pending *pending;

	if (client->n_queue == NFT_CLIENT_MAX_QUEUE)
		return err_set(e, EBUSY, "ask tepui-nft: %d requests wait", NFT_CLIENT_MAX_QUEUE);
	pending = malloc(sizeof(*pending));
	if (!pending)
		return err_set(e, ENOMEM, "ask tepui-nft");
	*pending = (struct nft_pending){ kind, TAKE_FD(file_fd), done, arg, { NULL } };
	STAILQ_INSERT_TAIL(&client->queue, pending, entry);
	client->n_queue++;
	proceed(client);
	return 0;
}

/* ---- lifecycle ---- */

int nft_client_new(struct loop *loop, int program_fd_take, nft_started_fn *started, void *arg,
		   struct nft_client **ret, struct err *e)
{
	AUTO_CLOSE int program_fd = program_fd_take;
	struct nft_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return err_set(e, ENOMEM, "prepare tepui-nft");
	STAILQ_INIT(&client->queue);
	client->loop = loop;
	client->started = started;
	client->arg = arg;
	client->socket_fd = client->pidfd = -EBADF;
	client->program_fd = TAKE_FD(program_fd);
	r = loop_timer_new(loop, on_timer, client, &client->timer, e);
	if (r < 0) {
		nft_client_free(client);
		return r;
	}
	*ret = client;
	return 0;
}

void nft_client_free(struct nft_client *client)
{
	struct nft_pending *pending;

	if (!client)
		return;
	while ((pending = STAILQ_FIRST(&client->queue))) {
		STAILQ_REMOVE_HEAD(&client->queue, entry);
		fd_close(&pending->file_fd);
		free(pending);
	}
	drop_worker(client);
	loop_timer_free(client->timer);
	fd_close(&client->program_fd);
	free(client);
}
