#include "executor/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "containerizer/handover.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/packet.h"
#include "lib/pb_json.h"

enum {
	MAX_CONNECTIONS = 16,	/* fewer than init has room for commands */
	MAX_MESSAGE = 128 << 10,
	BACKLOG = 64,
};

struct connection {
	LIST_ENTRY(connection) link;
	struct control *control;
	int fd;
	struct loop_watch *watch;
	uint32_t id;		/* of what is done for it; 0: nothing */
	void (*stop)(void *arg, uint32_t id);	/* what ends that */
};

struct control {
	struct loop *loop;
	const struct control_ops *ops;
	void *arg;
	int fd;
	struct loop_watch *watch;
	LIST_HEAD(, connection) connections;
	size_t n_connections;
	uint32_t last_id;
};

static void drop(struct connection *c)
{
	LIST_REMOVE(c, link);
	c->control->n_connections--;
	loop_watch_free(c->watch);
	fd_close(&c->fd);
	free(c);
}

/* FD -EBADF: nothing goes along.  An agent that is gone is seen by the end of the connection. */
static void answer(struct connection *c, const Tepui__ControlEvent *event, int fd)
{
	struct packet_fds fds = { .fd = { fd }, .n = fd >= 0 };
	AUTO_FREE void *data = NULL;
	struct err e = { 0 };
	struct iovec part;

	if (pb_pack(&event->base, &data, &part.iov_len, &e) == 0) {
		part.iov_base = data;
		(void)packet_send(c->fd, &part, 1, &fds, &e);
	}
	if (e.code != 0 && e.code != EPIPE)
		log_write_err(LOG_LEVEL_WARNING, &e, "answer the agent");
}

static void answer_failure(struct connection *c, Tepui__ControlEvent__Type type,
			   const struct err *failure)
{
	Tepui__ControlEvent event = TEPUI__CONTROL_EVENT__INIT;

	event.has_type = event.has_error_code = true;
	event.type = type;
	event.error_code = failure->code;
	event.error = (char *)(uintptr_t)failure->msg;
	answer(c, &event, -EBADF);
}

/* ---- calls ---- */

static uint32_t next_id(struct control *control)
{
	return CONTROL_FIRST_ID + control->last_id++ % CONTROL_FIRST_ID;
}

static void kill_run(void *arg, uint32_t id)
{
	const struct control *control = arg;

	control->ops->run_signal(control->arg, id, SIGKILL);
}

static int on_run(struct connection *c, const Tepui__ControlCall *call,
		  struct packet_fds *fds, struct err *e)
{
	struct control *control = c->control;
	const Tepui__ControlCall__Run *run = call->run;
	uint32_t id = next_id(control);
	int r;

	if (!run || run->n_arguments == 0 || c->id != 0)
		return err_set(e, EPROTO, "run command");
	if (fds->n != (run->tty_info ? 0 : 3))
		return err_set(e, EPROTO, "run command with %zu descriptors", fds->n);
	r = control->ops->run(control->arg, id, run, fds, e);
	if (r < 0)
		return r;
	c->id = id;
	c->stop = kill_run;
	return 0;
}

static int on_run_signal(struct connection *c, const Tepui__ControlCall *call,
			 struct packet_fds *fds, struct err *e)
{
	(void)fds;
	(void)e;
	if (c->id != 0)
		c->control->ops->run_signal(c->control->arg, c->id, call->signal);
	return 0;
}

static void answer_started(struct connection *c, int terminal_fd)
{
	Tepui__ControlEvent event = TEPUI__CONTROL_EVENT__INIT;

	event.has_type = true;
	event.type = TEPUI__CONTROL_EVENT__TYPE__STARTED;
	answer(c, &event, terminal_fd);
}

static void detach(void *arg, uint32_t id)
{
	const struct control *control = arg;

	control->ops->detach(control->arg, id);
}

static int on_attach(struct connection *c, const Tepui__ControlCall *call,
		     struct packet_fds *fds, struct err *e)
{
	struct control *control = c->control;
	uint32_t id = next_id(control);
	int terminal_fd = -EBADF, r;

	(void)call;
	if (c->id != 0 || (fds->n != 0 && fds->n != 2))
		return err_set(e, EPROTO, "attach to the task");
	r = control->ops->attach(control->arg, id, fds, &terminal_fd, e);
	if (r < 0)
		return r;
	c->id = id;
	c->stop = detach;
	answer_started(c, terminal_fd);
	return 0;
}

static int answer_done(struct connection *c)
{
	Tepui__ControlEvent event = TEPUI__CONTROL_EVENT__INIT;

	event.has_type = true;
	event.type = TEPUI__CONTROL_EVENT__TYPE__DONE;
	answer(c, &event, -EBADF);
	return 0;
}

static int on_signal(struct connection *c, const Tepui__ControlCall *call,
		     struct packet_fds *fds, struct err *e)
{
	const struct control *control = c->control;
	int r = control->ops->signal(control->arg, call->signal, e);

	(void)fds;
	return r < 0 ? r : answer_done(c);
}

static int on_pause(struct connection *c, const Tepui__ControlCall *call,
		    struct packet_fds *fds, struct err *e)
{
	const struct control *control = c->control;
	int r = control->ops->pause(control->arg,
				    call->type == TEPUI__CONTROL_CALL__TYPE__PAUSE, e);

	(void)fds;
	return r < 0 ? r : answer_done(c);
}

