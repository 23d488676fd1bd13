#include "tests/bench/fleet_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"

enum { MAX_EVENTS = 1024, READ_SIZE = 1 << 16, PER_ADDRESS = 200, CALLER_HEAD = 1024, N_READERS = 2 };

struct request {
	call_done_fn *done;
	void *arg;
	double asked;
	STAILQ_ENTRY(request) next;
	size_t size;
	char data[];
};

/* Whom an event of epoll is for: its first member says what follows. */
enum watched { WATCHED_STREAM, WATCHED_CALLER };

STAILQ_HEAD(request_queue, request);

struct caller {
	int fd;
	struct request_queue *queue;	/* that it serves */
	struct request *now;		/* not answered yet */
	char head[CALLER_HEAD];
	size_t n_head, body_left, body_size;	/* left: of this chunk, if it comes in chunks */
	int status;
	bool is_in_body, is_chunked, is_last_chunk;
};

struct fleet_io {
	struct sockaddr_in master;
	int epoll;
	struct caller *callers;
	unsigned n_callers;
	struct request_queue posts, gets;	/* who reads does not wait for who calls */
	size_t n_open;
};

double fleet_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn void fleet_die(const char *what, const char *detail)
{
	fprintf(stderr, "fleet: %s: %s\n", what, detail);
	exit(EXIT_FAILURE);
}

void *fleet_must(void *p)
{
	if (!p)
		fleet_die("make room", "out of memory");
	return p;
}

/* ---- connections ---- */

/* The lowest bit of the pointer says which of the two it is. */
static void watch(struct fleet_io *io, int fd, uint32_t events, void *p, enum watched kind,
		  int operation)
{
	struct epoll_event event = { .events = events, .data.u64 = (uintptr_t)p | kind };

	if (epoll_ctl(io->epoll, operation, fd, &event) < 0)
		fleet_die("watch a connection", strerror(errno));
}

/* In progress: writing waits for it. */
static int connect_from(const struct fleet_io *io, uint32_t source)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(source) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		fleet_die("open a socket", strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* The port is chosen by connect(), which knows the other end. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		fleet_die("bind", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&io->master, sizeof(io->master)) < 0 &&
	    errno != EINPROGRESS)
		fleet_die("connect", strerror(errno));
	return fd;
}

struct fleet_io *fleet_io_new(uint16_t port, unsigned n_callers)
{
	struct fleet_io *io = fleet_must(calloc(1, sizeof(*io)));

	io->master = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	io->epoll = epoll_create1(EPOLL_CLOEXEC);
	io->n_callers = n_callers + N_READERS;
	io->callers = fleet_must(calloc(io->n_callers, sizeof(*io->callers)));
	for (unsigned i = 0; i < io->n_callers; i++) {
		io->callers[i].fd = -1;
		io->callers[i].queue = i < n_callers ? &io->posts : &io->gets;
	}
	STAILQ_INIT(&io->posts);
	STAILQ_INIT(&io->gets);
	return io;
}

/* ---- streams ---- */

static char *make_post(const char *path, const char *stream_id, const ProtobufCMessage *message,
		       size_t before, size_t *ret_size)
{
	size_t body = protobuf_c_message_get_packed_size(message), max = before + body + 512;
	char *data = fleet_must(malloc(max));
	int n = snprintf(data + before, 512,
			 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
			 "Accept: application/x-protobuf\r\nContent-Length: %zu\r\n%s%s%s\r\n", path,
			 body, stream_id ? "Mesos-Stream-Id: " : "", stream_id ? stream_id : "",
			 stream_id ? "\r\n" : "");

	(void)protobuf_c_message_pack(message, (uint8_t *)data + before + n);
	*ret_size = (size_t)n + body;
	return data;
}

void stream_open(struct fleet_io *io, struct stream *stream, unsigned number, const char *path,
		 const ProtobufCMessage *message)
{
	uint32_t source = (127u << 24) + (1u << 16) + number / PER_ADDRESS + 1;

	stream->io = io;
	stream->at = AT_HEAD;
	stream->n_head = 0;
	stream->id[0] = '\0';
	stream->head = fleet_must(malloc(STREAM_HEAD));
	stream->request = make_post(path, NULL, message, 0, &stream->request_size);
	stream->fd = connect_from(io, source);
	watch(io, stream->fd, EPOLLOUT, stream, WATCHED_STREAM, EPOLL_CTL_ADD);
}

static void stream_close(struct stream *stream)
{
	(void)close(stream->fd);
	stream->fd = -1;
	recordio_done(&stream->reader);
	free(stream->request);
	free(stream->head);
	stream->request = stream->head = NULL;
	stream->closed(stream);
}

