#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/resolve.h"

enum { PATIENCE_MS = 10000, MAX_STEPS = 8 };

/*
 * A server that follows a script: connection by connection, request by request, the next step's
 * bytes are the answer.  NULL closes without one; IS_LAST closes after it.
 */
struct step {
	const char *answer;
	bool is_last;
	size_t size;	/* 0: strlen(answer) */
};

static struct {
	struct loop *loop;
	struct loop_timer *timer;
	int listen_fd, fd;
	struct loop_watch *listen_watch, *watch;
	char address[64];
	const struct step *steps;
	size_t n_steps, at;
	unsigned n_connections;
	char request[70000];
	size_t size;
	char last_request[70000];
} script;

static struct outcome {
	int done;
	int status;
	int code;
	char body[8192];
	size_t size;
	int heads;
	char msg[512];
	bool is_free_in_data, is_free_in_done, is_free_in_head;
	struct http_client *client;
} outcome;

static void hang_up(void)
{
	if (script.watch)
		loop_watch_free(TAKE_PTR(script.watch));
	fd_close(&script.fd);
	script.size = 0;
}

static bool is_complete(void)
{
	const char *end = strstr(script.request, "\r\n\r\n");
	const char *length = strstr(script.request, "Content-Length: ");

	if (!end)
		return false;
	return script.size >= (size_t)(end + 4 - script.request) +
				      (length ? strtoul(length + 16, NULL, 10) : 0);
}

static void on_bytes(int fd, void *arg)
{
	const struct step *step;
	ssize_t n;

	(void)arg;
	n = recv(fd, script.request + script.size, sizeof(script.request) - 1 - script.size,
		 MSG_DONTWAIT);
	if (n <= 0) {
		hang_up();
		return;
	}
	script.size += (size_t)n;
	script.request[script.size] = '\0';
	if (!is_complete())
		return;
	memcpy(script.last_request, script.request, script.size + 1);
	script.size = 0;
	assert_true(script.at < script.n_steps);
	step = &script.steps[script.at++];
	if (step->answer)
		assert_true(send(fd, step->answer, step->size ? step->size : strlen(step->answer),
				 MSG_NOSIGNAL) > 0);
	if (!step->answer || step->is_last)
		hang_up();
}

static void on_connection(int fd, void *arg)
{
	struct err e = { 0 };

	(void)arg;
	hang_up();
	script.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(script.fd >= 0);
	script.n_connections++;
	assert_int_equal(loop_watch_fd(script.loop, script.fd, on_bytes, NULL, &script.watch, &e), 0);
}

static void expire(void *arg)
{
	(void)arg;
	loop_stop(script.loop);
}

static int start(void **state)
{
	struct sockaddr_in local = { .sin_family = AF_INET };
	socklen_t size = sizeof(local);
	struct err e = { 0 };

	(void)state;
	memset(&script, 0, sizeof(script));
	memset(&outcome, 0, sizeof(outcome));
	script.fd = -EBADF;
	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	script.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(script.listen_fd, (struct sockaddr *)&local, sizeof(local)), 0);
	assert_int_equal(listen(script.listen_fd, 16), 0);
	assert_int_equal(getsockname(script.listen_fd, (struct sockaddr *)&local, &size), 0);
	(void)snprintf(script.address, sizeof(script.address), "127.0.0.1:%u",
		       ntohs(local.sin_port));
	assert_int_equal(loop_new(&script.loop, &e), 0);
	assert_int_equal(loop_timer_new(script.loop, expire, NULL, &script.timer, &e), 0);
	assert_int_equal(loop_watch_fd(script.loop, script.listen_fd, on_connection, NULL,
				       &script.listen_watch, &e), 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	hang_up();
	http_client_free(outcome.client);
	loop_watch_free(script.listen_watch);
	loop_timer_free(script.timer);
	loop_free(script.loop);
	close(script.listen_fd);
	return 0;
}

static void let_it_run(int64_t ms)
{
	struct err e = { 0 };

	loop_timer_set(script.timer, ms);
	assert_int_equal(loop_run(script.loop, &e), 0);
	loop_timer_clear(script.timer);
}

