#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/health.h"
#include "executor/probe.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/utf8.h"

/* What a check told: 'H' healthy, 'U' unhealthy, 'G' gave up, 'C' command, 'K' its end. */
struct told {
	struct loop *loop;
	struct loop_timer *deadline;
	struct health *health;
	char marks[32];
	char message[512];
	size_t stop_at;			/* marks */
	int wait_status[4];		/* of commands, in order; -1: hangs */
	uint32_t id;
	int tell_fd;			/* gets a byte with each report; 0: nobody asks */
};

static void mark(struct told *t, char c)
{
	size_t n = strlen(t->marks);

	assert_true(n + 1 < sizeof(t->marks));
	t->marks[n] = c;
	if (n + 1 >= t->stop_at)
		loop_stop(t->loop);
}

static void on_report(void *arg, bool is_healthy, const char *message)
{
	struct told *t = arg;

	(void)snprintf(t->message, sizeof(t->message), "%s", message);
	if (t->tell_fd > 0)
		assert_int_equal(write(t->tell_fd, "", 1), 1);
	mark(t, is_healthy ? 'H' : 'U');
}

static void on_give_up(void *arg, const char *message)
{
	struct told *t = arg;

	assert_string_equal(message, t->message);
	health_free(t->health);
	t->health = NULL;
	mark(t, 'G');
}

static int on_command(void *arg, uint32_t id, char *const *argv,
		      const Mesos__V1__Environment *variables, struct err *e)
{
	struct told *t = arg;
	int status = t->wait_status[t->id++];

	(void)variables;
	(void)e;
	assert_string_equal(argv[0], "/bin/sh");
	assert_string_equal(argv[2], "check");
	assert_int_equal(id, t->id);
	mark(t, 'C');
	if (status < 0)
		return 0;
	return status == 0x7f00 ? err_set(e, EAGAIN, "run command") : 0;
}

static void on_command_end(void *arg, uint32_t id)
{
	struct told *t = arg;

	assert_int_equal(id, t->id);
	mark(t, 'K');
}

static int on_socket(void *arg, int family, struct err *e)
{
	(void)arg;
	(void)e;
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static const struct health_ops ops = {
	.report = on_report, .give_up = on_give_up, .command = on_command,
	.command_end = on_command_end,
	.socket = on_socket,
};

static void on_deadline(void *arg)
{
	(void)arg;
	fail_msg("nothing happened");
}

static void told_init(struct told *t, size_t stop_at)
{
	struct err e = { 0 };

	memset(t, 0, sizeof(*t));
	t->stop_at = stop_at;
	assert_int_equal(loop_new(&t->loop, &e), 0);
	assert_int_equal(loop_timer_new(t->loop, on_deadline, t, &t->deadline, &e), 0);
	loop_timer_set(t->deadline, 10000);
}

static void told_done(struct told *t)
{
	health_free(t->health);
	loop_timer_free(t->deadline);
	loop_free(t->loop);
}

static void run(struct told *t)
{
	struct err e = { 0 };

	assert_int_equal(loop_run(t->loop, &e), 0);
}

static Mesos__V1__HealthCheck fast_check(Mesos__V1__HealthCheck__Type type)
{
	Mesos__V1__HealthCheck check = MESOS__V1__HEALTH_CHECK__INIT;

	check.has_type = true;
	check.type = type;
	/* A field that is not marked as there travels as its default. */
	check.has_delay_seconds = check.has_interval_seconds = check.has_timeout_seconds = true;
	check.has_grace_period_seconds = check.has_consecutive_failures = true;
	check.delay_seconds = 0;
	check.interval_seconds = 0.001;
	check.timeout_seconds = 5;
	check.grace_period_seconds = 0;
	return check;
}

/* A port of the loopback on which nobody listens, or that a listening *ret_fd holds. */
static uint16_t pick_port(bool is_listening, int *ret_fd)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	if (is_listening)
		assert_int_equal(listen(fd, 8), 0);
	*ret_fd = fd;
	return ntohs(in.sin_port);
}

