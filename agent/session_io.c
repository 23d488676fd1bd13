#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/session.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "net/http_server.h"

enum {
	PIECE = 16 << 10,
	MAX_QUEUED = 256 << 10,		/* unsent bytes, beyond which the command has to wait */
	MAX_REST = 128 << 10,		/* what can be left in a pipe or a terminal at the end */
};

/* ---- output ---- */

void session_stop_output(struct session_output *output)
{
	loop_watch_free(TAKE_PTR(output->watch));
	fd_close(&output->fd);
}

void session_send_output(struct session_output *output, const void *bytes, size_t size)
{
	Mesos__V1__Agent__ProcessIO io = MESOS__V1__AGENT__PROCESS_IO__INIT;
	Mesos__V1__Agent__ProcessIO__Data data = MESOS__V1__AGENT__PROCESS_IO__DATA__INIT;
	struct session *session = output->session;
	struct err lost = { 0 };

	if (!session->stream)
		return;
	io.has_type = data.has_type = data.has_data = true;
	io.type = MESOS__V1__AGENT__PROCESS_IO__TYPE__DATA;
	io.data = &data;
	data.type = output->type;
	data.data = (ProtobufCBinaryData){ .len = size, .data = (uint8_t *)(uintptr_t)bytes };
	/* A stream that fails is closing: its end is told. */
	(void)wire_stream(session->stream, session->format, &io.base, &lost);
}

/* What lies between does not close a stream for being idle, and a reader knows that we live. */
static void on_heartbeat(void *arg)
{
	Mesos__V1__Agent__ProcessIO io = MESOS__V1__AGENT__PROCESS_IO__INIT;
	Mesos__V1__Agent__ProcessIO__Control control =
		MESOS__V1__AGENT__PROCESS_IO__CONTROL__INIT;
	Mesos__V1__Agent__ProcessIO__Control__Heartbeat heartbeat =
		MESOS__V1__AGENT__PROCESS_IO__CONTROL__HEARTBEAT__INIT;
	Mesos__V1__DurationInfo interval = MESOS__V1__DURATION_INFO__INIT;
	struct session *session = arg;
	int64_t ms = session->agent->flags.http_heartbeat_interval;
	struct err lost = { 0 };

	if (!session->stream)
		return;
	io.has_type = control.has_type = true;
	io.type = MESOS__V1__AGENT__PROCESS_IO__TYPE__CONTROL;
	io.control = &control;
	control.type = MESOS__V1__AGENT__PROCESS_IO__CONTROL__TYPE__HEARTBEAT;
	control.heartbeat = &heartbeat;
	heartbeat.interval = &interval;
	interval.nanoseconds = ms * 1000000;
	(void)wire_stream(session->stream, session->format, &io.base, &lost);
	loop_timer_set(session->heartbeat, ms);
}

int session_start_heartbeat(struct session *session, struct err *e)
{
	int r = loop_timer_new(session->agent->loop, on_heartbeat, session, &session->heartbeat,
			       e);

	if (r >= 0)
		loop_timer_set(session->heartbeat,
			       session->agent->flags.http_heartbeat_interval);
	return r;
}

/* One piece: its size, 0 when there is none now, -EPIPE at the end. */
static ssize_t read_output(struct session_output *output)
{
	char piece[PIECE];
	ssize_t n = read(output->fd, piece, sizeof(piece));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* EIO: nobody has the terminal open any more. */
	if (n <= 0)
		return -EPIPE;
	session_send_output(output, piece, (size_t)n);
	return n;
}

static void on_output(int fd, void *arg)
{
	struct session_output *output = arg;
	const struct session *session = output->session;

	(void)fd;
	if (read_output(output) < 0)
		session_stop_output(output);
	else if (session->stream && http_stream_queued(session->stream) > MAX_QUEUED)
		loop_watch_free(TAKE_PTR(output->watch));
}

static int watch_output(struct session_output *output, struct err *e)
{
	if (output->fd < 0 || output->watch)
		return 0;
	return loop_watch_fd(output->session->agent->loop, output->fd, on_output, output,
			     &output->watch, e);
}

int session_watch_outputs(struct session *session, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < SESSION_OUTPUTS && r >= 0; i++)
		r = watch_output(&session->outputs[i], e);
	return r;
}

