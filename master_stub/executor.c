#include "master_stub/executor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/pb_json.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/endpoint.h"
#include "master_stub/framework.h"
#include "master_stub/leave.h"
#include "master_stub/listing.h"
#include "master_stub/registry.h"

struct executor *master_executor_find(const struct agent *agent, const struct framework *framework,
				      const char *id)
{
	struct executor *executor;

	LIST_FOREACH(executor, &agent->executors, on_agent) {
		if (executor->framework == framework && strcmp(executor->id, id) == 0)
			return executor;
	}
	return NULL;
}

Mesos__V1__ExecutorInfo *master_executor_info(const struct executor *executor)
{
	return mesos__v1__executor_info__unpack(NULL, executor->info.size, executor->info.data);
}

/* ---- what frameworks give ---- */

static void info_free(Mesos__V1__ExecutorInfo *info)
{
	mesos__v1__executor_info__free_unpacked(info, NULL);
}

DEFINE_AUTO(Mesos__V1__ExecutorInfo *, info_free);

static int set_framework(Mesos__V1__ExecutorInfo *info, const struct framework *framework)
{
	if (info->framework_id)
		return 0;
	info->framework_id = (Mesos__V1__FrameworkID *)pb_copy(&framework->info->id->base);
	return info->framework_id ? 0 : -ENOMEM;
}

static int set_role(Mesos__V1__Resource *resource, const char *role)
{
	Mesos__V1__Resource__AllocationInfo allocation =
		MESOS__V1__RESOURCE__ALLOCATION_INFO__INIT;

	if (resource->allocation_info)
		return 0;
	/* The copy only reads it. */
	allocation.role = (char *)(uintptr_t)role;
	resource->allocation_info =
		(Mesos__V1__Resource__AllocationInfo *)pb_copy(&allocation.base);
	return resource->allocation_info ? 0 : -ENOMEM;
}

static int complete(const struct framework *framework, const char *role,
		    const Mesos__V1__ExecutorInfo *info, Mesos__V1__ExecutorInfo **ret)
{
	AUTO(info_freep) Mesos__V1__ExecutorInfo *copy =
		(Mesos__V1__ExecutorInfo *)pb_copy(&info->base);
	int r = copy ? set_framework(copy, framework) : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < copy->n_resources; i++)
		r = set_role(copy->resources[i], role);
	if (r >= 0)
		*ret = TAKE_PTR(copy);
	return r;
}

static int check_info(const struct framework *framework, const Mesos__V1__ExecutorInfo *info,
		      struct err *e)
{
	if (!id_is_valid(info->executor_id->value))
		return err_set(e, EINVAL, "Executor id '%.255s' must have 1 to %d bytes, without"
			       " control characters and slashes", info->executor_id->value, ID_MAX);
	if (info->framework_id && strcmp(info->framework_id->value, framework->id) != 0)
		return err_set(e, EINVAL, "ExecutorInfo has an invalid FrameworkID (Actual: %.255s"
			       " vs Expected: %s)", info->framework_id->value, framework->id);
	return 0;
}

static bool has_at_least(const Mesos__V1__ExecutorInfo *info, const char *name, double least)
{
	double sum = 0;
	bool is_there = false;

	for (size_t i = 0; i < info->n_resources; i++) {
		if (strcmp(info->resources[i]->name, name) != 0 || !info->resources[i]->scalar)
			continue;
		is_there = true;
		sum += info->resources[i]->scalar->value;
	}
	return is_there && sum >= least;
}

/* What only warns where there is one task is refused where there is a group (reference 1.8). */
static int check_type(const Mesos__V1__ExecutorInfo *info, bool is_group, struct err *e)
{
	const char *id = info->executor_id->value;
	bool is_default = info->type == MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;

	if (is_default && !is_group)
		return err_set(e, EINVAL, "Executor '%s' is of type DEFAULT: its tasks come in a"
			       " LAUNCH_GROUP", id);
	if (is_group && !is_default && info->type != MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM)
		return err_set(e, EINVAL, "'ExecutorInfo.type' must be set to 'DEFAULT' or"
			       " 'CUSTOM'");
	if (is_default && info->command)
		return err_set(e, EINVAL, "'ExecutorInfo.command' must not be set for 'DEFAULT'"
			       " executor");
	if (!is_default && !info->command)
		return err_set(e, EINVAL, "Executor '%s' has no command", id);
	if (is_group && (!has_at_least(info, "cpus", 0.01) || !has_at_least(info, "mem", 32) ||
			 !has_at_least(info, "disk", 0)))
		return err_set(e, EINVAL, "Executor '%s' of a task group must have at least 0.01"
			       " cpus, 32 MB of mem, and disk", id);
	return 0;
}

