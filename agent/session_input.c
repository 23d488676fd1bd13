#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/container.h"
#include "agent/operator_api.h"
#include "agent/session.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"
#include "net/recordio.h"

enum { MAX_RECORD = 1 << 20 };

/* One ATTACH_CONTAINER_INPUT: a request whose body is a stream of calls. */
struct input {
	struct http_request *req;
	struct session *session;	/* NULL until the first record has named it */
	enum wire_format format;
	struct recordio_reader reader;
};

static void input_free(struct input *input)
{
	struct session *session = TAKE_PTR(input->session);

	if (session)
		session->input_ops = NULL;
	/* Of a task itself there is nothing but the attachment. */
	if (session && !session->parent)
		session_free(session);
	recordio_done(&input->reader);
	free(input);
}

static void on_ready(void *arg)
{
	const struct input *input = arg;

	http_upload_pause(input->req, false);
}

static void on_over(void *arg, const struct err *why)
{
	struct input *input = arg;
	struct http_request *req = input->req;

	input->session = NULL;
	input_free(input);
	if (why)
		http_reply_error(req, why);
	else
		http_reply(req, 200, NULL, NULL, 0);
}

static const struct session_input_ops input_ops = { .ready = on_ready, .over = on_over };

/* Nothing more is read of the request until the supervisor has handed the terminal over. */
static int attach_to_task(struct input *input, const char *id, struct err *e)
{
	struct container *c = container_find(http_request_app(input->req), id);
	int r;

	if (!c)
		return err_set(e, ENOENT, "attach input: no container '%s'", id);
	r = session_attach_input(c, &input_ops, input, &input->session, e);
	if (r >= 0)
		http_upload_pause(input->req, true);
	return r;
}

static int attach(struct input *input, const Mesos__V1__Agent__Call__AttachContainerInput *body,
		  struct err *e)
{
	struct session *session;
	int r;

	if (body->type != MESOS__V1__AGENT__CALL__ATTACH_CONTAINER_INPUT__TYPE__CONTAINER_ID ||
	    !body->container_id)
		return err_set(e, EINVAL, "attach input: the first record is not a CONTAINER_ID");
	r = operator_check_executor(input->req, body->container_id, e);
	if (r < 0)
		return r;
	if (!body->container_id->parent)
		return attach_to_task(input, body->container_id->value, e);
	session = session_find(http_request_app(input->req), body->container_id);
	if (!session)
		return err_set(e, ENOENT, "attach input: no session '%s'",
			       body->container_id->value);
	if (session->input_ops)
		return err_set(e, EBUSY, "attach input: session '%s' has one", session->id);
	if (session->has_ended)
		return err_set(e, ENOENT, "attach input: session '%s' has ended", session->id);
	session->input_ops = &input_ops;
	session->input_arg = input;
	input->session = session;
	return 0;
}

static int take_data(struct input *input, const Mesos__V1__Agent__ProcessIO__Data *data,
		     struct err *e)
{
	int r;

	if (!data || data->type != MESOS__V1__AGENT__PROCESS_IO__DATA__TYPE__STDIN)
		return err_set(e, EINVAL, "attach input: data that is not STDIN");
	if (data->data.len == 0) {
		session_end_input(input->session);
		return 0;
	}
	r = session_write(input->session, data->data.data, data->data.len, e);
	if (r > 0)
		http_upload_pause(input->req, true);
	return r;
}

static int take_io(struct input *input, const Mesos__V1__Agent__ProcessIO *io, struct err *e)
{
	if (!io)
		return err_set(e, EINVAL, "attach input: process_io is missing");
	if (io->type == MESOS__V1__AGENT__PROCESS_IO__TYPE__DATA)
		return take_data(input, io->data, e);
	if (io->type != MESOS__V1__AGENT__PROCESS_IO__TYPE__CONTROL || !io->control)
		return err_set(e, EINVAL, "attach input: neither data nor control");
	/* A heartbeat's whole purpose is to have come. */
	if (io->control->type != MESOS__V1__AGENT__PROCESS_IO__CONTROL__TYPE__TTY_INFO)
		return 0;
	return session_resize(input->session, io->control->tty_info, e);
}

static int on_record(void *arg, const void *data, size_t size, struct err *e)
{
	struct input *input = arg;
	const Mesos__V1__Agent__Call *call;
	ProtobufCMessage *message;
	int r = wire_read(input->format, &mesos__v1__agent__call__descriptor, data, size, &message,
			  e);

	if (r < 0)
		return r;
	call = (const Mesos__V1__Agent__Call *)message;
	if (call->type != MESOS__V1__AGENT__CALL__TYPE__ATTACH_CONTAINER_INPUT ||
	    !call->attach_container_input)
		r = err_set(e, EINVAL, "attach input: a record is not ATTACH_CONTAINER_INPUT");
	else if (!input->session)
		r = attach(input, call->attach_container_input, e);
	else
		r = take_io(input, call->attach_container_input->process_io, e);
	protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static int on_data(void *arg, const void *data, size_t size, struct err *e)
{
	struct input *input = arg;
	int r = recordio_feed(&input->reader, data, size, on_record, input, e);

	if (r < 0)
		input_free(input);
	return r;
}

static int on_end(void *arg, struct err *e)
{
	struct input *input = arg;
	struct http_request *req = input->req;
	bool is_attached = input->session;

	input_free(input);
	if (!is_attached)
		return err_set(e, EINVAL, "attach input: the body has no record");
	http_reply(req, 200, NULL, NULL, 0);
	return 0;
}

static void on_close(void *arg)
{
	input_free(arg);
}

int session_input_start(struct http_request *req, struct err *e)
{
	static const struct http_upload_ops ops = { .data = on_data, .end = on_end };
	struct input *input;
	enum wire_format format;
	int r = wire_format_of_records(req, &format, e);

	if (r < 0)
		return r;
	input = calloc(1, sizeof(*input));
	if (!input)
		return err_set(e, ENOMEM, "attach input");
	input->req = req;
	input->format = format;
	input->reader.max = MAX_RECORD;
	http_request_on_close(req, on_close, input);
	http_request_upload(req, &ops, input);
	return 0;
}
