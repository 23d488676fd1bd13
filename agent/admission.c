#include "agent/admission.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/drain.h"
#include "agent/executor.h"
#include "agent/status.h"
#include "agent/task.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"

enum { TOMBSTONE_MS = 15 * 60 * 1000 };

struct tombstone {
	UT_hash_handle hh;
	int64_t expires_boot_ms;
	char key[];
};

/* ---- the checks ---- */

/* Each container takes descriptors, and each task memory, whoever asked for it. */
static int check_count(const struct agent *agent, size_t n, const char *what, struct err *e)
{
	return n < agent->max_tasks ? 0 :
		err_set(e, EAGAIN, "the agent has %u %s%s", agent->max_tasks, what,
			agent->max_tasks < AGENT_MAX_TASKS ?
			", as many as it may open files for" : "");
}

/* Is there room beside N_TASKS and N_CONTAINERS? */
static int check_agent(const struct agent *agent, size_t n_tasks, size_t n_containers,
		       struct err *e)
{
	int r;

	if (agent->is_shutting_down)
		return err_set(e, ESHUTDOWN, "the agent is shutting down");
	if (agent->is_disk_bad)
		return err_set(e, ENOSPC, "the agent cannot write its state below '%s'",
			       agent->work_dir);
	r = check_count(agent, n_tasks, "tasks", e);
	if (r >= 0)
		r = check_count(agent, n_containers, "containers", e);
	if (r < 0)
		return r;
	if (agent->descriptions > AGENT_MAX_DESCRIPTIONS)
		return err_set(e, EAGAIN, "the descriptions of the agent's tasks and containers "
			       "take more than %d bytes", AGENT_MAX_DESCRIPTIONS);
	return 0;
}

int admission_check_agent(const struct agent *agent, struct err *e)
{
	return check_agent(agent, HASH_COUNT(agent->tasks), HASH_COUNT(agent->containers), e);
}

int admission_check_known(const struct agent *agent, struct err *e)
{
	return check_agent(agent, HASH_COUNT(agent->tasks) - 1, HASH_COUNT(agent->containers) - 1,
			   e);
}

/* Whatever may be different on another node or a moment later: not the task's fault. */
static int check_place(struct task *task, struct err *e)
{
	int r = admission_check_known(task->agent, e);

	return r < 0 ? err_wrap(e, "launch task '%s'", task_id(task)) : 0;
}

int admission_check_resources(const struct agent *agent, const char *what,
			      const struct resources *wanted, struct err *e)
{
	struct resources sum = { 0 };
	AUTO_FREE char *asked = NULL, *used = NULL;
	int r;

	if (resources_copy(&agent->used, &sum) < 0 || resources_add(&sum, wanted) < 0) {
		resources_done(&sum);
		return err_set(e, ENOMEM, "launch '%s'", what);
	}
	r = resources_contain(&agent->node.total, &sum) ? 0 : -ENOSPC;
	resources_done(&sum);
	if (r == 0)
		return 0;
	asked = resources_format(wanted);
	used = resources_format(&agent->used);
	return err_set(e, ENOSPC, "launch '%s': %s is more than the node has beside %s in use", what,
		       asked ? asked : "it", used ? used : "what is");
}

/* Is there nothing to launch for the task, because its executor is there? */
static bool is_running_already(const struct task *task)
{
	return task->executor && task->container->is_charged;
}

/* An executor that is to be launched brings its own resources along. */
static int check_room(struct task *task, struct err *e)
{
	int r = 0;

	if (is_running_already(task))
		return admission_check_resources(task->agent, task_id(task), &task->resources, e);
	if (task->executor)
		r = executor_charge(task, e);
	return r < 0 ? r : admission_check_resources(task->agent, task_id(task),
						     &task->container->resources, e);
}

static int check_executor(const struct executor *x, struct verdict *refusal, struct err *e)
{
	if (!x->is_shut_down && !x->container->has_ended)
		return 0;
	refusal->reason = MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED;
	return err_set(e, ESHUTDOWN, "executor '%s' is terminating", executor_id(x));
}

/* What a container sees of the node's volumes is mounted when it is launched. */
static int check_volumes(const struct task *task, struct err *e)
{
	const struct resource_parts *parts = &task->resources.parts;

	for (size_t i = 0; i < parts->n; i++) {
		if (parts->items[i].volume)
			return err_set(e, ENOTSUP, "volume '%s' of role '%s': executor '%s' runs, and "
				       "has the volumes that it was launched with",
				       parts->items[i].volume, parts->items[i].role,
				       executor_id(task->executor));
	}
	return 0;
}

/* Is it that others have what it asks for, here and now? */
static bool is_taken(const struct err *e)
{
	return e->code == EADDRINUSE || e->code == ENOSPC || e->code == EBUSY;
}

int admission_check(struct task *task, struct verdict *ret_refusal, struct err *e)
{
	const Mesos__V1__FrameworkInfo *framework = task->record->framework;
	int r;

	*ret_refusal = (struct verdict){
		.state = status_lost_state(framework, MESOS__V1__TASK_STATE__TASK_DROPPED),
		.reason = MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN,
	};
	if (drain_is_on(task->agent)) {
		ret_refusal->reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING;
		return err_set(e, ESHUTDOWN, "launch task '%s': the agent is draining",
			       task_id(task));
	}
	r = task->executor ? check_executor(task->executor, ret_refusal, e) : 0;
	if (r >= 0)
		r = check_place(task, e);
	if (r >= 0)
		r = check_room(task, e);
	if (r < 0)
		return r;
	r = is_running_already(task) ? check_volumes(task, e) :
				       admission_describe(task->container, e);
	if (r < 0 && !is_taken(e)) {
		ret_refusal->state = MESOS__V1__TASK_STATE__TASK_ERROR;
		ret_refusal->reason = MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID;
	}
	return r < 0 ? err_wrap(e, "launch task '%s'", task_id(task)) : 0;
}

/* ---- tombstones ---- */

static void drop_expired(struct agent *agent)
{
	struct tombstone *stone, *next;
	int64_t now = clock_boot_ms();

	/* uthash keeps the order of insertion, which is that of expiry. */
	HASH_ITER(hh, agent->tombstones, stone, next) {
		if (stone->expires_boot_ms > now)
			break;
		HASH_DEL(agent->tombstones, stone);
		free(stone);
	}
}

int tombstone_add(struct agent *agent, const char *key, struct err *e)
{
	size_t n = strlen(key);
	struct tombstone *stone;

	drop_expired(agent);
	if (tombstone_has(agent, key))
		return 0;
	stone = malloc(sizeof(*stone) + n + 1);
	if (!stone)
		return err_set(e, ENOMEM, "remember task '%s'", key);
	memcpy(stone->key, key, n + 1);
	stone->expires_boot_ms = clock_boot_ms() + TOMBSTONE_MS;
	HASH_ADD_KEYPTR(hh, agent->tombstones, stone->key, n, stone);
	if (stone->hh.tbl)
		return 0;
	free(stone);
	return err_set(e, ENOMEM, "remember task '%s'", key);
}

bool tombstone_has(struct agent *agent, const char *key)
{
	struct tombstone *stone;

	drop_expired(agent);
	HASH_FIND_STR(agent->tombstones, key, stone);
	return stone;
}

void tombstones_free(struct agent *agent)
{
	struct tombstone *stone, *next;

	HASH_ITER(hh, agent->tombstones, stone, next) {
		HASH_DEL(agent->tombstones, stone);
		free(stone);
	}
}
