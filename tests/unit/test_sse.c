#include "tests/unit/http_world.h"

#include "net/sse.h"

static char seen[4096];

static void on_event(void *arg, const char *type, const char *id, const char *data)
{
	size_t used = strlen(seen);

	assert_ptr_equal(arg, seen);
	(void)snprintf(seen + used, sizeof(seen) - used, "[%s,%s,%s]", type, id ? id : "-", data);
}

static const struct {
	const char *bytes;
	const char *events;
} rows[] = {
	{ "event: a\r\ndata: {}\r\n\r\n", "[a,-,{}]" },
	{ "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", "[a,-,1][b,-,2]" },
	{ "id: 7\r\nevent: a\r\ndata: x\r\n\r\n", "[a,7,x]" },
	{ "\r\n\r\nevent: a\r\ndata: x\r\n\r\n\r\n", "[a,-,x]" },
	{ "data: x\r\n\r\n", "[message,-,x]" },
	{ "data: x\nid: 5\ndata: y\nevent: t\n\n", "[t,5,x\ny]" },
	{ "data:x\ndata:  y\ndata\n\n", "[message,-,x\n y\n]" },
	{ ": a comment\ndata: x\n\n", "[message,-,x]" },
	{ "event: a\r\n\r\n", "" },
	{ "datum: x\ndata: y\n\n", "[message,-,y]" },
	{ "retry: 5\ndata:\n\n", "[message,-,]" },
	{ "event: a\r\ndata: x\r\n", "" },
	{ "\n\n\n", "" },
};

static void test_reading_in_any_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t size = strlen(rows[i].bytes);

		for (size_t step = 1; step <= size; step++) {
			struct sse_reader reader = { 0 };

			seen[0] = '\0';
			for (size_t at = 0; at < size; at += step)
				assert_int_equal(sse_feed(&reader, rows[i].bytes + at,
							  size - at < step ? size - at : step,
							  on_event, seen), 0);
			if (strcmp(seen, rows[i].events) != 0)
				fail_msg("'%s' by %zu gave '%s'", rows[i].bytes, step, seen);
			sse_done(&reader);
		}
	}
}

static void test_an_event_is_bounded(void **state)
{
	static char piece[1 << 20];
	struct sse_reader reader = { 0 };
	int r = 0, n = 0;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	for (; r == 0 && n < 100; n++)
		r = sse_feed(&reader, piece, sizeof(piece), on_event, seen);
	assert_int_equal(r, -EMSGSIZE);
	assert_int_equal(n, 17);
	sse_done(&reader);
}

static void test_written_form(void **state)
{
	int fd = dial();

	(void)state;
	ask(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(run_until(is_streaming, fd, PATIENCE_MS));
	assert_int_equal(sse_write(world.stream, "status_update_event", NULL, "{\"a\":1}"), 0);
	assert_int_equal(sse_write(world.stream, "b", "9", "{}"), 0);
	assert_int_equal(sse_keepalive(world.stream), 0);
	http_stream_end(TAKE_PTR(world.stream));
	assert_true(run_until_said("\r\n0\r\n\r\n", fd, PATIENCE_MS));
	assert_string_equal(body_of(world.answer),
			    "2d\r\nevent: status_update_event\r\ndata: {\"a\":1}\r\n\r\n\r\n"
			    "1d\r\nid: 9\r\nevent: b\r\ndata: {}\r\n\r\n\r\n"
			    "2\r\n\r\n\r\n0\r\n\r\n");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading_in_any_split),
		cmocka_unit_test(test_an_event_is_bounded),
		cmocka_unit_test_setup_teardown(test_written_form, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
