/* POST /api/v1/executor (reference/mesos.md section 2). */
#ifndef AGENT_EXECUTOR_API_H
#define AGENT_EXECUTOR_API_H

#include "net/wire.h"
#include "proto/executor.pb-c.h"

struct agent;
struct err;
struct http_request;
struct http_server;

enum { EXECUTOR_API_MAX_BODY = 4 << 20 };

/*
 * Of both kinds of executors: read the call in the body of REQ, which is what can be said of it
 * before it is known whose it is; HANDLE_CALL may count on its body.  Errors in the words of Mesos.
 */
typedef int executor_call_fn(struct http_request *req, const Mesos__V1__Executor__Call *call,
			     struct err *e);
int executor_api_read(struct http_request *req, executor_call_fn *handle_call, struct err *e);
/* The form of a stream that answers REQ; 1: there is none, and it was answered with 406. */
int executor_api_format(struct http_request *req, enum wire_format *ret, struct err *e);
void executor_api_error(struct http_request *req, int status, const struct err *e);

/* For the supervisors, on the agent's own socket. */
int executor_api_mount_supervisors(struct agent *agent, struct http_server *server, struct err *e);

#endif
