/* HTTP client for the daemons' streams and the command line, over TCP or a unix socket. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/address.h"
#include "net/http_parser.h"

struct err;
struct http_client;
struct loop;

/*
 * One connection at a time to one server, requests in order, kept alive, re-opened when needed.
 * ADDRESS: "127.0.0.1:5050", "[::1]:5050" or "unix:/run/tepui/agent.sock"; names are -EINVAL here
 * and looked up by http_client_new_resolved() (net/resolve.h).
 */
int http_client_new(struct loop *loop, const char *address, struct http_client **ret,
		    struct err *e);

/*
 * What stands between a connection and its bytes, such as TLS (net/tls.h), which is kept apart so
 * that only those link it who speak it.  START is given the socket while it connects.
 */
struct http_wrap {
	int (*start)(int *fd, pid_t *ret, struct err *e);
	void (*end)(pid_t process);
};
/* For connections from now on; WRAP is borrowed. */
void http_client_wrap(struct http_client *client, const struct http_wrap *wrap);

/* Calls from now on carry VALUE (copied) as their header 'Authorization'; NULL: none.  -ENOMEM. */
int http_client_authorize(struct http_client *client, const char *value, struct err *e);

/* Pending calls end with -ECANCELED. */
void http_client_free(struct http_client *client);

struct http_answer {
	int status;
	const struct http_head *head;	/* headers, valid during the callback */
	const char *body;		/* whole body, or NULL for streams */
	size_t size;
};

struct http_call {
	enum http_method method;
	const char *target;		/* path and query, encoded */
	const char *content_type;	/* of the body, or NULL */
	const char *accept;		/* or NULL */
	const char *extra_headers;	/* "Name: value\r\n...", or NULL */
	const void *body;
	size_t size;
	int64_t timeout_ms;		/* connect and head; all if no stream; 0: 30 s */
	size_t max_body;		/* of the answer; 0: 64 MiB */

	/*
	 * An upload, if not NULL: the body goes out in pieces without an announced length.  Called
	 * when the head and whenever all of the pieces so far have left: then is the time for
	 * http_client_upload().  The answer has no deadline, and may come before the end.
	 */
	void (*on_upload)(void *arg);

	/*
	 * Streams: called with each piece of a 2xx body as it comes; then ON_DONE has no body.
	 * NULL collects the body.
	 */
	void (*on_head)(void *arg, const struct http_answer *answer);
	void (*on_data)(void *arg, const void *data, size_t size);
	/* Exactly once.  ANSWER is NULL when there was none: E says why. */
	void (*on_done)(void *arg, const struct http_answer *answer, const struct err *e);
	void *arg;
};

/* The server's; borrowed. */
const struct address *http_client_address(const struct http_client *client);

/* Our own address of a connection to the server, without port; -ENOTSUP of a unix socket, -errno. */
int http_client_local_host(const struct http_client *client, char ret[ADDRESS_HOST_SIZE]);

/* Queue CALL (copied).  The client may be freed inside any callback. */
int http_client_call(struct http_client *client, const struct http_call *call, struct err *e);

/* Bytes of the bodies of calls that are not answered: so that who may wait does. */
size_t http_client_waiting(const struct http_client *client);

/*
 * Send a piece of the upload that is on the wire; SIZE 0 is its end.  Queued without bound: send
 * no more than a bufferful before the next on_upload().  -EPIPE: there is none.
 */
int http_client_upload(struct http_client *client, const void *data, size_t size);

#endif
