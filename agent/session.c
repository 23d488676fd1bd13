#include "agent/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/control.h"
#include "agent/launch_parts.h"
#include "agent/session_wait.h"
#include "agent/container.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/packet.h"
#include "lib/pb_json.h"
#include "net/http_server.h"

enum {
	MAX_ENDED = 256,		/* remembered for those who ask how they ended */
	MAX_ID = 128,
	NOT_EXECUTABLE = 126, NOT_FOUND = 127,	/* as shells have it */
};

DEFINE_AUTO(struct session *, session_free);

static bool is_same(const Mesos__V1__ContainerID *a, const Mesos__V1__ContainerID *b)
{
	for (; a && b && strcmp(a->value, b->value) == 0; b = b->parent)
		a = a->parent;
	return !a && !b;
}

struct session *session_find(struct agent *agent, const Mesos__V1__ContainerID *id)
{
	struct session *session;

	if (!id->parent)
		return NULL;
	TAILQ_FOREACH(session, &agent->sessions, link) {
		if (session->parent && strcmp(session->id, id->value) == 0 &&
		    is_same(session->parent, id->parent))
			return session;
	}
	return NULL;
}

/* ---- the end ---- */

/* The oldest of those that have ended make room. */
static void forget_oldest(struct agent *agent)
{
	struct session *session, *oldest = NULL;
	size_t n = 0;

	TAILQ_FOREACH_REVERSE(session, &agent->sessions, session_list, link) {
		if (session->parent && session->has_ended) {
			oldest = session;
			n++;
		}
	}
	if (n > MAX_ENDED)
		session_free(oldest);
}

static void end(struct session *session, int wait_status)
{
	struct http_stream *stream;

	if (session->has_ended)
		return;
	session->has_ended = true;
	session->wait_status = wait_status;
	loop_watch_free(TAKE_PTR(session->control_watch));
	fd_close(&session->control_fd);
	loop_timer_free(TAKE_PTR(session->heartbeat));
	session_drain_outputs(session);
	session_dismiss_input(session, NULL);
	stream = TAKE_PTR(session->stream);
	if (stream)
		http_stream_end(stream);
	session_tell_waits(session);
	if (session->parent)
		forget_oldest(session->agent);
	else
		session_free(session);
}

static void on_stream_close(void *arg)
{
	struct session *session = arg;

	session->stream = NULL;
	end(session, SIGKILL);
}

static void on_stream_drain(void *arg)
{
	struct session *session = arg;
	struct err e = { 0 };

	if (session_watch_outputs(session, &e) >= 0)
		return;
	log_write_err(LOG_LEVEL_ERROR, &e, "session '%s'", session->id);
	end(session, SIGKILL);
}

/* ---- the beginning ---- */

static void on_launch_close(void *arg)
{
	struct session *session = arg;

	session->launch = NULL;
	session_free(session);
}

/* The request that waited for it becomes the stream. */
static int start_stream(struct session *session, struct err *e)
{
	int r = wire_stream_start(session->launch, session->format, on_stream_close, session,
				  &session->stream, e);

	if (r < 0)
		return r;
	session->launch = NULL;
	http_stream_on_drain(session->stream, on_stream_drain);
	return session_start_heartbeat(session, e);
}

