/* What a custom executor and its agent say to one another (reference/mesos.md 2.1, 2.2). */
#ifndef AGENT_EXECUTOR_STREAM_H
#define AGENT_EXECUTOR_STREAM_H

#include <stdbool.h>

#include "agent/executor.h"
#include "proto/executor.pb-c.h"

/*
 * It subscribed with CALL, which was checked: the former stream ends, and what it repeats is taken.
 * STREAM closes by executor_disconnected().
 */
void executor_subscribed(struct executor *x, struct http_stream *stream, enum wire_format format,
			 const Mesos__V1__Executor__Call__Subscribe *call);
void executor_disconnected(void *executor);
/* Gives up the stream and what waited for it. */
void executor_hang_up(struct executor *x);

/*
 * Of tasks and of updates each that it sends again with a subscription, and of updates before a commit:
 * what is told of them fits into its stream.
 */
enum { EXECUTOR_MAX_REPEATED = 4096 };

/* -EINVAL: CALL repeats too much, or what cannot be an update by X. */
int executor_check_repeated(const struct executor *x,
			    const Mesos__V1__Executor__Call__Subscribe *call, struct err *e);

/* -EINVAL: STATUS cannot be an update by X, in the words of Mesos. */
int executor_check_update(const struct executor *x, const Mesos__V1__TaskStatus *status,
			  struct err *e);
/* One that was checked; acknowledged after the commit. */
int executor_update(struct executor *x, const Mesos__V1__TaskStatus *status, struct err *e);

/* After a commit (IS_SAFE as in struct todo): what is due to it. */
void executor_flush(struct executor *x, bool is_safe);

/* Of its framework; lost if it is not subscribed. */
void executor_send_message(struct executor *x, const ProtobufCBinaryData *data);

#endif
