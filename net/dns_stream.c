#include "net/dns_stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

enum {
	MAX_STREAMS = 128, MAX_PER_PEER = 16,
	MAX_PENDING = 32,		/* queries of one connection that wait for others */
	MAX_UNSENT = 256 << 10,
	MAX_MESSAGE = 4096,		/* as of a datagram */
	PATIENCE_MS = 10 * 1000,	/* for each query to be whole, and for answers to be read */
	ACCEPT_PAUSE_MS = 100,
};

struct dns_stream {
	struct dns_server *server;
	struct bufferevent *bev;
	struct loop_timer *patience;
	struct address peer;
	struct dns_requests pending;
	size_t n_pending;
	bool is_reading;		/* it is freed at the end of that */
	bool is_ending;			/* no more queries come */
	bool is_broken;			/* nothing leaves, either */
	TAILQ_ENTRY(dns_stream) link;
};

void dns_stream_free(struct dns_stream *stream)
{
	struct dns_request *request;

	TAILQ_FOREACH(request, &stream->pending, link)
		request->stream = NULL;
	TAILQ_REMOVE(&stream->server->streams, stream, link);
	stream->server->n_streams--;
	loop_timer_free(stream->patience);
	if (stream->bev)
		bufferevent_free(stream->bev);
	free(stream);
}

int dns_stream_local(const struct dns_stream *stream, struct address *ret)
{
	ret->size = sizeof(ret->storage);
	return getsockname(bufferevent_getfd(stream->bev), (struct sockaddr *)&ret->storage,
			   &ret->size) < 0 ? -errno : 0;
}

static size_t unsent(const struct dns_stream *stream)
{
	return evbuffer_get_length(bufferevent_get_output(stream->bev));
}

static bool is_over(const struct dns_stream *stream)
{
	return stream->is_broken ||
	       (stream->is_ending && stream->n_pending == 0 && unsent(stream) == 0);
}

void dns_stream_send(struct dns_stream *stream, const void *data, size_t size)
{
	uint8_t length[2] = { (uint8_t)(size >> 8), (uint8_t)size };
	struct evbuffer *output = bufferevent_get_output(stream->bev);

	if (evbuffer_add(output, length, sizeof(length)) < 0 ||
	    evbuffer_add(output, data, size) < 0)
		stream->is_broken = true;
}

/* The next message, if it is whole; its size, 0 if it is not. */
static size_t next_message(struct dns_stream *stream, uint8_t *data)
{
	struct evbuffer *input = bufferevent_get_input(stream->bev);
	uint8_t length[2];
	size_t size;

	if (evbuffer_copyout(input, length, sizeof(length)) < (ssize_t)sizeof(length))
		return 0;
	size = (size_t)length[0] << 8 | length[1];
	if (size < DNS_HEADER_SIZE || size > MAX_MESSAGE) {
		stream->is_broken = true;
		return 0;
	}
	if (evbuffer_get_length(input) < sizeof(length) + size)
		return 0;
	(void)evbuffer_drain(input, sizeof(length));
	(void)evbuffer_remove(input, data, size);
	return size;
}

/* Answer what is there, as long as the answers of before do not pile up. */
static void take_messages(struct dns_stream *stream)
{
	uint8_t data[MAX_MESSAGE];
	size_t size = 0;
	bool has_room;

	stream->is_reading = true;
	while ((has_room = stream->n_pending < MAX_PENDING && unsent(stream) < MAX_UNSENT) &&
	       !stream->is_broken && (size = next_message(stream, data)) > 0) {
		struct dns_request request = {
			.server = stream->server, .stream = stream, .is_stream = true,
			.peer = stream->peer,
		};

		loop_timer_set(stream->patience, PATIENCE_MS);
		stream->server->counters.tcp_queries++;
		dns_server_take(&request, data, size);
	}
	stream->is_reading = false;
	if (is_over(stream))
		dns_stream_free(stream);
	else if (has_room && !stream->is_ending)
		(void)bufferevent_enable(stream->bev, EV_READ);
	else
		(void)bufferevent_disable(stream->bev, EV_READ);
}

void dns_stream_keep(struct dns_stream *stream, struct dns_request *request)
{
	TAILQ_INSERT_TAIL(&stream->pending, request, link);
	stream->n_pending++;
}

