/* Requests of operators that a supervisor carries out and answers with yes or no. */
#ifndef AGENT_ASK_H
#define AGENT_ASK_H

#include "proto/tepui.pb-c.h"

struct err;
struct http_request;
struct container;

/* Send CALL to the supervisor of C; REQ (taken on success) is answered when that has done it. */
int ask(struct http_request *req, const struct container *c, const Tepui__ControlCall *call,
	struct err *e);

#endif
