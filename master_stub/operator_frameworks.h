/* What operators ask and do about frameworks and their roles, by the older endpoints. */
#ifndef MASTER_STUB_OPERATOR_FRAMEWORKS_H
#define MASTER_STUB_OPERATOR_FRAMEWORKS_H

struct err;
struct http_request;

int operator_get_roles(struct http_request *req, struct err *e);
int operator_post_teardown(struct http_request *req, struct err *e);

#endif
