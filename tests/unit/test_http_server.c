#include "tests/unit/http_world.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

static void test_get_keep_alive_and_head(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 200);
	assert_string_equal(body_of(world.answer), "hello");
	assert_non_null(strstr(world.answer, "\r\nDate: "));
	assert_non_null(strstr(world.answer, " GMT\r\n"));
	assert_non_null(strstr(world.answer, "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(world.answer, "X-Clean: yes\r\n"));
	assert_null(strstr(world.answer, "Evil"));
	assert_null(strstr(world.answer, "Connection:"));
	forget_answer();
	ask(fd, "HEAD /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 200);
	assert_non_null(strstr(world.answer, "Content-Length: 5\r\n"));
	assert_non_null(strstr(world.answer, "Connection: close\r\n"));
	assert_string_equal(body_of(world.answer), "");
	close(fd);
}

static const struct {
	const char *request;
	int status;
	const char *part;
} exchanges[] = {
	{ "GET /v2/apps/a/b/c HTTP/1.1\r\nHost: x\r\n\r\n", 200, "/v2/apps/a/b/c|a/b/c|||-" },
	{ "GET /v2//apps///a/b/ HTTP/1.1\r\nHost: x\r\n\r\n", 200, "/v2/apps/a/b/|a/b|||-" },
	{ "GET /v2/apps/a%2Fb/tasks/t%201?q=x+y HTTP/1.1\r\nHost: x\r\n\r\n", 200, "|a/b|t 1||x y" },
	{ "GET /one/1/two/2 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "|1|2||-" },
	{ "GET /?q= HTTP/1.1\r\nHost: x\r\n\r\n", 200, "/||||" },
	{ "GET /query?a=1&a=%32%26&force=True&empty&off=false HTTP/1.1\r\nHost: x\r\n\r\n", 200,
	  "\"a\":\"1\",\"second\":\"2&\",\"force\":true,\"empty\":true,\"off\":false,\"absent\":true" },
	{ "GET /query?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "message" },
	{ "GET /v2/apps HTTP/1.1\r\nHost: x\r\n\r\n", 404, "\"by\":\"first\"" },
	{ "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404,
	  "\"find '/nope': no such path here\"" },
	{ "GET //etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404,
	  "\"find '/etc/passwd': no such path here\"" },
	{ "GET /v2/apps/%2e%2e/x HTTP/1.1\r\nHost: x\r\n\r\n", 400, "" },
	{ "GET /v2/apps/./x HTTP/1.1\r\nHost: x\r\n\r\n", 400, "" },
	{ "GET /v2/apps/a%2F..%2Fb HTTP/1.1\r\nHost: x\r\n\r\n", 400, "" },
	{ "GET /v2/apps/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "" },
	{ "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "" },
	{ "GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "" },
	{ "DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: GET, HEAD, POST\r\n" },
	{ "DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n", 405,
	  "\"refuse 'DELETE' on '/hello': allowed are GET, HEAD, POST\"" },
	{ "GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: PUT, DELETE\r\n" },
	{ "BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: GET" },
	{ "PUT /fail HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 409, "change '/fail'" },
	{ "GET /second HTTP/1.1\r\nHost: x\r\n\r\n", 409, "\"by\":\"second\"" },
	{ "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", 200, "\r\n\r\nhi" },
	{ "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, "Content-Length: 0" },
	{ "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, "\r\n\r\nabc0123456789" },
	{ "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "3;a=b\r\nabc\r\n0\r\n\r\n", 400, "Connection: close" },
	{ "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n", 413, "Connection: close" },
	{ "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "11\r\n01234567890123456\r\n", 413, "Connection: close" },
	{ "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", 413, "" },
	{ "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n", 413, "" },
	{ "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400, "" },
	{ "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: junk\r\nContent-Length: 2\r\n\r\n", 417, "" },
	{ "GET /hello HTTP/1.1\r\n\r\n", 400, "Connection: close" },
	{ "GET /hello HTTP/1.1\nHost: x\n\n", 400, "Connection: close" },
	{ "GET /hello\r\n", 400, "Connection: close" },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "Connection: close" },
	{ "\x16\x03\x01\x02", 400, "Connection: close" },
	{ "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n\"\"", 200, "Connection: close" },
	{ "GET /hello HTTP/1.0\r\n\r\n", 200, "Connection: close" },
	{ "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "Connection: keep-alive" },
};

static void test_exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		int fd = dial();

		ask(fd, exchanges[i].request);
		assert_true(run_until(got_answer, fd, PATIENCE_MS));
		if (status_of(world.answer) != exchanges[i].status ||
		    !strstr(world.answer, exchanges[i].part))
			fail_msg("'%s' was answered '%s'", exchanges[i].request, world.answer);
		close(fd);
	}
}

static void test_pipelined_answers_keep_order(void **state)
{
	static const char request[] =
		"GET /one/1/two/a HTTP/1.1\r\nHost: x\r\n\r\n"
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecond"
		"GET /one/3/two/c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
	const char *first, *second, *third;
	int fd = dial();

	(void)state;
	ask(fd, request);
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	first = strstr(world.answer, "|1|a||-");
	second = strstr(world.answer, "second");
	third = strstr(world.answer, "|3|c||-");
	assert_true(first && first < second && second < third);
	assert_int_equal(world.n_served, 1);
	close(fd);
}

/* Byte by byte, every split of head and body gives the same answer. */
static void test_any_split_is_the_same(void **state)
{
	static const char request[] = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
				      "\r\n5\r\nhello\r\n0\r\n\r\n";
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		char byte[2] = { request[i], '\0' };

		ask(fd, byte);
		(void)run_until(got_answer, fd, 2);
	}
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "hello");
	close(fd);
}

static void test_expect_continue(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
		"Accept-Encoding: gzip\r\n\r\n");
	assert_true(run_until_said("100 Continue\r\n\r\n", fd, PATIENCE_MS));
	forget_answer();
	ask(fd, "ok");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 200);
	assert_string_equal(body_of(world.answer), "ok");
	close(fd);
}

static void test_limits_of_a_head(void **state)
{
	static char big[70000];
	int fd = dial();

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nX: ");
	say(fd, big, sizeof(big) - 1);
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 431);
	close(fd);

	fd = dial();
	ask(fd, "GET /");
	say(fd, big, sizeof(big) - 1);
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 414);
	close(fd);

	fd = dial();
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 101; i++)
		ask(fd, "a: b\r\n");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 431);
	close(fd);
}

/* The client is still sending when the answer comes: it must be able to read it. */
static void test_refused_body_still_sees_answer(void **state)
{
	static char big[1 << 20];
	int fd = dial();

	(void)state;
	ask(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n");
	say(fd, big, sizeof(big));
	say(fd, big, sizeof(big));
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 413);
	close(fd);
}

static bool drip(int fd)
{
	(void)send(fd, "a", 1, MSG_NOSIGNAL);
	return got_eof(fd);
}

static void test_deadlines_are_absolute(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nX: ");
	assert_true(run_until(drip, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 408);
	close(fd);

	fd = dial();
	ask(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nab");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 408);
	close(fd);

	fd = dial();
	ask(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 408);
	close(fd);

	/* Silent from the start, and silent after an answer: closed without a word. */
	fd = dial();
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(world.size, 0);
	close(fd);

	fd = dial();
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "hello");
	close(fd);
}

static int start_crowded(void **state)
{
	struct http_limits limits = http_default_limits;

	(void)state;
	limits.max_per_peer = 3;
	start_with(&limits);
	return 0;
}

static int start_full(void **state)
{
	struct http_limits limits = http_default_limits;

	(void)state;
	limits.max_connections = 3;
	start_with(&limits);
	return 0;
}

/* The same for a socket that any user may connect to. */
static void listen_public(void)
{
	char dir[] = "/tmp/tepui-net-XXXXXX";
	struct err e = { 0 };

	assert_non_null(mkdtemp(dir));
	(void)snprintf(world.path, sizeof(world.path), "%s/socket", dir);
	assert_int_equal(http_server_listen_public(world.server, world.path, &e), 0);
}

static int start_public_crowded(void **state)
{
	(void)start_crowded(state);
	listen_public();
	return 0;
}

static int start_public_full(void **state)
{
	(void)start_full(state);
	listen_public();
	return 0;
}

static int stop_public(void **state)
{
	char *slash = strrchr(world.path, '/');

	(void)stop(state);
	*slash = '\0';
	return rmdir(world.path);
}

static bool got_head(int fd)
{
	pull(fd);
	return strstr(world.answer, "\r\n\r\n");
}

static int dial_and_ask(const char *text, bool (*is_done)(int fd))
{
	int fd = dial();

	ask(fd, text);
	assert_true(run_until(is_done, fd, PATIENCE_MS));
	return fd;
}

/* Whoever says nothing, or has had an answer, makes room: the one that came first before others. */
static void test_idle_connections_give_way(void **state)
{
	int silent = dial(), answered, fds[3];

	(void)state;
	answered = dial_and_ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", got_answer);
	fds[0] = dial_and_ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", got_answer);
	fds[1] = dial_and_ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", got_answer);
	assert_int_equal(status_of(world.answer), 200);
	forget_answer();
	assert_true(run_until(got_eof, silent, PATIENCE_MS));
	fds[2] = dial_and_ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", got_answer);
	assert_int_equal(status_of(world.answer), 200);
	forget_answer();
	assert_true(run_until(got_eof, answered, PATIENCE_MS));
	close(silent);
	close(answered);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_connections_are_limited(void **state)
{
	int fds[3], fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial_and_ask("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", got_head);
	fd = dial();
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	close(fd);
	assert_int_equal(status_of(world.answer), 503);
	close(fds[0]);
	do {
		fd = dial_and_ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", got_answer);
		close(fd);
	} while (status_of(world.answer) == 503);
	assert_int_equal(status_of(world.answer), 200);
	close(fds[1]);
	close(fds[2]);
}

static void test_unix_socket(void **state)
{
	char dir[] = "/tmp/tepui-net-XXXXXX", path[64], expected[64];
	struct http_server *other = NULL;
	struct err e = { 0 };
	struct stat st;
	mode_t old;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	old = umask(0);
	assert_int_equal(http_server_listen_unix(world.server, path, &e), 0);
	(void)umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fd = dial_unix(path);
	ask(fd, "GET /peer HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	(void)snprintf(expected, sizeof(expected), "unix:%u 1 %u", getuid(), getuid());
	assert_string_equal(body_of(world.answer), expected);
	close(fd);

	assert_int_equal(http_server_new(world.loop, NULL, &other, &e), 0);
	assert_int_equal(http_server_listen_unix(other, path, &e), -EADDRINUSE);
	http_server_free(other);
	assert_int_equal(stat(path, &st), 0);

	/* A stale one is replaced; a file that is no socket is left alone. */
	http_server_free(TAKE_PTR(world.server));
	assert_int_equal(stat(path, &st), -1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&(struct sockaddr_un){
		.sun_family = AF_UNIX, .sun_path = "" }, sizeof(sa_family_t)), 0);
	close(fd);
	err_clear(&e);
	assert_int_equal(http_server_new(world.loop, NULL, &world.server, &e), 0);
	{
		struct sockaddr_un stale = { .sun_family = AF_UNIX };

		(void)snprintf(stale.sun_path, sizeof(stale.sun_path), "%s", path);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&stale, sizeof(stale)), 0);
		close(fd);
	}
	assert_int_equal(http_server_listen_unix(world.server, path, &e), 0);
	http_server_free(TAKE_PTR(world.server));
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(http_server_new(world.loop, NULL, &world.server, &e), 0);
	assert_true(http_server_listen_unix(world.server, path, &e) < 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_listen_errors_name_the_address(void **state)
{
	static const char *const bad[] = { "", "5050", "localhost:1", "127.0.0.1:", "127.0.0.1:65536",
					   "::1:5", "[::1]", "127.0.0.1:+5", "unix:/x", "1.2.3.4.5:1" };
	char address[64], long_path[200];
	struct err e = { 0 };
	uint16_t port = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		assert_int_equal(http_server_listen(world.server, bad[i], NULL, &e), -EINVAL);
		assert_non_null(strstr(e.msg, bad[i]));
	}
	err_clear(&e);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", world.port);
	assert_int_equal(http_server_listen(world.server, address, NULL, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, address));
	err_clear(&e);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(http_server_listen_unix(world.server, long_path, &e), -ENAMETOOLONG);
	err_clear(&e);
	if (http_server_listen(world.server, "[::1]:0", &port, &e) == 0)
		assert_int_not_equal(port, 0);
}

/* With descriptors out: an answer or a wait, never a spin; and it goes on afterwards. */
static void test_out_of_descriptors(void **state)
{
	struct rlimit old, few;
	struct timespec before, after;
	int fd = dial(), second = dial(), spare;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	few = old;
	few.rlim_cur = (rlim_t)spare;
	close(spare);
	/* Descriptors below the limit are all taken, but for the reserve's own. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	(void)run_until(never, fd, 150);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
		    (after.tv_nsec - before.tv_nsec) / 1000000 < 100);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(fd);
	close(second);
	fd = dial();
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 200);
	close(fd);
}

static void test_statuses(void **state)
{
	(void)state;
	assert_int_equal(http_status_from_errno(EINVAL), 400);
	assert_int_equal(http_status_from_errno(EACCES), 401);
	assert_int_equal(http_status_from_errno(EPERM), 403);
	assert_int_equal(http_status_from_errno(ENOENT), 404);
	assert_int_equal(http_status_from_errno(EEXIST), 409);
	assert_int_equal(http_status_from_errno(EBUSY), 409);
	assert_int_equal(http_status_from_errno(EMSGSIZE), 413);
	assert_int_equal(http_status_from_errno(ENOTSUP), 415);
	assert_int_equal(http_status_from_errno(EAGAIN), 503);
	assert_int_equal(http_status_from_errno(ENOSPC), 507);
	assert_int_equal(http_status_from_errno(EIO), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_get_keep_alive_and_head, start, stop),
		cmocka_unit_test_setup_teardown(test_exchanges, start, stop),
		cmocka_unit_test_setup_teardown(test_pipelined_answers_keep_order, start, stop),
		cmocka_unit_test_setup_teardown(test_any_split_is_the_same, start, stop),
		cmocka_unit_test_setup_teardown(test_expect_continue, start, stop),
		cmocka_unit_test_setup_teardown(test_limits_of_a_head, start, stop),
		cmocka_unit_test_setup_teardown(test_refused_body_still_sees_answer, start, stop),
		cmocka_unit_test_setup_teardown(test_deadlines_are_absolute, start_hasty, stop),
		cmocka_unit_test_setup_teardown(test_idle_connections_give_way, start_crowded, stop),
		cmocka_unit_test_setup_teardown(test_idle_connections_give_way, start_full, stop),
		cmocka_unit_test_setup_teardown(test_idle_connections_give_way, start_public_crowded, stop_public),
		cmocka_unit_test_setup_teardown(test_idle_connections_give_way, start_public_full, stop_public),
		cmocka_unit_test_setup_teardown(test_connections_are_limited, start_crowded, stop),
		cmocka_unit_test_setup_teardown(test_connections_are_limited, start_full, stop),
		cmocka_unit_test_setup_teardown(test_connections_are_limited, start_public_crowded, stop_public),
		cmocka_unit_test_setup_teardown(test_connections_are_limited, start_public_full, stop_public),
		cmocka_unit_test_setup_teardown(test_unix_socket, start, stop),
		cmocka_unit_test_setup_teardown(test_listen_errors_name_the_address, start, stop),
		cmocka_unit_test_setup_teardown(test_out_of_descriptors, start, stop),
		cmocka_unit_test(test_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
