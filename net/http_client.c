#include "net/http_client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "net/address.h"
#include "net/http_call.h"

enum {
	MAX_QUEUE = 10000,		/* calls waiting */
	MAX_WRITE = 1 << 20,
	IDLE_MS = 20000,		/* before servers close, which could meet the next call */
};

STAILQ_HEAD(call_list, call);

enum client_state { CLIENT_CLOSED, CLIENT_IDLE, CLIENT_HEAD, CLIENT_BODY };

struct http_client {
	struct loop *loop;
	struct address address;
	char name[ADDRESS_TEXT_SIZE];	/* the address, for messages */
	char *authorization;		/* or NULL */
	const struct http_wrap *wrap;	/* or NULL */
	pid_t wrapper;			/* its process; 0: none */
	struct bufferevent *bev;	/* NULL: closed */
	struct event *wake;		/* the next turn, or the deadline */
	enum client_state state;
	struct call_list queue;		/* the first one is the one on the wire */
	size_t n_queued, n_waiting_bytes;	/* calls, and of their bodies */
	int64_t deadline_ms;		/* boot clock; 0: none */
	bool is_reused;			/* the connection has answered a call before */
	bool has_answer_byte;
	bool is_dead;			/* freed within a callback */
	unsigned depth;			/* callbacks on the stack */
};

DEFINE_AUTO(struct http_client *, http_client_free);

static void on_wake(evutil_socket_t fd, short what, void *arg);

int http_client_new(struct loop *loop, const char *address, struct http_client **ret,
		    struct err *e)
{
	AUTO(http_client_freep) struct http_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return err_set(e, ENOMEM, "create client of '%s'", address);
	STAILQ_INIT(&client->queue);
	client->loop = loop;
	r = address_parse(address, &client->address, e);
	if (r < 0)
		return r;
	address_format(&client->address, client->name);
	client->wake = evtimer_new(loop_base(loop), on_wake, client);
	if (!client->wake)
		return err_set(e, ENOMEM, "create client of '%s'", address);
	*ret = TAKE_PTR(client);
	return 0;
}

static void disconnect(struct http_client *client)
{
	if (client->bev)
		bufferevent_free(TAKE_PTR(client->bev));
	if (client->wrapper > 0)
		client->wrap->end(TAKE_VAL(client->wrapper, 0));
	client->state = CLIENT_CLOSED;
	client->is_reused = false;
	client->has_answer_byte = false;
}

static void release(struct http_client *client)
{
	if (client->wake)
		event_free(client->wake);
	free(client->authorization);
	free(client);
}

/* Take the first call off the queue and tell its end; ERROR is NULL when there is an answer. */
static void finish_first(struct http_client *client, const struct err *error)
{
	struct call *call = STAILQ_FIRST(&client->queue);
	struct http_answer answer = { .status = call->head.status, .head = &call->head };

	STAILQ_REMOVE_HEAD(&client->queue, link);
	client->n_queued--;
	client->n_waiting_bytes -= call->spec.size;
	if (!call->is_stream) {
		answer.body = call->body ? call->body : "";
		answer.size = call->body_size;
	}
	client->depth++;
	if (call->spec.on_done)
		call->spec.on_done(call->spec.arg, error ? NULL : &answer, error);
	client->depth--;
	call_free(call);
}

void http_client_free(struct http_client *client)
{
	struct err e = { 0 };

	if (!client || client->is_dead)
		return;
	client->is_dead = true;
	disconnect(client);
	(void)err_set(&e, ECANCELED, "call '%s'", client->name);
	while (!STAILQ_EMPTY(&client->queue))
		finish_first(client, &e);
	/* Within a callback the caller still looks at CLIENT: is_gone() frees it. */
	if (client->depth == 0)
		release(client);
}

/* After a callback: true when it freed CLIENT, which is then gone. */
static bool is_gone(struct http_client *client)
{
	if (!client->is_dead)
		return false;
	if (client->depth == 0)
		release(client);
	return true;
}

static void wake_soon(struct http_client *client)
{
	static const struct timeval now = { 0 };

	(void)evtimer_add(client->wake, &now);
}

static void arm(struct http_client *client)
{
	int64_t left;
	struct timeval tv;

	if (client->deadline_ms == 0) {
		(void)evtimer_del(client->wake);
		return;
	}
	left = client->deadline_ms - clock_boot_ms();
	if (left < 0)
		left = 0;
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	(void)evtimer_add(client->wake, &tv);
}

/* The call on the wire ends with ERROR (NULL: answered); the next one starts in a later turn. */
static void end_call(struct http_client *client, const struct err *error, bool is_reusable)
{
	if (is_reusable && client->bev &&
	    evbuffer_get_length(bufferevent_get_input(client->bev)) == 0) {
		client->state = CLIENT_IDLE;
		client->is_reused = true;
		client->has_answer_byte = false;
	} else {
		disconnect(client);
	}
	client->deadline_ms = 0;
	(void)evtimer_del(client->wake);
	finish_first(client, error);
	if (is_gone(client))
		return;
	if (!STAILQ_EMPTY(&client->queue)) {
		wake_soon(client);
	} else if (client->state == CLIENT_IDLE) {
		client->deadline_ms = clock_boot_ms() + IDLE_MS;
		arm(client);
	}
}