static int take_terminal(struct session *session, struct packet_fds *fds, struct err *e)
{
	if (fds->n != 1 || fcntl(fds->fd[0], F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, EPROTO, "open the terminal of session '%s'", session->id);
	session->input_fd = TAKE_FD(fds->fd[0]);
	/* Of the task's own terminal the supervisor reads the output. */
	if (!session->parent)
		return 0;
	session->outputs[0].fd = fcntl(session->input_fd, F_DUPFD_CLOEXEC, 0);
	return session->outputs[0].fd < 0 ?
		       err_set(e, errno, "open the terminal of session '%s'", session->id) : 0;
}

static int on_started(struct session *session, struct packet_fds *fds, struct err *e)
{
	int r = session->has_terminal ? take_terminal(session, fds, e) : 0;

	if (r >= 0 && session->launch)
		r = start_stream(session, e);
	if (r >= 0 && session->is_awaited)
		r = session_input_came(session, e);
	return r < 0 ? r : session_watch_outputs(session, e);
}

/* With an error in the place of a status it was not executed: its user is told on its stderr. */
static int on_exited(struct session *session, const Tepui__ControlEvent *event, struct err *e)
{
	struct session_output *output = &session->outputs[session->has_terminal ? 0 : 1];
	char text[400];
	struct err failure = { 0 };
	int r, code;

	if (event->has_wait_status) {
		end(session, event->wait_status);
		return 0;
	}
	code = control_error(event, &failure);
	r = session->launch ? start_stream(session, e) : 0;
	if (r < 0)
		return r;
	(void)err_text(&failure, text, sizeof(text) - 1);
	session_send_output(output, strcat(text, "\n"), strlen(text) + 1);
	end(session, (code == -ENOENT ? NOT_FOUND : NOT_EXECUTABLE) << 8);
	return 0;
}

static int take_event(struct session *session, const Tepui__ControlEvent *event,
		      struct packet_fds *fds, struct err *e)
{
	switch (event->type) {
	case TEPUI__CONTROL_EVENT__TYPE__STARTED:
		return on_started(session, fds, e);
	case TEPUI__CONTROL_EVENT__TYPE__EXITED:
		return on_exited(session, event, e);
	case TEPUI__CONTROL_EVENT__TYPE__FAILED:
		return control_error(event, e);
	case TEPUI__CONTROL_EVENT__TYPE__DONE:
	case TEPUI__CONTROL_EVENT__TYPE__UNKNOWN:
	case _TEPUI__CONTROL_EVENT__TYPE_IS_INT_SIZE:
	default:
		return err_set(e, EPROTO, "read event %d of the supervisor", (int)event->type);
	}
}

/* It never began: whoever asked for it is told why. */
static void refuse(struct session *session, const struct err *why)
{
	struct http_request *launch = TAKE_PTR(session->launch);

	session_dismiss_input(session, why);
	session_free(session);
	if (launch)
		http_reply_error(launch, why);
}

static void on_control(int fd, void *arg)
{
	struct session *session = arg;
	AUTO(packet_fds_done) struct packet_fds fds = { 0 };
	Tepui__ControlEvent *event;
	struct err e = { 0 };
	int r = control_recv(fd, &event, &fds, &e);

	if (r == 0)
		return;
	if (r > 0) {
		r = take_event(session, event, &fds, &e);
		tepui__control_event__free_unpacked(event, NULL);
	}
	if (r >= 0)
		return;
	if (session->launch || session->is_awaited) {
		refuse(session, &e);
		return;
	}
	/* The container has ended, and this with it. */
	if (r != -EPIPE)
		log_write_err(LOG_LEVEL_ERROR, &e, "session '%s'", session->id);
	end(session, SIGKILL);
}

/* Ours are non-blocking; the command's must not be: it did not ask for that. */
static int make_pipe(int *ret_ours, int *ret_theirs, bool is_input, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	*ret_ours = fds[is_input];
	*ret_theirs = fds[!is_input];
	if (fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, errno, "set up pipe");
	return 0;
}

static int add_pipe(struct packet_fds *ret, int *ret_ours, bool is_input, struct err *e)
{
	int *theirs = &ret->fd[ret->n++];

	*theirs = -EBADF;
	return make_pipe(ret_ours, theirs, is_input, e);
}

static int add_outputs(struct session *session, struct packet_fds *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < SESSION_OUTPUTS && r >= 0; i++)
		r = add_pipe(ret, &session->outputs[i].fd, false, e);
	return r;
}

static int make_pipes(struct session *session, struct packet_fds *ret, struct err *e)
{
	int r = add_pipe(ret, &session->input_fd, true, e);

	return r < 0 ? r : add_outputs(session, ret, e);
}

/* ARGS: an array of strings. */
static int send_run(struct session *session, json_t *args, Tepui__ControlCall__Run *run,
		    struct err *e)
{
	AUTO(packet_fds_done) struct packet_fds fds = { 0 };
	AUTO_FREE char **arguments = calloc(json_array_size(args) + 1, sizeof(*arguments));
	Tepui__ControlCall call = TEPUI__CONTROL_CALL__INIT;
	int r;