static void on_head(void *arg, const struct http_answer *answer)
{
	struct outcome *o = arg;

	o->heads++;
	assert_non_null(answer->head);
	assert_int_equal(answer->status, answer->head->status);
	if (o->is_free_in_head)
		http_client_free(TAKE_PTR(o->client));
}

static void on_data(void *arg, const void *data, size_t size)
{
	struct outcome *o = arg;

	assert_true(o->size + size < sizeof(o->body));
	memcpy(o->body + o->size, data, size);
	o->size += size;
	if (o->is_free_in_data)
		http_client_free(TAKE_PTR(o->client));
}

static void on_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct outcome *o = arg;

	o->done++;
	if (answer) {
		o->status = answer->status;
		if (answer->body) {
			assert_true(answer->size < sizeof(o->body));
			assert_int_equal(answer->body[answer->size], 0);
			memcpy(o->body, answer->body, answer->size);
			o->size = answer->size;
		}
		o->body[o->size] = '\0';
	} else {
		o->code = e->code;
		(void)snprintf(o->msg, sizeof(o->msg), "%s", e->msg);
	}
	if (o->is_free_in_done)
		http_client_free(TAKE_PTR(o->client));
	loop_stop(script.loop);
}

static void follow(const struct step *steps, size_t n)
{
	script.steps = steps;
	script.n_steps = n;
	script.at = 0;
}

static void open_client(void)
{
	struct err e = { 0 };

	if (!outcome.client)
		assert_int_equal(http_client_new(script.loop, script.address, &outcome.client, &e), 0);
}

static void queue(const struct http_call *spec)
{
	struct http_call call = *spec;
	struct err e = { 0 };

	call.on_done = on_done;
	call.arg = &outcome;
	if (!call.target)
		call.target = "/x";
	open_client();
	assert_int_equal(http_client_call(outcome.client, &call, &e), 0);
}

/* One call from start to end. */
static void call_once(const struct http_call *spec)
{
	int before = outcome.done;

	outcome.status = outcome.code = 0;
	outcome.size = 0;
	queue(spec);
	assert_int_equal(outcome.done, before);
	let_it_run(PATIENCE_MS);
	assert_int_equal(outcome.done, before + 1);
}

#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void test_keep_alive_and_request_bytes(void **state)
{
	static const struct step steps[] = { { OK_HI, false, 0 }, { OK_HI, false, 0 } };
	static const struct http_call post = {
		.method = HTTP_POST, .target = "/a?b=c", .content_type = "application/json",
		.accept = "application/json", .extra_headers = "X-Y: z\r\n", .body = "{}", .size = 2,
	};

	(void)state;
	follow(steps, ARRAY_SIZE(steps));
	call_once(&post);
	assert_int_equal(outcome.status, 200);
	assert_string_equal(outcome.body, "hi");
	assert_non_null(strstr(script.last_request, "POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:"));
	assert_non_null(strstr(script.last_request, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(script.last_request, "Accept: application/json\r\n"));
	assert_non_null(strstr(script.last_request, "Content-Length: 2\r\nX-Y: z\r\n\r\n{}"));
	call_once(&(struct http_call){ .method = HTTP_GET });
	assert_null(strstr(script.last_request, "Content-Length"));
	assert_int_equal(script.n_connections, 1);
}

static void test_calls_are_answered_in_order(void **state)
{
	static const struct step steps[] = {
		{ "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\na", false, 0 },
		{ "HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\nConnection: close\r\n\r\nb", true, 0 },
		{ "HTTP/1.1 204 No Content\r\n\r\n", false, 0 },
	};
	static const int expected[] = { 201, 202, 204 };

	(void)state;
	follow(steps, ARRAY_SIZE(steps));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		queue(&(struct http_call){ .method = HTTP_GET });
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		let_it_run(PATIENCE_MS);
		assert_int_equal(outcome.done, i + 1);
		assert_int_equal(outcome.status, expected[i]);
	}
	assert_int_equal(script.n_connections, 2);
}

