#include "agent/executor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/executor_container.h"
#include "agent/executor_env.h"
#include "agent/executor_stream.h"
#include "agent/master_link.h"
#include "agent/resize.h"
#include "agent/runtime_dir.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/store.h"

static const char store_kind[] = "executor";

const char *executor_id(const struct executor *x)
{
	return x->record->executor->executor_id->value;
}

const char *executor_framework_id(const struct executor *x)
{
	return x->record->framework->id->value;
}

struct executor *executor_find(struct agent *agent, const char *framework_id, const char *id)
{
	struct executor *x;

	TAILQ_FOREACH(x, &agent->custom, link) {
		if (!x->has_exited && strcmp(executor_id(x), id) == 0 &&
		    strcmp(executor_framework_id(x), framework_id) == 0)
			return x;
	}
	return NULL;
}

struct executor *executor_of_container(struct agent *agent, const char *container_id)
{
	struct container *c = container_find(agent, container_id);

	return c && c->kind == CONTAINER_EXECUTOR ? c->owner : NULL;
}

/* ---- the store ---- */

void executor_mark(struct executor *x)
{
	todo_add(&x->agent->todo, &x->todo);
}

int executor_put(struct executor *x, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = pb_pack(&x->record->base, &data, &size, e);

	executor_mark(x);
	container_mark(x->container);
	return r < 0 ? r : store_put(x->agent->store, store_kind, x->record->container_id, data,
				     size, e);
}

