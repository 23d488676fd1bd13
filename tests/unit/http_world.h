/* One loop with a server of many routes and a bare client socket, for the tests of net/http_*.c. */
#ifndef TESTS_UNIT_HTTP_WORLD_H
#define TESTS_UNIT_HTTP_WORLD_H

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
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "net/http_server.h"

enum { ANSWER_MAX = 4 << 20, PATIENCE_MS = 10000 };

static struct world {
	struct loop *loop;
	struct http_server *server;
	struct loop_timer *tick;
	uint16_t port;
	char path[64];			/* of a unix socket to dial; empty: the port */
	struct http_request *held;
	struct http_stream *stream;
	unsigned n_closed;
	unsigned n_served;
	char answer[ANSWER_MAX + 1];
	size_t size;
	bool is_eof;
} world;

static inline void forget_held(void *arg)
{
	(void)arg;
	world.held = NULL;
	world.n_closed++;
}

static inline void forget_stream(void *arg)
{
	(void)arg;
	world.stream = NULL;
	world.n_closed++;
}

static inline int serve_hello(struct http_request *req, struct err *e)
{
	(void)e;
	world.n_served++;
	http_reply_header(req, "X-Clean", "yes");
	http_reply_header(req, "X-Split", "a\r\nX-Evil: 1");
	http_reply(req, 200, "text/plain", "hello", 5);
	return 0;
}

static inline int serve_echo(struct http_request *req, struct err *e)
{
	size_t size = 0;
	const char *body = http_request_body(req, &size);

	(void)e;
	world.n_served++;
	assert_int_equal(strlen(body), size);
	http_reply(req, 200, "text/plain", body, size);
	return 0;
}

static inline int serve_args(struct http_request *req, struct err *e)
{
	char text[512];

	(void)e;
	(void)snprintf(text, sizeof(text), "%s|%s|%s|%s|%s", http_request_path(req),
		       http_request_arg(req, 0), http_request_arg(req, 1), http_request_arg(req, 2),
		       http_request_query(req, "q") ? http_request_query(req, "q") : "-");
	http_reply(req, 200, "text/plain", text, strlen(text));
	return 0;
}

static inline int serve_query(struct http_request *req, struct err *e)
{
	const char *second = http_request_query_at(req, "a", 1);

	(void)e;
	http_reply_json(req, 200,
			json_pack("{s:s?,s:s?,s:b,s:b,s:b,s:b}", "a", http_request_query(req, "a"),
				  "second", second, "force", http_request_query_bool(req, "force", false),
				  "empty", http_request_query_bool(req, "empty", false), "off",
				  http_request_query_bool(req, "off", true), "absent",
				  http_request_query_bool(req, "absent", true)));
	return 0;
}

static inline int serve_failure(struct http_request *req, struct err *e)
{
	return err_set(e, EBUSY, "change '%s'", http_request_path(req));
}

static inline int serve_later(struct http_request *req, struct err *e)
{
	(void)e;
	world.held = req;
	http_request_on_close(req, forget_held, NULL);
	return 0;
}

static inline int serve_careless(struct http_request *req, struct err *e)
{
	(void)e;
	world.held = req;
	return 0;
}

static inline int serve_stream(struct http_request *req, struct err *e)
{
	return http_stream_start(req, 200, "text/event-stream", forget_stream, NULL, &world.stream,
				 e);
}

static inline int serve_big(struct http_request *req, struct err *e)
{
	char *data = calloc(1, 3 << 20);

	(void)e;
	assert_non_null(data);
	http_reply(req, 200, "application/octet-stream", data, 3 << 20);
	free(data);
	return 0;
}

static inline int serve_peer(struct http_request *req, struct err *e)
{
	uid_t uid = 77777;
	char text[128];
	bool is_local = http_request_is_local(req, &uid);

	(void)e;
	(void)snprintf(text, sizeof(text), "%s %d %u", http_request_peer(req), is_local, uid);
	http_reply(req, 200, "text/plain", text, strlen(text));
	return 0;
}

static const struct route routes[] = {
	{ HTTP_GET, "/hello", serve_hello, 0 },
	{ HTTP_POST, "/echo", serve_echo, 0 },
	{ HTTP_POST, "/small", serve_echo, 16 },
	{ HTTP_GET, "/v2/apps/*/tasks/:task", serve_args, 0 },
	{ HTTP_GET, "/v2/apps/*", serve_args, 0 },
	{ HTTP_GET, "/one/:a/two/:b", serve_args, 0 },
	{ HTTP_GET, "/", serve_args, 0 },
	{ HTTP_GET, "/query", serve_query, 0 },
	{ HTTP_PUT, "/fail", serve_failure, 0 },
	{ HTTP_DELETE, "/fail", serve_failure, 0 },
	{ HTTP_GET, "/later", serve_later, 0 },
	{ HTTP_GET, "/careless", serve_careless, 0 },
	{ HTTP_GET, "/stream", serve_stream, 0 },
	{ HTTP_GET, "/big", serve_big, 0 },
	{ HTTP_GET, "/peer", serve_peer, 0 },
};

static const struct route second_routes[] = {
	{ HTTP_POST, "/hello", serve_echo, 0 },
	{ HTTP_GET, "/second", serve_failure, 0 },
};

