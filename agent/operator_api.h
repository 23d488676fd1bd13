/*
 * POST /api/v1: the calls of proto/agent.proto as rows of tables, one table to a topic.  A new topic
 * is a file with its table, named here and in the list of operator_api.c.
 */
#ifndef AGENT_OPERATOR_API_H
#define AGENT_OPERATOR_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/cleanup.h"
#include "proto/agent.pb-c.h"

struct err;
struct http_request;

typedef Mesos__V1__Agent__Call OperatorCall;

struct operator_call {
	Mesos__V1__Agent__Call__Type type;
	const char *body;		/* the field that it must have; NULL: none */
	size_t body_off;
	/* Answers REQ, now or later; what it returns as an error is answered for it. */
	int (*handle)(struct http_request *req, const OperatorCall *call, struct err *e);
};

struct operator_calls {
	const struct operator_call *rows;
	size_t n;
};

#define OPERATOR_CALL(type_, member_, handle_) \
	{ MESOS__V1__AGENT__CALL__TYPE__##type_, #member_, offsetof(OperatorCall, member_), handle_ }
/* One that has no body, or needs none. */
#define OPERATOR_CALL_BARE(type_, handle_) \
	{ MESOS__V1__AGENT__CALL__TYPE__##type_, NULL, 0, handle_ }
#define OPERATOR_CALLS(rows_) { rows_, ARRAY_SIZE(rows_) }

extern const struct operator_calls operator_node_calls;		/* operator_node.c */
extern const struct operator_calls operator_state_calls;	/* operator_state.c */
extern const struct operator_calls operator_files_calls;	/* operator_files.c */
extern const struct operator_calls operator_container_calls;	/* operator_containers.c */
extern const struct operator_calls operator_image_calls;	/* operator_images.c */
extern const struct operator_calls operator_session_calls;	/* session_calls.c */

/*
 * An executor may speak for what is in its container by its token, where a credential is asked for.  Is
 * REQ such a request?  And if so: -EPERM unless ID is in that container; NULL is not.
 */
bool operator_is_executors(const struct http_request *req);
int operator_check_executor(const struct http_request *req, const Mesos__V1__ContainerID *id,
			    struct err *e);

/* 200 with RESPONSE, in the form that was asked for. */
int operator_reply(struct http_request *req, const Mesos__V1__Agent__Response *response,
		   struct err *e);
/* The same of a response in its JSON form; NULL when memory is out. */
int operator_reply_json(struct http_request *req, json_t *body_take, struct err *e);
/* 200 with nothing. */
void operator_reply_done(struct http_request *req);

#endif
