#include "tests/unit/http_world.h"

#include "net/http_client.h"

/* What an upload's handler has seen. */
static struct {
	struct http_request *req;
	char data[4 << 20];
	size_t size, largest;
	bool is_ended, is_pausing;
	unsigned n_heads;
} seen;

static int take(void *arg, const void *data, size_t size, struct err *e)
{
	(void)arg;
	if (memmem(data, size, "poison", 6))
		return err_set(e, EBUSY, "take poison");
	assert_true(seen.size + size <= sizeof(seen.data));
	memcpy(seen.data + seen.size, data, size);
	seen.size += size;
	if (size > seen.largest)
		seen.largest = size;
	if (seen.is_pausing)
		http_upload_pause(seen.req, true);
	return 0;
}

static int end(void *arg, struct err *e)
{
	char text[32];

	(void)arg;
	(void)e;
	seen.is_ended = true;
	(void)snprintf(text, sizeof(text), "%zu", seen.size);
	http_reply(TAKE_PTR(seen.req), 200, "text/plain", text, strlen(text));
	return 0;
}

static void gone(void *arg)
{
	(void)arg;
	seen.req = NULL;
	world.n_closed++;
}

static int serve_upload(struct http_request *req, struct err *e)
{
	static const struct http_upload_ops ops = { .data = take, .end = end };

	(void)e;
	seen.n_heads++;
	seen.req = req;
	http_request_on_close(req, gone, NULL);
	http_request_upload(req, &ops, NULL);
	return 0;
}

static int serve_collect(struct http_request *req, struct err *e)
{
	seen.n_heads++;
	return http_request_collect(req, 100, serve_echo, e);
}

static int serve_refusal(struct http_request *req, struct err *e)
{
	(void)req;
	return err_set(e, EPERM, "take a body");
}

static const struct route upload_routes[] = {
	{ HTTP_POST, "/upload", serve_upload, HTTP_BODY_LATER },
	{ HTTP_POST, "/collect", serve_collect, HTTP_BODY_LATER },
	{ HTTP_POST, "/refusal", serve_refusal, HTTP_BODY_LATER },
};

static int start_uploads(void **state)
{
	struct err e = { 0 };

	start_hasty(state);
	memset(&seen, 0, sizeof(seen));
	world.answer[0] = '\0';
	return http_server_mount(world.server, upload_routes, ARRAY_SIZE(upload_routes),
				 tell_error, first_app, &e);
}

static bool has_five(int fd)
{
	(void)fd;
	return seen.size == 5;
}

static bool has_head(int fd)
{
	(void)fd;
	return seen.n_heads > 0;
}

