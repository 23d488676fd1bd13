/* POST /api/v1/agent: the streams to agents, and their calls. */
#ifndef MASTER_STUB_AGENT_STREAM_H
#define MASTER_STUB_AGENT_STREAM_H

#include "proto/tepui.pb-c.h"

struct agent_stream;
struct err;
struct http_request;

/* The route; the shell is the table's app. */
int agent_stream_handle(struct http_request *req, struct err *e);

/* For streams_new(). */
void agent_stream_lost(void *owner);

/* The core's side (struct master_io): queued until the shell has committed. */
void agent_stream_event(struct agent_stream *agent, const Tepui__AgentEvent *event);
/* Bytes that it was told and that it has not taken. */
size_t agent_stream_queued(const struct agent_stream *agent);
/* AGENT is gone after it. */
void agent_stream_close(struct agent_stream *agent);

#endif
