/* Who may use a server: principals by HTTP basic authentication (RFC 7617), area by area. */
#ifndef NET_HTTP_AUTH_H
#define NET_HTTP_AUTH_H

#include <stdbool.h>
#include <stddef.h>

struct credentials;
struct err;
struct http_request;

/* What a path belongs to; each is a realm of its own. */
enum http_area {
	HTTP_AREA_READONLY,
	HTTP_AREA_READWRITE,
	HTTP_AREA_SCHEDULER,
	HTTP_AREA_AGENT,
	HTTP_AREA_OPEN,		/* for everybody, always */
};

struct http_area_rule {
	const char *pattern;	/* of a route, without the server's prefix */
	enum http_area area;
};

/* All borrowed. */
struct http_auth {
	const char *name;	/* "mesos-master": its realms are "mesos-master-readonly" and so on */
	const char *prefix;	/* under which paths are there once more: "/master" */
	/* Paths without a rule: GET is read-only, everything else read-write. */
	const struct http_area_rule *rules;
	size_t n_rules;
	bool is_closed[HTTP_AREA_OPEN];			/* to those without a credential */
	const struct credentials *credentials;		/* if any is closed */
};

/* Can VALUE be that of FLAG, which says how credentials are shown?  -EINVAL: it is not "basic". */
int http_auth_check_flag(const char *flag, const char *value, struct err *e);

/*
 * For a gate: 0 if REQ may come in; it knows its principal then, if its area is closed.  -EACCES with
 * the challenge added to the coming reply.
 */
int http_auth_check(const struct http_auth *auth, struct http_request *req, struct err *e);

#endif
