/* What the master fetches for the controller, over real sockets: answers, bounds, and ends of all kinds. */
#include "task_server.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "master_stub/fetches.h"

enum { MAX_BODY = 1000, PLACES = 64 };

static struct {
	struct loop *loop;
	struct fetches *fetches;
	unsigned n_ends, n_wanted;
	uint64_t first_id, id;		/* of the first end, and of the last */
	int status, statuses[PLACES + 1];	/* of the last, and by id */
	char content_type[64], body[MAX_BODY + 1], error[256];
	bool is_cut;
} world;

static void on_end(void *arg, uint64_t id, const struct controller_answer *answer)
{
	(void)arg;
	if (world.n_ends++ == 0)
		world.first_id = id;
	world.id = id;
	world.status = world.statuses[id] = answer->status;
	world.is_cut = answer->is_cut;
	assert_true(answer->size <= MAX_BODY);
	assert_int_equal(strlen(answer->body), answer->size);
	(void)snprintf(world.content_type, sizeof(world.content_type), "%s", answer->content_type);
	(void)snprintf(world.body, sizeof(world.body), "%s", answer->body);
	(void)snprintf(world.error, sizeof(world.error), "%s", answer->error ? answer->error : "");
	assert_true((answer->status == 0) == (answer->error != NULL));
	if (world.n_ends == world.n_wanted)
		loop_stop(world.loop);
}

