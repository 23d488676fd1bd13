#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"

/* What the callbacks see and count. */
struct world {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_watch *watch;
	struct bufferevent *bev;
	int n_timer, n_fd, n_turns, last_fd;
	int peer;
	char seen[16];
};

static void stop(void *arg)
{
	struct world *w = arg;

	w->n_timer++;
	loop_stop(w->loop);
}

static void count_turn(void *arg)
{
	struct world *w = arg;

	w->n_turns++;
}

static void world_init(struct world *w)
{
	struct err e = { 0 };

	memset(w, 0, sizeof(*w));
	assert_int_equal(loop_new(&w->loop, &e), 0);
	assert_non_null(loop_base(w->loop));
	assert_int_equal(loop_timer_new(w->loop, stop, w, &w->timer, &e), 0);
}

static void world_run(struct world *w)
{
	struct err e = { 0 };

	assert_int_equal(loop_run(w->loop, &e), 0);
}

static void world_done(struct world *w)
{
	loop_timer_free(w->timer);
	loop_watch_free(w->watch);
	loop_free(w->loop);
}

static void test_timer_and_hook(void **state)
{
	int64_t start = clock_boot_ms(), took;
	struct world w;

	(void)state;
	world_init(&w);
	loop_after_turn(w.loop, count_turn, &w);
	loop_timer_set(w.timer, 10000);
	loop_timer_set(w.timer, 50);
	world_run(&w);
	took = clock_boot_ms() - start;
	assert_true(took >= 40 && took < 5000);
	assert_int_equal(w.n_timer, 1);
	assert_int_equal(w.n_turns, 1);
	/* A loop that was stopped runs again; negative delays are at once. */
	loop_timer_set(w.timer, -5);
	world_run(&w);
	assert_int_equal(w.n_timer, 2);
	assert_int_equal(w.n_turns, 2);
	world_done(&w);
}

static void on_fd(int fd, void *arg)
{
	struct world *w = arg;
	char buf[8];

	w->n_fd++;
	w->last_fd = fd;
	if (read(fd, buf, sizeof(buf)) > 0)
		loop_timer_set(w->timer, 0);
}

static void test_cleared_timer_stays_silent(void **state)
{
	struct err e = { 0 };
	struct loop_timer *other;
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(loop_timer_new(w.loop, count_turn, &w, &other, &e), 0);
	loop_timer_set(other, 5);
	loop_timer_clear(other);
	loop_timer_set(w.timer, 30);
	world_run(&w);
	assert_int_equal(w.n_turns, 0);
	loop_timer_free(other);
	world_done(&w);
}

static void test_watch_fd(void **state)
{
	struct err e = { 0 };
	struct world w;
	int fds[2];

	(void)state;
	world_init(&w);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(loop_watch_fd(w.loop, fds[0], on_fd, &w, &w.watch, &e), 0);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(write(fds[1], "x", 1), 1);
		world_run(&w);
		assert_int_equal(w.n_fd, i);
		assert_int_equal(w.last_fd, fds[0]);
	}
	world_done(&w);
	/* Borrowed: still open. */
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
}

static void free_timer_inside(void *arg)
{
	struct world *w = arg;

	loop_timer_free(w->timer);
	w->timer = NULL;
	loop_stop(w->loop);
}

static void free_watch_inside(int fd, void *arg)
{
	struct world *w = arg;

	(void)fd;
	w->n_fd++;
	loop_watch_free(w->watch);
	w->watch = NULL;
	loop_timer_set(w->timer, 0);
}

