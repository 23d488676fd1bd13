#include "cli/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "net/http_client.h"
#include "net/recordio.h"
#include "net/wire.h"

enum {
	PIECE = 16 << 10,
	MAX_LENGTH_LINE = 24,
	N_SIGNALS = 3,
	DETACH_FIRST = 'P' & 0x1f, DETACH_SECOND = 'Q' & 0x1f,
};

struct session {
	struct cli *cli;
	const struct session_plan *plan;
	struct recordio_reader reader;
	struct http_client *output, *input;
	struct loop_watch *input_watch;
	struct loop_watch *window_watch, *ends[N_SIGNALS];
	bool has_attached;		/* the input's first record was sent */
	bool is_input_over;
	bool has_seen_prefix;		/* the first of the detach keys was typed */
	bool is_raw;
	struct termios cooked;
	struct err failure;
};

static void fail(struct session *s, const struct err *e)
{
	if (s->failure.code == 0)
		s->failure = *e;
	loop_stop(s->cli->loop);
}

/* ---- our terminal ---- */

int session_window(Mesos__V1__TTYInfo__WindowSize *ret, struct err *e)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return err_set(e, ENOTTY, "use a terminal: standard input is none");
	ret->rows = size.ws_row;
	ret->columns = size.ws_col;
	return 0;
}

/* Everything typed, Ctrl-C too, is for the program at the other end. */
static int make_raw(struct session *s, struct err *e)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &s->cooked) < 0)
		return err_set(e, ENOTTY, "use a terminal: standard input is none");
	raw = s->cooked;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return err_set(e, errno, "set up the terminal");
	s->is_raw = true;
	return 0;
}

static void restore(struct session *s)
{
	if (s->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &s->cooked);
	s->is_raw = false;
}

/* ---- output ---- */

static int write_all(int fd, const uint8_t *data, size_t size, struct err *e)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		struct pollfd waits = { .fd = fd, .events = POLLOUT };

		if (n < 0 && errno == EAGAIN)
			(void)poll(&waits, 1, -1);
		else if (n < 0 && errno != EINTR)
			return err_set(e, errno, "write output");
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int on_record(void *arg, const void *bytes, size_t size, struct err *e)
{
	const Mesos__V1__Agent__ProcessIO *io;
	ProtobufCMessage *message;
	int r = pb_unpack(&mesos__v1__agent__process_io__descriptor, bytes, size, &message, e);

	(void)arg;
	if (r < 0)
		return r;
	io = (const Mesos__V1__Agent__ProcessIO *)message;
	if (io->type == MESOS__V1__AGENT__PROCESS_IO__TYPE__DATA && io->data)
		r = write_all(io->data->type == MESOS__V1__AGENT__PROCESS_IO__DATA__TYPE__STDERR ?
				      STDERR_FILENO : STDOUT_FILENO,
			      io->data->data.data, io->data->data.len, e);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static void on_output(void *arg, const void *data, size_t size)
{
	struct session *s = arg;
	struct err e = { 0 };

	if (recordio_feed(&s->reader, data, size, on_record, s, &e) < 0)
		fail(s, &e);
}

static void on_output_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct session *s = arg;
	struct err failure = { 0 };

	if (!answer)
		failure = *e;
	else if (answer->status >= 400)
		(void)err_set(&failure, answer->status == 404 ? ENOENT : EINVAL, "%s",
			      answer->body ? answer->body : "the agent refused");
	if (failure.code)
		fail(s, &failure);
	loop_stop(s->cli->loop);
}

/* ---- input ---- */

/* One record of the input's stream, as one piece of its request. */
static int send_record(struct session *s, Mesos__V1__Agent__Call__AttachContainerInput *body,
		       struct err *e)
{
	Mesos__V1__Agent__Call call = MESOS__V1__AGENT__CALL__INIT;
	AUTO_FREE void *data = NULL;
	AUTO_FREE char *record = NULL;
	size_t size;
	int r, n;

	call.has_type = body->has_type = true;
	call.type = MESOS__V1__AGENT__CALL__TYPE__ATTACH_CONTAINER_INPUT;
	call.attach_container_input = body;
	r = pb_pack(&call.base, &data, &size, e);
	if (r < 0)
		return r;
	record = malloc(MAX_LENGTH_LINE + size);
	if (!record)
		return err_set(e, ENOMEM, "send input");
	n = snprintf(record, MAX_LENGTH_LINE, "%zu\n", size);
	memcpy(record + n, data, size);
	r = http_client_upload(s->input, record, (size_t)n + size);
	return r < 0 ? err_set(e, -r, "send input") : 0;
}

