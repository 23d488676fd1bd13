/* What operators do to the resources of agents, by the older endpoints. */
#ifndef MASTER_STUB_OPERATOR_RESOURCES_H
#define MASTER_STUB_OPERATOR_RESOURCES_H

struct err;
struct http_request;

/* /reserve, /unreserve, /create-volumes and /destroy-volumes. */
int operator_post_resources(struct http_request *req, struct err *e);

#endif
