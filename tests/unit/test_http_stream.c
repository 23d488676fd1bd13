#include "tests/unit/http_world.h"

static void test_held_request_is_answered_later(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_held, fd, PATIENCE_MS));
	assert_false(run_until(got_answer, fd, 20));
	assert_int_equal(world.n_served, 0);
	http_reply(TAKE_PTR(world.held), 202, NULL, NULL, 0);
	/* The next request never runs inside of a reply. */
	assert_int_equal(world.n_served, 0);
	assert_true(run_until_said("hello", fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 202);
	assert_int_equal(world.n_closed, 0);
	close(fd);
}

static void test_held_request_is_told_of_disconnect(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_held, fd, PATIENCE_MS));
	close(fd);
	assert_true(run_until(is_closed, fd, PATIENCE_MS));
	assert_int_equal(world.n_closed, 1);

	/* A handler that asked for no word may still answer into the void, or never. */
	for (int i = 0; i < 2; i++) {
		fd = dial();
		ask(fd, "GET /careless HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_true(run_until(is_held, fd, PATIENCE_MS));
		close(fd);
		(void)run_until(never, fd, 20);
		if (i == 0)
			http_reply(TAKE_PTR(world.held), 200, NULL, NULL, 0);
	}
}

static void test_half_close_still_gets_answers(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_non_null(strstr(world.answer, "hello"));
	assert_true(world.size > 3 << 20);
	close(fd);
}

static void test_stream(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	assert_int_equal(http_stream_write(world.stream, "one", 3), 0);
	assert_int_equal(http_stream_write(world.stream, "", 0), 0);
	assert_int_equal(http_stream_write(world.stream, "0123456789abcdef", 16), 0);
	assert_true(http_stream_queued(world.stream) > 19);
	http_stream_end(TAKE_PTR(world.stream));
	assert_true(run_until_said("\r\n0\r\n\r\n", fd, PATIENCE_MS));
	assert_non_null(strstr(world.answer, "Transfer-Encoding: chunked\r\n"));
	assert_string_equal(body_of(world.answer), "3\r\none\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
	/* And the connection goes on. */
	forget_answer();
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "hello");
	assert_int_equal(world.n_closed, 0);
	close(fd);
}

static void test_stream_to_1_0_and_head(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	assert_int_equal(http_stream_write(world.stream, "one", 3), 0);
	http_stream_end(TAKE_PTR(world.stream));
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "one");
	close(fd);

	fd = dial();
	ask(fd, "HEAD /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	assert_int_equal(http_stream_write(world.stream, "one", 3), 0);
	http_stream_end(TAKE_PTR(world.stream));
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "");
	close(fd);
}

static void test_stream_of_slow_reader_is_cut(void **state)
{
	static char piece[16 << 10];
	int fd = dial(), r = 0;

	(void)state;
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	for (int i = 0; i < 10000 && r == 0; i++) {
		r = http_stream_write(world.stream, piece, sizeof(piece));
		if (i % 8 == 0 && r == 0)
			(void)run_until(never, fd, 0);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(world.n_closed, 0);
	assert_int_equal(http_stream_write(world.stream, "x", 1), -EPIPE);
	assert_true(run_until(is_closed, fd, PATIENCE_MS));
	assert_int_equal(world.n_closed, 1);
	close(fd);
}

/* It is not far behind, and would hold what is queued for it for ever. */
static void test_reader_that_takes_nothing_is_cut_when_patience_ends(void **state)
{
	enum { SIZE = 16 << 20, PATIENCE = 300 };
	char *data = calloc(1, SIZE);
	int fd = dial();

	(void)state;
	assert_non_null(data);
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	http_stream_set_patience(world.stream, PATIENCE);
	/* Nothing to take is no reason. */
	assert_false(run_until(is_closed, fd, 2 * PATIENCE));
	assert_int_equal(http_stream_write(world.stream, data, SIZE), 0);
	free(data);
	assert_true(run_until(is_closed, fd, PATIENCE_MS));
	assert_int_equal(world.n_closed, 1);
	close(fd);
}

/* Once the stream has ended, an idle connection has the server's deadlines. */
static void test_patience_ends_with_the_stream(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	http_stream_set_patience(world.stream, 1);
	http_stream_end(TAKE_PTR(world.stream));
	assert_false(run_until(got_eof, fd, 20));
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until_said("hello", fd, PATIENCE_MS));
	close(fd);
}

/* A stream's own bound is not the server's, and what is queued when it is set counts. */
static void test_stream_has_a_bound_of_its_own(void **state)
{
	static char piece[16 << 10];
	int fd = dial();

	(void)state;
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	for (int i = 0; i < 4; i++)
		assert_int_equal(http_stream_write(world.stream, piece, sizeof(piece)), 0);
	http_stream_set_bound(world.stream, 128 << 10);
	assert_int_equal(http_stream_write(world.stream, piece, sizeof(piece)), 0);
	http_stream_set_bound(world.stream, 32 << 10);
	assert_int_equal(http_stream_write(world.stream, piece, sizeof(piece)), -ENOBUFS);
	assert_true(run_until(is_closed, fd, PATIENCE_MS));
	close(fd);
}

static void test_stream_reader_goes_away_or_talks(void **state)
{
	static char noise[80 << 10];
	int fd = dial();

	(void)state;
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	close(fd);
	assert_true(run_until(is_closed, fd, PATIENCE_MS));
	assert_null(world.stream);

	world.n_closed = 0;
	fd = dial();
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	ask(fd, "some bytes are ignored");
	(void)run_until(never, fd, 10);
	assert_non_null(world.stream);
	(void)send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
	assert_true(run_until(is_closed, fd, PATIENCE_MS));
	close(fd);
}

