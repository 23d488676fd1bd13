/* Ending a task in order: SIGTERM, grace, then everything at once (reference/mesos.md 4.11). */
#ifndef EXECUTOR_KILL_H
#define EXECUTOR_KILL_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/outcome.h"

struct loop;
struct loop_timer;
struct run;

enum { KILL_DEFAULT_GRACE_MS = 3000 };

struct kill {
	struct run *run;		/* borrowed while killing */
	struct loop_timer *timer;
	enum kill_cause cause;		/* of the first one */
	int64_t deadline_ms;		/* on the boot clock */
	char *message;			/* for the terminal update, or NULL */
};

int kill_init(struct kill *kill, struct loop *loop, struct err *e);
void kill_done(struct kill *kill);

/*
 * Begin, or when it has begun shorten the grace: it never grows.  MESSAGE (copied) may be NULL.
 * Before the task's program is executed, asking ends the launch.
 * Returns true if this was the first.
 */
bool kill_begin(struct kill *kill, struct run *run, enum kill_cause cause, int64_t grace_ms,
		const char *message);

/* Grace of POLICY, else of FALLBACK, else 3 s; bounded. */
int64_t kill_grace_ms(const Mesos__V1__KillPolicy *policy, const Mesos__V1__KillPolicy *fallback);

#endif
