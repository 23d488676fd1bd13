/* Names and values of a query, or of a form (application/x-www-form-urlencoded). */
#ifndef NET_HTTP_PARAMS_H
#define NET_HTTP_PARAMS_H

#include <stddef.h>

#include "net/http_parser.h"

struct err;
struct http_request;

enum { HTTP_MAX_PARAMS = 128 };

struct http_param {
	const char *name, *value;	/* "" if there is no value */
};

/* In the order in which they came.  Zero-initialised is empty. */
struct http_params {
	char *data;
	struct http_param *items;
	size_t n;
};

/* -EINVAL: an escape is malformed, or there are too many; -ENOMEM. */
int http_params_read(const char *text, size_t size, enum http_code code, struct http_params *ret);
void http_params_done(struct http_params *params);

/* The first or I-th value of NAME, decoded, or NULL. */
const char *http_params_get(const struct http_params *params, const char *name, size_t i);

/* The body of REQ as a form, whatever its Content-Type. */
int http_params_read_form(const struct http_request *req, struct http_params *ret, struct err *e);

#endif