static const struct {
	struct step step;
	int status;
	int code;
	const char *body;
	enum http_method method;
} answers[] = {
	{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", false, 0 },
	  200, 0, "hi", HTTP_GET },
	{ { "HTTP/1.0 200 OK\r\n\r\nuntil the end", true, 0 }, 200, 0, "until the end", HTTP_GET },
	{ { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false, 0 },
	  200, 0, "x", HTTP_GET },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", false, 0 }, 200, 0, "", HTTP_HEAD },
	{ { "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n", false, 0 }, 304, 0, "", HTTP_GET },
	{ { "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", false, 0 }, 404, 0, "gone",
	  HTTP_GET },
	{ { NULL, true, 0 }, 0, ECONNRESET, "", HTTP_GET },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", true, 0 }, 0, ECONNRESET, "", HTTP_GET },
	{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", true, 0 }, 0, ECONNRESET,
	  "", HTTP_GET },
	{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false, 0 }, 0, EBADMSG, "",
	  HTTP_GET },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", false, 0 }, 0, EBADMSG,
	  "", HTTP_GET },
	{ { "SSH-2.0-x\r\n", false, 0 }, 0, EBADMSG, "", HTTP_GET },
	{ { "HTTP/1.1 101 Switching Protocols\r\n\r\n", false, 0 }, 0, EBADMSG, "", HTTP_GET },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", false, 0 }, 0, EMSGSIZE, "", HTTP_GET },
	{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"
	    "0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789012345678901234567890123456789", false, 0 },
	  0, EMSGSIZE, "", HTTP_GET },
};

static void test_every_kind_of_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		follow(&answers[i].step, 1);
		memset(outcome.body, 0, sizeof(outcome.body));
		call_once(&(struct http_call){ .method = answers[i].method, .max_body = 100 });
		if (outcome.status != answers[i].status || outcome.code != answers[i].code)
			fail_msg("row %zu gave %d and %d: %s", i, outcome.status, outcome.code,
				 outcome.msg);
		assert_string_equal(outcome.body, answers[i].body);
		http_client_free(TAKE_PTR(outcome.client));
	}
}

/* More than was asked for: it must not become the answer of the next call. */
static void test_surplus_bytes_end_the_connection(void **state)
{
	static const struct step steps[] = {
		{ OK_HI "HTTP/1.1 500 Evil\r\nContent-Length: 0\r\n\r\n", false, 0 },
		{ OK_HI, false, 0 },
	};

	(void)state;
	follow(steps, ARRAY_SIZE(steps));
	call_once(&(struct http_call){ .method = HTTP_GET });
	call_once(&(struct http_call){ .method = HTTP_GET });
	assert_int_equal(outcome.status, 200);
	assert_int_equal(script.n_connections, 2);
}

static void test_idle_connection_closed_by_server(void **state)
{
	static const struct step steps[] = { { OK_HI, true, 0 }, { OK_HI, false, 0 } };

	(void)state;
	follow(steps, ARRAY_SIZE(steps));
	call_once(&(struct http_call){ .method = HTTP_POST });
	let_it_run(20);
	call_once(&(struct http_call){ .method = HTTP_POST });
	assert_int_equal(outcome.status, 200);
	assert_int_equal(script.n_connections, 2);
}

/* The server closes a used connection instead of answering: repeated once, if that is harmless. */
static void test_repeat_only_what_is_harmless(void **state)
{
	static const struct step steps[] = {
		{ OK_HI, false, 0 }, { NULL, true, 0 }, { OK_HI, false, 0 }, { NULL, true, 0 },
		{ OK_HI, false, 0 }, { NULL, true, 0 }, { NULL, true, 0 },
	};

	(void)state;
	follow(steps, ARRAY_SIZE(steps));
	call_once(&(struct http_call){ .method = HTTP_PUT });
	call_once(&(struct http_call){ .method = HTTP_PUT });
	assert_int_equal(outcome.status, 200);
	assert_int_equal(script.at, 3);
	call_once(&(struct http_call){ .method = HTTP_POST });
	assert_int_equal(outcome.code, ECONNRESET);
	assert_int_equal(script.at, 4);
	call_once(&(struct http_call){ .method = HTTP_GET });
	call_once(&(struct http_call){ .method = HTTP_GET });
	assert_int_equal(outcome.code, ECONNRESET);
	assert_int_equal(script.at, 7);
}

