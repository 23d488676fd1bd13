/* Events of the v1 executor API as the agent sends them (reference/mesos.md 2.2). */
#ifndef AGENT_EXECUTOR_EVENTS_H
#define AGENT_EXECUTOR_EVENTS_H

#include <stdint.h>

#include "net/wire.h"

struct err;
struct http_stream;
struct task;

/* Errors of http_stream_write(), or -ENOMEM.  The latter three go to the subscribed stream. */
int executor_send_subscribed(const struct task *task, struct http_stream *stream,
			     enum wire_format format, struct err *e);
int executor_send_launch(const struct task *task, struct err *e);
int executor_send_kill(const struct task *task, struct err *e);
int executor_send_acknowledged(const struct task *task, const uint8_t uuid[16], struct err *e);

#endif