/* What the command wrote before its end; whoever it left behind with its output is not awaited. */
void session_drain_outputs(struct session *session)
{
	for (size_t i = 0; i < SESSION_OUTPUTS; i++) {
		struct session_output *output = &session->outputs[i];
		ssize_t n, rest = MAX_REST;

		while (output->fd >= 0 && rest > 0 && (n = read_output(output)) > 0)
			rest -= n;
		session_stop_output(output);
	}
}

/* ---- input ---- */

static void stop_input(struct session *session)
{
	loop_watch_free(TAKE_PTR(session->input_watch));
	fd_close(&session->input_fd);
	free(TAKE_PTR(session->unwritten));
	session->n_unwritten = 0;
}

void session_dismiss_input(struct session *session, const struct err *why)
{
	const struct session_input_ops *ops = TAKE_PTR(session->input_ops);

	stop_input(session);
	if (ops)
		ops->over(session->input_arg, why);
}

/* As much as fits; what nobody will read counts as written. */
static size_t write_some(struct session *session, const char *data, size_t size)
{
	size_t done = 0;

	while (session->input_fd >= 0 && done < size) {
		ssize_t n = write(session->input_fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return done;
		if (n < 0)
			stop_input(session);
		else
			done += (size_t)n;
	}
	return size;
}

static void on_input_writable(int fd, void *arg)
{
	struct session *session = arg;
	char *data = TAKE_PTR(session->unwritten);
	size_t size = session->n_unwritten, done;

	(void)fd;
	session->n_unwritten = 0;
	done = write_some(session, data, size);
	if (done < size) {
		memmove(data, data + done, size - done);
		session->unwritten = data;
		session->n_unwritten = size - done;
		return;
	}
	free(data);
	loop_watch_free(TAKE_PTR(session->input_watch));
	if (session->is_input_over)
		stop_input(session);
	if (session->input_ops)
		session->input_ops->ready(session->input_arg);
}

/* 1, like session_write(). */
static int watch_input(struct session *session, struct err *e)
{
	int r = loop_watch_writable(session->agent->loop, session->input_fd, on_input_writable,
				    session, &session->input_watch, e);

	return r < 0 ? r : 1;
}

int session_write(struct session *session, const void *data, size_t size, struct err *e)
{
	bool has_to_wait = session->is_awaited || session->n_unwritten > 0;
	size_t done = has_to_wait ? 0 : write_some(session, data, size);
	char *grown;

	if (done == size)
		return 0;
	grown = realloc(session->unwritten, session->n_unwritten + size - done);
	if (!grown)
		return err_set(e, ENOMEM, "write to session '%s'", session->id);
	memcpy(grown + session->n_unwritten, (const char *)data + done, size - done);
	session->unwritten = grown;
	session->n_unwritten += size - done;
	return session->is_awaited || session->input_watch ? 1 : watch_input(session, e);
}

int session_input_came(struct session *session, struct err *e)
{
	int r = 0;

	session->is_awaited = false;
	if (session->has_size && ioctl(session->input_fd, TIOCSWINSZ, &session->size) < 0)
		return err_set(e, errno, "resize session '%s'", session->id);
	if (session->n_unwritten > 0)
		r = watch_input(session, e);
	else if (session->input_ops)
		session->input_ops->ready(session->input_arg);
	return r;
}

/* A terminal has no end: closing it would take the output along. */
void session_end_input(struct session *session)
{
	session->is_input_over = !session->has_terminal;
	if (session->is_input_over && session->n_unwritten == 0)
		stop_input(session);
}

int session_resize(struct session *session, const Mesos__V1__TTYInfo *info, struct err *e)
{
	if (!session->has_terminal)
		return err_set(e, EINVAL, "resize session '%s': it has no terminal", session->id);
	if (!info || !info->window_size)
		return 0;
	session->has_size = true;
	session->size.ws_row = (unsigned short)info->window_size->rows;
	session->size.ws_col = (unsigned short)info->window_size->columns;
	/* The kernel tells the foreground processes by SIGWINCH. */
	if (session->input_fd >= 0 && ioctl(session->input_fd, TIOCSWINSZ, &session->size) < 0)
		return err_set(e, errno, "resize session '%s'", session->id);
	return 0;
}
