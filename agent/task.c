#include "agent/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/api.h"
#include "agent/executors.h"
#include "agent/images.h"
#include "agent/launch_spec.h"
#include "agent/runtime_dir.h"
#include "agent/sampler.h"
#include "agent/status.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/store.h"

static const Mesos__V1__TaskStatus__Reason launch_failed =
	MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED;
static const Mesos__V1__TaskStatus__Reason killed_early =
	MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH;

static const char store_kind[] = "task";

const char *task_id(const struct task *task)
{
	return task->record->task->task_id->value;
}

const char *task_framework_id(const struct task *task)
{
	return task->record->framework->id->value;
}

Mesos__V1__TaskState task_state(const struct task *task)
{
	return task->record->state;
}

bool task_has_ended(const struct task *task)
{
	return status_is_terminal(task->record->state);
}

char *task_sandbox(const struct task *task)
{
	char *path;

	if (asprintf(&path, "%s/slaves/%s/frameworks/%s/executors/%s/runs/%s",
		     task->agent->work_dir, agent_id(task->agent), task_framework_id(task),
		     task_id(task), task->record->container_id) < 0)
		return NULL;
	return path;
}

struct task *task_find(struct agent *agent, const char *framework_id, const char *id)
{
	AUTO_FREE char *key = NULL;
	struct task *task;

	if (asprintf(&key, "%s/%s", framework_id, id) < 0) {
		key = NULL;
		return NULL;
	}
	HASH_FIND_STR(agent->tasks, key, task);
	return task;
}

/* ---- life in memory ---- */

static void free_launch(struct task *task)
{
	struct launch_result *launch = TAKE_PTR(task->launch);

	if (!launch)
		return;
	task_image_free(launch->image);
	images_free_volumes(launch->volume_images, launch->n_volume_images);
	launch_result_done(launch);
	free(launch);
}

static void free_parts(struct task *task)
{
	executor_release(task);
	sampler_forget(task);
	free_launch(task);
	loop_timer_free(task->resend);
	resources_done(&task->resources);
	if (task->record)
		tepui__task_record__free_unpacked(task->record, NULL);
	free(task->key);
	free(task);
}

void task_free(struct task *task)
{
	task_discharge(task);
	task->agent->descriptions -= task->description;
	if (task->is_todo)
		TAILQ_REMOVE(&task->agent->todo, task, todo_entry);
	HASH_DEL(task->agent->tasks, task);
	free_parts(task);
}

void task_discharge(struct task *task)
{
	if (!task->is_charged)
		return;
	task->is_charged = false;
	if (resources_subtract(&task->agent->used, &task->resources) < 0)
		log_error("free the resources of task '%s': out of memory", task_id(task));
}

/* Tasks of a former run are charged even if the node has shrunk since: they are there. */
static int charge(struct task *task, struct err *e)
{
	if (resources_add(&task->agent->used, &task->resources) < 0)
		return err_set(e, ENOMEM, "charge task '%s'", task_id(task));
	task->is_charged = true;
	return 0;
}

/* Fill TASK from its record; what it asks for is only checked here. */
static int init_task(struct task *task, struct err *e)
{
	const Tepui__TaskRecord *record = task->record;

	if (!record->framework->id)
		return err_set(e, EINVAL, "read task '%s': its framework has no id", task_id(task));
	if (!id_is_valid(task_id(task)) || !id_is_valid(task_framework_id(task)))
		return err_set(e, EINVAL, "read task '%.64s': not a valid id", task_id(task));
	if (asprintf(&task->key, "%s/%s", task_framework_id(task), task_id(task)) < 0) {
		task->key = NULL;
		return err_set(e, ENOMEM, "read task '%s'", task_id(task));
	}
	return resources_from_messages(record->task->resources, record->task->n_resources,
				       &task->resources, e);
}

static int adopt(struct agent *agent, Tepui__TaskRecord *record, struct task **ret, struct err *e)
{
	struct task *task = calloc(1, sizeof(*task));
	int r;

	if (!task) {
		tepui__task_record__free_unpacked(record, NULL);
		return err_set(e, ENOMEM, "read a task");
	}
	task->agent = agent;
	task->record = record;
	task->executor.pidfd = -EBADF;
	task->resend_ms = UPDATES_FIRST_RESEND_MS;
	r = init_task(task, e);
	if (r >= 0) {
		HASH_ADD_KEYPTR(hh, agent->tasks, task->key, strlen(task->key), task);
		if (!task->hh.tbl)
			r = err_set(e, ENOMEM, "read task '%s'", task_id(task));
	}
	if (r < 0) {
		free_parts(task);
		return r;
	}
	task->description = protobuf_c_message_get_packed_size(&record->task->base) +
			    protobuf_c_message_get_packed_size(&record->framework->base);
	agent->descriptions += task->description;
	*ret = task;
	return 0;
}

int task_adopt(struct agent *agent, Tepui__TaskRecord *record_take, struct task **ret,
	       struct err *e)
{
	struct task *task;
	int r = adopt(agent, record_take, &task, e);

	if (r >= 0 && !task_has_ended(task)) {
		r = charge(task, e);
		if (r < 0)
			task_free(task);
	}
	if (r >= 0)
		*ret = task;
	return r;
}

/* ---- the store ---- */

int task_put(struct task *task, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r;

	task_mark(task);
	if (task->is_volatile)
		return 0;
	r = pb_pack(&task->record->base, &data, &size, e);
	if (r < 0)
		return r;
	return store_put(task->agent->store, store_kind, task->key, data, size, e);
}

void task_mark(struct task *task)
{
	if (task->is_todo)
		return;
	task->is_todo = true;
	TAILQ_INSERT_TAIL(&task->agent->todo, task, todo_entry);
}

