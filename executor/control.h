/* What the agent asks of a running container, over the socket in its runtime directory. */
#ifndef EXECUTOR_CONTROL_H
#define EXECUTOR_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/tepui.pb-c.h"

struct control;
struct err;
struct loop;
struct packet_fds;

/* Ids of commands that are run for the agent: the others are the supervisor's own. */
enum { CONTROL_FIRST_ID = 1 << 30 };

struct control_ops {
	/* Run beside the task, on FDS (borrowed) or on a terminal; ends in control_done(). */
	int (*run)(void *arg, uint32_t id, const Tepui__ControlCall__Run *call,
		   const struct packet_fds *fds, struct err *e);
	void (*run_signal)(void *arg, uint32_t id, int signo);
	/* As output_attach() and output_detach(). */
	int (*attach)(void *arg, uint32_t id, struct packet_fds *fds, int *ret_terminal_fd,
		      struct err *e);
	void (*detach)(void *arg, uint32_t id);
	int (*signal)(void *arg, int signo, struct err *e);
	int (*pause)(void *arg, bool is_paused, struct err *e);
};

/* Listen in the directory RUNTIME_FD (borrowed).  OPS is borrowed. */
int control_new(struct loop *loop, int runtime_fd, const struct control_ops *ops, void *arg,
		struct control **ret, struct err *e);

/* Whatever still runs for a connection has ended with the container: the agent sees it close. */
void control_free(struct control *control);

/* Command ID was executed; TERMINAL_FD is borrowed, or -EBADF. */
void control_started(struct control *control, uint32_t id, int terminal_fd);
/* WAIT_STATUS of command ID, or FAILURE to execute it. */
void control_done(struct control *control, uint32_t id, int wait_status,
		  const struct err *failure);

#endif
