/* Agents that are here, away, overdue, unreachable, gone. */
#include "master_stub/registry.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/store.h"
#include "lib/utf8.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/drain.h"
#include "master_stub/executor.h"
#include "master_stub/feedback.h"
#include "master_stub/framework.h"
#include "master_stub/inverse_offer.h"
#include "master_stub/maintenance.h"
#include "master_stub/offer.h"
#include "master_stub/task.h"

enum { CLEANUP_MS = 15 * 60 * 1000, RETRY_MS = 1000, MAX_AGENTS = 102400, MAX_DEGRADED = 512 };
static const int64_t UNREACHABLE_KEPT_MS = INT64_C(14) * 24 * 3600 * 1000;

/* ---- pings ---- */

static void stop_pings(struct agent *agent)
{
	if (agent->is_pinged)
		TAILQ_REMOVE(&agent->master->pings, agent, in_pings);
	agent->is_pinged = false;
}

static void set_overdue(struct agent *agent)
{
	if (agent->is_overdue)
		return;
	agent->is_overdue = true;
	TAILQ_INSERT_TAIL(&agent->master->overdue, agent, in_overdue);
	agent->master->counters.slave_unreachable_scheduled++;
}

static void unset_overdue(struct agent *agent)
{
	if (agent->is_overdue)
		TAILQ_REMOVE(&agent->master->overdue, agent, in_overdue);
	agent->is_overdue = false;
}

void registry_stop_waiting(struct agent *agent)
{
	stop_pings(agent);
	unset_overdue(agent);
}

void registry_heard(struct agent *agent)
{
	if (agent->is_overdue)
		agent->master->counters.slave_unreachable_canceled++;
	unset_overdue(agent);
	agent->is_ping_open = false;
	agent->missed_pings = 0;
}

/* From now, not from when it was due: a master that slept does not count the sleep. */
static void ping(struct agent *agent, int64_t now_ms)
{
	registry_send_ping(agent);
	agent->is_ping_open = true;
	agent->next_ping_ms = now_ms + agent->master->options.agent_ping_ms;
	TAILQ_INSERT_TAIL(&agent->master->pings, agent, in_pings);
	agent->is_pinged = true;
}

void registry_start_pings(struct agent *agent, int64_t now_ms)
{
	stop_pings(agent);
	registry_heard(agent);
	/* The first at once: whether its calls reach us shows before it is trusted for long. */
	ping(agent, now_ms);
}

static void ping_again(struct agent *agent, int64_t now_ms)
{
	stop_pings(agent);
	if (agent->is_ping_open)
		agent->missed_pings++;
	if (agent->missed_pings >= agent->master->options.agent_max_missed_pings)
		set_overdue(agent);
	ping(agent, now_ms);
}

/* ---- the stream ---- */

/* What it said of itself there holds no longer: it says so again when it is back. */
void registry_drop_stream(struct agent *agent)
{
	directory_unsubscribe(agent);
	if (agent->stream)
		HASH_DELETE(hh_stream, agent->master->streams, agent);
	agent->stream = NULL;
	free(TAKE_PTR(agent->degraded));
}

void registry_disconnect(struct agent *agent)
{
	if (agent->state != AGENT_CONNECTED)
		return;
	registry_set_state(agent, AGENT_DISCONNECTED);
	registry_drop_stream(agent);
	inverse_offers_rescind_of_agent(agent);
	/* Until it is back, the next ping counts as one that was not answered. */
	agent->is_ping_open = true;
	registry_update_offering(agent);
}

void registry_update_offering(struct agent *agent)
{
	bool is_offered = agent_is_active(agent) && !agent->degraded;

	if (agent->node)
		allocator_node_set_active(agent->node, is_offered);
	if (!is_offered)
		offers_rescind_of_agent(agent);
}

static void explain_degraded(const struct agent *agent, bool was_degraded)
{
	if (agent->degraded && !was_degraded)
		master_explain(agent->master, "agent '%s' on '%s' takes no tasks: %s", agent->id,
			       agent->info->hostname, agent->degraded);
	else if (!agent->degraded && was_degraded)
		master_explain(agent->master, "agent '%s' on '%s' takes tasks again", agent->id,
			       agent->info->hostname);
}

/*
 * An agent that refuses all it is given looks emptiest, and would draw one task after the other.
 * Without memory for the words it stays as it was: its next call says them again.
 */
void registry_set_degraded(struct agent *agent, const char *why)
{
	bool was_degraded = agent->degraded;

	if (why) {
		char *copy = utf8_repair(why, utf8_cut(why, MAX_DEGRADED));

		if (!copy)
			return;
		free(agent->degraded);
		agent->degraded = copy;
	} else {
		free(TAKE_PTR(agent->degraded));
	}
	if (was_degraded == !!why)
		return;
	explain_degraded(agent, was_degraded);
	registry_update_offering(agent);
}

/* ---- the end ---- */

static void tell_failure(struct agent *agent)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Failure failure = MESOS__V1__SCHEDULER__EVENT__FAILURE__INIT;
	struct framework *framework, *next;

	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE;
	event.failure = &failure;
	failure.agent_id = agent->info->id;
	HASH_ITER(hh, agent->master->frameworks, framework, next)
		(void)framework_send(framework, &event);
}

/* The registry first: what a framework is told must not be forgotten by a restart. */
static int record_end(struct agent *agent, enum agent_state state, int64_t *when_wall_ms,
		      struct err *e)
{
	enum agent_state before = agent->state;
	int64_t when_before = *when_wall_ms;
	int r;

