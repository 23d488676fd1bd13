/* POST /api/v1/agent: the streams to agents, and their calls. */
#ifndef MASTER_STUB_AGENT_STREAM_H
#define MASTER_STUB_AGENT_STREAM_H

#include "proto/tepui.pb-c.h"

struct agent_stream;
struct agent_streams;
struct err;
struct http_request;
struct shell;

int agent_streams_new(struct shell *shell, struct agent_streams **ret, struct err *e);
/* The server is gone before: no stream is left. */
void agent_streams_free(struct agent_streams *streams);

/* The route; the shell is the table's app. */
int agent_stream_handle(struct http_request *req, struct err *e);

/* The core's side (struct master_io): queued until the shell has committed. */
void agent_stream_event(struct agent_stream *stream, const Tepui__AgentEvent *event);
void agent_stream_close(struct agent_stream *stream);

/* What was queued leaves: everything that it speaks of is on disk. */
void agent_streams_flush(struct agent_streams *streams);

#endif
