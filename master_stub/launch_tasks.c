#include "master_stub/launch_tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/observe.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "master_stub/task_validate.h"

void launch_tell_not(struct framework *framework, const Mesos__V1__TaskInfo *task,
		     Mesos__V1__TaskState state, Mesos__V1__TaskStatus__Reason reason,
		     const char *message)
{
	struct status_from_master status = {
		.task_id = task->task_id->value,
		.agent_id = task->agent_id->value,
		.message = message,
		.state = state,
		.reason = reason,
	};

	master_task_count_end(framework, state, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER,
			      (int)reason);
	master_explain(framework->master, "task '%.255s' of framework '%s' is not launched: %s",
		       task->task_id->value, framework->id, message);
	master_task_tell(framework, &status);
}

/* ---- what is launched together ---- */

struct launch {
	Mesos__V1__TaskInfo info;	/* as the framework gave it, but for its executor */
	struct resources resources;
	struct task *task;		/* once it is made */
};

/* One task, or a group: all of them or none, in one executor or, if it is one task, without. */
struct batch {
	struct budget *budget;
	struct launch *launches;
	size_t n;
	bool is_group;
	Mesos__V1__ExecutorInfo *info;		/* owned, complete; NULL: there is none */
	struct executor *executor;		/* that runs there already, or is made for them */
	bool is_new;
	struct resources executor_resources;	/* of one that is to be made */
};

static void batch_done(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		resources_done(&batch->launches[i].resources);
	resources_done(&batch->executor_resources);
	if (batch->info)
		mesos__v1__executor_info__free_unpacked(batch->info, NULL);
}

/* ---- checks ---- */

static int find_executor(struct batch *batch, const Mesos__V1__ExecutorInfo *info, struct err *e)
{
	const struct budget *budget = batch->budget;
	const char *role = budget->role->name;
	int r = master_executor_complete(budget->agent, budget->framework, role, info,
					 batch->is_group, &batch->info, &batch->executor, e);

	batch->is_new = r >= 0 && !batch->executor;
	if (!batch->is_new)
		return r;
	return allocated_resources_validate("Executor", batch->info->resources,
					    batch->info->n_resources, role,
					    &batch->executor_resources, e);
}

static bool has_own_cgroup(const Mesos__V1__ContainerInfo *container)
{
	return container && container->linux_info && container->linux_info->has_share_cgroups &&
	       !container->linux_info->share_cgroups;
}

/* What a task may not have because it is in a group, or because it is not. */
static int check_place(const struct batch *batch, const Mesos__V1__TaskInfo *info, struct err *e)
{
	const Mesos__V1__ContainerInfo *container = info->container;
	const Mesos__V1__HealthCheck *health = info->health_check;

	if (!batch->is_group)
		return !has_own_cgroup(container) ? 0 :
		       err_set(e, EINVAL, "Only tasks in a task group may have 'share_cgroups' set"
			       " to 'false'");
	if (container && container->type == MESOS__V1__CONTAINER_INFO__TYPE__DOCKER)
		return err_set(e, EINVAL, "Docker ContainerInfo is not supported on the task");
	if (container && container->n_network_infos > 0 && health && (health->http || health->tcp))
		return err_set(e, EINVAL, "HTTP and TCP health checks are not supported for nested"
			       " containers not joining parent's network");
	if (info->n_more_health_checks > 0)
		return err_set(e, EINVAL, "A task in a task group may have one health check only");
	if (info->n_limits > 0 && !has_own_cgroup(container))
		return err_set(e, EINVAL, "Resource limits may only be set for tasks within a task"
			       " group when the 'share_cgroups' field is set to 'false'.");
	return 0;
}

/* A task of a group may have a command, which its executor is to run; others have one or the other. */
static int check_task(const struct batch *batch, struct launch *launch, struct err *e)
{
	const struct budget *budget = batch->budget;
	Mesos__V1__TaskInfo info = launch->info;

	if (batch->is_group)
		info.executor = info.command ? NULL : batch->info;
	return check_place(batch, &info, e) < 0 ? -EINVAL :
	       master_task_validate(budget->framework, budget->agent, budget->role->name, &info,
				    &launch->resources, e);
}

