/* What a custom executor does about its container: limits, deadlines, and the end of both. */
#ifndef AGENT_EXECUTOR_CONTAINER_H
#define AGENT_EXECUTOR_CONTAINER_H

#include <stdint.h>

struct container_ops;
struct executor;
struct verdict;

extern const struct container_ops executor_container_ops;

/*
 * What it may use is all that it and its tasks were given.  Where that fails, such as below what is
 * in use, it keeps what it has.
 */
void executor_renew_limits(struct executor *x);

/* IN_MS from now VERDICT is passed and the container ends; until then, or until nothing is due. */
void executor_expect(struct executor *x, int64_t in_ms, const struct verdict *verdict);
void executor_expect_nothing(struct executor *x);
void executor_expect_subscription(struct executor *x);

/* Kill it at once: whatever grace it had is over. */
void executor_end_container(struct executor *x);
/* There never was a container: the record says so, and the master is told. */
void executor_note_exit(struct executor *x);
/* Its timers and its stream. */
void executor_release(struct executor *x);

#endif