static void test_stream(void **state)
{
	static const struct step steps[] = {
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n", false, 0 },
	};

	(void)state;
	follow(steps, 1);
	outcome.size = 0;
	queue(&(struct http_call){ .method = HTTP_GET, .on_head = on_head, .on_data = on_data,
				   .timeout_ms = 50 });
	/* Well beyond the timeout, which is for the head alone. */
	let_it_run(150);
	assert_int_equal(outcome.heads, 1);
	assert_int_equal(outcome.done, 0);
	assert_int_equal(outcome.size, 5);
	assert_memory_equal(outcome.body, "hiyou", 5);
	assert_true(send(script.fd, "1\r\n!\r\n0\r\n\r\n", 11, MSG_NOSIGNAL) > 0);
	let_it_run(PATIENCE_MS);
	assert_int_equal(outcome.done, 1);
	assert_int_equal(outcome.status, 200);
	assert_int_equal(outcome.size, 6);
}

static void test_refused_stream_has_a_body(void **state)
{
	static const struct step steps[] = {
		{ "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nwhy", false, 0 },
	};

	(void)state;
	follow(steps, 1);
	call_once(&(struct http_call){ .method = HTTP_GET, .on_data = on_data });
	assert_int_equal(outcome.status, 403);
	assert_string_equal(outcome.body, "why");
}

static void test_stream_broken_off(void **state)
{
	static const struct step steps[] = {
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", true, 0 },
	};

	(void)state;
	follow(steps, 1);
	call_once(&(struct http_call){ .method = HTTP_GET, .on_data = on_data });
	assert_int_equal(outcome.code, ECONNRESET);
	assert_non_null(strstr(outcome.msg, script.address));
}

static void test_timeouts(void **state)
{
	static const struct step steps[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow", false, 0 },
		{ "HTTP/1.1 ", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		follow(&steps[i], 1);
		call_once(&(struct http_call){ .method = HTTP_GET, .timeout_ms = 50 });
		assert_int_equal(outcome.code, ETIMEDOUT);
	}
}

static void test_nobody_listens(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(http_client_new(script.loop, "127.0.0.1:1", &outcome.client, &e), 0);
	call_once(&(struct http_call){ .method = HTTP_GET });
	assert_int_equal(outcome.code, ECONNREFUSED);
	assert_non_null(strstr(outcome.msg, "127.0.0.1:1"));
	http_client_free(TAKE_PTR(outcome.client));

	assert_int_equal(http_client_new(script.loop, "unix:/nonexistent/socket", &outcome.client, &e), 0);
	call_once(&(struct http_call){ .method = HTTP_GET });
	assert_int_equal(outcome.code, ENOENT);
	assert_non_null(strstr(outcome.msg, "unix:/nonexistent/socket"));
}

static void test_free_within_callbacks(void **state)
{
	static const struct step chunked = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\n",
		false, 0
	};

	(void)state;
	for (int i = 0; i < 3; i++) {
		memset(&outcome, 0, sizeof(outcome));
		outcome.is_free_in_head = i == 0;
		outcome.is_free_in_data = i == 1;
		outcome.is_free_in_done = i == 2;
		follow(&chunked, 1);
		queue(&(struct http_call){ .method = HTTP_GET, .on_head = on_head,
					   .on_data = on_data });
		queue(&(struct http_call){ .method = HTTP_GET });
		let_it_run(PATIENCE_MS);
		let_it_run(10);
		assert_null(outcome.client);
		assert_int_equal(outcome.done, 2);
		assert_int_equal(outcome.code, ECANCELED);
		assert_int_equal(outcome.status, i == 2 ? 200 : 0);
	}
}

static void test_free_ends_pending_calls(void **state)
{
	(void)state;
	queue(&(struct http_call){ .method = HTTP_POST, .body = "abc", .size = 3 });
	queue(&(struct http_call){ .method = HTTP_POST, .body = "de", .size = 2 });
	assert_int_equal(http_client_waiting(outcome.client), 5);
	http_client_free(TAKE_PTR(outcome.client));
	assert_int_equal(outcome.done, 2);
	assert_int_equal(outcome.code, ECANCELED);
}

