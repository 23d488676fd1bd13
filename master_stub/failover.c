/* How long frameworks that are gone have to come back. */
#include "master_stub/framework.h"

#include "lib/err.h"
#include "master_stub/core.h"

static void set_deadline(struct framework *framework, int64_t deadline_ms)
{
	struct framework_queue *awaited = &framework->master->awaited;

	if (framework->deadline_ms < INT64_MAX)
		TAILQ_REMOVE(awaited, framework, in_awaited);
	framework->deadline_ms = deadline_ms;
	if (deadline_ms < INT64_MAX)
		TAILQ_INSERT_TAIL(awaited, framework, in_awaited);
}

static int64_t failover_timeout_ms(const struct framework *framework)
{
	const double most_seconds = 100.0 * 365 * 24 * 3600;
	double seconds = framework->info->failover_timeout;

	if (!(seconds > 0))
		seconds = 0;
	return (int64_t)((seconds < most_seconds ? seconds : most_seconds) * 1000);
}

void framework_start_failover(struct framework *framework, int64_t now_ms)
{
	int64_t timeout_ms = failover_timeout_ms(framework);
	struct err e = { 0 };

	set_deadline(framework, now_ms + timeout_ms);
	framework->deadline_wall_ms = master_wall_ms(framework->master) + timeout_ms;
	if (framework_put(framework, &e) < 0)
		master_explain(framework->master, "framework '%s': how long it has to come back is"
			       " not recorded: %s", framework->id, e.msg);
}

void framework_stop_failover(struct framework *framework)
{
	set_deadline(framework, INT64_MAX);
	framework->deadline_wall_ms = 0;
}

/* After this master was away, whoever it was that left gets as long as agents get, if it asked for that. */
static int64_t least_grace_ms(const struct framework *framework)
{
	int64_t grace_ms = framework->master->options.reregister_timeout_ms;
	int64_t timeout_ms = failover_timeout_ms(framework);

	return timeout_ms < grace_ms ? timeout_ms : grace_ms;
}

/*
 * What was recorded goes on, by the only clock that does: one that was set makes no more of it than
 * there was, and does not end it at once.
 */
void framework_resume_failover(struct framework *framework, int64_t deadline_wall_ms,
			       int64_t now_ms)
{
	int64_t left_ms = deadline_wall_ms - master_wall_ms(framework->master);
	int64_t timeout_ms = failover_timeout_ms(framework);

	if (left_ms > timeout_ms)
		left_ms = timeout_ms;
	if (left_ms < least_grace_ms(framework))
		left_ms = least_grace_ms(framework);
	framework->deadline_wall_ms = deadline_wall_ms;
	set_deadline(framework, now_ms + left_ms);
}

/* It was this master that went away: everyone who was connected gets the time that agents get. */
void framework_await_return(struct framework *framework, int64_t now_ms)
{
	int64_t grace_ms = framework->master->options.reregister_timeout_ms;
	int64_t timeout_ms = failover_timeout_ms(framework);

	set_deadline(framework, now_ms + (timeout_ms > grace_ms ? timeout_ms : grace_ms));
}

/* ---- the end ---- */

void frameworks_turn(struct master *master, int64_t now_ms)
{
	struct framework *framework;

	TAILQ_FOREACH(framework, &master->awaited, in_awaited) {
		/* One in a turn: it leaves the list. */
		if (framework->deadline_ms <= now_ms) {
			framework_remove(framework, "its failover timeout has passed");
			return;
		}
	}
}

int64_t frameworks_next_ms(const struct master *master)
{
	const struct framework *framework;
	int64_t next = INT64_MAX;

	TAILQ_FOREACH(framework, &master->awaited, in_awaited) {
		if (framework->deadline_ms < next)
			next = framework->deadline_ms;
	}
	return next;
}
