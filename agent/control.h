/* The agent's end of a supervisor's control socket: one request, one connection. */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include "proto/tepui.pb-c.h"

struct err;
struct packet_fds;
struct container;

/* Connect to the supervisor of C: an owned descriptor.  -ENOENT: there is no container (yet). */
int control_open(const struct container *c, struct err *e);

/* With copies of FDS (borrowed, may be NULL) along. */
int control_send(int fd, const Tepui__ControlCall *call, const struct packet_fds *fds,
		 struct err *e);

/* 1 and an owned event and what came along, 0 when nothing is there now, -EPIPE at the end. */
int control_recv(int fd, Tepui__ControlEvent **ret, struct packet_fds *ret_fds, struct err *e);

/* The error that EVENT tells, safe to print; returns minus its code. */
int control_error(const Tepui__ControlEvent *event, struct err *e);

#endif
