/* What runs beside a task on somebody's behalf, and the streams of its input and output. */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/queue.h>

#include "net/wire.h"
#include "proto/agent.pb-c.h"

struct agent;
struct err;
struct http_request;
struct http_stream;
struct loop_timer;
struct loop_watch;
struct session;
struct container;

TAILQ_HEAD(session_list, session);

/* The end of a pipe or a terminal on our side. */
struct session_output {
	struct session *session;
	int fd;				/* or -EBADF */
	struct loop_watch *watch;	/* NULL while the reader is behind */
	Mesos__V1__Agent__ProcessIO__Data__Type type;
};

enum { SESSION_OUTPUTS = 2 };

struct session_input_ops {
	void (*ready)(void *arg);	/* all that waited has been written */
	/* There will be no more use for input, or there never was: WHY, or NULL.  The last call. */
	void (*over)(void *arg, const struct err *why);
};

/*
 * One that runs a command is known from its launch until it is removed, or until too many ended
 * after it.  One that is attached to the task itself has no PARENT and is gone with its client.
 */
struct session {
	TAILQ_ENTRY(session) link;
	struct agent *agent;
	Mesos__V1__ContainerID *parent;	/* the container that it was launched in */
	char *id;			/* its own in there */
	int control_fd;			/* closing it is the end of what runs, or detaches */
	struct loop_watch *control_watch;
	struct http_request *launch;	/* waits for the start; then it is the stream */
	struct http_stream *stream;
	enum wire_format format;
	struct loop_timer *heartbeat;	/* of the stream */
	struct session_output outputs[SESSION_OUTPUTS];

	/* Input. */
	int input_fd;			/* of its own, or that of the terminal's output */
	bool has_terminal;
	char *unwritten;		/* what did not fit in yet */
	size_t n_unwritten;
	bool is_awaited;		/* the supervisor has it still */
	bool has_size;			/* of the terminal */
	struct winsize size;
	bool is_input_over;		/* close it after that */
	struct loop_watch *input_watch;	/* while there is something */
	const struct session_input_ops *input_ops;	/* of who is attached to it, or NULL */
	void *input_arg;

	/* The end. */
	bool has_ended;
	int wait_status;
	struct session_wait *waits;
};

/* NULL if unknown. */
struct session *session_find(struct agent *agent, const Mesos__V1__ContainerID *id);

/*
 * LAUNCH_NESTED_CONTAINER_SESSION: REQ is answered by a stream when the command has begun, or by
 * an error.  Takes REQ on success.
 */
int session_launch(struct http_request *req, struct container *c,
		   const Mesos__V1__Agent__Call__LaunchNestedContainerSession *call, struct err *e);

/* ATTACH_CONTAINER_OUTPUT of container C itself: as session_launch(). */
int session_attach_output(struct http_request *req, struct container *c, struct err *e);

/*
 * The input of C's terminal: a session (owned) for OPS, whose ready() tells that it can be
 * written to; before that, nothing may be.
 */
int session_attach_input(struct container *c, const struct session_input_ops *ops, void *arg,
			 struct session **ret, struct err *e);

/* WAIT_NESTED_CONTAINER: answered when it has ended. */
int session_wait(struct http_request *req, struct session *session, struct err *e);

int session_signal(struct session *session, int signo, struct err *e);

/* Input: 0 when all was written, 1 when READY will be called.  What nobody reads is dropped. */
int session_write(struct session *session, const void *data, size_t size, struct err *e);
void session_end_input(struct session *session);
int session_resize(struct session *session, const Mesos__V1__TTYInfo *info, struct err *e);

/* ATTACH_CONTAINER_INPUT, from the head of the request on; session_input.c. */
int session_input_start(struct http_request *req, struct err *e);

/* Forget it; what still runs is killed. */
void session_free(struct session *session);
void sessions_free(struct agent *agent);

/* ---- session_io.c, for session.c alone ---- */

int session_watch_outputs(struct session *session, struct err *e);
/* On the stream that has just begun. */
int session_start_heartbeat(struct session *session, struct err *e);
/* As if the command had written it. */
void session_send_output(struct session_output *output, const void *bytes, size_t size);
/* All that is there, then no more. */
void session_drain_outputs(struct session *session);
void session_stop_output(struct session_output *output);
/* The terminal that was awaited is here. */
int session_input_came(struct session *session, struct err *e);
/* WHY may be NULL. */
void session_dismiss_input(struct session *session, const struct err *why);

#endif
