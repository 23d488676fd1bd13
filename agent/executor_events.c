#include "agent/executor_events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/task.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "proto/executor.pb-c.h"

static int send_event(const struct task *task, const Mesos__V1__Executor__Event *event,
		      struct err *e)
{
	return wire_stream(task->executor.stream, task->executor.format, &event->base, e);
}

int executor_send_subscribed(const struct task *task, struct http_stream *stream,
			     enum wire_format format, struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Subscribed subscribed =
		MESOS__V1__EXECUTOR__EVENT__SUBSCRIBED__INIT;
	Mesos__V1__ExecutorInfo info = MESOS__V1__EXECUTOR_INFO__INIT;
	Mesos__V1__ExecutorID id = MESOS__V1__EXECUTOR_ID__INIT;
	Mesos__V1__ContainerID container = MESOS__V1__CONTAINER_ID__INIT;
	const Mesos__V1__TaskInfo *task_info = task->record->task;
	AUTO_FREE char *name = NULL;

	if (asprintf(&name, "Command Executor (Task: %s) (Command: sh -c '%.200s')", task_id(task),
		     task_info->command && task_info->command->value ? task_info->command->value :
		     "") < 0) {
		name = NULL;
		return err_set(e, ENOMEM, "describe an executor");
	}
	id.value = task_info->task_id->value;
	container.value = task->record->container_id;
	info.executor_id = &id;
	info.framework_id = task->record->framework->id;
	info.name = name;
	info.source = task_info->task_id->value;
	subscribed.executor_info = &info;
	subscribed.framework_info = task->record->framework;
	subscribed.agent_info = task->agent->info;
	subscribed.container_id = &container;
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED;
	event.subscribed = &subscribed;
	return wire_stream(stream, format, &event.base, e);
}

int executor_send_launch(const struct task *task, struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Launch launch = MESOS__V1__EXECUTOR__EVENT__LAUNCH__INIT;

	launch.task = task->record->task;
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH;
	event.launch = &launch;
	return send_event(task, &event, e);
}

int executor_send_kill(const struct task *task, struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Kill kill = MESOS__V1__EXECUTOR__EVENT__KILL__INIT;

	kill.task_id = task->record->task->task_id;
	kill.kill_policy = task->record->kill_policy;
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__KILL;
	event.kill = &kill;
	return send_event(task, &event, e);
}

int executor_send_acknowledged(const struct task *task, const uint8_t uuid[16], struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Acknowledged acknowledged =
		MESOS__V1__EXECUTOR__EVENT__ACKNOWLEDGED__INIT;

	acknowledged.task_id = task->record->task->task_id;
	/* The generated struct knows no const; packing only reads. */
	acknowledged.uuid = (ProtobufCBinaryData){ 16, (uint8_t *)(uintptr_t)uuid };
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED;
	event.acknowledged = &acknowledged;
	return send_event(task, &event, e);
}
