#include "agent/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/id.h"
#include "lib/rng.h"

enum { UUID_BYTES = 16 };

bool status_is_terminal(Mesos__V1__TaskState state)
{
	switch (state) {
	case MESOS__V1__TASK_STATE__TASK_FINISHED:
	case MESOS__V1__TASK_STATE__TASK_FAILED:
	case MESOS__V1__TASK_STATE__TASK_KILLED:
	case MESOS__V1__TASK_STATE__TASK_LOST:
	case MESOS__V1__TASK_STATE__TASK_ERROR:
	case MESOS__V1__TASK_STATE__TASK_DROPPED:
	case MESOS__V1__TASK_STATE__TASK_GONE:
	case MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR:
		return true;
	case MESOS__V1__TASK_STATE__TASK_STAGING:
	case MESOS__V1__TASK_STATE__TASK_STARTING:
	case MESOS__V1__TASK_STATE__TASK_RUNNING:
	case MESOS__V1__TASK_STATE__TASK_KILLING:
	case MESOS__V1__TASK_STATE__TASK_UNREACHABLE:
	case MESOS__V1__TASK_STATE__TASK_UNKNOWN:
	case _MESOS__V1__TASK_STATE_IS_INT_SIZE:
	default:
		return false;
	}
}

const char *status_state_name(Mesos__V1__TaskState state)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&mesos__v1__task_state__descriptor, (int)state);

	return value ? value->name : "TASK_UNKNOWN";
}

bool framework_can(const Mesos__V1__FrameworkInfo *framework,
		   Mesos__V1__FrameworkInfo__Capability__Type capability)
{
	for (size_t i = 0; i < framework->n_capabilities; i++) {
		if (framework->capabilities[i]->has_type &&
		    framework->capabilities[i]->type == capability)
			return true;
	}
	return false;
}

Mesos__V1__TaskState status_lost_state(const Mesos__V1__FrameworkInfo *framework,
				       Mesos__V1__TaskState state)
{
	bool knows = framework_can(framework,
				   MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE);

	return knows ? state : MESOS__V1__TASK_STATE__TASK_LOST;
}

static Mesos__V1__AgentID *new_agent_id(const char *value)
{
	Mesos__V1__AgentID *id = malloc(sizeof(*id));

	if (!id)
		return NULL;
	mesos__v1__agent_id__init(id);
	id->value = strdup(value);
	if (id->value)
		return id;
	free(id);
	return NULL;
}

static Mesos__V1__ContainerID *new_container_id(const char *value)
{
	Mesos__V1__ContainerID *id = malloc(sizeof(*id));

	if (!id)
		return NULL;
	mesos__v1__container_id__init(id);
	id->value = strdup(value);
	if (id->value)
		return id;
	free(id);
	return NULL;
}

static int set_task_id(Mesos__V1__TaskStatus *status, const char *task_id)
{
	status->task_id = malloc(sizeof(*status->task_id));
	if (!status->task_id)
		return -ENOMEM;
	mesos__v1__task_id__init(status->task_id);
	status->task_id->value = strdup(task_id);
	return status->task_id->value ? 0 : -ENOMEM;
}

Mesos__V1__TaskStatus *status_new(const char *task_id, const char *agent_id,
				  Mesos__V1__TaskState state,
				  Mesos__V1__TaskStatus__Reason reason, const char *message,
				  struct rng *rng)
{
	Mesos__V1__TaskStatus *status = malloc(sizeof(*status));

	if (!status)
		return NULL;
	mesos__v1__task_status__init(status);
	status->state = state;
	status->has_source = 1;
	status->source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT;
	status->has_reason = 1;
	status->reason = reason;
	status->has_timestamp = 1;
	status->timestamp = (double)clock_wall_ms() / 1000.0;
	status->message = strdup(message);
	status->uuid.data = malloc(UUID_BYTES);
	if (agent_id)
		status->agent_id = new_agent_id(agent_id);
	if (!status->message || !status->uuid.data || (agent_id && !status->agent_id) ||
	    set_task_id(status, task_id) < 0) {
		mesos__v1__task_status__free_unpacked(status, NULL);
		return NULL;
	}
	status->has_uuid = 1;
	status->uuid.len = UUID_BYTES;
	id_uuid_bytes(rng, status->uuid.data);
	return status;
}

int status_complete(Mesos__V1__TaskStatus *status, const char *agent_id, const char *container_id,
		    int executor_pid)
{
	Mesos__V1__ContainerStatus *container = status->container_status;

	if (!status->agent_id && agent_id) {
		status->agent_id = new_agent_id(agent_id);
		if (!status->agent_id)
			return -ENOMEM;
	}
	if (!status->has_timestamp) {
		status->has_timestamp = 1;
		status->timestamp = (double)clock_wall_ms() / 1000.0;
	}
	if (!container) {
		container = malloc(sizeof(*container));
		if (!container)
			return -ENOMEM;
		mesos__v1__container_status__init(container);
		status->container_status = container;
	}
	if (!container->container_id) {
		container->container_id = new_container_id(container_id);
		if (!container->container_id)
			return -ENOMEM;
	}
	if (!container->has_executor_pid && executor_pid > 0) {
		container->has_executor_pid = 1;
		container->executor_pid = (uint32_t)executor_pid;
	}
	return 0;
}

bool status_same_uuid(const Mesos__V1__TaskStatus *a, const Mesos__V1__TaskStatus *b)
{
	return a && b && a->has_uuid && b->has_uuid && a->uuid.len == b->uuid.len &&
	       memcmp(a->uuid.data, b->uuid.data, a->uuid.len) == 0;
}
