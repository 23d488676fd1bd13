#include "agent/ask.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/control.h"
#include "agent/container.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/packet.h"
#include "net/http_server.h"

/* Lives as long as its request: the server tells of its end. */
struct question {
	struct http_request *req;
	int fd;
	struct loop_watch *watch;
};

static void question_free(struct question *q)
{
	loop_watch_free(q->watch);
	fd_close(&q->fd);
	free(q);
}

DEFINE_AUTO(struct question *, question_free);

static void on_close(void *arg)
{
	question_free(arg);
}

static int read_answer(int fd, struct err *e)
{
	AUTO(packet_fds_done) struct packet_fds fds = { 0 };
	Tepui__ControlEvent *event;
	int r = control_recv(fd, &event, &fds, e);

	if (r <= 0)
		return r;
	r = event->type == TEPUI__CONTROL_EVENT__TYPE__DONE ? 1 : control_error(event, e);
	tepui__control_event__free_unpacked(event, NULL);
	return r;
}

static void on_answer(int fd, void *arg)
{
	struct question *q = arg;
	struct http_request *req = q->req;
	struct err e = { 0 };
	int r = read_answer(fd, &e);

	if (r == 0)
		return;
	question_free(q);
	if (r < 0)
		http_reply_error(req, &e);
	else
		http_reply(req, 200, NULL, NULL, 0);
}

int ask(struct http_request *req, const struct container *c, const Tepui__ControlCall *call,
	struct err *e)
{
	AUTO(question_freep) struct question *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return err_set(e, ENOMEM, "ask the supervisor of container '%s'", c->id);
	q->req = req;
	r = q->fd = control_open(c, e);
	if (r >= 0)
		r = control_send(q->fd, call, NULL, e);
	if (r >= 0)
		r = loop_watch_fd(c->agent->loop, q->fd, on_answer, q, &q->watch, e);
	if (r < 0)
		return r;
	http_request_on_close(req, on_close, TAKE_PTR(q));
	return 0;
}