static void put_or_log(struct executor *x)
{
	struct err e = { 0 };

	if (executor_put(x, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "executor '%s'", executor_id(x));
}

static void free_parts(struct executor *x)
{
	executor_release(x);
	free(x->confirms);
	container_forget(x->container);
	tepui__executor_record__free_unpacked(x->record, NULL);
	free(x);
}

static void executor_free(struct executor *x)
{
	todo_remove(&x->agent->todo, &x->todo);
	TAILQ_REMOVE(&x->agent->custom, x, link);
	free_parts(x);
}

/* Its container is gone, and the last of its tasks is forgotten. */
static void forget(struct executor *x)
{
	struct err e = { 0 };

	if (store_delete(x->agent->store, store_kind, x->record->container_id, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "forget executor '%s'", executor_id(x));
	runtime_dir_remove(x->agent->work_fd, x->record->container_id);
	executor_free(x);
}

void executor_forget_unused(struct executor *x)
{
	if (TAILQ_EMPTY(&x->tasks) && x->container->state == CONTAINER_NEW && !x->has_exited)
		forget(x);
}

/* ---- life in memory ---- */

static void proceed(void *arg, bool is_safe)
{
	struct executor *x = arg;

	if (!x->has_exited)
		executor_flush(x, is_safe);
	else if (is_safe && TAILQ_EMPTY(&x->tasks))
		forget(x);
}

static char *sandbox_of(const struct executor *x)
{
	char *path;

	if (asprintf(&path, "%s/slaves/%s/frameworks/%s/executors/%s/runs/%s", x->agent->work_dir,
		     agent_id(x->agent), executor_framework_id(x), executor_id(x),
		     x->record->container_id) < 0)
		return NULL;
	return path;
}

static void fill_container(struct container *c, const Tepui__ExecutorRecord *record)
{
	c->info = record->task;
	c->of = record->framework;
	c->pid = record->supervisor_pid;
	c->start_ticks = record->supervisor_start_ticks;
	c->has_first_id = record->has_first_id;
	c->first_id = record->first_id;
	c->has_reported = record->latest;
	c->has_started = record->latest;
	c->has_ended = record->latest && status_is_terminal(record->latest->state);
	if (record->has_launched_wall_ms)
		c->launched_wall_ms = record->launched_wall_ms;
}

/* Ids become names of directories. */
static int check_ids(const struct executor *x, struct err *e)
{
	if (!x->record->framework->id || !id_is_valid(executor_framework_id(x)))
		return err_set(e, EINVAL, "read executor '%.64s': its framework has no valid id",
			       executor_id(x));
	return id_is_valid(executor_id(x)) ? 0 :
		err_set(e, EINVAL, "read executor '%.64s': not a valid id", executor_id(x));
}

static int make_container(struct executor *x, struct err *e)
{
	const Tepui__ExecutorRecord *record = x->record;
	struct container_seed seed = {
		.kind = CONTAINER_EXECUTOR, .ops = &executor_container_ops, .owner = x,
		.id = record->container_id, .framework = CONTAINER_FRAMEWORK,
		.executor = record->container_id, .sandbox_take = sandbox_of(x),
	};
	int r = container_new(x->agent, &seed, &x->container, e);

	if (r < 0)
		return r;
	fill_container(x->container, record);
	return resources_from_messages(record->executor->resources, record->executor->n_resources,
				       &x->container->resources, e);
}

/* Takes RECORD, also on failure. */
static int adopt(struct agent *agent, Tepui__ExecutorRecord *record, struct executor **ret,
		 struct err *e)
{
	struct executor *x = calloc(1, sizeof(*x));
	int r;

	if (!x) {
		tepui__executor_record__free_unpacked(record, NULL);
		return err_set(e, ENOMEM, "read an executor");
	}
	x->agent = agent;
	x->record = record;
	x->has_exited = record->has_exited;
	x->is_shut_down = record->is_shut_down;
	x->todo.proceed = proceed;
	x->todo.arg = x;
	TAILQ_INIT(&x->tasks);
	r = check_ids(x, e);
	if (r >= 0)
		r = make_container(x, e);
	if (r < 0) {
		free_parts(x);
		return r;
	}
	TAILQ_INSERT_TAIL(&agent->custom, x, link);
	*ret = x;
	return 0;
}

/* ---- a new one ---- */

/* As a task that its supervisor runs: named by the executor, with its command, image and resources. */
static Mesos__V1__TaskInfo *describe(const struct agent *agent, const Mesos__V1__ExecutorInfo *info)
{
	Mesos__V1__TaskInfo task = MESOS__V1__TASK_INFO__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

	/* Only read, to be copied. */
	task_id.value = info->executor_id->value;
	id.value = (char *)(uintptr_t)agent_id(agent);
	task.name = info->name ? info->name : info->executor_id->value;
	task.task_id = &task_id;
	task.agent_id = &id;
	task.command = info->command;
	task.container = info->container;
	task.resources = info->resources;
	task.n_resources = info->n_resources;
	return (Mesos__V1__TaskInfo *)pb_copy(&task.base);
}

static Tepui__ExecutorRecord *new_record(struct agent *agent,
					 const Mesos__V1__FrameworkInfo *framework,
					 const Mesos__V1__ExecutorInfo *info)
{
	Tepui__ExecutorRecord *record = malloc(sizeof(*record));
	char container_id[ID_UUID_SIZE];

	if (!record)
		return NULL;
	tepui__executor_record__init(record);
	id_uuid(&agent->rng, container_id);
	record->container_id = strdup(container_id);
	record->framework = (Mesos__V1__FrameworkInfo *)pb_copy(&framework->base);
	record->executor = (Mesos__V1__ExecutorInfo *)pb_copy(&info->base);
	record->task = describe(agent, info);
	record->has_launched_wall_ms = 1;
	record->launched_wall_ms = clock_wall_ms();
	if (record->container_id && record->framework && record->executor && record->task)
		return record;
	tepui__executor_record__free_unpacked(record, NULL);
	return NULL;
}

int executor_new(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
		 const Mesos__V1__ExecutorInfo *info, struct executor **ret, struct err *e)
{
	Tepui__ExecutorRecord *record = new_record(agent, framework, info);

	if (!record)
		return err_set(e, ENOMEM, "make executor '%s'", info->executor_id->value);
	return adopt(agent, record, ret, e);
}

int executor_admit(struct executor *x, struct err *e)
{
	int r = container_charge(x->container, e);

	x->container->needs_launch = true;
	return r < 0 ? r : executor_put(x, e);
}

void executor_refuse(struct executor *x)
{
	container_refuse(x->container);
	executor_note_exit(x);
}

int executor_variables(const struct executor *x, json_t **ret, struct err *e)
{
	const struct executor_place place = {
		.framework_id = executor_framework_id(x),
		.container_id = x->container->id,
		.sandbox = x->container->sandbox,
	};

	return executor_env(x->agent, &place, x->record->executor, ret, e);
}

/* ---- its tasks ---- */

void executor_join(struct executor *x, struct task *task)
{
	task->executor = x;
	task->container = x->container;
	TAILQ_INSERT_TAIL(&x->tasks, task, of_executor);
}

void executor_leave(struct task *task)
{
	struct executor *x = TAKE_PTR(task->executor);

	TAILQ_REMOVE(&x->tasks, task, of_executor);
	executor_mark(x);
}

int executor_charge(struct task *task, struct err *e)
{
	struct executor *x = task->executor;
	struct container *c = x->container;
	bool was_charged = c->is_charged;
	int r;

	if (task->is_charged)
		return 0;
	container_discharge(c);
	r = resources_add(&c->resources, &task->resources);
	if (was_charged && container_charge(c, e) < 0)
		return -e->code;
	if (r < 0)
		return err_set(e, ENOMEM, "launch task '%s'", task_id(task));
	task->is_charged = true;
	executor_renew_limits(x);
	return 0;
}

void executor_task_ended(struct task *task)
{
	struct executor *x = task->executor;
	struct container *c = x->container;
	bool was_charged = c->is_charged;
	struct err e = { 0 };

	if (!task->is_charged)
		return;
	task->is_charged = false;
	container_discharge(c);
	resources_take_away(&c->resources, &task->resources);
	if (was_charged && container_charge(c, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "executor '%s'", executor_id(x));
	if (!x->has_exited)
		executor_renew_limits(x);
}

/* ---- SHUTDOWN ---- */

void executor_shut_down(struct executor *x)
{
	if (x->is_shut_down || x->has_exited)
		return;
	log_info("shut down executor '%s' of framework '%s'", executor_id(x),
		 executor_framework_id(x));
	x->is_shut_down = true;
	x->record->has_is_shut_down = 1;
	x->record->is_shut_down = 1;
	/* Nobody is there to be asked. */
	if (!x->stream)
		executor_end_container(x);
	put_or_log(x);
}

void executor_shut_down_of(struct agent *agent, const Tepui__AgentEvent__ShutdownExecutor *event)
{
	struct executor *x = executor_find(agent, event->framework_id->value,
					   event->executor_id->value);

	if (x)
		executor_shut_down(x);
	else
		log_info("ignore the shutdown of executor '%s': it is not here",
			 event->executor_id->value);
}

/* ---- after a restart ---- */

static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct agent *agent = arg;
	Tepui__ExecutorRecord *record = tepui__executor_record__unpack(NULL, size, data);
	struct err why = { 0 };
	struct executor *x;
	int r = -EINVAL;

	(void)e;
	if (record && strcmp(record->container_id, key) == 0)
		r = adopt(agent, record, &x, &why);
	else
		(void)err_set(&why, EINVAL, "read the record");
	if (r >= 0 && !x->has_exited)
		r = container_charge(x->container, &why);
	if (r >= 0)
		return 0;
	agent->counters.recovery_errors++;
	log_write_err(LOG_LEVEL_ERROR, &why, "skip the executor of container '%s'", key);
	return 0;
}

int executors_load(struct agent *agent, struct err *e)
{
	return store_each(agent->store, store_kind, load, agent, e);
}

/* One that was never told of a task has as long as it would have had. */
static void await_return(struct executor *x)
{
	struct verdict late = {
		status_lost_state(x->record->framework, MESOS__V1__TASK_STATE__TASK_GONE),
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
		"Executor did not re-register within its timeout after the agent was restarted",
	};
	struct task *task;

	if (x->is_shut_down) {
		executor_end_container(x);
		return;
	}
	if (!x->record->has_subscribed) {
		executor_expect_subscription(x);
		return;
	}
	/* Or it was not: it will say what it has. */
	TAILQ_FOREACH(task, &x->tasks, of_executor)
		task->is_launch_sent = true;
	executor_expect(x, x->agent->flags.executor_reregistration_timeout, &late);
}

void executors_settle(struct agent *agent)
{
	struct executor *x, *next;
	struct err e = { 0 };

	for (x = TAILQ_FIRST(&agent->custom); x; x = next) {
		const char *boot_id = x->record->boot_id;

		next = TAILQ_NEXT(x, link);
		if (x->has_exited) {
			x->container->state = CONTAINER_GONE;
			executor_mark(x);
			continue;
		}
		await_return(x);
		if (container_adopt(x->container,
				    boot_id && strcmp(boot_id, agent->node.boot_id) == 0, &e) < 0) {
			log_write_err(LOG_LEVEL_ERROR, &e, "adopt executor '%s'", executor_id(x));
			err_clear(&e);
		}
	}
}

bool executors_are_alive(const struct agent *agent)
{
	const struct executor *x;

	TAILQ_FOREACH(x, &agent->custom, link) {
		if (!x->has_exited)
			return true;
	}
	return false;
}

unsigned executors_count_away(const struct agent *agent)
{
	const struct executor *x;
	unsigned n = 0;

	TAILQ_FOREACH(x, &agent->custom, link)
		n += x->record->has_subscribed && !x->stream && container_is_running(x->container);
	return n;
}

void executors_free(struct agent *agent)
{
	struct executor *x;

	while ((x = TAILQ_FIRST(&agent->custom)))
		executor_free(x);
}

