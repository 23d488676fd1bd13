/* The paths of maintenance beside POST /api/v1: the same calls, as older tools make them. */
#ifndef MASTER_STUB_OPERATOR_MAINTENANCE_H
#define MASTER_STUB_OPERATOR_MAINTENANCE_H

struct err;
struct http_request;

int maintenance_get_schedule(struct http_request *req, struct err *e);
int maintenance_post_schedule(struct http_request *req, struct err *e);
int maintenance_get_status(struct http_request *req, struct err *e);
/* The body is an array of machine ids. */
int maintenance_machine_down(struct http_request *req, struct err *e);
int maintenance_machine_up(struct http_request *req, struct err *e);

#endif