static void test_malformed_calls_are_refused(void **state)
{
	static const struct http_call bad[] = {
		{ .method = HTTP_GET, .target = NULL },
		{ .method = HTTP_GET, .target = "x" },
		{ .method = HTTP_GET, .target = "/a b" },
		{ .method = HTTP_GET, .target = "/a\r\nX: y" },
		{ .method = HTTP_GET, .target = "/", .accept = "a\r\nX: y" },
		{ .method = HTTP_GET, .target = "/", .content_type = "a\nX: y" },
	};

	(void)state;
	open_client();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		assert_int_equal(http_client_call(outcome.client, &bad[i], &e), -EINVAL);
	}
}

static int serve_hello(struct http_request *req, struct err *e)
{
	size_t size = 0;
	const char *body = http_request_body(req, &size);

	(void)e;
	http_reply(req, 200, "text/plain", body, size);
	return 0;
}

/* Our server and our client, over TCP by name and over a unix socket, with a large body. */
static void test_with_our_server(void **state)
{
	static const struct route routes[] = { { HTTP_POST, "/echo", serve_hello, 8 << 20 } };
	static char large[4096];
	char dir[] = "/tmp/tepui-net-XXXXXX", path[64], unix_address[80], address[64];
	struct http_server *server = NULL;
	struct err e = { 0 };
	uint16_t port = 0;

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	(void)snprintf(unix_address, sizeof(unix_address), "unix:%s", path);
	assert_int_equal(http_server_new(script.loop, NULL, &server, &e), 0);
	assert_int_equal(http_server_mount(server, routes, 1, NULL, NULL, &e), 0);
	assert_int_equal(http_server_listen(server, "127.0.0.1:0", &port, &e), 0);
	assert_int_equal(http_server_listen_unix(server, path, &e), 0);
	(void)snprintf(address, sizeof(address), "localhost:%u", port);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(http_client_new_resolved(script.loop, i ? unix_address : address,
							  &outcome.client, &e), 0);
		call_once(&(struct http_call){ .method = HTTP_POST, .target = "/echo", .body = large,
					       .size = sizeof(large) });
		assert_int_equal(outcome.status, 200);
		assert_int_equal(outcome.size, sizeof(large));
		call_once(&(struct http_call){ .method = HTTP_GET, .target = "/nope" });
		assert_int_equal(outcome.status, 404);
		http_client_free(TAKE_PTR(outcome.client));
	}
	http_server_free(server);
	assert_int_equal(rmdir(dir), 0);
}

static void test_names_are_looked_up_elsewhere(void **state)
{
	static const char *const malformed[] = {
		"no port", "localhost", "localhost:", ":5050", "localhost:65536", "localhost:http",
		"http://localhost:5050",
	};
	struct http_client *client = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(http_client_new(script.loop, "localhost:5050", &client, &e), -EINVAL);
	err_clear(&e);
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		assert_int_equal(http_client_new_resolved(script.loop, malformed[i], &client, &e),
				 -EINVAL);
		assert_non_null(strstr(e.msg, "not HOST:PORT"));
		err_clear(&e);
	}
	assert_true(http_client_new_resolved(script.loop, "name.invalid:1", &client, &e) < 0);
	assert_null(client);
	http_client_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keep_alive_and_request_bytes, start, stop),
		cmocka_unit_test_setup_teardown(test_calls_are_answered_in_order, start, stop),
		cmocka_unit_test_setup_teardown(test_every_kind_of_answer, start, stop),
		cmocka_unit_test_setup_teardown(test_surplus_bytes_end_the_connection, start, stop),
		cmocka_unit_test_setup_teardown(test_idle_connection_closed_by_server, start, stop),
		cmocka_unit_test_setup_teardown(test_repeat_only_what_is_harmless, start, stop),
		cmocka_unit_test_setup_teardown(test_stream, start, stop),
		cmocka_unit_test_setup_teardown(test_refused_stream_has_a_body, start, stop),
		cmocka_unit_test_setup_teardown(test_stream_broken_off, start, stop),
		cmocka_unit_test_setup_teardown(test_timeouts, start, stop),
		cmocka_unit_test_setup_teardown(test_nobody_listens, start, stop),
		cmocka_unit_test_setup_teardown(test_free_within_callbacks, start, stop),
		cmocka_unit_test_setup_teardown(test_free_ends_pending_calls, start, stop),
		cmocka_unit_test_setup_teardown(test_malformed_calls_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_with_our_server, start, stop),
		cmocka_unit_test_setup_teardown(test_names_are_looked_up_elsewhere, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
