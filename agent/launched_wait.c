#include "agent/launched_wait.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/launched.h"
#include "agent/operator_api.h"
#include "lib/err.h"
#include "net/http_server.h"

enum { MAX_WAITS = 64 };

struct launched_wait {
	struct launched_wait *next;
	struct launched *launched;
	struct http_request *req;
	bool is_twin;
};

typedef Mesos__V1__Agent__Response__WaitContainer Body;
typedef Mesos__V1__Agent__Response__WaitNestedContainer TwinBody;

static void fill(Body *body, const Tepui__ContainerRecord *record)
{
	const Mesos__V1__TaskStatus *latest = record->latest;

	if (record->exit && record->exit->has_wait_status) {
		body->has_exit_status = 1;
		body->exit_status = record->exit->wait_status;
	}
	if (!latest)
		return;
	body->has_state = 1;
	body->state = latest->state;
	body->has_reason = latest->has_reason;
	body->reason = latest->reason;
	body->limitation = latest->limitation;
	body->message = latest->message;
}

static void reply(struct http_request *req, const Tepui__ContainerRecord *record, bool is_twin)
{
	Mesos__V1__Agent__Response response = MESOS__V1__AGENT__RESPONSE__INIT;
	Body body = MESOS__V1__AGENT__RESPONSE__WAIT_CONTAINER__INIT;
	TwinBody twin = MESOS__V1__AGENT__RESPONSE__WAIT_NESTED_CONTAINER__INIT;
	struct err e = { 0 };

	fill(&body, record);
	response.has_type = 1;
	if (is_twin) {
		response.type = MESOS__V1__AGENT__RESPONSE__TYPE__WAIT_NESTED_CONTAINER;
		response.wait_nested_container = &twin;
		twin.has_exit_status = body.has_exit_status;
		twin.exit_status = body.exit_status;
		twin.has_state = body.has_state;
		twin.state = body.state;
		twin.has_reason = body.has_reason;
		twin.reason = body.reason;
		twin.limitation = body.limitation;
		twin.message = body.message;
	} else {
		response.type = MESOS__V1__AGENT__RESPONSE__TYPE__WAIT_CONTAINER;
		response.wait_container = &body;
	}
	if (operator_reply(req, &response, &e) < 0)
		http_reply_error(req, &e);
}

static void on_close(void *arg)
{
	struct launched_wait *wait = arg, **at = &wait->launched->waits;

	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
	free(wait);
}

int launched_wait(struct http_request *req, struct container *c, bool is_twin, struct err *e)
{
	struct launched *l = launched_of(c);
	struct launched_wait *wait;
	enum wire_format format;
	size_t n = 0;
	int r = wire_format_of_answer(req, &format, e);

	if (r < 0)
		return r;
	if (l->record->exit) {
		reply(req, l->record, is_twin);
		return 0;
	}
	for (wait = l->waits; wait; wait = wait->next)
		n++;
	if (n >= MAX_WAITS)
		return err_set(e, EAGAIN, "wait for container '%s': %d requests do", c->id,
			       MAX_WAITS);
	wait = malloc(sizeof(*wait));
	if (!wait)
		return err_set(e, ENOMEM, "wait for container '%s'", c->id);
	*wait = (struct launched_wait){ l->waits, l, req, is_twin };
	l->waits = wait;
	http_request_on_close(req, on_close, wait);
	return 0;
}

void launched_tell_waits(struct launched *l)
{
	while (l->waits) {
		struct launched_wait *wait = l->waits;

		l->waits = wait->next;
		reply(wait->req, l->record, wait->is_twin);
		free(wait);
	}
}

void launched_drop_waits(struct launched *l)
{
	while (l->waits) {
		struct launched_wait *wait = l->waits;
		struct err e = { 0 };

		l->waits = wait->next;
		(void)err_set(&e, ENOENT, "wait for a container: it was removed");
		http_reply_error(wait->req, &e);
		free(wait);
	}
}
