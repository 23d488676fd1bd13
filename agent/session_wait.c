#include "agent/session_wait.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/operator_api.h"
#include "agent/session.h"
#include "lib/err.h"
#include "net/http_server.h"

enum { MAX_WAITS = 64 };

struct session_wait {
	struct session_wait *next;
	struct session *session;
	struct http_request *req;
};

static void reply(struct http_request *req, int wait_status)
{
	Mesos__V1__Agent__Response response = MESOS__V1__AGENT__RESPONSE__INIT;
	Mesos__V1__Agent__Response__WaitNestedContainer body =
		MESOS__V1__AGENT__RESPONSE__WAIT_NESTED_CONTAINER__INIT;
	struct err e = { 0 };

	response.has_type = body.has_exit_status = true;
	response.type = MESOS__V1__AGENT__RESPONSE__TYPE__WAIT_NESTED_CONTAINER;
	response.wait_nested_container = &body;
	body.exit_status = wait_status;
	if (operator_reply(req, &response, &e) < 0)
		http_reply_error(req, &e);
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
		reply(req, session->wait_status);
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
	*wait = (struct session_wait){ session->waits, session, req };
	session->waits = wait;
	http_request_on_close(req, on_close, wait);
	return 0;
}

void session_tell_waits(struct session *session)
{
	while (session->waits) {
		struct session_wait *wait = session->waits;

		session->waits = wait->next;
		reply(wait->req, session->wait_status);
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