static int check_container(const Mesos__V1__ExecutorInfo *info, bool is_group, struct err *e)
{
	const Mesos__V1__ContainerInfo *container = info->container;
	bool is_default = info->type == MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;

	if (!container)
		return 0;
	if (is_default && container->type != MESOS__V1__CONTAINER_INFO__TYPE__MESOS)
		return err_set(e, EINVAL, "'ExecutorInfo.container.type' must be 'MESOS' for"
			       " 'DEFAULT' executor");
	if (is_default && container->mesos && container->mesos->image)
		return err_set(e, EINVAL, "'ExecutorInfo.container.mesos.image' must not be set for"
			       " 'DEFAULT' executor");
	if (is_group && container->type == MESOS__V1__CONTAINER_INFO__TYPE__DOCKER)
		return err_set(e, EINVAL, "Docker ContainerInfo is not supported on the executor");
	if (container->linux_info && container->linux_info->has_share_cgroups &&
	    container->linux_info->share_cgroups)
		return err_set(e, EINVAL, "The 'share_cgroups' field cannot be set to 'true' on"
			       " executor containers");
	return 0;
}

static int check_same(const struct executor *running, const Mesos__V1__ExecutorInfo *info,
		      struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = pb_pack(&info->base, &data, &size, e);

	if (r < 0)
		return r;
	if (size == running->info.size && memcmp(data, running->info.data, size) == 0)
		return 0;
	return err_set(e, EINVAL, "ExecutorInfo is not compatible with existing ExecutorInfo with"
		       " same ExecutorID '%s'", running->id);
}

int master_executor_complete(const struct agent *agent, const struct framework *framework,
			     const char *role, const Mesos__V1__ExecutorInfo *info, bool is_group,
			     Mesos__V1__ExecutorInfo **ret, struct executor **ret_running,
			     struct err *e)
{
	AUTO(info_freep) Mesos__V1__ExecutorInfo *copy = NULL;
	struct executor *running;
	int r = check_info(framework, info, e);

	if (r >= 0)
		r = check_type(info, is_group, e);
	if (r >= 0)
		r = check_container(info, is_group, e);
	if (r < 0)
		return r;
	if (complete(framework, role, info, &copy) < 0)
		return err_set(e, ENOMEM, "launch executor");
	running = master_executor_find(agent, framework, copy->executor_id->value);
	r = running ? check_same(running, copy, e) : 0;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(copy);
	*ret_running = running;
	return 0;
}

/* ---- rows ---- */

static void charge(struct executor *executor)
{
	if (!executor->is_charged && executor->agent->node)
		executor->is_charged = allocator_charge(executor->agent->node,
							executor->role->client,
							&executor->resources) == 0;
}

static void free_fields(struct executor *executor)
{
	resources_done(&executor->resources);
	free(executor->info.data);
	free(executor->id);
	free(executor);
}

int master_executor_new(struct framework *framework, struct agent *agent,
			struct framework_role *role, const Mesos__V1__ExecutorInfo *info,
			struct resources *resources, struct executor **ret)
{
	struct executor *executor = calloc(1, sizeof(*executor));
	struct err e = { 0 };

	if (!executor)
		return -ENOMEM;
	executor->framework = framework;
	executor->agent = agent;
	executor->role = role;
	executor->id = strdup(info->executor_id->value);
	if (!executor->id ||
	    pb_pack(&info->base, &executor->info.data, &executor->info.size, &e) < 0) {
		free_fields(executor);
		return -ENOMEM;
	}
	executor->resources = TAKE_VAL(*resources, (struct resources){ 0 });
	LIST_INSERT_HEAD(&agent->executors, executor, on_agent);
	LIST_INSERT_HEAD(&framework->executors, executor, of_framework);
	charge(executor);
	*ret = executor;
	return 0;
}

void master_executor_free(struct executor *executor)
{
	struct agent *agent = executor->agent;
	struct task *task;

	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (task->executor == executor)
			task->executor = NULL;
	}
	if (executor->is_charged)
		allocator_release(agent->node, executor->role->client, &executor->resources);
	leave_forget(executor->leave);
	listings_forget(agent->master, executor);
	LIST_REMOVE(executor, on_agent);
	LIST_REMOVE(executor, of_framework);
	free_fields(executor);
}

/* ---- with its agent ---- */

void master_executor_send_shutdown(const struct executor *executor)
{
	Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;

	executor_id.value = executor->id;
	registry_send_shutdown_executor(executor->agent, executor->framework->id, &executor_id);
}

