/* Running something in a container and being its standard input and output. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>

#include "proto/agent.pb-c.h"

struct cli;
struct err;

struct session_plan {
	const char *address;			/* of the agent */
	const Mesos__V1__Agent__Call *call;	/* is answered by a stream of ProcessIO */
	Mesos__V1__ContainerID *id;		/* whose input to attach to */
	bool passes_input;			/* ours; otherwise it has an empty one */
	bool has_terminal;			/* ours is put into raw mode and its size passed on */
};

/* Until the stream ends.  All borrowed. */
int session_run(struct cli *cli, const struct session_plan *plan, struct err *e);

/* The size of our terminal; -ENOTTY. */
int session_window(Mesos__V1__TTYInfo__WindowSize *ret, struct err *e);

#endif