static void test_refused_connections_end_in_giving_up(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__HTTP);
	Mesos__V1__HealthCheck__HTTPCheckInfo http = MESOS__V1__HEALTH_CHECK__HTTPCHECK_INFO__INIT;
	AUTO_CLOSE int fd = -EBADF;
	char expected[128];
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t, 4);
	check.http = &http;
	http.port = pick_port(false, &fd);
	assert_int_equal(health_validate(&check, &e), 0);
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	run(&t);
	assert_string_equal(t.marks, "UUUG");
	(void)snprintf(expected, sizeof(expected), "HTTP health check of 'http://127.0.0.1:%u/': "
		       "connection refused, 3 times", http.port);
	assert_string_equal(t.message, expected);
	told_done(&t);
}

static void test_a_long_path_is_shown_without_half_characters(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__HTTP);
	Mesos__V1__HealthCheck__HTTPCheckInfo http = MESOS__V1__HEALTH_CHECK__HTTPCHECK_INFO__INIT;
	AUTO_CLOSE int fd = -EBADF;
	char path[202] = "/";
	struct told t;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 1; i + 2 < sizeof(path); i += 2)
		memcpy(path + i, "\xc3\xa9", 2);
	told_init(&t, 1);
	check.http = &http;
	http.path = path;
	http.port = pick_port(false, &fd);
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	run(&t);
	assert_true(utf8_is_valid(t.message, strlen(t.message)));
	assert_non_null(strstr(t.message, "\xc3\xa9': connection refused"));
	told_done(&t);
}

static void test_failures_within_grace_are_not_told(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__TCP);
	Mesos__V1__HealthCheck__TCPCheckInfo tcp = MESOS__V1__HEALTH_CHECK__TCPCHECK_INFO__INIT;
	int64_t start = clock_boot_ms();
	AUTO_CLOSE int fd = -EBADF;
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t, 2);
	check.tcp = &tcp;
	check.grace_period_seconds = 0.2;
	check.consecutive_failures = 1;
	tcp.port = pick_port(false, &fd);
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	run(&t);
	assert_string_equal(t.marks, "UG");
	assert_true(clock_boot_ms() - start >= 200);
	told_done(&t);
}

static void start_listening(void *arg)
{
	assert_int_equal(listen(*(int *)arg, 8), 0);
}

static void test_a_starting_task_is_asked_again_before_the_interval(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__TCP);
	Mesos__V1__HealthCheck__TCPCheckInfo tcp = MESOS__V1__HEALTH_CHECK__TCPCHECK_INFO__INIT;
	struct loop_timer *ready = NULL;
	AUTO_CLOSE int fd = -EBADF;
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t, 1);
	check.tcp = &tcp;
	check.interval_seconds = check.grace_period_seconds = 1000;
	tcp.port = pick_port(false, &fd);
	assert_int_equal(loop_timer_new(t.loop, start_listening, &fd, &ready, &e), 0);
	loop_timer_set(ready, 20);
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	run(&t);
	assert_string_equal(t.marks, "H");
	loop_timer_free(ready);
	told_done(&t);
}

static void test_success_is_told_once(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__TCP);
	Mesos__V1__HealthCheck__TCPCheckInfo tcp = MESOS__V1__HEALTH_CHECK__TCPCHECK_INFO__INIT;
	AUTO_CLOSE int fd = -EBADF;
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t, 3);
	check.tcp = &tcp;
	check.consecutive_failures = 1;
	tcp.port = pick_port(true, &fd);
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	/* The backlog is finite: connections that nobody accepts end in refusal only by closing. */
	t.stop_at = 1;
	run(&t);
	assert_string_equal(t.marks, "H");
	fd_close(&fd);
	t.stop_at = 3;
	run(&t);
	assert_string_equal(t.marks, "HUG");
	told_done(&t);
}

/* ---- servers in a child; each returns what it exits with: 0, or the number of the step ---- */

enum { BODY = 20 << 10, STEP = 4096 };

static int take_request(int listener)
{
	char request[1024] = "";
	int fd = accept(listener, NULL, NULL);
	size_t n = 0;

	while (fd >= 0 && !strstr(request, "\r\n\r\n")) {
		ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);

		if (got <= 0)
			return -EPIPE;
		n += (size_t)got;
	}
	return strstr(request, "\r\nConnection: close\r\n") ? fd : -EPROTO;
}

static bool tell(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		text += n;
		size -= (size_t)n;
	}
	return true;
}

static bool tell_head(int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 20480\r\n\r\n";

	return tell(fd, head, sizeof(head) - 1);
}

