#include "executor/kill.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "executor/run.h"
#include "lib/clock.h"
#include "lib/loop.h"

enum { MAX_GRACE_MS = 24 * 3600 * 1000 };

static void on_grace_over(void *arg)
{
	struct kill *kill = arg;

	run_signal(kill->run, SIGKILL);
}

int kill_init(struct kill *kill, struct loop *loop, struct err *e)
{
	*kill = (struct kill){ .cause = KILL_NONE };
	return loop_timer_new(loop, on_grace_over, kill, &kill->timer, e);
}

void kill_done(struct kill *kill)
{
	loop_timer_free(kill->timer);
	free(kill->message);
}

bool kill_begin(struct kill *kill, struct run *run, enum kill_cause cause, int64_t grace_ms,
		const char *message)
{
	int64_t deadline = clock_boot_ms() + grace_ms;

	if (kill->cause != KILL_NONE && deadline >= kill->deadline_ms)
		return false;
	kill->run = run;
	kill->deadline_ms = deadline;
	loop_timer_set(kill->timer, grace_ms);
	if (kill->cause != KILL_NONE)
		return false;
	kill->cause = cause;
	/* Without memory for the sentence, the exit status stands in its place. */
	kill->message = message ? strdup(message) : NULL;
	run_signal(run, SIGTERM);
	return true;
}

int64_t kill_grace_ms(const Mesos__V1__KillPolicy *policy, const Mesos__V1__KillPolicy *fallback)
{
	int64_t ms;

	if (!policy || !policy->grace_period)
		policy = fallback;
	if (!policy || !policy->grace_period)
		return KILL_DEFAULT_GRACE_MS;
	ms = policy->grace_period->nanoseconds / 1000000;
	return ms < 0 ? 0 : ms > MAX_GRACE_MS ? MAX_GRACE_MS : ms;
}
