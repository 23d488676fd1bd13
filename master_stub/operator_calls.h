/*
 * POST /api/v1: the calls of proto/master.proto as rows of tables, one table to a topic.  A new topic
 * is a file master_stub/operator_TOPIC.c with its table, named here and in the list of operator_calls.c.
 *
 * A handler finds the shell by http_request_app(REQ).  It answers REQ, now or later: by
 * operator_reply() or operator_reply_empty(); or it returns an error and leaves the answer to the
 * dispatcher, which makes the status of it: EINVAL 400, EPERM 403, ENOENT 404, EEXIST and EBUSY 409,
 * ENOSYS 501, EAGAIN 503.  The core has its turn, and the state is committed, before any answer leaves.
 */
#ifndef MASTER_STUB_OPERATOR_CALLS_H
#define MASTER_STUB_OPERATOR_CALLS_H

#include <stddef.h>

#include <jansson.h>

#include "lib/cleanup.h"
#include "proto/master.pb-c.h"

struct err;
struct http_request;
struct master;

typedef Mesos__V1__Master__Call OperatorCall;
typedef Mesos__V1__Master__Response OperatorResponse;

struct operator_call {
	Mesos__V1__Master__Call__Type type;
	const char *body;		/* the field that it must have; NULL: none */
	size_t body_off;
	int (*handle)(struct http_request *req, const OperatorCall *call, struct err *e);
};

struct operator_calls {
	const struct operator_call *rows;
	size_t n;
};

#define OPERATOR_CALL(type_, member_, handle_) \
	{ MESOS__V1__MASTER__CALL__TYPE__##type_, #member_, offsetof(OperatorCall, member_), handle_ }
/* One that has no body, or needs none. */
#define OPERATOR_CALL_BARE(type_, handle_) \
	{ MESOS__V1__MASTER__CALL__TYPE__##type_, NULL, 0, handle_ }
#define OPERATOR_CALLS(rows_) { rows_, ARRAY_SIZE(rows_) }

extern const struct operator_calls operator_daemon_calls;	/* operator_daemon.c */
extern const struct operator_calls operator_framework_calls;	/* operator_frameworks.c */
extern const struct operator_calls operator_list_calls;	/* operator_lists.c */
extern const struct operator_calls operator_stream_calls;	/* operator_stream.c */
extern const struct operator_calls operator_agent_calls;	/* operator_agents.c */
extern const struct operator_calls operator_maintenance_calls;	/* operator_maintenance.c */
extern const struct operator_calls operator_role_calls;	/* operator_roles.c */
extern const struct operator_calls operator_resource_calls;	/* operator_resources.c */

/* The route. */
int operator_calls_handle(struct http_request *req, struct err *e);

/* 200 with RESPONSE, in the form that was asked for. */
int operator_reply(struct http_request *req, const OperatorResponse *response, struct err *e);
/* The same, written as JSON, which is given up. */
int operator_reply_json(struct http_request *req, json_t *response_take, struct err *e);
/* 200, or 202 for what is under way, with nothing. */
void operator_reply_empty(struct http_request *req, int status);
/* 200 with nothing, or R, which is an error's: the end of most handlers. */
int operator_done(struct http_request *req, int r);
struct master *operator_master(const struct http_request *req);

#endif