static bool ends_cleanly(int fd)
{
	static const char body[BODY];
	char byte;

	return tell(fd, body, sizeof(body)) && shutdown(fd, SHUT_WR) == 0 &&
	       recv(fd, &byte, 1, 0) == 0;
}

/* The verdict is told before the body comes, and the second probe comes before it, too. */
static int serve_slowly(int listener, int told_fd)
{
	int first = take_request(listener), second;
	char byte;

	if (first < 0 || !tell_head(first) || read(told_fd, &byte, 1) != 1)
		return 1;
	second = take_request(listener);
	if (second < 0 || !tell_head(second))
		return 2;
	if (!ends_cleanly(first))
		return 3;
	return ends_cleanly(second) ? 0 : 4;
}

static int serve_no_end(int listener, int told_fd)
{
	int fd = take_request(listener);
	char byte;

	if (fd < 0 || !tell_head(fd) || read(told_fd, &byte, 1) != 1)
		return 1;
	return recv(fd, &byte, 1, 0) == 0 ? 0 : 2;
}

static int serve_too_much(int listener, int told_fd)
{
	static const char data[STEP];
	int fd = take_request(listener), sent = 0;

	(void)told_fd;
	if (fd < 0 || !tell_head(fd))
		return 1;
	while (tell(fd, data, sizeof(data)))
		sent += STEP;
	return sent >= 15 * STEP ? 0 : 2;
}

static void on_child(int fd, void *arg)
{
	struct told *t = arg;

	(void)fd;
	loop_stop(t->loop);
}

static int check_server(int (*serve)(int listener, int told_fd), double interval, double timeout)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__HTTP);
	Mesos__V1__HealthCheck__HTTPCheckInfo http = MESOS__V1__HEALTH_CHECK__HTTPCHECK_INFO__INIT;
	int fd = -EBADF, told_fds[2], pidfd, status = -1;
	struct loop_watch *watch = NULL;
	struct told t;
	struct err e = { 0 };
	pid_t pid;

	told_init(&t, sizeof(t.marks));
	assert_int_equal(pipe2(told_fds, O_CLOEXEC), 0);
	check.http = &http;
	check.interval_seconds = interval;
	check.timeout_seconds = timeout;
	http.port = pick_port(true, &fd);
	pid = fork();
	if (pid == 0)
		_exit(serve(fd, told_fds[0]));
	assert_true(pid > 0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
	assert_int_equal(loop_watch_fd(t.loop, pidfd, on_child, &t, &watch, &e), 0);
	t.tell_fd = told_fds[1];
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	run(&t);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(t.marks[0] == 'H');
	loop_watch_free(watch);
	told_done(&t);
	close(pidfd);
	close(told_fds[0]);
	close(told_fds[1]);
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_servers_see_a_clean_end(void **state)
{
	(void)state;
	assert_int_equal(check_server(serve_slowly, 0.001, 5), 0);
}

static void test_the_rest_of_an_answer_is_waited_for_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(check_server(serve_no_end, 1000, 0.05), 0);
	assert_int_equal(check_server(serve_too_much, 1000, 1000), 0);
}

static void test_commands_that_fail_hang_or_are_refused(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__COMMAND);
	Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
	char value[] = "check";
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t, 1);
	command.value = value;
	check.command = &command;
	check.timeout_seconds = 0.05;
	check.consecutive_failures = 3;
	t.wait_status[1] = -1;
	t.wait_status[2] = 0x7f00;
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	run(&t);
	assert_string_equal(t.marks, "C");
	t.stop_at = 6;
	health_command_done(t.health, 1, 2 << 8, NULL);
	assert_string_equal(t.message,
			    "COMMAND health check 'check': exited with status 2, 1 time");
	assert_string_equal(t.marks, "CKU");
	run(&t);
	assert_string_equal(t.marks, "CKUCKU");
	assert_string_equal(t.message,
			    "COMMAND health check 'check': no answer within 0.05 s, 2 times");
	/* Too late: nobody waits for it any more. */
	health_command_done(t.health, 2, 0, NULL);
	assert_string_equal(t.marks, "CKUCKU");
	t.stop_at = 9;
	run(&t);
	assert_string_equal(t.marks, "CKUCKUCUG");
	told_done(&t);
}

