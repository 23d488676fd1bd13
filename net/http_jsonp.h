/* JSON wrapped as a script, for pages of another origin: ?jsonp=FUNCTION. */
#ifndef NET_HTTP_JSONP_H
#define NET_HTTP_JSONP_H

#include <jansson.h>

struct err;
struct http_request;

/* The function that REQ asks for, or NULL: plain JSON.  -EINVAL: it is not the name of one. */
int http_jsonp_callback(const struct http_request *req, const char **ret, struct err *e);

/* 200 with BODY (taken), wrapped where that was asked for; NULL is -ENOMEM. */
int http_reply_jsonp(struct http_request *req, json_t *body_take, struct err *e);

#endif
