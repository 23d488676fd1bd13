#include "master_stub/drain.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "master_stub/core.h"
#include "master_stub/endpoint.h"
#include "master_stub/leave.h"
#include "master_stub/maintenance.h"

const struct drain drain_none = {
	.state = MESOS__V1__DRAIN_STATE__UNKNOWN, .max_grace_ns = -1,
};

/* ---- the list of those that shall become drained ---- */

static void update_list(struct agent *agent)
{
	bool is_draining = agent->drain.state == MESOS__V1__DRAIN_STATE__DRAINING;

	if (is_draining == agent->is_draining)
		return;
	agent->is_draining = is_draining;
	if (is_draining)
		TAILQ_INSERT_TAIL(&agent->master->draining, agent, in_draining);
	else
		TAILQ_REMOVE(&agent->master->draining, agent, in_draining);
}

void drain_forget(struct agent *agent)
{
	agent->drain = drain_none;
	update_list(agent);
}

/* ---- messages ---- */

Mesos__V1__DrainInfo *drain_describe(const struct drain *drain, struct drain_message *ret)
{
	if (drain->state == MESOS__V1__DRAIN_STATE__UNKNOWN)
		return NULL;
	mesos__v1__drain_info__init(&ret->info);
	mesos__v1__drain_config__init(&ret->config);
	ret->info.state = drain->state;
	ret->info.config = &ret->config;
	ret->config.has_mark_gone = true;
	ret->config.mark_gone = drain->is_marking_gone;
	if (drain->max_grace_ns >= 0) {
		mesos__v1__duration_info__init(&ret->max_grace);
		ret->max_grace.nanoseconds = drain->max_grace_ns;
		ret->config.max_grace_period = &ret->max_grace;
	}
	return &ret->info;
}

static struct drain read_config(const Mesos__V1__DrainConfig *config)
{
	return (struct drain){
		.state = MESOS__V1__DRAIN_STATE__DRAINING,
		.is_marking_gone = config->mark_gone,
		.max_grace_ns = config->max_grace_period ?
				config->max_grace_period->nanoseconds : -1,
	};
}

void drain_restore(struct agent *agent, const Mesos__V1__DrainInfo *info, int64_t started_wall_ms)
{
	if (!info)
		return;
	agent->drain = read_config(info->config);
	agent->drain.state = info->state;
	agent->drain.started_wall_ms = started_wall_ms;
	update_list(agent);
}

/* ---- changes ---- */

static int find(struct master *master, const char *agent_id, struct agent **ret, struct err *e)
{
	*ret = registry_find(master, agent_id);
	if (!*ret)
		return err_set(e, ENOENT, "Agent '%.255s' not found", agent_id);
	if ((*ret)->state == AGENT_GONE)
		return err_set(e, EEXIST, "Agent '%s' is gone", (*ret)->id);
	return 0;
}

/* On disk, or not at all; what follows from it follows. */
static int change(struct agent *agent, bool is_deactivated, struct drain drain, struct err *e)
{
	struct drain drain_before = agent->drain;
	bool was_deactivated = agent->is_deactivated;
	int r;

	agent->is_deactivated = is_deactivated;
	agent->drain = drain;
	r = registry_put(agent, e);
	if (r < 0) {
		agent->is_deactivated = was_deactivated;
		agent->drain = drain_before;
		return r;
	}
	update_list(agent);
	registry_update_offering(agent);
	return 0;
}

int drain_agent(struct master *master, const char *agent_id,
		const Mesos__V1__DrainConfig *config, struct err *e)
{
	struct agent *agent;
	struct drain drain = read_config(config);
	int r = find(master, agent_id, &agent, e);

	if (r < 0)
		return r;
	if (config->max_grace_period && drain.max_grace_ns < 0)
		return err_set(e, EINVAL, "drain agent '%s': its grace period is negative",
			       agent->id);
	r = maintenance_check_unscheduled(agent, e);
	if (r < 0)
		return r;
	if (agent->state == AGENT_CONNECTED)
		drain.started_wall_ms = master_wall_ms(master);
	r = change(agent, true, drain, e);
	if (r < 0)
		return r;
	master_explain(master, "agent '%s' on '%s' is draining%s", agent->id,
		       agent->info->hostname,
		       drain.is_marking_gone ? " and will be gone afterwards" : "");
	leave_drain(agent);
	return 0;
}

int drain_deactivate(struct master *master, const char *agent_id, struct err *e)
{
	struct agent *agent;
	int r = find(master, agent_id, &agent, e);

	if (r == 0)
		r = change(agent, true, agent->drain, e);
	if (r == 0)
		master_explain(master, "agent '%s' on '%s' is deactivated: it is not offered",
			       agent->id, agent->info->hostname);
	return r;
}

int drain_reactivate(struct master *master, const char *agent_id, struct err *e)
{
	struct agent *agent;
	int r = find(master, agent_id, &agent, e);

	if (r < 0)
		return r;
	if (!agent->is_deactivated)
		return err_set(e, EINVAL, "Agent '%s' is not deactivated", agent->id);
	if (agent->drain.state == MESOS__V1__DRAIN_STATE__DRAINING)
		return err_set(e, EINVAL, "Agent '%s' is still in the DRAINING state", agent->id);
	r = change(agent, false, drain_none, e);
	if (r < 0)
		return r;
	master_explain(master, "agent '%s' on '%s' is reactivated", agent->id,
		       agent->info->hostname);
	endpoints_update(agent);
	registry_send_drain(agent);
	return 0;
}

int drain_mark_gone(struct master *master, const char *agent_id, struct err *e)
{
	struct agent *agent;
	int r = find(master, agent_id, &agent, e);

	if (r == -EEXIST) {
		err_clear(e);
		return 0;
	}
	return r < 0 ? r : registry_mark_gone(agent, "an operator declared it", e);
}

/* ---- progress ---- */

void drain_note_told(struct agent *agent)
{
	struct err e = { 0 };

	if (agent->drain.state == MESOS__V1__DRAIN_STATE__UNKNOWN || agent->drain.started_wall_ms)
		return;
	agent->drain.started_wall_ms = master_wall_ms(agent->master);
	if (registry_put(agent, &e) < 0)
		master_explain(agent->master, "%s", e.msg);
}

static void finish(struct agent *agent)
{
	struct drain drained = agent->drain;
	struct err e = { 0 };
	int r;

	drained.state = MESOS__V1__DRAIN_STATE__DRAINED;
	if (drained.is_marking_gone)
		r = registry_mark_gone(agent, "it is drained, as was asked for", &e);
	else
		r = change(agent, true, drained, &e);
	if (r < 0)
		master_explain(agent->master, "agent '%s': not marked drained yet: %s", agent->id,
			       e.msg);
	else if (!drained.is_marking_gone)
		master_explain(agent->master, "agent '%s' on '%s' is drained", agent->id,
			       agent->info->hostname);
}

/* Only of an agent that has told what it has can be said that there is nothing. */
static bool is_empty(const struct agent *agent)
{
	return (agent->state == AGENT_CONNECTED || agent->state == AGENT_DISCONNECTED) &&
	       TAILQ_EMPTY(&agent->tasks) && LIST_EMPTY(&agent->operations);
}

void drains_turn(struct master *master)
{
	struct agent *agent, *next;

	for (agent = TAILQ_FIRST(&master->draining); agent; agent = next) {
		next = TAILQ_NEXT(agent, in_draining);
		if (is_empty(agent))
			finish(agent);
	}
}
