/* POST /api/v1/scheduler: frameworks outside of this process, and their calls. */
#ifndef MASTER_STUB_SCHEDULER_STREAM_H
#define MASTER_STUB_SCHEDULER_STREAM_H

struct err;
struct http_request;
struct scheduler_streams;
struct shell;

int scheduler_streams_new(struct shell *shell, struct scheduler_streams **ret, struct err *e);
/* The server is gone before: no stream is left. */
void scheduler_streams_free(struct scheduler_streams *streams);

/* The route; the shell is the table's app.  Statuses are those of reference/mesos.md 1.1. */
int scheduler_stream_handle(struct http_request *req, struct err *e);

/* What was queued leaves: everything that it speaks of is on disk. */
void scheduler_streams_flush(struct scheduler_streams *streams);

#endif
