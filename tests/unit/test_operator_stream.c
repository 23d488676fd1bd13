/* Operators who subscribe and go, and a master that ends meanwhile. */
#include "tests/unit/http_world.h"

#include "lib/descriptors.h"
#include "master_stub/core.h"
#include "master_stub/operator_calls.h"
#include "master_stub/operator_stream.h"
#include "master_stub/pages.h"
#include "master_stub/shell.h"
#include "master_stub/stream.h"
#include "tests/unit/master_harness.h"

enum { MAX_SUBSCRIBERS = 1000 };	/* of operator_stream.c */

static struct shell shell;
static struct cluster *cluster;
static unsigned n_asked, n_wanted;
static bool is_disk_slow;

static void keep(void *owner)
{
	(void)owner;
}

/* The loop stops once as many have asked as are wanted, before anything else happens. */
static int subscribe(struct http_request *req, struct err *e)
{
	int r = operator_calls_handle(req, e);

	if (++n_asked == n_wanted)
		loop_stop(world.loop);
	return r;
}

static const struct route operator_routes[] = { { HTTP_POST, "/api/v1", subscribe, 0 } };

static void after_turn(void *arg)
{
	(void)arg;
	pages_turn(shell.pages);
	if (!is_disk_slow)
		operator_streams_flush(shell.operators);
}

static int start_operators(void **state)
{
	const struct http_limits limits = {
		.max_connections = 2 * MAX_SUBSCRIBERS, .max_per_peer = 2 * MAX_SUBSCRIBERS,
		.max_body = 4096, .head_ms = PATIENCE_MS, .body_ms = PATIENCE_MS,
		.idle_ms = PATIENCE_MS, .max_stream_queue = 1 << 20,
	};
	struct err e = { 0 };

	(void)state;
	(void)descriptors_raise(5 * MAX_SUBSCRIBERS);
	start_with(&limits);
	n_asked = n_wanted = 0;
	is_disk_slow = false;
	loop_after_turn(world.loop, after_turn, NULL);
	cluster = cluster_new();
	shell = (struct shell){ .loop = world.loop, .master = cluster->master };
	rng_seed(&shell.rng, 42);
	assert_int_equal(pages_new(world.loop, &shell.pages, &e), 0);
	assert_int_equal(operator_streams_new(&shell, &shell.operators, &e), 0);
	assert_int_equal(http_server_mount(world.server, operator_routes,
					   ARRAY_SIZE(operator_routes), tell_error, &shell, &e), 0);
	return 0;
}

/* As the shell does. */
static int stop_operators(void **state)
{
	operator_streams_free(shell.operators);
	pages_free(shell.pages);
	stop(state);
	cluster_free(cluster);
	return 0;
}

static int ask_to_subscribe(void)
{
	static const char request[] =
		"POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Accept: application/json\r\nContent-Length: 20\r\n\r\n{\"type\":\"SUBSCRIBE\"}";
	int fd = dial();

	ask(fd, request);
	return fd;
}

static void run_until_asked(unsigned n)
{
	struct err e = { 0 };

	n_wanted = n;
	if (n_asked < n)
		assert_int_equal(loop_run(world.loop, &e), 0);
	assert_int_equal(n_asked, n);
}

static bool is_snapshot_there(int fd)
{
	pull(fd);
	return strstr(world.answer, "\"SUBSCRIBED\"");
}

/* Its answer is over, whether or not the connection is. */
static bool has_ended(int fd)
{
	return got_eof(fd) || strstr(world.answer, "\r\n0\r\n\r\n");
}

static void test_stream_that_is_closed_counts_no_more(void **state)
{
	struct streams *streams;
	struct stream *stream;
	struct err e = { 0 };
	int owners[2];

	(void)state;
	assert_int_equal(streams_new("test", &shell.rng, keep, &streams, &e), 0);
	assert_int_equal(stream_new(streams, WIRE_JSON, &owners[0], &stream, &e), 0);
	assert_ptr_equal(streams_oldest(streams), &owners[0]);
	stream_close(stream);
	assert_int_equal(streams_count(streams), 0);
	assert_null(streams_oldest(streams));
	assert_int_equal(stream_new(streams, WIRE_JSON, &owners[1], &stream, &e), 0);
	assert_int_equal(streams_count(streams), 1);
	assert_ptr_equal(streams_oldest(streams), &owners[1]);
	streams_flush(streams);
	assert_int_equal(streams_count(streams), 1);
	streams_free(streams);
}

/* It ends when the test does: that nothing is used after it is free, a sanitizer asserts. */
static void test_master_that_ends_lets_go_of_who_waits_for_the_snapshot(void **state)
{
	int fd;

	(void)state;
	fd = ask_to_subscribe();
	run_until_asked(1);
	close(fd);
}

static bool is_unobserved(int fd)
{
	(void)fd;
	return !cluster->master->is_observed;
}

static void test_nobody_is_observed_by_subscribers_that_are_gone(void **state)
{
	int fd;

	(void)state;
	fd = ask_to_subscribe();
	assert_true(run_until(is_snapshot_there, fd, PATIENCE_MS));
	assert_true(cluster->master->is_observed);
	close(fd);
	assert_true(run_until(is_unobserved, fd, PATIENCE_MS));
	/* And by one that did not wait for its snapshot. */
	fd = ask_to_subscribe();
	run_until_asked(2);
	assert_true(cluster->master->is_observed);
	close(fd);
	assert_true(run_until(is_unobserved, fd, PATIENCE_MS));
}

/* Two come at once, and nothing is flushed between them. */
static void test_beyond_the_limit_the_oldest_give_up_their_places(void **state)
{
	enum { AT_ONCE = 100 };
	static int fds[MAX_SUBSCRIBERS + 2];

	(void)state;
	for (unsigned n = 0; n < MAX_SUBSCRIBERS; n += AT_ONCE) {
		for (unsigned i = 0; i < AT_ONCE; i++)
			fds[n + i] = ask_to_subscribe();
		run_until_asked(n + AT_ONCE);
		assert_true(run_until(is_snapshot_there, fds[n + AT_ONCE - 1], PATIENCE_MS));
	}
	is_disk_slow = true;
	fds[MAX_SUBSCRIBERS] = ask_to_subscribe();
	fds[MAX_SUBSCRIBERS + 1] = ask_to_subscribe();
	run_until_asked(MAX_SUBSCRIBERS + 2);
	is_disk_slow = false;
	assert_true(run_until(is_snapshot_there, fds[MAX_SUBSCRIBERS + 1], PATIENCE_MS));
	for (unsigned i = 0; i < 2; i++) {
		forget_answer();
		assert_true(run_until(has_ended, fds[i], PATIENCE_MS));
	}
	forget_answer();
	assert_false(run_until(has_ended, fds[2], 20));
	assert_true(is_snapshot_there(fds[2]));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stream_that_is_closed_counts_no_more,
						start_operators, stop_operators),
		cmocka_unit_test_setup_teardown(
			test_master_that_ends_lets_go_of_who_waits_for_the_snapshot,
			start_operators, stop_operators),
		cmocka_unit_test_setup_teardown(
			test_nobody_is_observed_by_subscribers_that_are_gone, start_operators,
			stop_operators),
		cmocka_unit_test_setup_teardown(
			test_beyond_the_limit_the_oldest_give_up_their_places, start_operators,
			stop_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