/* A subscription is small enough for the socket's buffer, or waits a little. */
static void stream_send(struct stream *stream)
{
	size_t sent = 0;

	while (sent < stream->request_size) {
		ssize_t n = send(stream->fd, stream->request + sent, stream->request_size - sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN) {
			stream_close(stream);
			return;
		}
		sent += n > 0 ? (size_t)n : 0;
	}
	free(stream->request);
	stream->request = NULL;
	watch(stream->io, stream->fd, EPOLLIN, stream, WATCHED_STREAM, EPOLL_CTL_MOD);
}

static const char *find_header(const char *head, const char *name)
{
	const char *found = strcasestr(head, name);

	return found ? found + strlen(name) : NULL;
}

/* Byte by byte until the empty line. */
static void stream_head(struct stream *stream, char byte)
{
	const char *id;

	if (stream->n_head + 1 >= STREAM_HEAD)
		fleet_die("read a head", "too long");
	stream->head[stream->n_head++] = byte;
	stream->head[stream->n_head] = '\0';
	if (stream->n_head < 4 || strcmp(stream->head + stream->n_head - 4, "\r\n\r\n") != 0)
		return;
	id = find_header(stream->head, "Mesos-Stream-Id: ");
	if (!id || strncmp(stream->head, "HTTP/1.1 200", 12) != 0)
		fleet_die("subscribe", stream->head);
	(void)snprintf(stream->id, sizeof(stream->id), "%.*s", (int)strcspn(id, "\r"), id);
	free(stream->head);
	stream->head = NULL;
	stream->at = AT_SIZE;
	stream->chunk_left = 0;
}

/* The end of the chunk before, and the size of the next. */
static void stream_size(struct stream *stream, char byte)
{
	if (byte == '\n' && stream->chunk_left > 0)
		stream->at = AT_DATA;
	else if (byte >= '0' && byte <= '9')
		stream->chunk_left = stream->chunk_left * 16 + (size_t)(byte - '0');
	else if ((byte | 32) >= 'a' && (byte | 32) <= 'f')
		stream->chunk_left = stream->chunk_left * 16 + (size_t)((byte | 32) - 'a' + 10);
}

static int on_record(void *arg, const void *data, size_t size, struct err *e)
{
	struct stream *stream = arg;

	(void)e;
	stream->record(stream, data, size);
	return 0;
}

static void stream_feed(struct stream *stream, const char *data, size_t n)
{
	struct err e = { 0 };

	while (n > 0) {
		size_t take = 1;

		if (stream->at == AT_HEAD) {
			stream_head(stream, *data);
		} else if (stream->at == AT_SIZE) {
			stream_size(stream, *data);
		} else {
			take = n < stream->chunk_left ? n : stream->chunk_left;
			stream->chunk_left -= take;
			if (stream->chunk_left == 0)
				stream->at = AT_SIZE;
			if (recordio_feed(&stream->reader, data, take, on_record, stream, &e) < 0)
				fleet_die("read a stream", e.msg);
		}
		data += take;
		n -= take;
	}
}

