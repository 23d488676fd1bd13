#include "executor/status.h"

#include <errno.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/pb_json.h"

/* "mem" in megabytes, as the framework asked for it. */
struct limitation {
	Mesos__V1__TaskResourceLimitation base;
	Mesos__V1__Resource resource, *list[1];
	Mesos__V1__Value__Scalar scalar;
};

static void limitation_init(struct limitation *l, uint64_t bytes)
{
	static char mem[] = "mem";

	mesos__v1__task_resource_limitation__init(&l->base);
	mesos__v1__resource__init(&l->resource);
	mesos__v1__value__scalar__init(&l->scalar);
	l->scalar.value = (double)bytes / (1 << 20);
	l->resource.name = mem;
	l->resource.type = MESOS__V1__VALUE__TYPE__SCALAR;
	l->resource.scalar = &l->scalar;
	l->list[0] = &l->resource;
	l->base.resources = l->list;
	l->base.n_resources = 1;
}

int status_build(const struct status *status, struct rng *rng, Mesos__V1__TaskStatus **ret,
		 struct err *e)
{
	Mesos__V1__TaskStatus s = MESOS__V1__TASK_STATUS__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
	struct limitation limitation;
	uint8_t uuid[16];

	/* The message's strings are not const, and pb_copy() only reads them. */
	task_id.value = (char *)(uintptr_t)status->task_id;
	executor_id.value = (char *)(uintptr_t)status->executor_id;
	id_uuid_bytes(rng, uuid);
	s.task_id = &task_id;
	s.executor_id = &executor_id;
	s.state = status->state;
	s.message = (char *)(uintptr_t)status->message;
	s.has_timestamp = true;
	s.timestamp = (double)clock_wall_ms() / 1000;
	s.has_source = true;
	s.source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
	s.has_reason = status->has_reason;
	s.reason = status->reason;
	s.has_healthy = status->has_healthy;
	s.healthy = status->is_healthy;
	s.n_health_checks = status->n_health_checks;
	s.health_checks = (Mesos__V1__HealthCheckStatus **)(uintptr_t)status->health_checks;
	s.check_status = (Mesos__V1__CheckStatusInfo *)(uintptr_t)status->check_status;
	s.has_uuid = true;
	s.uuid.data = uuid;
	s.uuid.len = sizeof(uuid);
	if (status->memory_limit_bytes > 0) {
		limitation_init(&limitation, status->memory_limit_bytes);
		s.limitation = &limitation.base;
	}
	*ret = (Mesos__V1__TaskStatus *)pb_copy(&s.base);
	return *ret ? 0 : err_set(e, ENOMEM, "build status update");
}
