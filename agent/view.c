#include "agent/view.h"

#include <stdint.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/executor.h"
#include "agent/task.h"

static void view_limits(const Mesos__V1__TaskInfo *info, struct view_task *ret)
{
	for (size_t i = 0; i < info->n_limits && i < VIEW_MAX_LIMITS; i++) {
		Mesos__V1__Task__LimitsEntry *row = &ret->limits[i];

		*row = (Mesos__V1__Task__LimitsEntry)MESOS__V1__TASK__LIMITS_ENTRY__INIT;
		row->key = info->limits[i]->key;
		row->value = info->limits[i]->value;
		ret->limit_rows[ret->task.n_limits++] = row;
	}
	ret->task.limits = ret->limit_rows;
}

static void view_status(const struct task *task, struct view_task *ret)
{
	ret->status = task->record->latest;
	if (!ret->status)
		return;
	ret->task.n_statuses = 1;
	ret->task.statuses = &ret->status;
	ret->task.has_status_update_state = 1;
	ret->task.status_update_state = ret->status->state;
	ret->task.has_status_update_uuid = ret->status->has_uuid;
	ret->task.status_update_uuid = ret->status->uuid;
}

void view_task(const struct task *task, struct view_task *ret)
{
	const Mesos__V1__TaskInfo *info = task->record->task;
	const char *agent = agent_id(task->agent);

	mesos__v1__task__init(&ret->task);
	mesos__v1__executor_id__init(&ret->executor_id);
	mesos__v1__agent_id__init(&ret->agent_id);
	/* Borrowed, and only read by who packs it.  A command has no executor that one would name. */
	if (task->executor) {
		ret->executor_id.value = (char *)(uintptr_t)task_executor_id(task);
		ret->task.executor_id = &ret->executor_id;
	}
	ret->agent_id.value = agent ? (char *)(uintptr_t)agent : ret->agent_id.value;
	ret->task.name = info->name;
	ret->task.task_id = info->task_id;
	ret->task.framework_id = task->record->framework->id;
	ret->task.agent_id = &ret->agent_id;
	ret->task.state = task_state(task);
	ret->task.n_resources = info->n_resources;
	ret->task.resources = info->resources;
	ret->task.labels = info->labels;
	ret->task.discovery = info->discovery;
	ret->task.container = info->container;
	ret->task.user = info->command ? info->command->user : NULL;
	ret->task.health_check = info->health_check;
	ret->task.kill_policy = info->kill_policy;
	view_limits(info, ret);
	view_status(task, ret);
}

void view_command_executor(const char *id, const Mesos__V1__TaskInfo *task,
			   const Mesos__V1__FrameworkInfo *framework, struct view_executor *ret)
{
	const char *command = task->command && task->command->value ? task->command->value : "";

	mesos__v1__executor_info__init(&ret->info);
	mesos__v1__executor_id__init(&ret->id);
	(void)snprintf(ret->name, sizeof(ret->name),
		       "Command Executor (Task: %.200s) (Command: sh -c '%.200s')", id, command);
	ret->id.value = (char *)(uintptr_t)id;
	ret->info.executor_id = &ret->id;
	ret->info.framework_id = framework->id;
	ret->info.name = ret->name;
	ret->info.source = task->task_id->value;
}

const Mesos__V1__ExecutorInfo *view_executor(const struct task *task, struct view_executor *ret)
{
	if (task->executor)
		return task->executor->record->executor;
	view_command_executor(task_executor_id(task), task->record->task, task->record->framework,
			      ret);
	return &ret->info;
}

bool view_is_custom(const Mesos__V1__ExecutorInfo *executor)
{
	return executor->type == MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM ||
	       (executor->command && executor->type != MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT);
}

bool view_owner(const struct container *c, struct view_owner *ret)
{
	while (c->parent)
		c = c->parent;
	*ret = (struct view_owner){ 0 };
	if (c->kind == CONTAINER_TASK) {
		ret->framework_id = task_framework_id(c->owner);
		ret->executor = view_executor(c->owner, &ret->buf);
	} else if (c->kind == CONTAINER_EXECUTOR) {
		ret->framework_id = executor_framework_id(c->owner);
		ret->executor = ((const struct executor *)c->owner)->record->executor;
	}
	return ret->executor;
}
