#include "master_stub/reconcile.h"

#include "lib/hash.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

static void tell_known(struct task *task)
{
	struct status_from_master status = {
		.task_id = task->id,
		.agent_id = task->agent->id,
		.message = "Reconciliation: Task is unreachable",
		.state = MESOS__V1__TASK_STATE__TASK_UNREACHABLE,
		.reason = MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION,
		.unreachable_wall_ms = task->agent->unreachable_wall_ms,
	};

	if (task->is_unreachable)
		master_task_tell(task->framework, &status);
	else
		master_task_tell_latest(task, MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION,
				 "Reconciliation: Latest task state");
}

/* By what is known of the agent that the framework names. */
static void tell_unknown(struct framework *framework, const char *task_id,
			 const struct agent *agent, const char *agent_id)
{
	static const struct {
		Mesos__V1__TaskState state;
		const char *message;
	} answers[] = {
		[AGENT_CONNECTED] = { MESOS__V1__TASK_STATE__TASK_GONE,
			"Reconciliation: Task is gone from its agent" },
		[AGENT_DISCONNECTED] = { MESOS__V1__TASK_STATE__TASK_GONE,
			"Reconciliation: Task is gone from its agent" },
		[AGENT_UNREACHABLE] = { MESOS__V1__TASK_STATE__TASK_UNREACHABLE,
			"Reconciliation: Task is unreachable" },
		[AGENT_GONE] = { MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR,
			"Reconciliation: Task is gone with its agent" },
	};
	struct status_from_master status = {
		.task_id = task_id,
		.agent_id = agent_id,
		.message = "Reconciliation: Task is unknown",
		.state = MESOS__V1__TASK_STATE__TASK_UNKNOWN,
		.reason = MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION,
	};

	if (agent) {
		status.state = answers[agent->state].state;
		status.message = answers[agent->state].message;
	}
	if (agent && agent->state == AGENT_UNREACHABLE)
		status.unreachable_wall_ms = agent->unreachable_wall_ms;
	master_task_tell(framework, &status);
}

void reconcile_task(struct framework *framework, const char *task_id, const char *agent_id)
{
	struct master *master = framework->master;
	struct task *task = master_task_find(framework, task_id);
	const struct agent *agent = agent_id ? registry_find(master, agent_id) : NULL;

	if (task) {
		tell_known(task);
		return;
	}
	/*
	 * An agent that may still come back may bring the task along: no answer is better than a
	 * wrong one.  The framework asks again.
	 */
	if (agent ? agent->state == AGENT_RECOVERING : registry_is_recovering(master))
		return;
	tell_unknown(framework, task_id, agent, agent_id);
}

void reconcile(struct framework *framework, const Mesos__V1__Scheduler__Call__Reconcile *call)
{
	struct task *task, *next;

	if (!call || call->n_tasks == 0) {
		HASH_ITER(hh, framework->tasks, task, next)
			tell_known(task);
		return;
	}
	for (size_t i = 0; i < call->n_tasks; i++)
		reconcile_task(framework, call->tasks[i]->task_id->value,
			       call->tasks[i]->agent_id ? call->tasks[i]->agent_id->value : NULL);
}