/* In one group, too, an id is one task's. */
static int check_unique(const struct batch *batch, struct err *e)
{
	for (size_t i = 0; i < batch->n; i++) {
		const char *id = batch->launches[i].info.task_id->value;

		for (size_t k = 0; k < i; k++) {
			if (strcmp(id, batch->launches[k].info.task_id->value) == 0)
				return err_set(e, EINVAL, "Task has duplicate ID: %.255s", id);
		}
	}
	return 0;
}

/* Out of what is left of the offers: the tasks' resources, and those of an executor that is new. */
static int spend(const struct batch *batch, struct err *e)
{
	struct resources *left = &batch->budget->left, sum = { 0 };
	AUTO_FREE char *wanted = NULL, *rest = NULL;
	int r = resources_copy(&batch->executor_resources, &sum);

	for (size_t i = 0; i < batch->n && r >= 0; i++)
		r = resources_add(&sum, &batch->launches[i].resources);
	if (r < 0) {
		r = err_set(e, ENOMEM, "launch task");
	} else if (!resources_contain(left, &sum)) {
		wanted = resources_format(&sum);
		rest = resources_format(left);
		r = err_set(e, EINVAL, "%s more resources (%.200s) than are left of the offer"
			    " (%.200s)", batch->is_group ? "Task group uses" : "Task uses",
			    wanted ? wanted : "?", rest ? rest : "?");
	} else if (resources_subtract(left, &sum) < 0) {
		r = err_set(e, ENOMEM, "launch task");
	}
	resources_done(&sum);
	return r;
}

/* ---- to the agent ---- */

/* A task as the agent is told of it: with the role, whether or not the framework knows of roles. */
struct told {
	Mesos__V1__TaskInfo info;
	Mesos__V1__Resource *resources, **pointers;
};

static int tell(const struct launch *launch, Mesos__V1__Resource__AllocationInfo *allocation,
		struct told *ret)
{
	size_t n = launch->info.n_resources;

	ret->info = launch->info;
	ret->resources = calloc(n, sizeof(*ret->resources));
	ret->pointers = calloc(n, sizeof(*ret->pointers));
	if (!ret->resources || !ret->pointers)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		ret->resources[i] = *launch->info.resources[i];
		ret->resources[i].allocation_info = allocation;
		ret->pointers[i] = &ret->resources[i];
	}
	ret->info.resources = ret->pointers;
	return 0;
}

static void send_told(const struct batch *batch, Mesos__V1__TaskInfo **infos)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__RunTask run = TEPUI__AGENT_EVENT__RUN_TASK__INIT;
	Tepui__AgentEvent__RunTaskGroup group = TEPUI__AGENT_EVENT__RUN_TASK_GROUP__INIT;

	event.has_type = true;
	if (batch->is_group) {
		group.framework = batch->budget->framework->info;
		group.executor = batch->info;
		group.tasks = infos;
		group.n_tasks = batch->n;
		event.type = TEPUI__AGENT_EVENT__TYPE__RUN_TASK_GROUP;
		event.run_task_group = &group;
	} else {
		run.framework = batch->budget->framework->info;
		run.task = infos[0];
		event.type = TEPUI__AGENT_EVENT__TYPE__RUN_TASK;
		event.run_task = &run;
	}
	registry_send(batch->budget->agent, &event);
}

static int send_batch(const struct batch *batch)
{
	AUTO_FREE struct told *told = calloc(batch->n, sizeof(*told));
	AUTO_FREE Mesos__V1__TaskInfo **infos = calloc(batch->n, sizeof(*infos));
	Mesos__V1__Resource__AllocationInfo allocation =
		MESOS__V1__RESOURCE__ALLOCATION_INFO__INIT;
	int r = told && infos ? 0 : -ENOMEM;

	allocation.role = batch->budget->role->name;
	for (size_t i = 0; i < batch->n && r >= 0; i++) {
		r = tell(&batch->launches[i], &allocation, &told[i]);
		infos[i] = &told[i].info;
	}
	if (r >= 0)
		send_told(batch, infos);
	for (size_t i = 0; told && i < batch->n; i++) {
		free(told[i].resources);
		free(told[i].pointers);
	}
	return r;
}

/* ---- in the books ---- */

static int make_task(const struct batch *batch, struct launch *launch)
{
	const struct budget *budget = batch->budget;
	int r = master_task_new(budget->framework, budget->agent, budget->role, &launch->info, true,
				&launch->resources, &launch->task);

	if (r < 0)
		return r;
	launch->task->executor = batch->executor;
	master_task_charge(launch->task);
	return launch->task->is_charged ? 0 : -ENOMEM;
}