/*
 * The connection failed with CODE.  A server may close a connection that was idle at the moment we
 * use it again: then the call is repeated once, if that cannot do anything twice.
 */
static void lose(struct http_client *client, int code, const char *what)
{
	struct call *call = STAILQ_FIRST(&client->queue);
	size_t unsent = client->bev ?
				evbuffer_get_length(bufferevent_get_output(client->bev)) : 0;
	struct err e = { 0 };

	if (client->state == CLIENT_IDLE || client->state == CLIENT_CLOSED) {
		disconnect(client);
		return;
	}
	if (client->is_reused && !client->has_answer_byte && !call->has_retried &&
	    !call->spec.on_upload &&
	    (call_is_idempotent(call) || unsent == call->request_size)) {
		call->has_retried = true;
		disconnect(client);
		wake_soon(client);
		return;
	}
	(void)err_set(&e, code, "%s '%s'", what, client->name);
	end_call(client, &e, false);
}

/* Hand a stream's piece over; true when the callback freed CLIENT. */
static bool hand_over(struct http_client *client, struct call *call, struct http_text piece)
{
	client->depth++;
	call->spec.on_data(call->spec.arg, piece.data, piece.size);
	client->depth--;
	return is_gone(client);
}

/* False when CLIENT waits for more, has ended the call, or is gone. */
static bool read_head(struct http_client *client, struct call *call)
{
	struct http_answer answer = { .head = &call->head };
	struct err e = { 0 };
	int n = call_read_head(call, bufferevent_get_input(client->bev), &e);

	if (n < 0) {
		(void)err_wrap(&e, "'%s'", client->name);
		end_call(client, &e, false);
		return false;
	}
	if (n == 0)
		return false;
	if (call->head.status < 200)
		return true;
	client->state = CLIENT_BODY;
	if (call->is_stream) {
		client->deadline_ms = 0;
		arm(client);
	}
	if (!call->spec.on_head)
		return true;
	answer.status = call->head.status;
	client->depth++;
	call->spec.on_head(call->spec.arg, &answer);
	client->depth--;
	return !is_gone(client);
}

static bool read_body(struct http_client *client, struct call *call)
{
	struct evbuffer *input = bufferevent_get_input(client->bev);
	struct http_text piece = { 0 };
	struct err e = { 0 };
	size_t used = 0;
	int r = call_read_body(call, input, &piece, &used, &e);

	if (r < 0) {
		(void)err_wrap(&e, "'%s'", client->name);
		end_call(client, &e, false);
		return false;
	}
	if (piece.size > 0 && hand_over(client, call, piece))
		return false;
	(void)evbuffer_drain(input, used);
	if (r > 0) {
		end_call(client, NULL, call->head.keep_alive &&
			 (!call->spec.on_upload || call->has_uploaded));
		return false;
	}
	return used > 0;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct http_client *client = arg;
	bool is_more = true;

	if (client->state == CLIENT_IDLE || client->state == CLIENT_CLOSED) {
		/* Nobody asked: whatever this is, it must not become the next call's answer. */
		disconnect(client);
		return;
	}
	if (evbuffer_get_length(bufferevent_get_input(bev)) > 0)
		client->has_answer_byte = true;
	while (is_more)
		is_more = client->state == CLIENT_HEAD ?
				  read_head(client, STAILQ_FIRST(&client->queue)) :
				  read_body(client, STAILQ_FIRST(&client->queue));
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct http_client *client = arg;
	struct call *call = STAILQ_FIRST(&client->queue);

	(void)bev;
	if (client->state != CLIENT_HEAD && client->state != CLIENT_BODY)
		return;
	if (!call->spec.on_upload || call->has_uploaded)
		return;
	client->depth++;
	call->spec.on_upload(call->spec.arg);
	client->depth--;
	(void)is_gone(client);
}

int http_client_upload(struct http_client *client, const void *data, size_t size)
{
	struct call *call = STAILQ_FIRST(&client->queue);
	struct evbuffer *out;

	if (!call || !client->bev || !call->spec.on_upload || call->has_uploaded ||
	    (client->state != CLIENT_HEAD && client->state != CLIENT_BODY))
		return -EPIPE;
	call->has_uploaded = size == 0;
	out = bufferevent_get_output(client->bev);
	if (evbuffer_add_printf(out, "%zx\r\n", size) < 0 || evbuffer_add(out, data, size) < 0 ||
	    evbuffer_add(out, "\r\n", 2) < 0)
		return -ENOMEM;
	return 0;
}