static const struct {
	Tepui__ControlCall__Type type;
	int (*take)(struct connection *c, const Tepui__ControlCall *call,
		    struct packet_fds *fds, struct err *e);
} calls[] = {
	{ TEPUI__CONTROL_CALL__TYPE__RUN, on_run },
	{ TEPUI__CONTROL_CALL__TYPE__RUN_SIGNAL, on_run_signal },
	{ TEPUI__CONTROL_CALL__TYPE__ATTACH, on_attach },
	{ TEPUI__CONTROL_CALL__TYPE__SIGNAL, on_signal },
	{ TEPUI__CONTROL_CALL__TYPE__PAUSE, on_pause },
	{ TEPUI__CONTROL_CALL__TYPE__RESUME, on_pause },
};

static int take_call(struct connection *c, const Tepui__ControlCall *call,
		     struct packet_fds *fds, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].type == call->type)
			return calls[i].take(c, call, fds, e);
	}
	return err_set(e, ENOSYS, "serve the agent's call %d: this supervisor is older",
		       (int)call->type);
}

/* 1: a call was taken, 0: the agent closed the connection. */
static int read_call(struct connection *c, struct err *e)
{
	AUTO(packet_fds_done) struct packet_fds fds = { 0 };
	struct iovec part = { .iov_len = MAX_MESSAGE };
	AUTO_FREE char *data = malloc(MAX_MESSAGE);
	ProtobufCMessage *message;
	ssize_t n;
	int r;

	if (!data)
		return err_set(e, ENOMEM, "read the agent's call");
	part.iov_base = data;
	n = packet_recv(c->fd, MSG_DONTWAIT, &part, 1, &fds, e);
	if (n <= 0)
		return n == -EAGAIN && e->code == 0 ? 1 : (int)n;
	r = pb_unpack(&tepui__control_call__descriptor, data, (size_t)n, &message, e);
	if (r < 0)
		return r;
	r = take_call(c, (Tepui__ControlCall *)message, &fds, e);
	protobuf_c_message_free_unpacked(message, NULL);
	return r < 0 ? r : 1;
}

static void on_readable(int fd, void *arg)
{
	struct connection *c = arg;
	struct err e = { 0 };
	int r = read_call(c, &e);

	(void)fd;
	if (r > 0)
		return;
	if (r < 0)
		answer_failure(c, TEPUI__CONTROL_EVENT__TYPE__FAILED, &e);
	/* Whoever asked for it is gone: so is what was run for it. */
	if (c->id != 0)
		c->stop(c->control, c->id);
	drop(c);
}

/* ---- connections ---- */

static int add_connection(struct control *control, int fd, struct err *e)
{
	struct connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, ENOMEM, "serve the agent");
	c->control = control;
	r = loop_watch_fd(control->loop, fd, on_readable, c, &c->watch, e);
	if (r < 0) {
		free(c);
		return r;
	}
	c->fd = fd;
	LIST_INSERT_HEAD(&control->connections, c, link);
	control->n_connections++;
	return 0;
}

static void on_connection(int fd, void *arg)
{
	struct control *control = arg;
	AUTO_CLOSE int far = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer;
	socklen_t size = sizeof(peer);
	struct err e = { 0 };

	if (far < 0)
		return;
	/* The directory is closed to others already. */
	if (getsockopt(far, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != 0)
		return;
	if (control->n_connections == MAX_CONNECTIONS) {
		struct connection full = { .fd = far };

		(void)err_set(&e, EAGAIN, "serve more than %d requests at once", MAX_CONNECTIONS);
		answer_failure(&full, TEPUI__CONTROL_EVENT__TYPE__FAILED, &e);
		return;
	}
	if (add_connection(control, far, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "serve the agent");
	else
		(void)TAKE_FD(far);
}

/* By way of /proc: a path in a deep work directory would be too long for a socket's address. */
static int listen_in(int dir_fd, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, errno, "create socket");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd,
		       HANDOVER_CONTROL);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(e, errno, "bind socket '%s'", HANDOVER_CONTROL);
	if (listen(fd, BACKLOG) < 0)
		return err_set(e, errno, "listen on socket '%s'", HANDOVER_CONTROL);
	return TAKE_FD(fd);
}

DEFINE_AUTO(struct control *, control_free);

int control_new(struct loop *loop, int runtime_fd, const struct control_ops *ops, void *arg,
		struct control **ret, struct err *e)
{
	AUTO(control_freep) struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return err_set(e, ENOMEM, "serve the agent");
	LIST_INIT(&control->connections);
	control->loop = loop;
	control->ops = ops;
	control->arg = arg;
	control->fd = listen_in(runtime_fd, e);
	if (control->fd < 0)
		return control->fd;
	r = loop_watch_fd(loop, control->fd, on_connection, control, &control->watch, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(control);
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	while (!LIST_EMPTY(&control->connections))
		drop(LIST_FIRST(&control->connections));
	loop_watch_free(control->watch);
	fd_close(&control->fd);
	free(control);
}

/* ---- commands ---- */

static struct connection *find(struct control *control, uint32_t id)
{
	struct connection *c;

	LIST_FOREACH(c, &control->connections, link) {
		if (c->id == id)
			return c;
	}
	return NULL;
}

void control_started(struct control *control, uint32_t id, int terminal_fd)
{
	struct connection *c = find(control, id);

	if (c)
		answer_started(c, terminal_fd);
}

void control_done(struct control *control, uint32_t id, int wait_status,
		  const struct err *failure)
{
	Tepui__ControlEvent event = TEPUI__CONTROL_EVENT__INIT;
	struct connection *c = find(control, id);

	if (!c)
		return;
	c->id = 0;
	if (failure) {
		answer_failure(c, TEPUI__CONTROL_EVENT__TYPE__EXITED, failure);
		return;
	}
	event.has_type = event.has_wait_status = true;
	event.type = TEPUI__CONTROL_EVENT__TYPE__EXITED;
	event.wait_status = wait_status;
	answer(c, &event, -EBADF);
}