static inline void tell_error(struct http_request *req, int status, const struct err *e)
{
	http_reply_json(req, status, json_pack("{s:s,s:s}", "message", e->msg, "by",
					       http_request_app(req)));
}

static char first_app[] = "first", second_app[] = "second";

/* What is read from now on is of another socket, or another answer. */
static inline void forget_answer(void)
{
	world.answer[0] = '\0';
	world.size = 0;
	world.is_eof = false;
}

static inline void start_with(const struct http_limits *limits)
{
	struct err e = { 0 };

	memset(&world, 0, offsetof(struct world, answer));
	forget_answer();
	assert_int_equal(loop_new(&world.loop, &e), 0);
	assert_int_equal(http_server_new(world.loop, limits, &world.server, &e), 0);
	assert_int_equal(http_server_mount(world.server, routes, ARRAY_SIZE(routes), tell_error,
					   first_app, &e), 0);
	assert_int_equal(http_server_mount(world.server, second_routes, ARRAY_SIZE(second_routes),
					   tell_error, second_app, &e), 0);
	assert_int_equal(http_server_listen(world.server, "127.0.0.1:0", &world.port, &e), 0);
	assert_int_not_equal(world.port, 0);
}

static inline int start(void **state)
{
	(void)state;
	start_with(NULL);
	return 0;
}

static inline int stop(void **state)
{
	(void)state;
	http_server_free(world.server);
	if (world.tick)
		loop_timer_free(world.tick);
	loop_free(world.loop);
	return 0;
}

static inline int dial_unix(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	forget_answer();
	return fd;
}

static inline int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(world.port) };
	int fd;

	if (*world.path)
		return dial_unix(world.path);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_true(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
	forget_answer();
	return fd;
}

/* Run the loop until IS_MET, looking every millisecond at most: facts, not sleeps. */
static struct {
	bool (*is_met)(int fd);
	int fd;
	int64_t deadline_ms;
	const char *text;	/* of run_until_said() */
} wait;

static inline void look(void *arg)
{
	(void)arg;
	if (wait.is_met(wait.fd) || clock_boot_ms() > wait.deadline_ms)
		loop_stop(world.loop);
	else
		loop_timer_set(world.tick, 1);
}

static inline bool run_until(bool (*is_met)(int fd), int fd, int64_t patience_ms)
{
	struct err e = { 0 };

	wait.is_met = is_met;
	wait.fd = fd;
	wait.deadline_ms = clock_boot_ms() + patience_ms;
	if (!world.tick)
		assert_int_equal(loop_timer_new(world.loop, look, NULL, &world.tick, &e), 0);
	loop_timer_set(world.tick, 0);
	assert_int_equal(loop_run(world.loop, &e), 0);
	return is_met(fd);
}

static inline void pull(int fd)
{
	while (!world.is_eof && world.size < ANSWER_MAX) {
		ssize_t n = recv(fd, world.answer + world.size, ANSWER_MAX - world.size, 0);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			world.is_eof = true;
		else
			world.size += (size_t)n;
	}
	world.answer[world.size] = '\0';
}

static inline bool got_eof(int fd)
{
	pull(fd);
	return world.is_eof;
}

/* One answer with Content-Length is complete. */
static inline bool got_answer(int fd)
{
	const char *end, *length;

	pull(fd);
	end = strstr(world.answer, "\r\n\r\n");
	length = strstr(world.answer, "Content-Length: ");
	if (world.is_eof)
		return true;
	return end && length &&
	       world.size >= (size_t)(end + 4 - world.answer) + strtoul(length + 16, NULL, 10);
}

static inline bool has_said(int fd)
{
	pull(fd);
	return strstr(world.answer, wait.text);
}

static inline bool run_until_said(const char *text, int fd, int64_t patience_ms)
{
	wait.text = text;
	return run_until(has_said, fd, patience_ms);
}

static inline bool is_held(int fd)
{
	(void)fd;
	return world.held != NULL;
}

static inline bool is_streaming(int fd)
{
	(void)fd;
	return world.stream != NULL;
}

static inline bool is_closed(int fd)
{
	(void)fd;
	return world.n_closed > 0;
}

static inline bool never(int fd)
{
	(void)fd;
	return false;
}

static inline void say(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			(void)run_until(never, fd, 1);
			continue;
		}
		text += n;
		size -= (size_t)n;
	}
}

static inline bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

static inline void ask(int fd, const char *text)
{
	assert_true(is_connected(fd) || run_until(is_connected, fd, PATIENCE_MS));
	say(fd, text, strlen(text));
}

static inline int status_of(const char *answer)
{
	int status = 0;

	return sscanf(answer, "HTTP/1.1 %d ", &status) == 1 ? status : -1;
}

static inline const char *body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end ? end + 4 : "";
}

static const struct http_limits hasty = {
	.max_connections = 4,
	.max_per_peer = 3,
	.max_body = 1000,
	.head_ms = 300,
	.body_ms = 300,
	.idle_ms = 400,
	.max_stream_queue = 64 << 10,
};

static inline int start_hasty(void **state)
{
	(void)state;
	start_with(&hasty);
	return 0;
}

#endif
