#include "agent/executor_events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/view.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "proto/executor.pb-c.h"

static int send_event(const struct container *c, const Mesos__V1__Executor__Event *event,
		      struct err *e)
{
	return wire_stream(c->stream, c->format, &event->base, e);
}

int executor_send_subscribed(const struct container *c, struct http_stream *stream,
			     enum wire_format format, struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Subscribed subscribed =
		MESOS__V1__EXECUTOR__EVENT__SUBSCRIBED__INIT;
	Mesos__V1__ContainerID container = MESOS__V1__CONTAINER_ID__INIT;
	struct view_executor executor;

	view_command_executor(c->executor, c->info, c->of, &executor);
	container.value = c->id;
	subscribed.executor_info = &executor.info;
	subscribed.framework_info = (Mesos__V1__FrameworkInfo *)(uintptr_t)c->of;
	subscribed.agent_info = c->agent->info;
	subscribed.container_id = &container;
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED;
	event.subscribed = &subscribed;
	return wire_stream(stream, format, &event.base, e);
}

int executor_send_launch(const struct container *c, struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Launch launch = MESOS__V1__EXECUTOR__EVENT__LAUNCH__INIT;

	launch.task = (Mesos__V1__TaskInfo *)(uintptr_t)c->info;
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH;
	event.launch = &launch;
	return send_event(c, &event, e);
}

int executor_send_kill(const struct container *c, struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Kill kill = MESOS__V1__EXECUTOR__EVENT__KILL__INIT;

	kill.task_id = c->info->task_id;
	kill.kill_policy = (Mesos__V1__KillPolicy *)(uintptr_t)c->kill_policy;
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__KILL;
	event.kill = &kill;
	return send_event(c, &event, e);
}

int executor_send_acknowledged(const struct container *c, const uint8_t uuid[16], struct err *e)
{
	Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
	Mesos__V1__Executor__Event__Acknowledged acknowledged =
		MESOS__V1__EXECUTOR__EVENT__ACKNOWLEDGED__INIT;

	acknowledged.task_id = c->info->task_id;
	/* The generated struct knows no const; packing only reads. */
	acknowledged.uuid = (ProtobufCBinaryData){ 16, (uint8_t *)(uintptr_t)uuid };
	event.has_type = 1;
	event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED;
	event.acknowledged = &acknowledged;
	return send_event(c, &event, e);
}