static int send_id(struct session *s, struct err *e)
{
	Mesos__V1__Agent__Call__AttachContainerInput body =
		MESOS__V1__AGENT__CALL__ATTACH_CONTAINER_INPUT__INIT;

	body.type = MESOS__V1__AGENT__CALL__ATTACH_CONTAINER_INPUT__TYPE__CONTAINER_ID;
	body.container_id = s->plan->id;
	return send_record(s, &body, e);
}

static int send_io(struct session *s, Mesos__V1__Agent__ProcessIO *io, struct err *e)
{
	Mesos__V1__Agent__Call__AttachContainerInput body =
		MESOS__V1__AGENT__CALL__ATTACH_CONTAINER_INPUT__INIT;

	io->has_type = true;
	body.type = MESOS__V1__AGENT__CALL__ATTACH_CONTAINER_INPUT__TYPE__PROCESS_IO;
	body.process_io = io;
	return send_record(s, &body, e);
}

/* SIZE 0 is the end. */
static int send_input(struct session *s, const void *bytes, size_t size, struct err *e)
{
	Mesos__V1__Agent__ProcessIO io = MESOS__V1__AGENT__PROCESS_IO__INIT;
	Mesos__V1__Agent__ProcessIO__Data data = MESOS__V1__AGENT__PROCESS_IO__DATA__INIT;
	int r;

	io.type = MESOS__V1__AGENT__PROCESS_IO__TYPE__DATA;
	io.data = &data;
	data.has_type = data.has_data = true;
	data.type = MESOS__V1__AGENT__PROCESS_IO__DATA__TYPE__STDIN;
	data.data = (ProtobufCBinaryData){ .len = size, .data = (uint8_t *)(uintptr_t)bytes };
	r = send_io(s, &io, e);
	if (r < 0 || size > 0)
		return r;
	s->is_input_over = true;
	r = http_client_upload(s->input, NULL, 0);
	return r < 0 ? err_set(e, -r, "end input") : 0;
}

static int send_window(struct session *s, struct err *e)
{
	Mesos__V1__Agent__ProcessIO io = MESOS__V1__AGENT__PROCESS_IO__INIT;
	Mesos__V1__Agent__ProcessIO__Control control =
		MESOS__V1__AGENT__PROCESS_IO__CONTROL__INIT;
	Mesos__V1__TTYInfo info = MESOS__V1__TTYINFO__INIT;
	Mesos__V1__TTYInfo__WindowSize window = MESOS__V1__TTYINFO__WINDOW_SIZE__INIT;
	int r = session_window(&window, e);

	if (r < 0)
		return r;
	io.type = MESOS__V1__AGENT__PROCESS_IO__TYPE__CONTROL;
	io.control = &control;
	control.has_type = true;
	control.type = MESOS__V1__AGENT__PROCESS_IO__CONTROL__TYPE__TTY_INFO;
	control.tty_info = &info;
	info.window_size = &window;
	return send_io(s, &io, e);
}

static int await_input(struct session *s, struct err *e);

/*
 * Copy what was typed but for the detach keys to TO, which is twice as large; returns its size, or
 * -ECANCELED for the end.  The first of them waits for what comes after it.
 */
static ssize_t filter_keys(struct session *s, const char *piece, size_t size, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (s->has_seen_prefix && piece[i] == DETACH_SECOND)
			return -ECANCELED;
		if (s->has_seen_prefix)
			to[n++] = DETACH_FIRST;
		s->has_seen_prefix = piece[i] == DETACH_FIRST;
		if (!s->has_seen_prefix)
			to[n++] = piece[i];
	}
	return (ssize_t)n;
}

/* One piece; the next when it has left. */
static int pass_piece(struct session *s, struct err *e)
{
	char piece[PIECE], typed[2 * PIECE];
	ssize_t n;

	do {
		n = read(STDIN_FILENO, piece, sizeof(piece));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "read standard input");
	if (!s->plan->has_detach_keys || n == 0)
		return send_input(s, piece, (size_t)n, e);
	n = filter_keys(s, piece, (size_t)n, typed);
	if (n == -ECANCELED)
		loop_stop(s->cli->loop);
	if (n == 0)
		return await_input(s, e);
	return n < 0 ? 0 : send_input(s, typed, (size_t)n, e);
}

static void on_input(int fd, void *arg)
{
	struct session *s = arg;
	struct err e = { 0 };

	(void)fd;
	loop_watch_free(TAKE_PTR(s->input_watch));
	if (pass_piece(s, &e) < 0)
		fail(s, &e);
}

/* A file is always ready, and nothing that can be watched. */
static int await_input(struct session *s, struct err *e)
{
	int r = loop_watch_fd(s->cli->loop, STDIN_FILENO, on_input, s, &s->input_watch, e);

	if (r != -EPERM)
		return r;
	err_clear(e);
	return pass_piece(s, e);
}

