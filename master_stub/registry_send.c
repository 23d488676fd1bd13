/* What is said to agents: events on their streams. */
#include "master_stub/registry.h"

#include "master_stub/core.h"
#include "master_stub/drain.h"
#include "master_stub/feedback.h"
#include "master_stub/framework.h"
#include "master_stub/task.h"

void registry_send_apply(struct agent *agent, const Mesos__V1__Offer__Operation *operation,
			 const struct operation *feedback)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Apply apply = TEPUI__AGENT_EVENT__APPLY__INIT;

	/* The sender only reads it. */
	apply.operation = (Mesos__V1__Offer__Operation *)(uintptr_t)operation;
	if (feedback) {
		apply.framework = feedback->framework->info;
		apply.uuid = feedback->message->uuid;
	}
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__APPLY;
	event.apply = &apply;
	registry_send(agent, &event);
}

void registry_send(struct agent *agent, const Tepui__AgentEvent *event)
{
	if (agent->stream)
		agent->master->io.agent_event(agent->master->io.arg, agent->stream, event);
}

void registry_send_kill(struct agent *agent, const struct task *task)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__KillTask kill = TEPUI__AGENT_EVENT__KILL_TASK__INIT;
	Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__KillPolicy policy = MESOS__V1__KILL_POLICY__INIT;
	Mesos__V1__DurationInfo grace = MESOS__V1__DURATION_INFO__INIT;

	framework_id.value = task->framework->id;
	task_id.value = task->id;
	kill.framework_id = &framework_id;
	kill.task_id = &task_id;
	if (task->kill_grace_ns >= 0) {
		grace.nanoseconds = task->kill_grace_ns;
		policy.grace_period = &grace;
		kill.kill_policy = &policy;
	}
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__KILL_TASK;
	event.kill_task = &kill;
	registry_send(agent, &event);
}

void registry_send_message(struct agent *agent, char *framework_id,
			   Mesos__V1__ExecutorID *executor_id, const ProtobufCBinaryData *data)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__ExecutorMessage message = TEPUI__EXECUTOR_MESSAGE__INIT;
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

	id.value = framework_id;
	message.framework_id = &id;
	message.executor_id = executor_id;
	message.data = *data;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__MESSAGE;
	event.message = &message;
	registry_send(agent, &event);
}

void registry_send_shutdown_executor(struct agent *agent, char *framework_id,
				     Mesos__V1__ExecutorID *executor_id)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__ShutdownExecutor body = TEPUI__AGENT_EVENT__SHUTDOWN_EXECUTOR__INIT;
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

	id.value = framework_id;
	body.framework_id = &id;
	body.executor_id = executor_id;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__SHUTDOWN_EXECUTOR;
	event.shutdown_executor = &body;
	registry_send(agent, &event);
}

void registry_send_acknowledge(struct agent *agent, const char *framework_id, const char *task_id,
			    const ProtobufCBinaryData *uuid)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Acknowledge acknowledge = TEPUI__AGENT_EVENT__ACKNOWLEDGE__INIT;
	Mesos__V1__FrameworkID framework = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;

	/* The sender only reads them. */
	framework.value = (char *)(uintptr_t)framework_id;
	task.value = (char *)(uintptr_t)task_id;
	acknowledge.framework_id = &framework;
	acknowledge.task_id = &task;
	acknowledge.uuid = *uuid;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE;
	event.acknowledge = &acknowledge;
	registry_send(agent, &event);
}

void registry_send_acknowledge_operation(struct agent *agent, const char *framework_id,
					 const char *operation_id,
					 const ProtobufCBinaryData *uuid)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__AcknowledgeOperation acknowledge =
		TEPUI__AGENT_EVENT__ACKNOWLEDGE_OPERATION__INIT;
	Mesos__V1__FrameworkID framework = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__OperationID operation = MESOS__V1__OPERATION_ID__INIT;

	/* The sender only reads them. */
	framework.value = (char *)(uintptr_t)framework_id;
	operation.value = (char *)(uintptr_t)operation_id;
	acknowledge.framework_id = &framework;
	acknowledge.operation_id = &operation;
	acknowledge.uuid = *uuid;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE_OPERATION;
	event.acknowledge_operation = &acknowledge;
	registry_send(agent, &event);
}

static void send_plain(struct agent *agent, Tepui__AgentEvent__Type type)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;

	event.has_type = true;
	event.type = type;
	registry_send(agent, &event);
}

void registry_send_ping(struct agent *agent)
{
	send_plain(agent, TEPUI__AGENT_EVENT__TYPE__HEARTBEAT);
}

void registry_send_shutdown(struct agent *agent)
{
	send_plain(agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN);
}

void registry_send_drain(struct agent *agent)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Drain drain = TEPUI__AGENT_EVENT__DRAIN__INIT;
	struct drain_message message;
	const Mesos__V1__DrainInfo *info = drain_describe(&agent->drain, &message);

	drain.config = info ? info->config : NULL;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__DRAIN;
	event.drain = &drain;
	registry_send(agent, &event);
}
