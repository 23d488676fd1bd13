#include "agent/drain.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/status.h"
#include "agent/supervisor.h"
#include "agent/task.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"

bool drain_is_on(const struct agent *agent)
{
	return agent->self->drain;
}

/* As long as the task was promised, but no longer than the drain allows. */
static int kill_within(struct task *task, const Mesos__V1__DurationInfo *max_grace, struct err *e)
{
	Mesos__V1__KillPolicy policy = MESOS__V1__KILL_POLICY__INIT;
	Mesos__V1__DurationInfo grace = MESOS__V1__DURATION_INFO__INIT;

	if (!max_grace || max_grace->nanoseconds / 1000000 >= supervisor_grace_ms(task->container))
		return task_kill(task, NULL, e);
	grace.nanoseconds = max_grace->nanoseconds;
	policy.grace_period = &grace;
	return task_kill(task, &policy, e);
}

static void kill_tasks(struct agent *agent)
{
	const Mesos__V1__DurationInfo *max_grace = agent->self->drain->max_grace_period;
	struct err e = { 0 };

	for (struct task *task = agent->tasks; task; task = task->hh.next) {
		if (kill_within(task, max_grace, &e) < 0) {
			log_write_err(LOG_LEVEL_ERROR, &e, "drain task '%s'", task_id(task));
			err_clear(&e);
		}
	}
}

static int64_t max_grace_ns(const Mesos__V1__DrainConfig *config)
{
	return config->max_grace_period ? config->max_grace_period->nanoseconds : -1;
}

static bool is_same(const Mesos__V1__DrainConfig *a, const Mesos__V1__DrainConfig *b)
{
	if (!a || !b)
		return a == b;
	return a->mark_gone == b->mark_gone && max_grace_ns(a) == max_grace_ns(b);
}

int drain_set(struct agent *agent, const Mesos__V1__DrainConfig *config, struct err *e)
{
	Mesos__V1__DrainConfig *copy = NULL;

	if (is_same(config, agent->self->drain))
		return 0;
	if (config) {
		copy = (Mesos__V1__DrainConfig *)pb_copy(&config->base);
		if (!copy)
			return err_set(e, ENOMEM, "drain the agent");
	}
	log_info("%s", config ? "draining: all tasks are killed and no others taken" :
				"not draining any more: tasks are taken again");
	if (agent->self->drain)
		mesos__v1__drain_config__free_unpacked(agent->self->drain, NULL);
	agent->self->drain = copy;
	if (copy)
		kill_tasks(agent);
	return agent_put_self(agent, e);
}

void drain_explain(const struct task *task, Mesos__V1__TaskStatus *status)
{
	const Mesos__V1__DrainConfig *config = task->agent->self->drain;

	if (!config || (status->state != MESOS__V1__TASK_STATE__TASK_KILLING &&
			status->state != MESOS__V1__TASK_STATE__TASK_KILLED))
		return;
	status->has_reason = 1;
	status->reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING;
	if (config->mark_gone && status->state == MESOS__V1__TASK_STATE__TASK_KILLED)
		status->state = status_lost_state(task->record->framework,
						  MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR);
}