static void test_free_inside_the_callback(void **state)
{
	struct err e = { 0 };
	struct world w;
	int fds[2];

	(void)state;
	world_init(&w);
	loop_timer_free(w.timer);
	assert_int_equal(loop_timer_new(w.loop, free_timer_inside, &w, &w.timer, &e), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_watch_fd(w.loop, fds[0], free_watch_inside, &w, &w.watch, &e), 0);
	world_run(&w);
	assert_int_equal(w.n_fd, 1);
	assert_null(w.timer);
	assert_null(w.watch);
	world_done(&w);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void test_watch_refuses_what_cannot_be_watched(void **state)
{
	struct loop_watch *watch = NULL;
	struct err e = { 0 };
	struct world w;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	world_init(&w);
	assert_int_equal(loop_watch_fd(w.loop, fd, on_fd, &w, &watch, &e), -EPERM);
	err_clear(&e);
	assert_int_equal(loop_watch_priority(w.loop, fd, on_fd, &w, &watch, &e), -EPERM);
	err_clear(&e);
	assert_int_equal(loop_watch_priority(w.loop, -1, on_fd, &w, &watch, &e), -EBADF);
	assert_null(watch);
	world_done(&w);
	(void)close(fd);
}

static void test_pidfd(void **state)
{
	struct err e = { 0 };
	struct world w;
	pid_t pid;
	int pidfd;

	(void)state;
	world_init(&w);
	pid = fork();
	if (pid == 0)
		_exit(0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(loop_watch_fd(w.loop, pidfd, free_watch_inside, &w, &w.watch, &e), 0);
	world_run(&w);
	assert_int_equal(w.n_fd, 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(pidfd);
	world_done(&w);
}

static void on_urgent(int fd, void *arg)
{
	struct world *w = arg;

	w->n_fd++;
	w->last_fd = fd;
	loop_timer_set(w->timer, 20);
}

/* Out-of-band bytes of a TCP connection are the one EPOLLPRI that every machine has. */
static void test_watch_priority(void **state)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	socklen_t size = sizeof(struct sockaddr_in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
	struct err e = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(loop_watch_priority(w.loop, server, on_urgent, &w, &w.watch, &e), 0);

	/* Plain bytes are no reason to call. */
	assert_int_equal(send(client, "a", 1, 0), 1);
	loop_timer_set(w.timer, 30);
	world_run(&w);
	assert_int_equal(w.n_fd, 0);

	/* Urgent ones are, once each, although nobody reads them. */
	for (int i = 1; i < 3; i++) {
		assert_int_equal(send(client, "!", 1, MSG_OOB), 1);
		world_run(&w);
		assert_int_equal(w.n_fd, i);
		assert_int_equal(w.last_fd, server);
	}
	world_done(&w);
	(void)close(client);
	(void)close(server);
	(void)close(listener);
}

static void test_signal(void **state)
{
	struct err e = { 0 };
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(loop_watch_signal(w.loop, SIGUSR1, stop, &w, &w.watch, &e), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	world_run(&w);
	assert_int_equal(w.n_timer, 1);
	assert_int_equal(raise(SIGUSR1), 0);
	world_run(&w);
	assert_int_equal(w.n_timer, 2);
	/* And SIGPIPE ends nobody. */
	assert_int_equal(raise(SIGPIPE), 0);
	world_done(&w);
}

static void see(struct world *w, const char *what)
{
	strncat(w->seen, what, sizeof(w->seen) - strlen(w->seen) - 1);
}

/* The hook: nothing must have reached the peer yet. */
static void commit(void *arg)
{
	struct world *w = arg;
	char byte;

	if (strcmp(w->seen, "a") != 0)
		return;
	assert_int_equal(recv(w->peer, &byte, 1, MSG_DONTWAIT), -1);
	see(w, "c");
}

static void on_answer_timer(void *arg)
{
	struct world *w = arg;

	see(w, "a");
	(void)bufferevent_write(w->bev, "x", 1);
}

static void on_peer(int fd, void *arg)
{
	struct world *w = arg;

	(void)fd;
	see(w, "r");
	loop_stop(w->loop);
}

static void test_hook_runs_before_queued_answers_are_sent(void **state)
{
	struct loop_watch *peer_watch = NULL;
	struct loop_timer *timer = NULL;
	struct err e = { 0 };
	struct world w;
	int fds[2];

	(void)state;
	world_init(&w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	w.bev = bufferevent_socket_new(loop_base(w.loop), fds[0], BEV_OPT_CLOSE_ON_FREE);
	assert_non_null(w.bev);
	w.peer = fds[1];
	loop_after_turn(w.loop, commit, &w);
	assert_int_equal(loop_timer_new(w.loop, on_answer_timer, &w, &timer, &e), 0);
	assert_int_equal(loop_watch_fd(w.loop, fds[1], on_peer, &w, &peer_watch, &e), 0);
	loop_timer_set(timer, 0);
	world_run(&w);
	assert_string_equal(w.seen, "acr");
	bufferevent_free(w.bev);
	loop_watch_free(peer_watch);
	loop_timer_free(timer);
	(void)close(fds[1]);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer_and_hook),
		cmocka_unit_test(test_cleared_timer_stays_silent),
		cmocka_unit_test(test_watch_fd),
		cmocka_unit_test(test_free_inside_the_callback),
		cmocka_unit_test(test_watch_refuses_what_cannot_be_watched),
		cmocka_unit_test(test_pidfd),
		cmocka_unit_test(test_watch_priority),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_hook_runs_before_queued_answers_are_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