static void test_a_stopped_task_is_not_asked(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__COMMAND);
	Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
	char value[] = "check";
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t, 1);
	command.value = value;
	check.command = &command;
	check.timeout_seconds = 0.01;
	check.consecutive_failures = 1;
	t.wait_status[0] = -1;
	assert_int_equal(health_new(t.loop, &check, &ops, &t, &t.health, &e), 0);
	run(&t);
	/* What is under way is given up without a verdict, and nothing else is begun. */
	t.stop_at = 3;
	health_pause(t.health, true);
	assert_string_equal(t.marks, "CK");
	health_command_done(t.health, 1, 1 << 8, NULL);
	loop_timer_set(t.deadline, 10000);
	assert_int_equal(event_base_loop(loop_base(t.loop), EVLOOP_NONBLOCK), 0);
	assert_string_equal(t.marks, "CK");
	health_pause(t.health, false);
	run(&t);
	assert_string_equal(t.marks, "CKC");
	told_done(&t);
}

static void test_checks_that_cannot_be_done(void **state)
{
	Mesos__V1__HealthCheck check = fast_check(MESOS__V1__HEALTH_CHECK__TYPE__HTTP);
	Mesos__V1__HealthCheck__HTTPCheckInfo http = MESOS__V1__HEALTH_CHECK__HTTPCHECK_INFO__INIT;
	static const struct {
		uint32_t port;
		const char *path, *scheme, *msg;
	} bad[] = {
		{ 0, NULL, NULL, "read health check: port 0" },
		{ 65536, NULL, NULL, "read health check: port 65536" },
		{ 80, "x", NULL, "read health check: path 'x' is not absolute" },
		{ 80, "/a\r\nb", NULL, "read health check: white space in path" },
		{ 80, "/", "ftp", "read health check: scheme 'ftp' is not supported" },
	};
	struct err e = { 0 };

	(void)state;
	assert_int_equal(health_validate(&check, &e), -EINVAL);
	assert_string_equal(e.msg, "read health check: 'http' is missing");
	check.http = &http;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		http.port = bad[i].port;
		http.path = (char *)(uintptr_t)bad[i].path;
		http.scheme = (char *)(uintptr_t)bad[i].scheme;
		assert_int_equal(health_validate(&check, &e), -EINVAL);
		assert_string_equal(e.msg, bad[i].msg);
	}
	err_clear(&e);
	check.delay_seconds = -1;
	assert_int_equal(health_validate(&check, &e), -EINVAL);
	assert_string_equal(e.msg, "read health check: seconds are outside 0..31622400");
	err_clear(&e);
	check = (Mesos__V1__HealthCheck)MESOS__V1__HEALTH_CHECK__INIT;
	assert_int_equal(health_validate(&check, &e), -EINVAL);
	assert_string_equal(e.msg, "read health check: 'type' is missing");
}

static void test_status_lines(void **state)
{
	static const struct {
		const char *line;
		int status;
	} rows[] = {
		{ "HTTP/1.1 200 OK", 200 },	{ "HTTP/1.0 503 No", 503 },
		{ "", 0 },			{ "HTT", 0 },
		{ "HTTP/1.1 20", 0 },		{ "HTTP/2.0 200", -EPROTO },
		{ "SSH-2.0-", -EPROTO },	{ "HTTP/1.1 2x0", -EPROTO },
		{ "HTTP/1.1\t200", -EPROTO },	{ "\0", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(probe_parse_status(rows[i].line, strlen(rows[i].line)),
				 rows[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_connections_end_in_giving_up),
		cmocka_unit_test(test_a_long_path_is_shown_without_half_characters),
		cmocka_unit_test(test_failures_within_grace_are_not_told),
		cmocka_unit_test(test_a_starting_task_is_asked_again_before_the_interval),
		cmocka_unit_test(test_success_is_told_once),
		cmocka_unit_test(test_servers_see_a_clean_end),
		cmocka_unit_test(test_the_rest_of_an_answer_is_waited_for_within_bounds),
		cmocka_unit_test(test_commands_that_fail_hang_or_are_refused),
		cmocka_unit_test(test_a_stopped_task_is_not_asked),
		cmocka_unit_test(test_checks_that_cannot_be_done),
		cmocka_unit_test(test_status_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