static int make_executor(struct batch *batch)
{
	const struct budget *budget = batch->budget;
	int r = master_executor_new(budget->framework, budget->agent, budget->role, batch->info,
				    &batch->executor_resources, &batch->executor);

	return r < 0 || batch->executor->is_charged ? r : -ENOMEM;
}

static void undo(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		if (batch->launches[i].task)
			master_task_free(batch->launches[i].task);
	}
	if (batch->is_new && batch->executor)
		master_executor_free(batch->executor);
}

static void announce(const struct batch *batch)
{
	const struct budget *budget = batch->budget;
	const struct executor *executor = batch->executor;

	for (size_t i = 0; i < batch->n; i++) {
		master_explain(budget->framework->master,
			       "task '%s' of framework '%s' goes to %s%s%sagent '%s' on '%s'",
			       batch->launches[i].task->id, budget->framework->id,
			       executor ? "executor '" : "", executor ? executor->id : "",
			       executor ? "' of " : "", budget->agent->id,
			       budget->agent->info->hostname);
		observe_task_added(batch->launches[i].task);
	}
}

static int launch_batch(struct batch *batch, struct err *e)
{
	int r = spend(batch, e);

	if (r < 0)
		return r;
	r = batch->is_new ? make_executor(batch) : 0;
	for (size_t i = 0; i < batch->n && r >= 0; i++) {
		batch->launches[i].info.executor = batch->info;
		r = make_task(batch, &batch->launches[i]);
	}
	if (r >= 0)
		r = send_batch(batch);
	if (r < 0) {
		undo(batch);
		return err_set(e, ENOMEM, "launch task");
	}
	announce(batch);
	return 0;
}

/* R and WHY: none of them was launched. */
static void tell_all(const struct batch *batch, int r, const char *why)
{
	for (size_t i = 0; i < batch->n; i++) {
		const Mesos__V1__TaskInfo *info = &batch->launches[i].info;

		if (r == -ENOMEM)
			launch_tell_not(batch->budget->framework, info,
				MESOS__V1__TASK_STATE__TASK_DROPPED,
				MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN,
				"The master is out of memory");
		else
			launch_tell_not(batch->budget->framework, info,
				MESOS__V1__TASK_STATE__TASK_ERROR, batch->is_group ?
				MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID :
				MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID, why);
	}
}

void launch_task(struct budget *budget, const Mesos__V1__TaskInfo *info)
{
	struct launch launch = { .info = *info };
	struct batch batch = { .budget = budget, .launches = &launch, .n = 1 };
	struct err e = { 0 };
	int r = check_task(&batch, &launch, &e);

	if (r >= 0 && info->executor)
		r = find_executor(&batch, info->executor, &e);
	if (r >= 0)
		r = launch_batch(&batch, &e);
	if (r < 0)
		tell_all(&batch, r, e.msg);
	batch_done(&batch);
}

void launch_group(struct budget *budget, const Mesos__V1__Offer__Operation__LaunchGroup *group)
{
	const Mesos__V1__TaskGroupInfo *tasks = group->task_group;
	AUTO_FREE struct launch *launches = calloc(tasks->n_tasks + 1, sizeof(*launches));
	struct batch batch = {
		.budget = budget, .launches = launches, .n = launches ? tasks->n_tasks : 0,
		.is_group = true,
	};
	struct err e = { 0 };
	int r;

	for (size_t i = 0; i < batch.n; i++)
		launches[i].info = *tasks->tasks[i];
	if (batch.n == 0)
		return;
	r = batch.n > LAUNCH_MAX_GROUP ?
		    err_set(&e, EINVAL, "Task group has more than %d tasks", LAUNCH_MAX_GROUP) :
		    check_unique(&batch, &e);
	if (r >= 0)
		r = find_executor(&batch, group->executor, &e);
	for (size_t i = 0; i < batch.n && r >= 0; i++) {
		r = check_task(&batch, &launches[i], &e);
		if (r == -EINVAL)
			r = err_wrap(&e, "Task '%.255s' in the task group is invalid",
				     launches[i].info.task_id->value);
	}
	if (r >= 0)
		r = launch_batch(&batch, &e);
	if (r < 0)
		tell_all(&batch, r, e.msg);
	batch_done(&batch);
}
