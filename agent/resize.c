#include "agent/resize.h"

#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/launch_spec.h"
#include "agent/master_link.h"
#include "agent/runtime_dir.h"
#include "agent/sampler.h"
#include "agent/task.h"
#include "containerizer/handover.h"
#include "containerizer/spec_json.h"
#include "containerizer/spec_update.h"
#include "isolators/cgroup.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"

enum { MIN_CPUS = 10, MIN_MEM = 4000 };

/* The one resource NAME of INFO: a second one, of a reservation, would leave open which is meant. */
static int set_scalar(Mesos__V1__TaskInfo *info, const char *name, int64_t min, int64_t value,
		      struct err *e)
{
	Mesos__V1__Resource *found = NULL;

	if (value < 0)
		return 0;
	if (value < min)
		return err_set(e, EINVAL, "resize: %s is below %g", name, (double)min / 1000);
	for (size_t i = 0; i < info->n_resources; i++) {
		if (strcmp(info->resources[i]->name, name) != 0)
			continue;
		if (found)
			return err_set(e, ENOTSUP, "resize: the task has %s of several kinds", name);
		found = info->resources[i];
	}
	if (!found || !found->scalar)
		return err_set(e, EINVAL, "resize: the task has no %s", name);
	found->scalar->value = (double)value / 1000;
	return 0;
}

/* A limit of its own that the task has stays where it is, unless the request is now above it. */
static int check_limits(const Mesos__V1__TaskInfo *info, struct err *e)
{
	for (size_t i = 0; i < info->n_limits; i++) {
		const Mesos__V1__TaskInfo__LimitsEntry *limit = info->limits[i];

		for (size_t k = 0; k < info->n_resources; k++) {
			const Mesos__V1__Resource *resource = info->resources[k];

			if (resource->scalar && limit->key && limit->value &&
			    strcmp(resource->name, limit->key) == 0 &&
			    resource->scalar->value > limit->value->value)
				return err_set(e, EINVAL, "resize: %s is above the task's limit",
					       limit->key);
		}
	}
	return 0;
}

/* What the task would have, and what would then be in use. */
static int check_node(const struct task *task, const Mesos__V1__TaskInfo *info,
		      struct resources *ret_task, struct resources *ret_used, struct err *e)
{
	const struct agent *agent = task->agent;
	AUTO_FREE char *asked = NULL, *used = NULL;
	int r = resources_from_messages(info->resources, info->n_resources, ret_task, e);

	if (r < 0)
		return r;
	if (resources_copy(&agent->used, ret_used) < 0 ||
	    resources_subtract(ret_used, &task->container->resources) < 0 ||
	    resources_add(ret_used, ret_task) < 0)
		return err_set(e, ENOMEM, "resize task '%s'", task_id(task));
	if (resources_contain(&agent->node.total, ret_used))
		return 0;
	asked = resources_format(ret_task);
	used = resources_format(&agent->used);
	return err_set(e, ENOSPC, "resize task '%s': %s is more than the node has beside %s in use",
		       task_id(task), asked ? asked : "it", used ? used : "what is");
}

static int update_kernel(const struct container *c, const json_t *doc, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	struct spec spec = { 0 };
	int r = spec_from_json(doc, &spec, e);

	if (r < 0)
		return r;
	spec.memory_check_before_update = true;
	r = cgroup_open(c->layout, c->id, &cg, e);
	if (r >= 0)
		r = isolators_update(&cg, &spec, e);
	cgroup_close(&cg);
	spec_done(&spec);
	return r;
}

static int update_container(const struct container *c, const Mesos__V1__TaskInfo *info,
			    struct err *e)
{
	const struct launch_settings settings = { .cfs_quota = c->agent->flags.cfs_quota };
	const int work_fd = c->agent->work_fd;
	const char *id = c->id;
	json_t *limits = NULL, *doc = NULL, *old = NULL;
	struct err lost = { 0 };
	int r;