void dns_stream_done(struct dns_stream *stream, struct dns_request *request, bool is_answered)
{
	if (request->kept) {
		TAILQ_REMOVE(&stream->pending, request, link);
		stream->n_pending--;
	}
	if (!is_answered)
		stream->is_broken = true;
	if (!stream->is_reading)
		take_messages(stream);
}

static void on_io(struct bufferevent *bev, void *arg)
{
	(void)bev;
	take_messages(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct dns_stream *stream = arg;

	(void)bev;
	stream->is_ending = true;
	if (!(what & BEV_EVENT_EOF))
		stream->is_broken = true;
	take_messages(stream);
}

/* Whoever waits for others' answers is not late. */
static void on_patience(void *arg)
{
	struct dns_stream *stream = arg;

	if (stream->n_pending > 0 && unsent(stream) == 0)
		loop_timer_set(stream->patience, PATIENCE_MS);
	else
		dns_stream_free(stream);
}

/* ---- new ones ---- */

static bool is_welcome(const struct dns_server *server, const struct address *peer)
{
	const struct dns_stream *stream;
	size_t n = 0;

	TAILQ_FOREACH(stream, &server->streams, link)
		n += address_is_same_host(&stream->peer, peer);
	return server->n_streams < MAX_STREAMS && n < MAX_PER_PEER;
}

static void stream_new(struct dns_server *server, int fd_take, const struct address *peer)
{
	AUTO_CLOSE int fd = fd_take;
	struct dns_stream *stream = calloc(1, sizeof(*stream));
	struct err ignored = { 0 };

	if (!stream)
		return;
	*stream = (struct dns_stream){ .server = server, .peer = *peer };
	TAILQ_INIT(&stream->pending);
	TAILQ_INSERT_TAIL(&server->streams, stream, link);
	server->n_streams++;
	stream->bev = bufferevent_socket_new(loop_base(server->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	if (stream->bev)
		(void)TAKE_FD(fd);
	if (!stream->bev ||
	    loop_timer_new(server->loop, on_patience, stream, &stream->patience, &ignored) < 0) {
		dns_stream_free(stream);
		return;
	}
	bufferevent_setcb(stream->bev, on_io, on_io, on_event, stream);
	bufferevent_setwatermark(stream->bev, EV_READ, 0, 2 + MAX_MESSAGE);
	loop_timer_set(stream->patience, PATIENCE_MS);
	(void)bufferevent_enable(stream->bev, EV_READ);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
		      int sa_size, void *arg)
{
	struct dns_socket *socket = arg;
	struct address peer = { .size = (socklen_t)sa_size };
	AUTO_CLOSE int stream_fd = fd;

	(void)listener;
	memcpy(&peer.storage, sa, (size_t)sa_size);
	if (!is_welcome(socket->server, &peer))
		return;
	address_tune(&peer, stream_fd);
	stream_new(socket->server, TAKE_FD(stream_fd), &peer);
}

/* Out of descriptors: the connection stays in the kernel's queue; the pause keeps us from spinning. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct dns_socket *socket = arg;

	(void)evconnlistener_disable(listener);
	loop_timer_set(socket->server->accept_again, ACCEPT_PAUSE_MS);
}

void dns_stream_listen_again(void *arg)
{
	struct dns_server *server = arg;
	struct dns_socket *socket;

	TAILQ_FOREACH(socket, &server->sockets, link)
		(void)evconnlistener_enable(socket->streams);
}

int dns_stream_listen(struct dns_socket *dns, struct err *e)
{
	static const int on = 1;
	const struct address *address = &dns->address;
	bool is_v6 = address->storage.ss_family == AF_INET6;
	char text[ADDRESS_TEXT_SIZE];
	AUTO_CLOSE int fd = -EBADF;

	address_format(address, text);
	fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, (const struct sockaddr *)&address->storage, address->size) < 0)
		return err_set(e, errno, "answer names at '%s'", text);
	/* Listens as well, and says so by errno. */
	dns->streams = evconnlistener_new(loop_base(dns->server->loop), on_accept, dns,
					  LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
					  MAX_STREAMS, fd);
	if (!dns->streams)
		return err_set(e, errno, "answer names at '%s'", text);
	(void)TAKE_FD(fd);
	evconnlistener_set_error_cb(dns->streams, on_accept_error);
	return 0;
}