static int socket_error(int fd)
{
	int code = 0;
	socklen_t size = sizeof(code);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0 || code == 0)
		code = errno;
	return code > 0 ? code : ECONNRESET;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_client *client = arg;
	struct call *call = STAILQ_FIRST(&client->queue);
	int code = what & BEV_EVENT_ERROR ? errno : 0;

	if (what & BEV_EVENT_CONNECTED)
		return;
	if (what & BEV_EVENT_EOF) {
		if (client->state == CLIENT_BODY && call->body_kind == BODY_TO_END)
			end_call(client, NULL, false);
		else
			lose(client, ECONNRESET, "read answer of");
		return;
	}
	lose(client, code > 0 ? code : socket_error(bufferevent_getfd(bev)), "talk to");
}

void http_client_wrap(struct http_client *client, const struct http_wrap *wrap)
{
	client->wrap = wrap;
}

/* FD is connected, or about to be, which the wrapper waits for in our place. */
static int wrap_connection(struct http_client *client, int *fd, bool *is_connecting)
{
	struct err e = { 0 };
	int r;

	if (!client->wrap)
		return 0;
	r = client->wrap->start(fd, &client->wrapper, &e);
	*is_connecting = false;
	return r;
}

static int connect_now(struct http_client *client)
{
	AUTO_CLOSE int fd = socket(client->address.storage.ss_family,
				   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_connecting;
	int r;

	if (fd < 0)
		return -errno;
	address_tune(&client->address, fd);
	/* Here and not by libevent, which loses the reason of a connection refused at once. */
	is_connecting = connect(fd, (struct sockaddr *)&client->address.storage,
				client->address.size) < 0;
	if (is_connecting && errno != EINPROGRESS)
		return -errno;
	r = wrap_connection(client, &fd, &is_connecting);
	if (r < 0)
		return r;
	client->bev = bufferevent_socket_new(loop_base(client->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client->bev)
		return -ENOMEM;
	(void)TAKE_FD(fd);
	bufferevent_setcb(client->bev, on_read, on_written, on_event, client);
	(void)bufferevent_set_max_single_write(client->bev, MAX_WRITE);
	if (is_connecting && bufferevent_socket_connect(client->bev, NULL, 0) < 0)
		return -EIO;
	(void)bufferevent_enable(client->bev, EV_READ);
	return 0;
}

/* Put the first call of the queue on the wire. */
static void start_call(struct http_client *client)
{
	struct call *call = STAILQ_FIRST(&client->queue);
	struct err e = { 0 };
	int r = client->bev ? 0 : connect_now(client);

	if (r == 0 && bufferevent_write(client->bev, call->request, call->request_size) < 0)
		r = -ENOMEM;
	if (r < 0) {
		(void)err_set(&e, -r, "connect to '%s'", client->name);
		end_call(client, &e, false);
		return;
	}
	client->state = CLIENT_HEAD;
	client->has_answer_byte = false;
	/* A repetition has what is left of the time. */
	if (call->spec.on_upload)
		client->deadline_ms = 0;
	else if (!call->has_retried)
		client->deadline_ms = clock_boot_ms() + call->spec.timeout_ms;
	arm(client);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	struct err e = { 0 };

	(void)fd;
	(void)what;
	if (STAILQ_EMPTY(&client->queue)) {
		if (client->state == CLIENT_IDLE)
			disconnect(client);
		return;
	}
	if (client->state == CLIENT_IDLE || client->state == CLIENT_CLOSED) {
		start_call(client);
		return;
	}
	if (client->deadline_ms == 0 || clock_boot_ms() < client->deadline_ms) {
		arm(client);
		return;
	}
	(void)err_set(&e, ETIMEDOUT, "wait for answer of '%s'", client->name);
	end_call(client, &e, false);
}

int http_client_authorize(struct http_client *client, const char *value, struct err *e)
{
	free(client->authorization);
	client->authorization = value ? strdup(value) : NULL;
	return value && !client->authorization ?
		err_set(e, ENOMEM, "call '%s'", client->name) : 0;
}

const struct address *http_client_address(const struct http_client *client)
{
	return &client->address;
}

int http_client_local_host(const struct http_client *client, char ret[ADDRESS_HOST_SIZE])
{
	return address_local_host(&client->address, ret);
}

size_t http_client_waiting(const struct http_client *client)
{
	return client->n_waiting_bytes;
}

int http_client_call(struct http_client *client, const struct http_call *spec, struct err *e)
{
	bool is_unix = client->address.storage.ss_family == AF_UNIX;
	struct call *call = NULL;
	int r;

	if (client->is_dead)
		return err_set(e, ECANCELED, "call '%s'", client->name);
	if (client->n_queued == MAX_QUEUE)
		return err_set(e, ENOBUFS, "call '%s': too many calls are waiting", client->name);
	r = call_new(spec, is_unix ? "localhost" : client->name, client->authorization, &call, e);
	if (r < 0)
		return r;
	STAILQ_INSERT_TAIL(&client->queue, call, link);
	client->n_queued++;
	client->n_waiting_bytes += spec->size;
	/* Never at once: no callback runs before this returns. */
	if (client->n_queued == 1)
		wake_soon(client);
	return 0;
}