static const char *role_of(const Mesos__V1__ExecutorInfo *info)
{
	for (size_t i = 0; i < info->n_resources; i++) {
		if (info->resources[i]->allocation_info && info->resources[i]->allocation_info->role)
			return info->resources[i]->allocation_info->role;
	}
	return "*";
}

static int bring_new(struct agent *agent, struct framework *framework,
		     const Mesos__V1__ExecutorInfo *info, struct executor **ret, struct err *e)
{
	struct framework_role *role = framework_role_get(framework, role_of(info));
	struct resources resources = { 0 };
	int r = resources_from_messages(info->resources, info->n_resources, &resources, e);

	if (r >= 0)
		r = role ? master_executor_new(framework, agent, role, info, &resources, ret) :
			   -ENOMEM;
	resources_done(&resources);
	return r < 0 && !e->code ? err_set(e, -r, "take executor '%s'", info->executor_id->value) :
				   r;
}

static int bring(struct agent *agent, const Tepui__RunningExecutor *running, struct err *e)
{
	const char *id = running->executor->executor_id->value;
	struct framework *framework;
	struct executor *executor;
	int r;

	if (!id_is_valid(id))
		return err_set(e, EINVAL, "take executor '%.255s': its id is not valid", id);
	r = framework_find_or_recover(agent->master, running->framework, &framework, e);
	if (r < 0)
		return r;
	executor = master_executor_find(agent, framework, id);
	if (!executor)
		r = bring_new(agent, framework, running->executor, &executor, e);
	if (r < 0)
		return r;
	executor->is_seen = true;
	executor->has_exited = false;
	/* What was lost with the stream is not said again. */
	executor->is_shut_down = executor->leave || framework->is_removed;
	charge(executor);
	if (framework->is_removed)
		master_executor_send_shutdown(executor);
	return 0;
}

void master_executors_bring(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe)
{
	struct executor *executor;

	LIST_FOREACH(executor, &agent->executors, on_agent)
		executor->is_seen = false;
	for (size_t i = 0; i < subscribe->n_executors; i++) {
		struct err e = { 0 };

		if (bring(agent, subscribe->executors[i], &e) < 0)
			master_explain(agent->master, "agent '%s': an executor it brings is not"
				       " taken: %s", agent->id, e.msg);
	}
}

void master_executors_drop_unseen(struct agent *agent)
{
	struct executor *executor, *next;

	for (executor = LIST_FIRST(&agent->executors); executor; executor = next) {
		next = LIST_NEXT(executor, on_agent);
		if (!executor->is_seen)
			master_executor_free(executor);
	}
}

static void tell_failure(const struct executor *executor, const Tepui__AgentCall__ExecutorExited *from)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Failure failure = MESOS__V1__SCHEDULER__EVENT__FAILURE__INIT;

	failure.agent_id = executor->agent->info->id;
	failure.executor_id = from->executor_id;
	failure.has_status = from->has_status;
	failure.status = from->status;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE;
	event.failure = &failure;
	(void)framework_send(executor->framework, &event);
}

/*
 * A task that was on its way when the executor exited begins a new one under the same id; whether it
 * did is known when its agent first speaks of that task.
 */
static bool is_awaited(const struct executor *executor)
{
	const struct task *task;

	TAILQ_FOREACH(task, &executor->agent->tasks, on_agent) {
		if (task->executor == executor && !task->is_confirmed &&
		    !master_task_is_ended(task->state))
			return true;
	}
	return false;
}

void master_executor_exited(struct agent *agent, const Tepui__AgentCall__ExecutorExited *exited)
{
	struct framework *framework = framework_find(agent->master, exited->framework_id->value);
	struct executor *executor = framework ? master_executor_find(agent, framework,
						exited->executor_id->value) : NULL;

	if (!executor)
		return;
	master_explain(agent->master, "executor '%s' of framework '%s' on agent '%s' has exited",
		       executor->id, framework->id, agent->id);
	tell_failure(executor, exited);
	executor->has_exited = true;
	/* Whatever begins under its id is not what was shut down. */
	leave_forget(executor->leave);
	executor->is_shut_down = false;
	if (!is_awaited(executor))
		master_executor_free(executor);
	endpoints_update(agent);
}

void master_executor_heard(struct task *task, bool has_begun)
{
	struct executor *executor = task->executor;

	if (!executor->has_exited)
		return;
	if (has_begun)
		executor->has_exited = false;
	else if (!is_awaited(executor))
		master_executor_free(executor);
}

void master_executors_shut_down(const struct framework *framework)
{
	struct executor *executor;

	LIST_FOREACH(executor, &framework->executors, of_framework)
		leave_shut_down(executor);
}
