/* Probes over TLS: what is asked of a server, whoever it says it is, and what becomes of one that hangs. */
#include "task_server.h"

#include <signal.h>

#include "executor/probe.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

static struct {
	struct loop *loop;
	struct loop_timer *timer;
	struct probe *probe;
	bool has_told, is_ok;
	int status;
	char detail[128];
} asked;

/* ---- servers, each in a process of its own ---- */

static void serve_new(int fd)
{
	serve_tls(fd, TLS1_3_VERSION, "HTTP/1.1 200 OK\r\n\r\nhello");
}

static void serve_old(int fd)
{
	serve_tls(fd, TLS1_VERSION, "HTTP/1.0 302 Found\r\n\r\n");
}

static void serve_failure(int fd)
{
	serve_tls(fd, TLS1_2_VERSION, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
}

static void serve_something_else(int fd)
{
	serve_tls(fd, TLS1_3_VERSION, "SSH-2.0-x 200\r\n");
}

static void serve_silence(int fd)
{
	serve_tls(fd, TLS1_3_VERSION, "");
}

static void serve_plainly(int fd)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	(void)!write(fd, answer, sizeof(answer) - 1);
}

static void serve_nothing(int fd)
{
	char byte;

	/* Until the other side is gone. */
	while (read(fd, &byte, 1) > 0)
		;
}

/* ---- the probe ---- */

static void on_probe(void *arg, bool is_ok, int status, const char *detail)
{
	(void)arg;
	asked.has_told = true;
	asked.is_ok = is_ok;
	asked.status = status;
	(void)snprintf(asked.detail, sizeof(asked.detail), "%s", detail);
	loop_stop(asked.loop);
}

static void on_time(void *arg)
{
	loop_stop(arg);
}

static void ask(uint16_t port, int64_t patience_ms)
{
	const struct probe_target target = {
		.is_http = true, .is_tls = true, .port = port, .path = "/path",
		.fd_take = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	};
	struct err e = { 0 };

	memset(&asked, 0, sizeof(asked));
	assert_int_equal(loop_new(&asked.loop, &e), 0);
	assert_int_equal(loop_timer_new(asked.loop, on_time, asked.loop, &asked.timer, &e), 0);
	loop_timer_set(asked.timer, patience_ms);
	assert_int_equal(probe_start(asked.loop, &target, on_probe, NULL, &asked.probe, &e), 0);
	assert_int_equal(loop_run(asked.loop, &e), 0);
}

/* Whatever became of it, no process is left. */
static void forget(pid_t server)
{
	int status;

	probe_free(asked.probe);
	loop_timer_free(asked.timer);
	loop_free(asked.loop);
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_what_a_server_says_is_the_answer(void **state)
{
	static const struct {
		void (*serve)(int fd);
		bool is_ok;
		int status;
		const char *detail;
	} rows[] = {
		{ serve_new, true, 200, "status 200" },
		{ serve_old, true, 302, "status 302" },
		{ serve_failure, false, 503, "status 503" },
		{ serve_something_else, false, -EPROTO, "answer is not HTTP" },
		{ serve_silence, false, 0, "no TLS, or closed without an answer" },
		{ serve_plainly, false, 0, "no TLS, or closed without an answer" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t server;

		ask(start_server(rows[i].serve, &server), PATIENCE_MS);
		if (!asked.has_told || asked.is_ok != rows[i].is_ok ||
		    asked.status != rows[i].status || strcmp(asked.detail, rows[i].detail) != 0)
			fail_msg("row %zu: %d %d '%s'", i, asked.is_ok, asked.status,
				 asked.detail);
		forget(server);
	}
}

static void test_one_that_says_nothing_is_left(void **state)
{
	pid_t server;

	(void)state;
	ask(start_server(serve_nothing, &server), 50);
	assert_false(asked.has_told);
	forget(server);
}

static void test_the_rest_of_the_answer_is_read_and_its_process_ended(void **state)
{
	struct err e = { 0 };
	siginfo_t info;
	pid_t server;

	(void)state;
	ask(start_server(serve_new, &server), PATIENCE_MS);
	assert_true(probe_drain(asked.probe, PATIENCE_MS));
	/* The server ends by itself; of our children there is none but it then. */
	while (waitid(P_PID, (id_t)server, &info, WEXITED | WNOWAIT) < 0)
		assert_int_equal(errno, EINTR);
	loop_timer_set(asked.timer, 1);
	assert_int_equal(loop_run(asked.loop, &e), 0);
	forget(server);
}

static void test_where_nobody_listens_there_is_no_process(void **state)
{
	pid_t server;
	uint16_t port = start_server(serve_nothing, &server);

	(void)state;
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_int_equal(waitpid(server, NULL, 0), server);
	ask(port, PATIENCE_MS);
	assert_true(asked.has_told);
	assert_string_equal(asked.detail, "connection refused");
	probe_free(asked.probe);
	loop_timer_free(asked.timer);
	loop_free(asked.loop);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_server_says_is_the_answer),
		cmocka_unit_test(test_one_that_says_nothing_is_left),
		cmocka_unit_test(test_the_rest_of_the_answer_is_read_and_its_process_ended),
		cmocka_unit_test(test_where_nobody_listens_there_is_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