static int setup(void **state)
{
	struct err e = { 0 };

	(void)state;
	memset(&world, 0, sizeof(world));
	assert_int_equal(loop_new(&world.loop, &e), 0);
	assert_int_equal(fetches_new(world.loop, on_end, NULL, &world.fetches, &e), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fetches_free(world.fetches);
	loop_free(world.loop);
	/* No wrapper and no server is left. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(errno, ECHILD);
	return 0;
}

static void begin(uint64_t id, struct controller_fetch what)
{
	what.path = "/path";
	what.max_body = MAX_BODY;
	assert_int_equal(fetches_start(world.fetches, id, &what), 0);
}

static void start(uint64_t id, const char *host, uint16_t port, bool is_tls, int64_t timeout_ms)
{
	begin(id, (struct controller_fetch){ .host = host, .port = port, .is_tls = is_tls,
					     .timeout_ms = timeout_ms });
}

static void wait_for(unsigned n)
{
	struct err e = { 0 };

	world.n_wanted = n;
	if (world.n_ends < n)
		assert_int_equal(loop_run(world.loop, &e), 0);
	assert_int_equal(world.n_ends, n);
}

/* ---- servers ---- */

static void reply(int fd, const char *answer)
{
	char request[1024];

	if (read(fd, request, sizeof(request)) <= 0)
		_exit(1);
	(void)!write(fd, answer, strlen(answer));
}

static void serve_well(int fd)
{
	reply(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; a=b\r\nContent-Length: 2\r\n\r\nhi");
}

static void serve_failure(int fd)
{
	reply(fd, "HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\nbecaus");
}

static void serve_to_the_end(int fd)
{
	reply(fd, "HTTP/1.0 204 Nothing\r\n\r\n");
}

static void serve_too_much(int fd)
{
	char piece[4096];

	reply(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	memset(piece, 'x', sizeof(piece));
	/* Until the reader has had enough. */
	while (send(fd, piece, sizeof(piece), MSG_NOSIGNAL) > 0)
		;
}

static void serve_too_much_of_a_failure(int fd)
{
	char answer[4096] = "HTTP/1.1 404 No\r\nContent-Length: 2000\r\n\r\n";
	size_t size = strlen(answer);

	memset(answer + size, 'x', 2000);
	reply(fd, answer);
}

static void serve_something_else(int fd)
{
	reply(fd, "SSH-2.0-OpenSSH\r\n\r\n");
}

static void serve_nothing(int fd)
{
	char byte;

	while (read(fd, &byte, 1) > 0)
		;
}

/* A byte now and then keeps no connection longer than its time. */
static void serve_slowly(int fd)
{
	reply(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	while (send(fd, "x", 1, MSG_NOSIGNAL) > 0)
		(void)usleep(1000);
}

static void serve_safely(int fd)
{
	serve_tls(fd, TLS1_3_VERSION, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
}

/* Says whether it was shown a credential. */
static void serve_whoever_is_known(int fd)
{
	char request[1024] = "";
	const char *answer = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

	if (read(fd, request, sizeof(request) - 1) <= 0)
		_exit(1);
	if (strstr(request, "\r\nAuthorization: Basic bTpz\r\n"))
		answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	else if (strcasestr(request, "authorization"))
		_exit(1);
	(void)!write(fd, answer, strlen(answer));
}

/* ---- tests ---- */

static void test_agents_alone_are_shown_the_credential(void **state)
{
	static const struct {
		const char *authorization;
		bool is_of_agent;
		int status;
	} rows[] = {
		{ "Basic bTpz", true, 200 }, { "Basic bTpz", false, 401 }, { NULL, true, 401 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t server;
		uint16_t port = start_server(serve_whoever_is_known, &server);

		fetches_authorize(world.fetches, rows[i].authorization);
		begin(i, (struct controller_fetch){ .host = "127.0.0.1", .port = port,
						    .is_of_agent = rows[i].is_of_agent,
						    .timeout_ms = PATIENCE_MS });
		wait_for((unsigned)i + 1);
		assert_int_equal(world.status, rows[i].status);
	}
}

static void test_answers(void **state)
{
	static const struct {
		void (*serve)(int fd);
		bool is_tls;
		int status;
		const char *type, *body, *error;
	} rows[] = {
		{ serve_well, false, 200, "text/plain; a=b", "hi", "" },
		{ serve_failure, false, 503, "", "becaus", "" },
		{ serve_to_the_end, false, 204, "", "", "" },
		{ serve_safely, true, 200, "", "secret", "" },
		{ serve_something_else, false, 0, "", "", "its head is malformed" },
		{ serve_well, true, 0, "", "", "Connection reset by peer" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		pid_t server;

		start(i, "127.0.0.1", start_server(rows[i].serve, &server), rows[i].is_tls,
		      PATIENCE_MS);
		wait_for((unsigned)i + 1);
		if (world.id != i || world.status != rows[i].status || world.is_cut ||
		    strcmp(world.content_type, rows[i].type) != 0 ||
		    strcmp(world.body, rows[i].body) != 0 || !strstr(world.error, rows[i].error))
			fail_msg("row %zu: %d '%s' '%s' '%s'", i, world.status, world.content_type,
				 world.body, world.error);
	}
}

static void test_what_is_too_much_is_cut(void **state)
{
	pid_t server;

	(void)state;
	start(1, "127.0.0.1", start_server(serve_too_much, &server), false, PATIENCE_MS);
	wait_for(1);
	assert_int_equal(world.status, 200);
	assert_true(world.is_cut);
	assert_int_equal(strlen(world.body), MAX_BODY);
	start(2, "127.0.0.1", start_server(serve_too_much_of_a_failure, &server), false,
	      PATIENCE_MS);
	wait_for(2);
	assert_int_equal(world.status, 404);
	assert_true(world.is_cut);
}

static void test_nobody_is_waited_for_beyond_the_time(void **state)
{
	static void (*const serve[])(int fd) = { serve_nothing, serve_slowly };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(serve); i++) {
		char expected[80];
		pid_t server;
		uint16_t port = start_server(serve[i], &server);

		start(i, "127.0.0.1", port, false, 50);
		wait_for(i + 1);
		(void)snprintf(expected, sizeof(expected), "no answer of '127.0.0.1:%u' in 50 ms",
			       port);
		assert_string_equal(world.error, expected);
	}
}

static void test_where_nobody_listens(void **state)
{
	pid_t server;
	uint16_t port = start_server(serve_nothing, &server);

	(void)state;
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_int_equal(waitpid(server, NULL, 0), server);
	start(1, "127.0.0.1", port, false, PATIENCE_MS);
	wait_for(1);
	assert_non_null(strstr(world.error, "Connection refused"));
}

static void test_names_are_looked_up(void **state)
{
	pid_t server;

	(void)state;
	start(1, "localhost", start_server(serve_well, &server), false, PATIENCE_MS);
	wait_for(1);
	assert_int_equal(world.status, 200);
}

static void test_a_path_that_no_request_can_have_is_an_answer_too(void **state)
{
	const struct controller_fetch what = { .host = "127.0.0.1", .port = 1, .path = "/a b",
					       .timeout_ms = PATIENCE_MS, .max_body = 1 };

	(void)state;
	assert_int_equal(fetches_start(world.fetches, 7, &what), 0);
	assert_int_equal(world.n_ends, 0);
	wait_for(1);
	assert_int_equal(world.id, 7);
	assert_non_null(strstr(world.error, "malformed"));
}

static void test_one_that_is_cancelled_is_not_told_of(void **state)
{
	pid_t server;

	(void)state;
	start(1, "127.0.0.1", start_server(serve_well, &server), false, PATIENCE_MS);
	fetches_cancel(world.fetches, 1);
	fetches_cancel(world.fetches, 1);
	start(2, "127.0.0.1", start_server(serve_well, &server), false, PATIENCE_MS);
	wait_for(1);
	assert_int_equal(world.id, 2);
}

/* All places are taken by those that hang; the last one, which would be the first, comes when one is gone. */
static void test_the_others_wait_for_a_place(void **state)
{
	pid_t server;
	uint16_t silent = start_server(serve_nothing, &server);

	(void)state;
	for (unsigned i = 0; i < PLACES; i++)
		start(i, "127.0.0.1", silent, false, 100);
	start(PLACES, "127.0.0.1", start_server(serve_well, &server), false, PATIENCE_MS);
	wait_for(PLACES + 1);
	assert_int_not_equal(world.first_id, PLACES);
	assert_int_equal(world.statuses[PLACES], 200);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_agents_alone_are_shown_the_credential),
		TEST(test_what_is_too_much_is_cut),
		TEST(test_nobody_is_waited_for_beyond_the_time),
		TEST(test_where_nobody_listens),
		TEST(test_names_are_looked_up),
		TEST(test_a_path_that_no_request_can_have_is_an_answer_too),
		TEST(test_one_that_is_cancelled_is_not_told_of),
		TEST(test_the_others_wait_for_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
