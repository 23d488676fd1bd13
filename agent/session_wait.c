#include "agent/session_wait.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/session.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"

enum { MAX_WAITS = 64 };

struct session_wait {
	struct session_wait *next;
	struct session *session;
	struct http_request *req;
	enum wire_format format;
};

static void reply(struct http_request *req, enum wire_format format, int wait_status)
{
	Mesos__V1__Agent__Response response = MESOS__V1__AGENT__RESPONSE__INIT;
	Mesos__V1__Agent__Response__WaitNestedContainer body =
		MESOS__V1__AGENT__RESPONSE__WAIT_NESTED_CONTAINER__INIT;
	AUTO_FREE void *data = NULL;
	struct err e = { 0 };
	size_t size;

	response.has_type = body.has_exit_status = true;
	response.type = MESOS__V1__AGENT__RESPONSE__TYPE__WAIT_NESTED_CONTAINER;
	response.wait_nested_container = &body;
	body.exit_status = wait_status;
	if (wire_write(format, &response.base, &data, &size, &e) < 0)
		http_reply_error(req, &e);
	else
		http_reply(req, 200, wire_content_type(format), data, size);
}

static void unlink_wait(struct session_wait *wait)
{
	struct session_wait **at = &wait->session->waits;

	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
}

static void on_close(void *arg)
{
	struct session_wait *wait = arg;

	unlink_wait(wait);
	free(wait);
}

int session_wait(struct http_request *req, struct session *session, struct err *e)
{
	struct session_wait *wait;
	enum wire_format format;
	size_t n = 0;
	int r = wire_format_of_answer(req, &format, e);

	if (r < 0)
		return r;
	if (session->has_ended) {
		reply(req, format, session->wait_status);
		return 0;
	}
	for (wait = session->waits; wait; wait = wait->next)
		n++;
	if (n >= MAX_WAITS)
		return err_set(e, EAGAIN, "wait for session '%s': %d requests do", session->id,
			       MAX_WAITS);
	wait = malloc(sizeof(*wait));
	if (!wait)
		return err_set(e, ENOMEM, "wait for session '%s'", session->id);
	*wait = (struct session_wait){ session->waits, session, req, format };
	session->waits = wait;
	http_request_on_close(req, on_close, wait);
	return 0;
}

void session_tell_waits(struct session *session)
{
	while (session->waits) {
		struct session_wait *wait = session->waits;

		session->waits = wait->next;
		reply(wait->req, wait->format, session->wait_status);
		free(wait);
	}
}

void session_drop_waits(struct session *session)
{
	while (session->waits) {
		struct session_wait *wait = session->waits;
		struct err e = { 0 };

		session->waits = wait->next;
		(void)err_set(&e, ENOENT, "wait for session '%s': it was removed", session->id);
		http_reply_error(wait->req, &e);
		free(wait);
	}
}
