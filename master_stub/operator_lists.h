/* What may be long is answered with listings: the legacy endpoints of reference/mesos.md 3.6. */
#ifndef MASTER_STUB_OPERATOR_LISTS_H
#define MASTER_STUB_OPERATOR_LISTS_H

struct err;
struct http_request;

int operator_get_state(struct http_request *req, struct err *e);
int operator_get_state_summary(struct http_request *req, struct err *e);
int operator_get_slaves(struct http_request *req, struct err *e);
int operator_get_frameworks(struct http_request *req, struct err *e);
int operator_get_tasks(struct http_request *req, struct err *e);
/* Ours. */
int operator_get_services(struct http_request *req, struct err *e);

#endif
