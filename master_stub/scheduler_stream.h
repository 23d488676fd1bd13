/* POST /api/v1/scheduler: frameworks outside of this process, and their calls. */
#ifndef MASTER_STUB_SCHEDULER_STREAM_H
#define MASTER_STUB_SCHEDULER_STREAM_H

struct err;
struct http_request;

/* The route; the shell is the table's app.  Statuses are those of reference/mesos.md 1.1. */
int scheduler_stream_handle(struct http_request *req, struct err *e);

/* For streams_new(). */
void scheduler_stream_lost(void *owner);

#endif