static void stream_event(struct stream *stream, uint32_t events)
{
	static char buffer[READ_SIZE];
	ssize_t n;

	if (stream->fd < 0)
		return;
	if (stream->request) {
		if (events & (EPOLLERR | EPOLLHUP))
			stream_close(stream);
		else
			stream_send(stream);
		return;
	}
	n = recv(stream->fd, buffer, sizeof(buffer), 0);
	if (n > 0)
		stream_feed(stream, buffer, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		stream_close(stream);
}

/* ---- calls ---- */

static void caller_send(struct fleet_io *io, struct caller *caller)
{
	struct request *request = STAILQ_FIRST(caller->queue);
	size_t sent = 0;

	if (caller->now || !request)
		return;
	if (caller->fd < 0) {
		caller->fd = connect_from(io, INADDR_LOOPBACK);
		watch(io, caller->fd, EPOLLIN, caller, WATCHED_CALLER, EPOLL_CTL_ADD);
	}
	STAILQ_REMOVE_HEAD(caller->queue, next);
	caller->now = request;
	caller->n_head = 0;
	caller->is_in_body = false;
	while (sent < request->size) {
		ssize_t n = send(caller->fd, request->data + sent, request->size - sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			fleet_die("send a call", strerror(errno));
		sent += n > 0 ? (size_t)n : 0;
	}
}

static void caller_done(struct fleet_io *io, struct caller *caller)
{
	struct request *request = caller->now;

	caller->now = NULL;
	io->n_open--;
	if (request->done)
		request->done(request->arg, caller->status, fleet_now() - request->asked,
			      caller->body_size);
	else if (caller->status != 202)
		fleet_die("call", caller->head);
	free(request);
	caller_send(io, caller);
}

static unsigned hex_value(char byte)
{
	return byte <= '9' ? (unsigned)(byte - '0') : (unsigned)((byte | 32) - 'a' + 10);
}

/* A line is the end of the chunk before, if empty, or the size of the next one. */
static void chunk_line(struct caller *caller, char byte)
{
	if (byte != '\n') {
		caller->head[caller->n_head++] = byte;
		if (caller->n_head == CALLER_HEAD)
			fleet_die("read an answer", "a chunk's size is too long");
		return;
	}
	for (size_t i = 0; i + 1 < caller->n_head; i++)
		caller->body_left = caller->body_left * 16 + hex_value(caller->head[i]);
	caller->is_last_chunk = caller->n_head > 1 && caller->body_left == 0;
	caller->body_size += caller->body_left;
	caller->n_head = 0;
}

/* Until the chunk of no size, and the empty line after it. */
static bool chunks_feed(struct caller *caller, const char *data, size_t n)
{
	while (n > 0) {
		size_t take = caller->body_left < n ? caller->body_left : n;
		bool was_last = caller->is_last_chunk;

		if (take == 0) {
			chunk_line(caller, *data);
			if (was_last && *data == '\n')
				return true;
			take = 1;
		} else {
			caller->body_left -= take;
		}
		data += take;
		n -= take;
	}
	return false;
}

static void body_feed(struct fleet_io *io, struct caller *caller, const char *data, size_t n)
{
	if (caller->is_chunked) {
		if (chunks_feed(caller, data, n))
			caller_done(io, caller);
		return;
	}
	caller->body_left -= n < caller->body_left ? n : caller->body_left;
	if (caller->body_left == 0)
		caller_done(io, caller);
}

static void caller_feed(struct fleet_io *io, struct caller *caller, const char *data, size_t n)
{
	const char *length;

	while (!caller->is_in_body && n > 0) {
		if (caller->n_head + 1 >= CALLER_HEAD)
			fleet_die("read an answer", "its head is too long");
		caller->head[caller->n_head++] = *data++;
		caller->head[caller->n_head] = '\0';
		n--;
		if (caller->n_head < 4 ||
		    strcmp(caller->head + caller->n_head - 4, "\r\n\r\n") != 0)
			continue;
		length = find_header(caller->head, "Content-Length: ");
		caller->status = (int)strtol(caller->head + strlen("HTTP/1.1 "), NULL, 10);
		caller->body_size = caller->body_left = length ? strtoul(length, NULL, 10) : 0;
		caller->is_in_body = true;
		caller->is_last_chunk = false;
		caller->is_chunked = !length && find_header(caller->head, "Transfer-Encoding: chunked");
		if (caller->is_chunked)
			caller->n_head = 0;
	}
	if (caller->is_in_body)
		body_feed(io, caller, data, n);
}

static void caller_event(struct fleet_io *io, struct caller *caller)
{
	static char buffer[READ_SIZE];
	ssize_t n = recv(caller->fd, buffer, sizeof(buffer), 0);

	if (n > 0) {
		caller_feed(io, caller, buffer, (size_t)n);
	} else if (n == 0 || errno != EAGAIN) {
		/* The master ended, or it was idle for too long: not while a call is open. */
		if (caller->now)
			fleet_die("call", "the connection ended");
		(void)close(caller->fd);
		caller->fd = -1;
	}
}

static void enqueue(struct fleet_io *io, struct request_queue *queue, struct request *request,
		    size_t size, call_done_fn *done, void *arg)
{
	request->done = done;
	request->arg = arg;
	request->asked = fleet_now();
	request->size = size;
	STAILQ_INSERT_TAIL(queue, request, next);
	io->n_open++;
	for (unsigned i = 0; i < io->n_callers && !STAILQ_EMPTY(queue); i++) {
		if (io->callers[i].queue == queue)
			caller_send(io, &io->callers[i]);
	}
}

void call_post(struct fleet_io *io, const char *path, const char *stream_id,
	       const ProtobufCMessage *message, call_done_fn *done, void *arg)
{
	size_t size;
	char *data = make_post(path, stream_id, message, sizeof(struct request), &size);

	enqueue(io, &io->posts, (struct request *)(void *)data, size, done, arg);
}

void call_get(struct fleet_io *io, const char *path, call_done_fn *done, void *arg)
{
	enum { MAX = 512 };
	struct request *request = fleet_must(malloc(sizeof(*request) + MAX));
	int n = snprintf(request->data, MAX, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);

	enqueue(io, &io->gets, request, (size_t)n, done, arg);
}

size_t calls_open(const struct fleet_io *io)
{
	return io->n_open;
}

void fleet_poll(struct fleet_io *io, int millis)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(io->epoll, events, MAX_EVENTS, millis);

	for (int i = 0; i < n; i++) {
		void *p = (void *)(uintptr_t)(events[i].data.u64 & ~UINT64_C(1));

		if ((events[i].data.u64 & 1) == WATCHED_STREAM)
			stream_event(p, events[i].events);
		else
			caller_event(io, p);
	}
}
