#include "agent/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/container.h"
#include "agent/executor.h"
#include "agent/network.h"
#include "agent/runtime_dir.h"
#include "agent/status.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
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

const struct resources *task_resources(const struct task *task)
{
	return task->executor ? &task->resources : &task->container->resources;
}

const char *task_executor_id(const struct task *task)
{
	if (task->record->pod_id)
		return task->record->task->executor->executor_id->value;
	return task->executor ? executor_id(task->executor) : task_id(task);
}

struct task *task_find(struct agent *agent, const char *framework_id, const char *id)
{
	AUTO_FREE char *key = id_pair(framework_id, id);
	struct task *task = NULL;

	if (key)
		HASH_FIND_STR(agent->tasks, key, task);
	return task;
}

bool task_was_here(struct agent *agent, const char *framework_id, const char *id)
{
	AUTO_FREE char *key = id_pair(framework_id, id);

	return key && tombstone_has(agent, key);
}

/* ---- its end ---- */

/* Owned; NULL when RECORD has none, or none that can be given to the master. */
static Mesos__V1__TaskStatus *take_recorded_end(const struct task *task, Tepui__ExitRecord *record)
{
	Mesos__V1__TaskStatus *status = record ? TAKE_PTR(record->status) : NULL;
	struct err e = { 0 };

	if (!status)
		return NULL;
	if (updates_check(task, status, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "read the record of the end of container '%s'",
			      task->record->container_id);
	else if (status_is_terminal(status->state))
		return status;
	mesos__v1__task_status__free_unpacked(status, NULL);
	return NULL;
}

static void free_record(Tepui__ExitRecord *record)
{
	tepui__exit_record__free_unpacked(record, NULL);
}

DEFINE_AUTO(Tepui__ExitRecord *, free_record);

/* HOW it ended, and what it said last of why. */
static int report_death(struct task *task, const char *how, const Tepui__ExitRecord *record,
			struct err *e)
{
	const char *error = record && record->error ? record->error : "";
	AUTO_FREE char *text = NULL;

	if (asprintf(&text, "%s%s%s", how, *error ? ": " : "", error) < 0) {
		text = NULL;
		return err_set(e, ENOMEM, "update task '%s'", task_id(task));
	}
	return updates_add_own(task, MESOS__V1__TASK_STATE__TASK_FAILED,
			       MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED, text, e);
}

/* The most exact account there is: the supervisor's own, a verdict of ours, or that it died. */
static int conclude(struct task *task, const char *how, struct err *e)
{
	const struct verdict *verdict = &task->container->verdict;
	AUTO(free_recordp) Tepui__ExitRecord *record =
		runtime_dir_read_exit(task->agent->work_fd, task->record->container_id);
	Mesos__V1__TaskStatus *status = take_recorded_end(task, record);

	if (status) {
		if (task_complete_status(task, status) < 0) {
			mesos__v1__task_status__free_unpacked(status, NULL);
			return err_set(e, ENOMEM, "update task '%s'", task_id(task));
		}
		return updates_add(task, status, e);
	}
	if (verdict->message)
		return updates_add_own(task, verdict->state, verdict->reason, verdict->message, e);
	if (task->record->kill_requested)
		return updates_add_own(task, MESOS__V1__TASK_STATE__TASK_KILLED,
				       MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
				       "executor ended while it was killing the task", e);
	return report_death(task, how, record, e);
}

/* ---- what its container tells ---- */

static int set_parent(Mesos__V1__ContainerID *id, const char *parent)
{
	if (id->parent)
		return 0;
	id->parent = calloc(1, sizeof(*id->parent));
	if (!id->parent)
		return -ENOMEM;
	mesos__v1__container_id__init(id->parent);
	id->parent->value = strdup(parent);
	return id->parent->value ? 0 : -ENOMEM;
}

static int set_executor(Mesos__V1__TaskStatus *status, const char *id)
{
	char *copy = strdup(id);

	if (!copy)
		return -ENOMEM;
	if (!status->executor_id) {
		status->executor_id = calloc(1, sizeof(*status->executor_id));
		if (!status->executor_id) {
			free(copy);
			return -ENOMEM;
		}
		mesos__v1__executor_id__init(status->executor_id);
	}
	free(status->executor_id->value);
	status->executor_id->value = copy;
	return 0;
}

int task_complete_status(const struct task *task, Mesos__V1__TaskStatus *status)
{
	const Tepui__TaskRecord *record = task->record;
	int r = status_complete(status, agent_id(task->agent), record->container_id,
				record->executor_pid);

	if (r >= 0)
		r = network_complete_status(task->container, status->container_status);
	if (r < 0 || !record->pod_id)
		return r;
	/* The supervisor knows of no group. */
	r = set_executor(status, task_executor_id(task));
	return r < 0 ? r : set_parent(status->container_status->container_id, record->pod_id);
}

static int on_check(const struct container *c, const Mesos__V1__TaskStatus *status, struct err *e)
{
	return updates_check(c->owner, status, e);
}

static bool on_knows(const struct container *c, const Mesos__V1__TaskStatus *status)
{
	return updates_has(c->owner, status);
}

static int on_update(struct container *c, const Mesos__V1__TaskStatus *status, struct err *e)
{
	struct task *task = c->owner;
	Mesos__V1__TaskStatus *copy = (Mesos__V1__TaskStatus *)pb_copy(&status->base);

	if (copy && task_complete_status(task, copy) >= 0)
		return updates_add(task, copy, e);
	if (copy)
		mesos__v1__task_status__free_unpacked(copy, NULL);
	return err_set(e, ENOMEM, "update task '%s'", task_id(task));
}

static int on_spawned(struct container *c, struct err *e)
{
	struct task *task = c->owner;
	Tepui__TaskRecord *record = task->record;

	if (!record->boot_id)
		record->boot_id = strdup(task->agent->node.boot_id);
	if (!record->boot_id)
		return err_set(e, ENOMEM, "launch task '%s'", task_id(task));
	record->has_executor_pid = 1;
	record->executor_pid = c->pid;
	record->has_executor_start_ticks = 1;
	record->executor_start_ticks = c->start_ticks;
	return task_put(task, e);
}

static void on_failed(struct container *c, const struct err *why)
{
	char text[sizeof(why->msg) + 64];
	struct task *task = c->owner;
	struct err e = { 0 };

	if (updates_add_own(task, MESOS__V1__TASK_STATE__TASK_FAILED, launch_failed,
			    err_text(why, text, sizeof(text)), &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
}

static void on_cancelled(struct container *c)
{
	struct err e = { 0 };

	if (updates_add_own(c->owner, MESOS__V1__TASK_STATE__TASK_KILLED, killed_early,
			    "killed before it was launched", &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(c->owner));
}

static void on_ended(struct container *c, const char *how)
{
	struct task *task = c->owner;
	struct err e = { 0 };

	if (!task_has_ended(task) && conclude(task, how, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
	if (task->is_acknowledged) {
		runtime_dir_remove(task->agent->work_fd, task->record->container_id);
		task_free(task);
	}
}

static const struct container_ops container_ops = {
	.check = on_check,
	.knows = on_knows,
	.update = on_update,
	.spawned = on_spawned,
	.failed = on_failed,
	.cancelled = on_cancelled,
	.ended = on_ended,
};

/* ---- life in memory ---- */

static void free_parts(struct task *task)
{
	if (task->executor)
		executor_leave(task);
	else
		container_forget(task->container);
	resources_done(&task->resources);
	resend_done(&task->resend);
	if (task->record)
		tepui__task_record__free_unpacked(task->record, NULL);
	free(task->key);
	free(task);
}

void task_free(struct task *task)
{
	task->agent->descriptions -= task->description;
	todo_remove(&task->agent->todo, &task->todo);
	HASH_DEL(task->agent->tasks, task);
	free_parts(task);
}

/* Host directory of the sandbox; NULL when memory is out. */
static char *sandbox_of(const struct task *task)
{
	char *path;

	const char *pod_id = task->record->pod_id;

	if (asprintf(&path, "%s/slaves/%s/frameworks/%s/executors/%s/runs/%s%s%s",
		     task->agent->work_dir, agent_id(task->agent), task_framework_id(task),
		     task_executor_id(task), pod_id ? pod_id : "", pod_id ? "/containers/" : "",
		     task->record->container_id) < 0)
		return NULL;
	return path;
}

static void fill_container(struct container *c, const Tepui__TaskRecord *record)
{
	c->info = record->task;
	c->executor_id = record->task->task_id->value;
	c->of = record->framework;
	c->pid = record->executor_pid;
	c->start_ticks = record->executor_start_ticks;
	c->has_first_id = record->has_first_id;
	c->first_id = record->first_id;
	c->kill_policy = record->kill_policy;
	c->is_kill_wanted = record->kill_requested;
	c->has_reported = record->latest;
	c->has_started = record->state == MESOS__V1__TASK_STATE__TASK_RUNNING;
	c->has_ended = status_is_terminal(record->state);
	if (record->has_launched_wall_ms)
		c->launched_wall_ms = record->launched_wall_ms;
}

static int make_container(struct task *task, struct err *e)
{
	const Tepui__TaskRecord *record = task->record;
	struct container_seed seed = {
		.kind = CONTAINER_TASK, .ops = &container_ops, .owner = task,
		.id = record->container_id, .framework = task_framework_id(task),
		.executor = task_id(task), .sandbox_take = sandbox_of(task),
	};
	int r;

	if (record->pod_id && *record->pod_id)
		seed.parent = container_find(task->agent, record->pod_id);
	r = container_new(task->agent, &seed, &task->container, e);
	if (r < 0)
		return r;
	fill_container(task->container, record);
	task->container->executor_id = task_executor_id(task);
	if (seed.parent) {
		r = container_nest(task->container, true, e);
		if (r < 0)
			return r;
	}
	return resources_from_messages(record->task->resources, record->task->n_resources,
				       &task->container->resources, e);
}

/* The executor of a group is the pod, which is no program. */
static bool has_custom_executor(const Tepui__TaskRecord *record)
{
	return record->task->executor && !record->pod_id;
}

/* It runs in the container of its executor. */
static int find_executor(struct task *task, struct err *e)
{
	const Tepui__TaskRecord *record = task->record;
	struct executor *x = executor_of_container(task->agent, record->container_id);
	int r = x ? 0 : err_set(e, EINVAL, "read task '%s': its executor is unknown",
				task_id(task));

	if (r >= 0)
		r = resources_from_messages(record->task->resources, record->task->n_resources,
					    &task->resources, e);
	if (r >= 0)
		executor_join(x, task);
	return r;
}

/* Fill TASK from its record; what it asks for is only checked here. */
static int init_task(struct task *task, struct err *e)
{
	const Tepui__TaskRecord *record = task->record;

	if (!record->framework->id)
		return err_set(e, EINVAL, "read task '%s': its framework has no id", task_id(task));
	if (!id_is_valid(task_id(task)) || !id_is_valid(task_framework_id(task)))
		return err_set(e, EINVAL, "read task '%.64s': not a valid id", task_id(task));
	if (record->pod_id && (!record->task->executor || !id_is_valid(task_executor_id(task))))
		return err_set(e, EINVAL, "read task '%s': its executor has no valid id",
			       task_id(task));
	if (task_find(task->agent, task_framework_id(task), task_id(task)))
		return err_set(e, EEXIST, "read task '%s': there is one", task_id(task));
	if (!has_custom_executor(record) && container_find(task->agent, record->container_id))
		return err_set(e, EEXIST, "read task '%s': container '%s' is another's",
			       task_id(task), record->container_id);
	task->key = id_pair(task_framework_id(task), task_id(task));
	if (!task->key)
		return err_set(e, ENOMEM, "read task '%s'", task_id(task));
	return has_custom_executor(record) ? find_executor(task, e) : make_container(task, e);
}

static void proceed(void *arg, bool is_safe)
{
	if (is_safe)
		updates_forward(arg);
}

/* By way of the turn: a head may be in memory only, and only what is on disk is sent. */
static void mark(void *arg)
{
	task_mark(arg);
}

int task_new(struct agent *agent, Tepui__TaskRecord *record_take, struct task **ret, struct err *e)
{
	struct task *task = calloc(1, sizeof(*task));
	int r;

	if (!task) {
		tepui__task_record__free_unpacked(record_take, NULL);
		return err_set(e, ENOMEM, "read a task");
	}
	task->agent = agent;
	task->record = record_take;
	resend_init(&task->resend, mark, task);
	task->todo.proceed = proceed;
	task->todo.arg = task;
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
	task->description = protobuf_c_message_get_packed_size(&record_take->task->base) +
			    protobuf_c_message_get_packed_size(&record_take->framework->base);
	agent->descriptions += task->description;
	*ret = task;
	return 0;
}

/* Tasks of a former run are charged even if the node has shrunk since: they are there. */
int task_adopt(struct agent *agent, Tepui__TaskRecord *record_take, struct task **ret,
	       struct err *e)
{
	struct task *task;
	int r = task_new(agent, record_take, &task, e);

	if (r >= 0 && !task_has_ended(task)) {
		r = task->executor ? executor_charge(task, e) :
				     container_charge(task->container, e);
		if (r < 0)
			task_free(task);
	}
	if (r >= 0)
		*ret = task;
	return r;
}

int task_settle(struct task *task, struct err *e)
{
	const Tepui__TaskRecord *record = task->record;
	bool is_this_boot = record->boot_id &&
			    strcmp(record->boot_id, task->agent->node.boot_id) == 0;

	if (task_has_ended(task) && !record->n_updates) {
		task_forget(task);
		return 0;
	}
	if (record->n_updates)
		task_mark(task);
	return task->executor ? 0 : container_adopt(task->container, is_this_boot, e);
}

/* ---- the store ---- */

int task_put(struct task *task, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r;

	task_mark(task);
	if (task->todo.is_volatile)
		return 0;
	/* It is found again by what the commit says. */
	if (task->executor)
		executor_mark(task->executor);
	else
		container_mark(task->container);
	r = pb_pack(&task->record->base, &data, &size, e);
	if (r < 0)
		return r;
	return store_put(task->agent->store, store_kind, task->key, data, size, e);
}

void task_mark(struct task *task)
{
	todo_add(&task->agent->todo, &task->todo);
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
	task->is_kill_sent = false;
	if (!task->executor) {
		task->container->kill_policy = record->kill_policy;
		container_stop(task->container);
	}
	return task_put(task, e);
}

void task_forget(struct task *task)
{
	struct err e = { 0 };

	task->is_acknowledged = true;
	history_add(&task->agent->history, task);
	if (tombstone_add(task->agent, task->key, &e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, &e, "task '%s'", task_id(task));
		err_clear(&e);
	}
	if (!task->todo.is_volatile &&
	    store_delete(task->agent->store, store_kind, task->key, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "forget task '%s'", task_id(task));
	if (task->executor) {
		task_free(task);
		return;
	}
	/* Its supervisor is about to leave; on_ended() does the rest then. */
	if (task->container->state != CONTAINER_NEW && task->container->state != CONTAINER_GONE)
		return;
	runtime_dir_remove(task->agent->work_fd, task->record->container_id);
	task_free(task);
}
