/* What every daemon answers of itself at the older paths (reference/mesos.md 3.2, 3.6). */
#ifndef NET_OPERATOR_PAGES_H
#define NET_OPERATOR_PAGES_H

struct err;
struct http_request;
struct log_toggle;

/* /logging/toggle */
int operator_page_logging(struct http_request *req, struct log_toggle *toggle, struct err *e);
/* /system/stats.json */
int operator_page_system(struct http_request *req, struct err *e);

#endif