	if (!arguments)
		return err_set(e, ENOMEM, "run command");
	for (size_t i = 0; i < json_array_size(args); i++)
		arguments[i] = (char *)(uintptr_t)json_string_value(json_array_get(args, i));
	run->arguments = arguments;
	run->n_arguments = json_array_size(args);
	call.has_type = true;
	call.type = TEPUI__CONTROL_CALL__TYPE__RUN;
	call.run = run;
	r = session->has_terminal ? 0 : make_pipes(session, &fds, e);
	return r < 0 ? r : control_send(session->control_fd, &call, &fds, e);
}

static int check_command(const Mesos__V1__CommandInfo *command, const struct container *c,
			 struct err *e)
{
	/* One that was refused may have none. */
	const char *user = c->info->command ? c->info->command->user : NULL;

	if (!command || !command->value || !*command->value)
		return err_set(e, EINVAL, "command.value: missing");
	if (command->n_uris)
		return err_set(e, ENOTSUP, "command.uris: fetching is not supported");
	if (command->user && (!user || strcmp(command->user, user) != 0))
		return err_set(e, ENOTSUP, "command.user: a session has the rights of its task");
	for (size_t i = 0; command->environment && i < command->environment->n_variables; i++) {
		if (command->environment->variables[i]->secret)
			return err_set(e, ENOTSUP, "command.environment.variables[%zu].secret: "
				       "secrets are not supported", i);
	}
	return 0;
}

static int check_container(const Mesos__V1__ContainerInfo *container, struct err *e)
{
	if (!container)
		return 0;
	if (container->type != MESOS__V1__CONTAINER_INFO__TYPE__MESOS || container->mesos ||
	    container->docker || container->n_volumes || container->n_network_infos ||
	    container->linux_info || container->rlimit_info || container->hostname)
		return err_set(e, ENOTSUP, "container: a session shares its task's, and has only a "
			       "tty_info of its own");
	return 0;
}

static int check_id(const struct agent *agent, const Mesos__V1__ContainerID *id, struct err *e)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = strlen(id->value);

	if (n == 0 || n > MAX_ID || strspn(id->value, allowed) != n)
		return err_set(e, EINVAL, "container_id.value: not 1 to %d letters, digits, '.', "
			       "'_' or '-'", MAX_ID);
	if (session_find((struct agent *)(uintptr_t)agent, id))
		return err_set(e, EEXIST, "launch session '%s': it exists", id->value);
	return 0;
}

/* PARENT NULL: it is attached to container ID itself. */
static int new_session(struct agent *agent, const Mesos__V1__ContainerID *parent, const char *id,
		       bool has_terminal, struct session **ret, struct err *e)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return err_set(e, ENOMEM, "launch session '%s'", id);
	session->agent = agent;
	session->has_terminal = has_terminal;
	session->control_fd = session->input_fd = -EBADF;
	for (size_t i = 0; i < SESSION_OUTPUTS; i++)
		session->outputs[i] = (struct session_output){
			.session = session, .fd = -EBADF,
			.type = i == 0 ? MESOS__V1__AGENT__PROCESS_IO__DATA__TYPE__STDOUT :
					 MESOS__V1__AGENT__PROCESS_IO__DATA__TYPE__STDERR,
		};
	TAILQ_INSERT_TAIL(&agent->sessions, session, link);
	session->parent = parent ? (Mesos__V1__ContainerID *)pb_copy(&parent->base) : NULL;
	session->id = strdup(id);
	*ret = session;
	return (session->parent || !parent) && session->id ?
		       0 : err_set(e, ENOMEM, "launch session '%s'", id);
}

/* The supervisor has been asked: its answer goes on with REQ, if there is one. */
static int await_start(struct session *session, struct http_request *req, struct err *e)
{
	int r = loop_watch_fd(session->agent->loop, session->control_fd, on_control, session,
			      &session->control_watch, e);

	if (r < 0 || !req)
		return r;
	session->launch = req;
	http_request_on_close(req, on_launch_close, session);
	return 0;
}

