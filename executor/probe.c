#include "executor/probe.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"

enum {
	STATUS_LINE_BYTES = 12,		/* "HTTP/1.1 200" */
	DRAIN_BYTES = 64 << 10,
	STEP_BYTES = 4096,
};

struct probe {
	int fd;
	int connect_error;	/* known at once, told in a later turn */
	struct event *event;
	bool is_tls;
	pid_t tls;		/* the process that speaks it; 0: none */
	char *request;		/* NULL: TCP */
	size_t request_size, sent;
	char answer[STATUS_LINE_BYTES + 1];
	size_t received;
	bool has_status;	/* an HTTP answer: there may be more of it to come */
	int64_t drain_end_ms;
	size_t drained;		/* bytes beyond the status */
	struct event_base *base;
	probe_fn *fn;
	void *arg;
};

int probe_parse_status(const char *data, size_t size)
{
	static const char start[] = "HTTP/1.";
	size_t n = size < sizeof(start) - 1 ? size : sizeof(start) - 1;

	if (memcmp(data, start, n) != 0)
		return -EPROTO;
	if (size < STATUS_LINE_BYTES)
		return 0;
	if (!isdigit((unsigned char)data[7]) || data[8] != ' ' ||
	    !isdigit((unsigned char)data[9]) || !isdigit((unsigned char)data[10]) ||
	    !isdigit((unsigned char)data[11]))
		return -EPROTO;
	return (data[9] - '0') * 100 + (data[10] - '0') * 10 + (data[11] - '0');
}

static void finish_errno(struct probe *probe, int code)
{
	const char *text = strerrordesc_np(code);
	char detail[64];

	(void)snprintf(detail, sizeof(detail), "%s", text ? text : "unknown error");
	detail[0] = (char)tolower((unsigned char)detail[0]);
	probe->fn(probe->arg, false, 0, detail);
}

static void on_io(evutil_socket_t fd, short what, void *arg);

/* From now on, each time: only a change of what is waited for costs a system call. */
static void wait_for(struct probe *probe, short what)
{
	if (event_pending(probe->event, what, NULL))
		return;
	(void)event_del(probe->event);
	(void)event_assign(probe->event, probe->base, probe->fd, what | EV_PERSIST, on_io, probe);
	(void)event_add(probe->event, NULL);
}

/* What more of the answer comes with its first line is looked at no further. */
static void take_status_line(struct probe *probe, const char *data, size_t size)
{
	size_t left = STATUS_LINE_BYTES - probe->received, n = size < left ? size : left;

	memcpy(probe->answer + probe->received, data, n);
	probe->received += n;
	probe->drained += size - n;
}

static void on_answer(struct probe *probe)
{
	char data[STEP_BYTES], detail[64];
	ssize_t n = recv(probe->fd, data, sizeof(data), 0);
	int status;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Its process has ended, before or after it has read the request. */
	if (probe->tls > 0 && (n == 0 || (n < 0 && errno == ECONNRESET))) {
		probe->fn(probe->arg, false, 0, "no TLS, or closed without an answer");
		return;
	}
	if (n < 0) {
		finish_errno(probe, errno);
		return;
	}
	if (n == 0) {
		probe->fn(probe->arg, false, 0, "closed without an answer");
		return;
	}
	take_status_line(probe, data, (size_t)n);
	status = probe_parse_status(probe->answer, probe->received);
	if (status == 0)
		return;
	if (status < 0)
		(void)snprintf(detail, sizeof(detail), "answer is not HTTP");
	else
		(void)snprintf(detail, sizeof(detail), "status %d", status);
	probe->has_status = status > 0;
	probe->fn(probe->arg, status >= 200 && status < 400, status, detail);
}

