/* One HTTP exchange at a time with a daemon, and its errors as one sentence. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#include "net/http_parser.h"

struct cli;
struct err;
struct http_client;

struct reply {
	int status;
	json_t *json;		/* NULL if the body is not JSON */
	char *text;		/* the body, NUL-terminated */
	size_t size;
	char *deployment_id;	/* Marathon-Deployment-Id, or NULL */
	char *log_next;		/* X-Tepui-Log, or NULL */
};

void reply_done(struct reply *reply);

/* A client of ADDRESS that shows the credential of the options, if there is one. */
int client_connect(struct cli *cli, const char *address, struct http_client **ret, struct err *e);

/*
 * Send BODY (borrowed, may be NULL) to ADDRESS ("host:port"; NULL: the master).  A status from 400
 * up is an error whose sentence is the daemon's own: -ENOENT for 404, -EBUSY for 409, -EINVAL for
 * 4xx, -EIO for 5xx; -EHOSTUNREACH when nobody answers.
 */
int client_call(struct cli *cli, const char *address, enum http_method method, const char *target,
		const json_t *body, struct reply *ret, struct err *e);

/* GET of a JSON document: a new reference in *ret. */
int client_get(struct cli *cli, const char *address, const char *target, json_t **ret,
	       struct err *e);

/* The same of what can be done without: who does not answer in 2 seconds is not reached. */
int client_get_soon(struct cli *cli, const char *address, const char *target, json_t **ret,
		    struct err *e);

/* Feed every piece of a streamed answer to FN until it returns false or the stream ends. */
int client_stream(struct cli *cli, const char *target, const char *accept,
		  bool (*fn)(void *arg, const void *data, size_t size), void *arg, struct err *e);

/* "/v2/apps/" and ID without its leading slash, escaped; owned. */
char *client_app_path(const char *id, const char *suffix);
/* The same of a pod, and of a group; "/" is the root. */
char *client_pod_path(const char *id, const char *suffix);
char *client_group_path(const char *id, const char *suffix);

#endif