int session_launch(struct http_request *req, struct container *c,
		   const Mesos__V1__Agent__Call__LaunchNestedContainerSession *call, struct err *e)
{
	Tepui__ControlCall__Run run = TEPUI__CONTROL_CALL__RUN__INIT;
	AUTO(session_freep) struct session *session = NULL;
	json_t *args = NULL;
	int r;

	r = check_id(c->agent, call->container_id, e);
	if (r >= 0)
		r = check_command(call->command, c, e);
	if (r >= 0)
		r = check_container(call->container, e);
	if (r < 0)
		return r;
	run.tty_info = call->container ? call->container->tty_info : NULL;
	run.environment = call->command->environment;
	r = new_session(c->agent, call->container_id->parent, call->container_id->value,
			run.tty_info, &session, e);
	if (r >= 0)
		r = wire_stream_format_of_answer(req, &session->format, e);
	if (r >= 0)
		r = session->control_fd = control_open(c, e);
	if (r >= 0)
		r = launch_args(call->command, &args, e);
	if (r >= 0)
		r = send_run(session, args, &run, e);
	json_decref(args);
	if (r >= 0)
		r = await_start(session, req, e);
	if (r < 0)
		return r;
	(void)TAKE_PTR(session);
	return 0;
}

static int send_attach(struct session *session, const struct packet_fds *fds, struct err *e)
{
	Tepui__ControlCall call = TEPUI__CONTROL_CALL__INIT;

	call.has_type = true;
	call.type = TEPUI__CONTROL_CALL__TYPE__ATTACH;
	return control_send(session->control_fd, &call, fds, e);
}

int session_attach_output(struct http_request *req, struct container *c, struct err *e)
{
	AUTO(packet_fds_done) struct packet_fds fds = { 0 };
	AUTO(session_freep) struct session *session = NULL;
	int r = new_session(c->agent, NULL, c->id, false, &session, e);

	if (r >= 0)
		r = wire_stream_format_of_answer(req, &session->format, e);
	if (r >= 0)
		r = session->control_fd = control_open(c, e);
	if (r >= 0)
		r = add_outputs(session, &fds, e);
	/* The supervisor waits for nobody. */
	for (size_t i = 0; i < fds.n && r >= 0; i++) {
		if (fcntl(fds.fd[i], F_SETFL, O_NONBLOCK) < 0)
			r = err_set(e, errno, "set up pipe");
	}
	if (r >= 0)
		r = send_attach(session, &fds, e);
	if (r >= 0)
		r = await_start(session, req, e);
	if (r < 0)
		return r;
	(void)TAKE_PTR(session);
	return 0;
}

int session_attach_input(struct container *c, const struct session_input_ops *ops, void *arg,
			 struct session **ret, struct err *e)
{
	AUTO(session_freep) struct session *session = NULL;
	const struct session *other;
	int r;

	TAILQ_FOREACH(other, &c->agent->sessions, link) {
		if (!other->parent && other->input_ops &&
		    strcmp(other->id, c->id) == 0)
			return err_set(e, EBUSY, "attach input: container '%s' has one", c->id);
	}
	r = new_session(c->agent, NULL, c->id, true, &session, e);
	if (r >= 0)
		r = session->control_fd = control_open(c, e);
	if (r >= 0)
		r = send_attach(session, NULL, e);
	if (r >= 0)
		r = await_start(session, NULL, e);
	if (r < 0)
		return r;
	session->is_awaited = true;
	session->input_ops = ops;
	session->input_arg = arg;
	*ret = TAKE_PTR(session);
	return 0;
}

int session_signal(struct session *session, int signo, struct err *e)
{
	Tepui__ControlCall call = TEPUI__CONTROL_CALL__INIT;

	if (session->has_ended)
		return 0;
	call.has_type = call.has_signal = true;
	call.type = TEPUI__CONTROL_CALL__TYPE__RUN_SIGNAL;
	call.signal = signo;
	return control_send(session->control_fd, &call, NULL, e);
}

void session_free(struct session *session)
{
	struct http_stream *stream = TAKE_PTR(session->stream);

	TAILQ_REMOVE(&session->agent->sessions, session, link);
	session_drop_waits(session);
	loop_watch_free(session->control_watch);
	loop_timer_free(session->heartbeat);
	fd_close(&session->control_fd);
	session_dismiss_input(session, NULL);
	for (size_t i = 0; i < SESSION_OUTPUTS; i++)
		session_stop_output(&session->outputs[i]);
	if (stream)
		http_stream_end(stream);
	if (session->parent)
		pb_free(&session->parent->base);
	free(session->id);
	free(session);
}

void sessions_free(struct agent *agent)
{
	while (!TAILQ_EMPTY(&agent->sessions))
		session_free(TAILQ_FIRST(&agent->sessions));
}
