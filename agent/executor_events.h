/* Events of the v1 executor API as the agent sends them (reference/mesos.md 2.2). */
#ifndef AGENT_EXECUTOR_EVENTS_H
#define AGENT_EXECUTOR_EVENTS_H

#include <stdint.h>

#include "net/wire.h"

struct err;
struct http_stream;
struct container;

/* Errors of http_stream_write(), or -ENOMEM.  The latter three go to the subscribed stream. */
int executor_send_subscribed(const struct container *c, struct http_stream *stream,
			     enum wire_format format, struct err *e);
int executor_send_launch(const struct container *c, struct err *e);
int executor_send_kill(const struct container *c, struct err *e);
int executor_send_acknowledged(const struct container *c, const uint8_t uuid[16], struct err *e);

#endif