static void test_pieces_are_handed_over_as_they_come(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_true(run_until(has_head, fd, PATIENCE_MS));
	ask(fd, "5\r\nhello\r\n");
	assert_true(run_until(has_five, fd, PATIENCE_MS));
	/* Longer than any body may take: an upload has no deadline. */
	assert_false(run_until(got_eof, fd, 2 * hasty.body_ms));
	ask(fd, "1\r\n!\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until_said("hello", fd, PATIENCE_MS));
	assert_true(seen.is_ended);
	assert_memory_equal(seen.data, "hello!", 6);
	assert_int_equal(status_of(world.answer), 200);
	close(fd);
}

static void test_announced_length_and_none(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
		"POST /upload HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until_said("hello", fd, PATIENCE_MS));
	assert_int_equal(seen.n_heads, 2);
	assert_int_equal(seen.size, 3);
	close(fd);
}

static void test_paused_upload_is_read_no_further_than_a_buffer(void **state)
{
	AUTO_FREE char *data = calloc(1, 1 << 20);
	size_t taken;
	int fd = dial(), size = 64 << 10;

	(void)state;
	assert_non_null(data);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	ask(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n");
	assert_true(run_until(has_head, fd, PATIENCE_MS));
	seen.is_pausing = true;
	for (size_t sent = 0; sent < 1 << 20;) {
		ssize_t n = send(fd, data + sent, (1 << 20) - sent, MSG_NOSIGNAL);

		if (n < 0 && seen.req)
			http_upload_pause(seen.req, false);
		taken = seen.size;
		(void)run_until(never, fd, 1);
		/* One piece for each time that it was let go on. */
		assert_true(seen.size - taken <= 64 << 10);
		sent += n > 0 ? (size_t)n : 0;
	}
	seen.is_pausing = false;
	while (!seen.is_ended) {
		if (seen.req)
			http_upload_pause(seen.req, false);
		(void)run_until(got_answer, fd, 5);
	}
	assert_int_equal(seen.size, 1 << 20);
	assert_true(seen.largest <= 64 << 10);
	close(fd);
}

/* Who pauses has not said yet what the answer is. */
static void test_a_body_that_ends_while_paused_has_not_ended(void **state)
{
	int fd = dial();

	(void)state;
	seen.is_pausing = true;
	ask(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
	assert_true(run_until(has_five, fd, PATIENCE_MS));
	(void)run_until(never, fd, 20);
	assert_false(seen.is_ended);
	http_upload_pause(seen.req, false);
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_true(seen.is_ended);
	close(fd);
}

static void test_error_is_the_answer_and_the_end(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"6\r\npoison\r\n5\r\nhello\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 409);
	assert_non_null(strstr(world.answer, "take poison"));
	/* What follows a body that was not read is no request. */
	assert_int_equal(world.n_served, 0);
	assert_int_equal(seen.size, 0);
	close(fd);

	fd = dial();
	ask(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 400);
	close(fd);
}

static void test_client_that_goes_away_is_told(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	assert_true(run_until(has_five, fd, PATIENCE_MS));
	close(fd);
	assert_true(run_until(is_closed, fd, PATIENCE_MS));
	assert_null(seen.req);
	assert_false(seen.is_ended);
}

static void test_body_that_is_wanted_whole(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
	assert_true(run_until(got_answer, fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer), "hello");
	forget_answer();
	ask(fd, "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 413);
	close(fd);
}

static void test_refusal_needs_no_body(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "POST /refusal HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
	assert_true(run_until(got_eof, fd, PATIENCE_MS));
	assert_int_equal(status_of(world.answer), 403);
	close(fd);
}

/* ---- the client's side ---- */

static struct {
	struct http_client *client;
	unsigned n_calls, n_pieces;
	int status;
	bool is_done;
	char body[64];
} sender;

static void on_upload(void *arg)
{
	static char piece[10000];

	(void)arg;
	if (sender.n_calls++ < sender.n_pieces)
		assert_int_equal(http_client_upload(sender.client, piece, sizeof(piece)), 0);
	else
		assert_int_equal(http_client_upload(sender.client, NULL, 0), 0);
}

static void on_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	(void)arg;
	(void)e;
	sender.is_done = true;
	sender.status = answer ? answer->status : 0;
	if (answer)
		(void)snprintf(sender.body, sizeof(sender.body), "%s", answer->body);
}

static bool is_done(int fd)
{
	(void)fd;
	return sender.is_done;
}

static void upload_to(const char *target, unsigned n_pieces)
{
	struct http_call call = {
		.method = HTTP_POST, .target = target, .on_upload = on_upload, .on_done = on_done,
	};
	struct err e = { 0 };
	char address[32];

	memset(&sender, 0, sizeof(sender));
	sender.n_pieces = n_pieces;
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", world.port);
	assert_int_equal(http_client_new(world.loop, address, &sender.client, &e), 0);
	assert_int_equal(http_client_upload(sender.client, "x", 1), -EPIPE);
	assert_int_equal(http_client_call(sender.client, &call, &e), 0);
	assert_true(run_until(is_done, -1, PATIENCE_MS));
	http_client_free(sender.client);
}

static void test_client_sends_pieces(void **state)
{
	(void)state;
	upload_to("/upload", 50);
	assert_int_equal(sender.status, 200);
	assert_string_equal(sender.body, "500000");
	assert_int_equal(sender.n_calls, 51);
}

static void test_client_takes_an_answer_before_the_end(void **state)
{
	(void)state;
	upload_to("/refusal", UINT32_MAX);
	assert_int_equal(sender.status, 403);
}

/* ---- streams ---- */

static unsigned n_drained;

static void on_drain(void *arg)
{
	(void)arg;
	n_drained++;
}

static bool has_drained(int fd)
{
	pull(fd);
	return n_drained > 0;
}

static void test_stream_tells_when_it_is_drained(void **state)
{
	AUTO_FREE char *data = calloc(1, 1 << 20);
	int fd = dial();

	(void)state;
	n_drained = 0;
	assert_non_null(data);
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	http_stream_on_drain(world.stream, on_drain);
	assert_int_equal(http_stream_write(world.stream, data, 1 << 20), 0);
	assert_int_equal(n_drained, 0);
	assert_true(run_until(has_drained, fd, PATIENCE_MS));
	assert_int_equal(http_stream_queued(world.stream), 0);
	http_stream_end(TAKE_PTR(world.stream));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, start_uploads, stop)
		TEST(test_pieces_are_handed_over_as_they_come),
		TEST(test_announced_length_and_none),
		TEST(test_paused_upload_is_read_no_further_than_a_buffer),
		TEST(test_a_body_that_ends_while_paused_has_not_ended),
		TEST(test_error_is_the_answer_and_the_end),
		TEST(test_client_that_goes_away_is_told),
		TEST(test_body_that_is_wanted_whole),
		TEST(test_refusal_needs_no_body),
		TEST(test_client_sends_pieces),
		TEST(test_client_takes_an_answer_before_the_end),
		TEST(test_stream_tells_when_it_is_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
