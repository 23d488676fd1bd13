#include "master_stub/marathon/instance/launch_operation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/resources.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/instance/build.h"
#include "master_stub/marathon/instance/container_info.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/placement/usable.h"
#include "master_stub/marathon/state.h"

void executor_id_of(const struct instance *instance, char ret[EXECUTOR_ID_SIZE])
{
	static const char mark[] = ".instance-";
	const char *uuid = strstr(instance->id, mark);

	if (uuid)
		(void)snprintf(ret, EXECUTOR_ID_SIZE, "instance-%.*s.%s", (int)(uuid - instance->id),
			       instance->id, uuid + strlen(mark));
	else
		(void)snprintf(ret, EXECUTOR_ID_SIZE, "instance-%s", instance->id);
}

static void make_launch(struct build *b, const struct instance *instance,
			const struct resources *taken, Mesos__V1__Offer__Operation *operation)
{
	Mesos__V1__Offer__Operation__Launch *launch =
		MAKE(b, Mesos__V1__Offer__Operation__Launch,
		     mesos__v1__offer__operation__launch__init);

	operation->type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
	operation->launch = launch;
	if (!launch)
		return;
	launch->task_infos = build_alloc(b, 1, sizeof(*launch->task_infos));
	if (!launch->task_infos ||
	    task_info_new(b->c, &instance->tasks[0], taken, &launch->task_infos[0]) < 0)
		b->failed = true;
	else
		launch->n_task_infos = 1;
}

/* ---- Pods ---- */

/* Its part is taken from POOL: under whose reservation it is, is no matter to it. */
static Mesos__V1__TaskInfo *make_member(struct build *b, const struct instance_task *task,
					struct resources *pool)
{
	Mesos__V1__TaskInfo *info = NULL;
	struct resources need = { 0 }, part = { 0 };
	int r = task_resources(instance_task_spec(task), &need);

	if (r == 0)
		r = usable_take(b->c, task->instance->spec, pool, &need, &part);
	if (r == 0)
		r = task_info_new(b->c, task, &part, &info);
	resources_done(&need);
	resources_done(&part);
	b->failed |= r < 0;
	return info;
}

static Mesos__V1__TaskGroupInfo *make_members(struct build *b, const struct instance *instance,
					      struct resources *pool)
{
	Mesos__V1__TaskGroupInfo *group =
		MAKE(b, Mesos__V1__TaskGroupInfo, mesos__v1__task_group_info__init);

	if (!group)
		return NULL;
	group->tasks = build_alloc(b, instance->n_tasks, sizeof(*group->tasks));
	for (unsigned i = 0; group->tasks && i < instance->n_tasks; i++) {
		group->tasks[i] = make_member(b, &instance->tasks[i], pool);
		if (!group->tasks[i])
			break;
		group->n_tasks++;
	}
	return group;
}

static Mesos__V1__ExecutorInfo *make_executor(struct build *b, const struct instance *instance,
					      const struct resources *resources)
{
	Mesos__V1__ExecutorInfo *info =
		MAKE(b, Mesos__V1__ExecutorInfo, mesos__v1__executor_info__init);
	char id[EXECUTOR_ID_SIZE];

	if (!info)
		return NULL;
	executor_id_of(instance, id);
	info->has_type = true;
	info->type = MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;
	info->executor_id = MAKE(b, Mesos__V1__ExecutorID, mesos__v1__executor_id__init);
	if (info->executor_id)
		info->executor_id->value = build_copy(b, id);
	info->labels = labels_message(b, instance->spec->labels);
	info->container = container_info_of_pod(b, instance);
	if (resources_to_messages(resources, instance->spec->role, &info->resources,
				  &info->n_resources) < 0)
		b->failed = true;
	return info;
}

static void make_group(struct build *b, const struct instance *instance,
		       const struct resources *taken, Mesos__V1__Offer__Operation *operation)
{
	Mesos__V1__Offer__Operation__LaunchGroup *launch =
		MAKE(b, Mesos__V1__Offer__Operation__LaunchGroup,
		     mesos__v1__offer__operation__launch_group__init);
	struct resources pool = { 0 };

	operation->type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP;
	operation->launch_group = launch;
	if (!launch)
		return;
	if (resources_copy(taken, &pool) < 0)
		b->failed = true;
	else
		launch->task_group = make_members(b, instance, &pool);
	launch->executor = make_executor(b, instance, &pool);
	resources_done(&pool);
}

void launch_operation_free(Mesos__V1__Offer__Operation *operation)
{
	if (operation)
		protobuf_c_message_free_unpacked(&operation->base, NULL);
}

int launch_operation_new(const struct controller *c, const struct instance *instance,
			 const struct resources *taken, Mesos__V1__Offer__Operation **ret)
{
	struct build b = { .c = c };
	Mesos__V1__Offer__Operation *operation =
		MAKE(&b, Mesos__V1__Offer__Operation, mesos__v1__offer__operation__init);

	if (!operation)
		return -ENOMEM;
	operation->has_type = true;
	if (instance->spec->pod)
		make_group(&b, instance, taken, operation);
	else
		make_launch(&b, instance, taken, operation);
	if (b.failed) {
		launch_operation_free(operation);
		return -ENOMEM;
	}
	*ret = operation;
	return 0;
}