/* ---- RUN_TASK ---- */

static Tepui__TaskRecord *new_record(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
				     const Mesos__V1__TaskInfo *info)
{
	Tepui__TaskRecord *record = malloc(sizeof(*record));
	char container_id[ID_UUID_SIZE];

	if (!record)
		return NULL;
	tepui__task_record__init(record);
	id_uuid(&agent->rng, container_id);
	record->container_id = strdup(container_id);
	record->framework = (Mesos__V1__FrameworkInfo *)pb_copy(&framework->base);
	record->task = (Mesos__V1__TaskInfo *)pb_copy(&info->base);
	record->state = MESOS__V1__TASK_STATE__TASK_STAGING;
	record->has_launched_wall_ms = 1;
	record->launched_wall_ms = clock_wall_ms();
	if (record->container_id && record->framework && record->task)
		return record;
	tepui__task_record__free_unpacked(record, NULL);
	return NULL;
}

/* The refusal is stored and resent like any update, unless storing is what does not work. */
static int refuse(struct task *task, const struct verdict *refusal, const struct err *why,
		  struct err *e)
{
	char text[sizeof(why->msg) + 64];

	log_write_err(LOG_LEVEL_WARNING, why, "refuse task '%s'", task_id(task));
	task->agent->counters.refused_launches++;
	task->is_volatile = task->agent->is_disk_bad;
	task->executor.state = EXECUTOR_GONE;
	free_launch(task);
	return updates_add_own(task, refusal->state, refusal->reason,
			       err_text(why, text, sizeof(text)), e);
}

/* Charged before the commit: the next task of the same turn must see what is left. */
static int admit(struct task *task, struct err *e)
{
	struct verdict refusal;
	struct err why = { 0 };
	int r;

	if (admission_check(task, &refusal, &why) < 0)
		return refuse(task, &refusal, &why, e);
	r = charge(task, e);
	if (r >= 0) {
		task->executor.needs_launch = true;
		r = task_put(task, e);
	}
	return r;
}

int task_run(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
	     const Mesos__V1__TaskInfo *info, struct err *e)
{
	const char *id = info->task_id->value;
	Tepui__TaskRecord *record;
	struct task *task;
	int r;

	if (framework->id && task_find(agent, framework->id->value, id)) {
		log_info("ignore the launch of task '%s': it is here already", id);
		return 0;
	}
	record = new_record(agent, framework, info);
	if (!record)
		return err_set(e, ENOMEM, "launch task '%s'", id);
	r = adopt(agent, record, &task, e);
	if (r < 0)
		return r;
	if (tombstone_has(agent, task->key)) {
		log_warning("ignore the launch of task '%s': it has run here and ended", id);
		agent->counters.refused_launches++;
		task_free(task);
		return 0;
	}
	r = admit(task, e);
	if (r < 0)
		task_free(task);
	return r;
}

/* ---- KILL_TASK ---- */

int task_kill(struct task *task, const Mesos__V1__KillPolicy *policy, struct err *e)
{
	Tepui__TaskRecord *record = task->record;

	if (task_has_ended(task))
		return 0;
	if (policy) {
		Mesos__V1__KillPolicy *copy = (Mesos__V1__KillPolicy *)pb_copy(&policy->base);

		if (!copy)
			return err_set(e, ENOMEM, "kill task '%s'", task_id(task));
		if (record->kill_policy)
			mesos__v1__kill_policy__free_unpacked(record->kill_policy, NULL);
		record->kill_policy = copy;
	}
	record->has_kill_requested = 1;
	record->kill_requested = 1;
	/* A second request may shorten the grace period: it is passed on too. */
	task->executor.is_kill_sent = false;
	return task_put(task, e);
}

/* ---- after the commit ---- */

static int report_failed_launch(struct task *task, const struct err *why, struct err *e)
{
	char text[sizeof(why->msg) + 64];

	task->agent->counters.launch_errors++;
	task->executor.state = EXECUTOR_GONE;
	log_write_err(LOG_LEVEL_WARNING, why, "task '%s'", task_id(task));
	return updates_add_own(task, MESOS__V1__TASK_STATE__TASK_FAILED, launch_failed,
			       err_text(why, text, sizeof(text)), e);
}

/* The record is on disk, so whatever happens from here on is found again. */
static void spawn(struct task *task)
{
	struct err why = { 0 }, e = { 0 };
	int r;

	if (task->record->kill_requested) {
		task->executor.state = EXECUTOR_GONE;
		r = updates_add_own(task, MESOS__V1__TASK_STATE__TASK_KILLED, killed_early,
				    "killed before it was launched", &e);
	} else if (executor_spawn(task, &why) < 0) {
		r = report_failed_launch(task, &why, &e);
	} else {
		r = task_put(task, &e);
	}
	free_launch(task);
	if (r < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
}

void task_proceed(struct task *task, bool is_safe)
{
	is_safe = is_safe || task->is_volatile;
	if (is_safe && task->executor.state == EXECUTOR_NONE && task->launch)
		spawn(task);
	executor_flush(task, is_safe);
	if (is_safe)
		updates_forward(task);
}

void task_forget(struct task *task)
{
	struct err e = { 0 };

	task->is_acknowledged = true;
	api_remember(task);
	if (tombstone_add(task->agent, task->key, &e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, &e, "task '%s'", task_id(task));
		err_clear(&e);
	}
	if (!task->is_volatile &&
	    store_delete(task->agent->store, store_kind, task->key, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "forget task '%s'", task_id(task));
	/* Its executor is about to leave; clean() in executors.c does the rest then. */
	if (task->executor.state != EXECUTOR_NONE && task->executor.state != EXECUTOR_GONE)
		return;
	runtime_dir_remove(task->agent->work_fd, task->record->container_id);
	task_free(task);
}