	registry_set_state(agent, state);
	*when_wall_ms = master_wall_ms(agent->master);
	r = registry_put(agent, e);
	if (r < 0) {
		registry_set_state(agent, before);
		*when_wall_ms = when_before;
	}
	return r;
}

/* Its tasks have been told of; what it had is nobody's. */
static void take_out(struct agent *agent)
{
	struct master *master = agent->master;
	void *stream = agent->stream;

	registry_stop_waiting(agent);
	registry_drop_stream(agent);
	inverse_offers_rescind_of_agent(agent);
	while (!LIST_EMPTY(&agent->executors))
		master_executor_free(LIST_FIRST(&agent->executors));
	allocator_node_free(agent->node);
	agent->node = NULL;
	if (stream)
		master->io.agent_close(master->io.arg, stream);
}

static int mark_unreachable(struct agent *agent, int64_t now_ms)
{
	struct master *master = agent->master;
	const char *why = agent->state == AGENT_RECOVERING ?
			  "it did not come back after the master's start" :
			  "it has not answered any of the last pings";
	struct err e = { 0 };
	int r = record_end(agent, AGENT_UNREACHABLE, &agent->unreachable_wall_ms, &e);

	if (r < 0) {
		master_explain(master, "agent '%s': not marked unreachable yet: %s", agent->id,
			       e.msg);
		return r;
	}
	agent->unreachable_ms = now_ms;
	master->counters.slave_unreachable++;
	master_explain(master, "agent '%s' on '%s' is unreachable: %s", agent->id,
		       agent->info->hostname, why);
	offers_rescind_of_agent(agent);
	master_tasks_mark_unreachable(agent);
	feedback_mark_unreachable(agent);
	take_out(agent);
	tell_failure(agent);
	return 0;
}

int registry_mark_gone(struct agent *agent, const char *why, struct err *e)
{
	bool is_known_lost = agent->state == AGENT_UNREACHABLE;
	int r = record_end(agent, AGENT_GONE, &agent->gone_wall_ms, e);

	if (r < 0)
		return r;
	agent->master->counters.slave_gone++;
	master_explain(agent->master, "agent '%s' on '%s' is gone: %s", agent->id,
		       agent->info->hostname, why);
	registry_send_shutdown(agent);
	drain_forget(agent);
	offers_rescind_of_agent(agent);
	master_tasks_mark_gone(agent);
	feedback_mark_gone(agent);
	take_out(agent);
	directory_forget_node(agent);
	maintenance_forget(agent);
	if (!is_known_lost)
		tell_failure(agent);
	return 0;
}

/* ---- what is due ---- */

/* A master that lost its network sees every agent overdue: it need not condemn them all at once. */
static void mark_overdue(struct master *master, int64_t now_ms)
{
	struct agent *agent;

	while ((agent = TAILQ_FIRST(&master->overdue)) && master->next_unreachable_ms <= now_ms)
		master->next_unreachable_ms =
			now_ms + (mark_unreachable(agent, now_ms) < 0 ? RETRY_MS :
				  master->options.agent_removal_interval_ms);
}

static void check_recovery(struct master *master, int64_t now_ms)
{
	struct agent *agent, *next;

	if (master->is_recovered)
		return;
	if (!registry_is_recovering(master)) {
		master->is_recovered = true;
		frameworks_forget_kills(master);
	} else if (master->recovery_ends_ms <= now_ms) {
		master->recovery_ends_ms = INT64_MAX;
		HASH_ITER(hh, master->agents, agent, next) {
			if (agent->state == AGENT_RECOVERING)
				set_overdue(agent);
		}
	}
}

/*
 * Nobody waits for an agent for ever: after two weeks, or when there are too many, it is new.  One
 * that is gone is remembered as long as there is room, because it must not come back.
 */
static bool may_be_forgotten(const struct agent *agent, size_t n, int64_t now_ms)
{
	if (agent->state == AGENT_UNREACHABLE)
		return n > MAX_AGENTS || now_ms - agent->unreachable_ms >= UNREACHABLE_KEPT_MS;
	return agent->state == AGENT_GONE && n > MAX_AGENTS;
}

static void forget_old(struct master *master, int64_t now_ms)
{
	size_t n = HASH_COUNT(master->agents);
	struct agent *agent, *next;
	struct err e = { 0 };

	if (now_ms < master->next_cleanup_ms)
		return;
	master->next_cleanup_ms = now_ms + CLEANUP_MS;
	HASH_ITER(hh, master->agents, agent, next) {
		if (!may_be_forgotten(agent, n, now_ms))
			continue;
		if (registry_forget(agent, &e) < 0)
			return;
		n--;
	}
}

void registry_turn(struct master *master, int64_t now_ms)
{
	struct agent *agent;

	while ((agent = TAILQ_FIRST(&master->pings)) && agent->next_ping_ms <= now_ms)
		ping_again(agent, now_ms);
	check_recovery(master, now_ms);
	mark_overdue(master, now_ms);
	drains_turn(master);
	forget_old(master, now_ms);
}

int64_t registry_next_ms(const struct master *master)
{
	const struct agent *agent = TAILQ_FIRST(&master->pings);
	int64_t next = master->is_recovered ? INT64_MAX : master->recovery_ends_ms;

	if (master->next_cleanup_ms < next)
		next = master->next_cleanup_ms;
	if (!TAILQ_EMPTY(&master->overdue) && master->next_unreachable_ms < next)
		next = master->next_unreachable_ms;
	return agent && agent->next_ping_ms < next ? agent->next_ping_ms : next;
}