static int send_request(struct probe *probe)
{
	ssize_t n = send(probe->fd, probe->request + probe->sent,
			 probe->request_size - probe->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	probe->sent += n > 0 ? (size_t)n : 0;
	return 0;
}

static void on_connected(struct probe *probe)
{
	struct err e = { 0 };
	int r;

	if (!probe->request) {
		probe->fn(probe->arg, true, 0, "connected");
		return;
	}
	if (probe->is_tls && probe->tls == 0) {
		(void)event_del(probe->event);	/* another process has this socket from here on */
		if (tls_start(&probe->fd, &probe->tls, &e) < 0) {
			finish_errno(probe, e.code);
			return;
		}
	}
	r = send_request(probe);
	if (r < 0)
		finish_errno(probe, -r);
	else
		wait_for(probe, probe->sent < probe->request_size ? EV_WRITE : EV_READ);
}

static void on_writable(struct probe *probe)
{
	int code = probe->connect_error;
	socklen_t size = sizeof(code);

	if (code == 0 && probe->sent == 0 &&
	    getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		code = errno;
	if (code != 0)
		finish_errno(probe, code);
	else
		on_connected(probe);
}

static void on_rest(struct probe *probe, short what);

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct probe *probe = arg;

	(void)fd;
	if (probe->has_status)
		on_rest(probe, what);
	else if (what & EV_READ)
		on_answer(probe);
	else
		on_writable(probe);
}

static void start_connect(struct probe *probe, const struct probe_target *target)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(target->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(target->port) };
	const void *address = target->is_ipv6 ? (const void *)&in6 : (const void *)&in;
	socklen_t size = target->is_ipv6 ? sizeof(in6) : sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in6.sin6_addr = in6addr_loopback;
	if (connect(probe->fd, address, size) < 0 && errno != EINPROGRESS)
		probe->connect_error = errno;
}

/*
 * A connection of loopback is there, or refused, as soon as it was asked for: the request need not
 * wait for a turn of its own.
 */
static void send_at_once(struct probe *probe)
{
	int r = probe->request && !probe->is_tls && probe->connect_error == 0 ?
			send_request(probe) : 0;

	if (r < 0)
		probe->connect_error = -r;
}

static void hang_up(struct probe *probe)
{
	if (probe->event)
		(void)event_del(probe->event);
	fd_close(&probe->fd);
	if (probe->tls > 0)
		tls_end(TAKE_VAL(probe->tls, 0));
}

static void wait_for_rest(struct probe *probe)
{
	int64_t left = probe->drain_end_ms - clock_boot_ms();
	struct timeval tv = { 0 };

	if (left > 0) {
		tv.tv_sec = (time_t)(left / 1000);
		tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	}
	(void)event_add(probe->event, &tv);	/* it waits already: only the time is new */
}

static void on_rest(struct probe *probe, short what)
{
	char rest[STEP_BYTES];
	ssize_t n = 0;

	while (what & EV_READ && probe->drained < DRAIN_BYTES) {
		n = recv(probe->fd, rest, sizeof(rest), 0);
		if (n <= 0)
			break;
		probe->drained += (size_t)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		wait_for_rest(probe);
	else
		hang_up(probe);
}

bool probe_drain(struct probe *probe, int64_t limit_ms)
{
	if (!probe->has_status)
		return false;
	free(TAKE_PTR(probe->request));
	probe->drain_end_ms = clock_boot_ms() + limit_ms;
	wait_for_rest(probe);
	return true;
}

DEFINE_AUTO(struct probe *, probe_free);

int probe_start(struct loop *loop, const struct probe_target *target, probe_fn *fn, void *arg,
		struct probe **ret, struct err *e)
{
	AUTO(probe_freep) struct probe *probe = calloc(1, sizeof(*probe));
	AUTO_CLOSE int fd = target->fd_take;
	bool is_asked;
	int n;

	if (!probe)
		return err_set(e, ENOMEM, "probe port %u", target->port);
	probe->base = loop_base(loop);
	probe->fn = fn;
	probe->arg = arg;
	probe->fd = TAKE_FD(fd);
	probe->is_tls = target->is_tls;
	if (target->is_http) {
		n = asprintf(&probe->request, "GET %s HTTP/1.1\r\nHost: %s:%u\r\n"
			     "User-Agent: tepui\r\nAccept: */*\r\nConnection: close\r\n\r\n",
			     target->path, target->is_ipv6 ? "[::1]" : "127.0.0.1", target->port);
		if (n < 0)
			probe->request = NULL;
		if (n < 0)
			return err_set(e, ENOMEM, "probe port %u", target->port);
		probe->request_size = (size_t)n;
	}
	start_connect(probe, target);
	send_at_once(probe);
	is_asked = probe->request && probe->sent == probe->request_size;
	probe->event = event_new(probe->base, probe->fd,
				 EV_PERSIST | (is_asked ? EV_READ : EV_WRITE), on_io, probe);
	if (!probe->event || event_add(probe->event, NULL) < 0)
		return err_set(e, ENOMEM, "probe port %u", target->port);
	if (probe->connect_error != 0)
		event_active(probe->event, EV_WRITE, 0);
	*ret = TAKE_PTR(probe);
	return 0;
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	hang_up(probe);
	if (probe->event)
		event_free(probe->event);
	free(probe->request);
	free(probe);
}
