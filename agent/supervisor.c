#include "agent/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/executor_events.h"
#include "agent/network.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "net/http_server.h"

enum {
	RECONNECT_MS = 60 * 1000,	/* to an agent that it lost while both ran */
	KILL_SLACK_MS = 1000,		/* beyond the grace period */
	DEFAULT_GRACE_MS = 3 * 1000,
};

/* ---- what is due ---- */

static void overdue(void *arg)
{
	struct container *c = arg;

	container_end(c, &c->overdue);
}

void supervisor_expect(struct container *c, int64_t in_ms, const struct verdict *verdict)
{
	struct err e = { 0 };

	/* One deadline is enough: a supervisor owes one thing at a time. */
	c->overdue = *verdict;
	if (!c->deadline && loop_timer_new(c->agent->loop, overdue, c, &c->deadline, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "watch the supervisor of container '%s'", c->id);
		return;
	}
	loop_timer_set(c->deadline, in_ms);
}

void supervisor_expect_nothing(struct container *c)
{
	if (c->deadline)
		loop_timer_clear(c->deadline);
}

int64_t supervisor_grace_ms(const struct container *c)
{
	const Mesos__V1__KillPolicy *policy = c->kill_policy;
	int64_t nanoseconds;

	if (!policy || !policy->grace_period)
		policy = c->info->kill_policy;
	if (!policy || !policy->grace_period)
		return DEFAULT_GRACE_MS;
	nanoseconds = policy->grace_period->nanoseconds;
	return nanoseconds < 0 ? 0 : nanoseconds / 1000000;
}

/* ---- its connection ---- */

void supervisor_subscribed(struct container *c, struct http_stream *stream, bool has_task)
{
	if (c->stream)
		http_stream_end(c->stream);
	c->stream = stream;
	c->state = CONTAINER_SUBSCRIBED;
	/* An update of it, even of its former connection, proves that LAUNCH arrived. */
	c->needs_launch = !has_task && !c->has_reported;
	c->is_launch_sent = false;
	c->is_kill_sent = false;
	if (!c->has_ended)
		supervisor_expect_nothing(c);
	container_mark(c);
}

void supervisor_disconnected(struct container *c)
{
	static const struct verdict late = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
		"executor lost its connection and did not come back",
	};

	c->stream = NULL;
	if (c->state != CONTAINER_SUBSCRIBED)
		return;
	c->state = CONTAINER_WAITING;
	/* It repeats on the next stream what it saw no acknowledgement for. */
	c->n_confirms = 0;
	if (!c->has_ended)
		supervisor_expect(c, RECONNECT_MS, &late);
}

int supervisor_confirm(struct container *c, const uint8_t uuid[16], struct err *e)
{
	if (c->n_confirms == c->cap_confirms) {
		size_t cap = c->cap_confirms ? 2 * c->cap_confirms : 4;
		uint8_t (*grown)[16] = realloc(c->confirms, cap * sizeof(*grown));

		if (!grown)
			return err_set(e, ENOMEM, "acknowledge an update of container '%s'", c->id);
		c->confirms = grown;
		c->cap_confirms = cap;
	}
	memcpy(c->confirms[c->n_confirms++], uuid, 16);
	container_mark(c);
	return 0;
}

/* ---- what it is told ---- */

/* Without what it was to run there is only the supervisor to kill, and nobody else to report it. */
static int flush_kill(struct container *c, struct err *e)
{
	static const struct verdict stuck = {
		MESOS__V1__TASK_STATE__TASK_KILLED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
		"executor did not end the task within its grace period and was killed",
	};

	if (c->needs_launch && !c->is_launch_sent) {
		c->ops->cancelled(c);
		container_end(c, NULL);
		return 0;
	}
	c->is_kill_sent = true;
	supervisor_expect(c, supervisor_grace_ms(c) + KILL_SLACK_MS + network_end_ms(c), &stuck);
	return executor_send_kill(c, e);
}

static int flush_confirms(struct container *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->n_confirms && r >= 0; i++)
		r = executor_send_acknowledged(c, c->confirms[i], e);
	c->n_confirms = 0;
	return r;
}

/*
 * A kill goes out although the disk may refuse to note it: it can only be repeated, and a full disk
 * must not keep a task alive.
 */
void supervisor_flush(struct container *c, bool is_safe)
{
	struct err e = { 0 };
	int r = 0;

	if (c->state != CONTAINER_SUBSCRIBED || !c->stream)
		return;
	if (c->is_kill_wanted && !c->is_kill_sent && !c->has_ended)
		r = flush_kill(c, &e);
	if (r >= 0 && is_safe && c->needs_launch && !c->is_launch_sent && !c->is_kill_wanted &&
	    !c->has_ended) {
		c->is_launch_sent = true;
		r = executor_send_launch(c, &e);
	}
	if (r >= 0 && is_safe)
		r = flush_confirms(c, &e);
	/* A stream that is closing comes back as a new subscription. */
	if (r < 0 && r != -ENOBUFS && r != -EPIPE)
		log_write_err(LOG_LEVEL_WARNING, &e, "talk to the supervisor of container '%s'",
			      c->id);
}