	r = launch_limits(&settings, info, &limits, e);
	if (r >= 0)
		r = runtime_dir_read_config(work_fd, id, &old, e);
	if (r >= 0) {
		doc = json_deep_copy(old);
		r = doc ? spec_merge_resources(doc, limits, e) :
			  err_set(e, ENOMEM, "resize container '%s'", id);
	}
	if (r >= 0)
		r = runtime_dir_write_config(work_fd, id, doc, e);
	if (r >= 0) {
		r = update_kernel(c, doc, e);
		if (r < 0 && runtime_dir_write_config(work_fd, id, old, &lost) < 0)
			log_write_err(LOG_LEVEL_ERROR, &lost, "restore the document of container"
				      " '%s'", id);
	}
	json_decref(limits);
	json_decref(doc);
	json_decref(old);
	return r;
}

int container_resize(struct container *c, struct err *e)
{
	const struct launch_settings settings = { .cfs_quota = c->agent->flags.cfs_quota };
	json_t *limits = NULL;
	int r;

	if (container_is_running(c))
		return c->has_started ? update_container(c, c->info, e) : 0;
	if (!c->launch)
		return 0;
	r = launch_limits(&settings, c->info, &limits, e);
	if (r >= 0)
		r = spec_merge_resources(c->launch->config, limits, e);
	json_decref(limits);
	return r;
}

/* INFO (taken on success) is what the task is from now on. */
static int commit(struct task *task, Mesos__V1__TaskInfo *info, struct resources *resources,
		  struct resources *used, struct err *e)
{
	Tepui__TaskRecord *record = task->record;
	Mesos__V1__TaskInfo *old = record->task;
	int r;

	record->task = info;
	r = task_put(task, e);
	if (r < 0) {
		record->task = old;
		return r;
	}
	task->container->info = info;
	task->container->executor_id = task_executor_id(task);
	mesos__v1__task_info__free_unpacked(old, NULL);
	resources_done(&task->container->resources);
	task->container->resources = TAKE_VAL(*resources, (struct resources){ 0 });
	resources_done(&task->agent->used);
	task->agent->used = TAKE_VAL(*used, (struct resources){ 0 });
	/* One that is away is told by the next subscription. */
	if (master_link_is_up(task->agent->link) &&
	    master_link_task(task->agent->link, task, e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, e, "tell the master of the resized task '%s'",
			      task_id(task));
		err_clear(e);
	}
	return 0;
}

int task_resize(struct task *task, const struct resize *wanted, struct err *e)
{
	Mesos__V1__TaskInfo *info = (Mesos__V1__TaskInfo *)pb_copy(&task->record->task->base);
	struct resources resources = { 0 }, used = { 0 };
	int r;

	if (!info)
		return err_set(e, ENOMEM, "resize task '%s'", task_id(task));
	if (task->executor)
		r = err_set(e, ENOTSUP, "resize task '%s': it is within what executor '%s' has",
			    task_id(task), task_executor_id(task));
	else if (task_state(task) != MESOS__V1__TASK_STATE__TASK_RUNNING || !task->container->is_charged)
		r = err_set(e, ESRCH, "resize task '%s': it is not running", task_id(task));
	else
		r = set_scalar(info, "cpus", MIN_CPUS, wanted->cpus, e);
	if (r >= 0)
		r = set_scalar(info, "mem", MIN_MEM, wanted->mem, e);
	if (r >= 0)
		r = check_limits(info, e);
	if (r >= 0)
		r = check_node(task, info, &resources, &used, e);
	if (r >= 0)
		r = update_container(task->container, info, e);
	if (r >= 0)
		r = commit(task, info, &resources, &used, e);
	if (r < 0)
		mesos__v1__task_info__free_unpacked(info, NULL);
	else
		sampler_renew(task->agent->sampler, task->container);
	resources_done(&resources);
	resources_done(&used);
	return r;
}