static int begin_input(struct session *s, struct err *e)
{
	int r = send_id(s, e);

	s->has_attached = true;
	if (r >= 0 && s->plan->has_terminal)
		r = send_window(s, e);
	if (r >= 0 && s->plan->input == SESSION_EMPTY_INPUT)
		r = send_input(s, NULL, 0, e);
	return r;
}

/* The head has left, or all that was sent so far. */
static void on_upload(void *arg)
{
	struct session *s = arg;
	struct err e = { 0 };
	int r = s->has_attached ? 0 : begin_input(s, &e);

	if (r >= 0 && !s->is_input_over && !s->input_watch)
		r = await_input(s, &e);
	if (r < 0)
		fail(s, &e);
}

static void on_window(void *arg)
{
	struct session *s = arg;
	struct err e = { 0 };

	/* Before and after the input's time nobody is there to be told. */
	if (s->input && s->has_attached && !s->is_input_over)
		(void)send_window(s, &e);
}

/*
 * A command may end before it has read anything: its status is all that counts.  To be attached
 * without a say is not what was asked for.
 */
static void on_input_done(void *arg, const struct http_answer *answer, const struct err *e)
{
	struct session *s = arg;
	struct err failure = { 0 };

	(void)e;
	s->is_input_over = true;
	loop_watch_free(TAKE_PTR(s->input_watch));
	if (s->plan->call->type == MESOS__V1__AGENT__CALL__TYPE__LAUNCH_NESTED_CONTAINER_SESSION ||
	    !answer || answer->status < 400)
		return;
	(void)err_set(&failure, EINVAL, "%s", answer->body);
	fail(s, &failure);
}

/* ---- both ---- */

static void on_head(void *arg, const struct http_answer *answer)
{
	struct session *s = arg;
	const struct http_call call = {
		.method = HTTP_POST,
		.target = "/api/v1",
		.content_type = "application/recordio",
		.extra_headers = "Message-Content-Type: application/x-protobuf\r\n",
		.on_upload = on_upload,
		.on_done = on_input_done,
		.arg = s,
	};
	struct err e = { 0 };

	if (answer->status != 200 || s->plan->input == SESSION_NO_INPUT)
		return;
	if (client_connect(s->cli, s->plan->address, &s->input, &e) < 0 ||
	    http_client_call(s->input, &call, &e) < 0 ||
	    (s->plan->has_terminal && make_raw(s, &e) < 0))
		fail(s, &e);
}

static void on_end_signal(void *arg)
{
	struct session *s = arg;
	struct err e = { 0 };

	(void)err_set(&e, EINTR, "interrupted");
	fail(s, &e);
}

static int watch_signals(struct session *s, struct err *e)
{
	static const int signals[N_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
	int r = loop_watch_signal(s->cli->loop, SIGWINCH, on_window, s, &s->window_watch, e);

	for (size_t i = 0; i < N_SIGNALS && r >= 0; i++)
		r = loop_watch_signal(s->cli->loop, signals[i], on_end_signal, s, &s->ends[i], e);
	return r;
}

static int start_output(struct session *s, struct err *e)
{
	struct http_call call = {
		.method = HTTP_POST,
		.target = "/api/v1",
		.content_type = "application/x-protobuf",
		.accept = "application/recordio",
		.extra_headers = "Message-Accept: application/x-protobuf\r\n",
		.on_head = on_head,
		.on_data = on_output,
		.on_done = on_output_done,
		.arg = s,
	};
	AUTO_FREE void *body = NULL;
	int r = pb_pack(&s->plan->call->base, &body, &call.size, e);

	if (r < 0)
		return r;
	call.body = body;
	r = client_connect(s->cli, s->plan->address, &s->output, e);
	return r < 0 ? r : http_client_call(s->output, &call, e);
}

static void release(struct session *s)
{
	restore(s);
	http_client_free(TAKE_PTR(s->input));
	http_client_free(TAKE_PTR(s->output));
	loop_watch_free(s->input_watch);
	loop_watch_free(s->window_watch);
	for (size_t i = 0; i < N_SIGNALS; i++)
		loop_watch_free(s->ends[i]);
	recordio_done(&s->reader);
}

int session_run(struct cli *cli, const struct session_plan *plan, struct err *e)
{
	struct session s = { .cli = cli, .plan = plan };
	struct err failure;
	int r = watch_signals(&s, e);

	if (r >= 0)
		r = start_output(&s, e);
	if (r >= 0)
		r = loop_run(cli->loop, e);
	/* Ending the calls that go on must not look like a failure. */
	failure = s.failure;
	release(&s);
	if (r < 0 || failure.code == 0)
		return r;
	*e = failure;
	return -failure.code;
}