static void test_cork_holds_every_byte(void **state)
{
	int reader = dial(), fd;

	(void)state;
	ask(reader, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, reader, PATIENCE_MS));
	(void)run_until(never, reader, 10);
	http_server_cork(world.server, true);
	assert_int_equal(http_stream_write(world.stream, "x", 1), 0);
	fd = dial();
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_false(run_until(got_answer, fd, 30));
	assert_int_equal(world.n_served, 1);
	assert_int_equal(world.size, 0);
	http_server_cork(world.server, false);
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "hello");

	/* What was queued before is held as well. */
	assert_int_equal(http_stream_write(world.stream, "late", 4), 0);
	http_server_cork(world.server, true);
	forget_answer();
	(void)run_until(never, reader, 10);
	pull(reader);
	assert_non_null(strstr(world.answer, "1\r\nx\r\n"));
	assert_null(strstr(world.answer, "late"));
	http_server_cork(world.server, false);
	assert_true(run_until_said("late", reader, PATIENCE_MS));
	close(fd);
	close(reader);
}

/* Held: what is queued now and what follows it; a connection with nothing queued is free to go. */
static void test_hold_and_release(void **state)
{
	int reader = dial(), fd;

	(void)state;
	ask(reader, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, reader, PATIENCE_MS));
	(void)run_until(never, reader, 10);
	assert_int_equal(http_stream_write(world.stream, "first", 5), 0);
	http_server_hold(world.server);
	assert_int_equal(http_stream_write(world.stream, "second", 6), 0);
	fd = dial();
	ask(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "hello");
	forget_answer();
	pull(reader);
	assert_null(strstr(world.answer, "first"));

	/* A cork is stronger than a release. */
	http_server_cork(world.server, true);
	http_server_release(world.server);
	(void)run_until(never, reader, 10);
	pull(reader);
	assert_null(strstr(world.answer, "first"));
	http_server_cork(world.server, false);
	assert_true(run_until_said("6\r\nsecond", reader, PATIENCE_MS));
	assert_non_null(strstr(world.answer, "5\r\nfirst"));
	close(fd);
	close(reader);
}

static int refuse_writes(void *arg, struct http_request *req, struct err *e)
{
	assert_ptr_equal(arg, &world);
	if (http_request_method(req) == HTTP_GET)
		return 0;
	return err_set(e, ENOSPC, "change '%s': the disk is full", http_request_path(req));
}

static void test_gate_stands_before_handlers(void **state)
{
	static const struct {
		const char *request;
		int status;
		const char *part;
	} rows[] = {
		{ "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 200, "hello" },
		{ "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 507,
		  "\"by\":\"second\"" },
		{ "DELETE /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404, "find '/nope'" },
		{ "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 507,
		  "change '/echo': the disk is full" },
	};

	(void)state;
	http_server_set_gate(world.server, refuse_writes, &world);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = dial();

		ask(fd, rows[i].request);
		assert_true(run_until(got_answer, fd, PATIENCE_MS));
		assert_int_equal(status_of(world.answer), rows[i].status);
		assert_non_null(strstr(world.answer, rows[i].part));
		close(fd);
	}
	assert_int_equal(world.n_served, 1);
}

/* More pipelined requests than the input holds at a time, behind one that is answered later. */
static void test_many_pipelined_behind_a_held_one(void **state)
{
	static const char one[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
	enum { N = 3000 };
	int fd = dial();

	(void)state;
	ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < N; i++)
		say(fd, one, sizeof(one) - 1);
	assert_true(run_until(is_held, fd, PATIENCE_MS));
	assert_int_equal(world.n_served, 0);
	http_reply(TAKE_PTR(world.held), 202, NULL, NULL, 0);
	for (int64_t until = clock_boot_ms() + PATIENCE_MS; clock_boot_ms() < until;) {
		(void)run_until(never, fd, 1);
		pull(fd);
		if (world.n_served == N)
			break;
	}
	assert_int_equal(world.n_served, N);
	close(fd);
}

static void test_free_closes_what_is_held(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_held, fd, PATIENCE_MS));
	close(fd);
	fd = dial();
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	http_server_free(TAKE_PTR(world.server));
	assert_int_equal(world.n_closed, 2);
	assert_null(world.held);
	assert_null(world.stream);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_held_request_is_answered_later, start, stop),
		cmocka_unit_test_setup_teardown(test_held_request_is_told_of_disconnect, start, stop),
		cmocka_unit_test_setup_teardown(test_half_close_still_gets_answers, start, stop),
		cmocka_unit_test_setup_teardown(test_stream, start, stop),
		cmocka_unit_test_setup_teardown(test_stream_to_1_0_and_head, start, stop),
		cmocka_unit_test_setup_teardown(test_stream_of_slow_reader_is_cut, start_hasty, stop),
		cmocka_unit_test_setup_teardown(
			test_reader_that_takes_nothing_is_cut_when_patience_ends, start, stop),
		cmocka_unit_test_setup_teardown(test_patience_ends_with_the_stream, start, stop),
		cmocka_unit_test_setup_teardown(test_stream_has_a_bound_of_its_own, start_hasty, stop),
		cmocka_unit_test_setup_teardown(test_stream_reader_goes_away_or_talks, start, stop),
		cmocka_unit_test_setup_teardown(test_cork_holds_every_byte, start, stop),
		cmocka_unit_test_setup_teardown(test_hold_and_release, start, stop),
		cmocka_unit_test_setup_teardown(test_gate_stands_before_handlers, start, stop),
		cmocka_unit_test_setup_teardown(test_many_pipelined_behind_a_held_one, start, stop),
		cmocka_unit_test_setup_teardown(test_free_closes_what_is_held, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
