/* What a supervisor and its agent say to each other: the executor API, for one thing to run. */
#ifndef AGENT_SUPERVISOR_H
#define AGENT_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

struct container;
struct err;
struct http_stream;
struct verdict;

/* What is due next; IN_MS from now VERDICT is passed. */
void supervisor_expect(struct container *c, int64_t in_ms, const struct verdict *verdict);
void supervisor_expect_nothing(struct container *c);

/* The time there is between the request to end and the end by force. */
int64_t supervisor_grace_ms(const struct container *c);

/* It subscribed; HAS_TASK: it says that it has what it is to run. */
void supervisor_subscribed(struct container *c, struct http_stream *stream, bool has_task);
void supervisor_disconnected(struct container *c);

/* Remember to acknowledge UUID to it once that is on disk. */
int supervisor_confirm(struct container *c, const uint8_t uuid[16], struct err *e);

/* After a commit: LAUNCH, KILL and ACKNOWLEDGED that are due.  IS_SAFE as in struct todo. */
void supervisor_flush(struct container *c, bool is_safe);

#endif
