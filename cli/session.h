/* Running something in a container and being its standard input and output. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>

#include "proto/agent.pb-c.h"

struct cli;
struct err;

enum session_input {
	SESSION_NO_INPUT,	/* it is none of ours */
	SESSION_EMPTY_INPUT,
	SESSION_OUR_INPUT,
};

struct session_plan {
	const char *address;			/* of the agent */
	const Mesos__V1__Agent__Call *call;	/* is answered by a stream of ProcessIO */
	Mesos__V1__ContainerID *id;		/* whose input to attach to */
	enum session_input input;
	bool has_terminal;			/* ours is put into raw mode and its size passed on */
	bool has_detach_keys;			/* Ctrl-P Ctrl-Q is the end */
};

/* Until the stream ends.  All borrowed. */
int session_run(struct cli *cli, const struct session_plan *plan, struct err *e);

/* The size of our terminal; -ENOTTY. */
int session_window(Mesos__V1__TTYInfo__WindowSize *ret, struct err *e);

#endif
