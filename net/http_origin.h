/* Which requests a browser may have been talked into: judged by Host, Origin and Sec-Fetch-Site. */
#ifndef NET_HTTP_ORIGIN_H
#define NET_HTTP_ORIGIN_H

#include "net/http_parser.h"

struct err;
struct http_request;

/* Names of a server; borrowed. */
struct http_origin {
	const char *listen;	/* "127.0.0.1:5050", numeric */
	const char *hostname;	/* told to others; NULL: none */
	const char *trusted;	/* origins of other sites that may do what ours may, by commas; NULL: none */
};

/* The three headers as they came; NULL where there was none. */
struct http_origin_headers {
	const char *host, *origin, *site;
};

/*
 * 0, or -EPERM with a sentence.  A page of another site reaches a server on loopback in two ways:
 * under a name of its own that resolves to our address (then Host is not one of ours), or by a
 * request across sites (then Origin or Sec-Fetch-Site tell, and only reads are harmless, for their
 * answers are kept from the page).  Programs send neither of the latter.
 */
int http_origin_judge(const struct http_origin *self, enum http_method method,
		      const struct http_origin_headers *headers, struct err *e);

/* The same for REQ as it came; a unix socket is out of a browser's reach and always 0. */
int http_origin_check(const struct http_origin *self, const struct http_request *req,
		      struct err *e);

#endif
