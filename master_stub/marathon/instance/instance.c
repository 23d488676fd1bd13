/* Instances of apps: what is known of each, and what that means. */
#include "master_stub/marathon/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/autoscale/metering.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/instance/health_results.h"
#include "master_stub/marathon/instance/readiness.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/placement/roles.h"

/*
 * What one task of several is decides what the instance is by RANK, the lowest first: it runs when
 * the others run or have finished, and has failed when one has.
 */
static const struct {
	const char *name, *condition;
	bool is_terminal;
	unsigned rank;
} states[] = {
	[MESOS__V1__TASK_STATE__TASK_ERROR] = { "TASK_ERROR", "Error", true, 0 },
	[MESOS__V1__TASK_STATE__TASK_FAILED] = { "TASK_FAILED", "Failed", true, 1 },
	[MESOS__V1__TASK_STATE__TASK_GONE] = { "TASK_GONE", "Gone", true, 2 },
	[MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR] = { "TASK_GONE_BY_OPERATOR", "Gone", true,
							   2 },
	[MESOS__V1__TASK_STATE__TASK_DROPPED] = { "TASK_DROPPED", "Dropped", true, 3 },
	[MESOS__V1__TASK_STATE__TASK_LOST] = { "TASK_LOST", "Dropped", true, 3 },
	[MESOS__V1__TASK_STATE__TASK_UNREACHABLE] = { "TASK_UNREACHABLE", "Unreachable", false, 4 },
	[MESOS__V1__TASK_STATE__TASK_KILLING] = { "TASK_KILLING", "Killing", false, 5 },
	[MESOS__V1__TASK_STATE__TASK_STARTING] = { "TASK_STARTING", "Starting", false, 6 },
	[MESOS__V1__TASK_STATE__TASK_STAGING] = { "TASK_STAGING", "Staging", false, 7 },
	/* Nobody knows the task nor its agent: nothing can be waited for. */
	[MESOS__V1__TASK_STATE__TASK_UNKNOWN] = { "TASK_UNKNOWN", "Unknown", true, 8 },
	[MESOS__V1__TASK_STATE__TASK_RUNNING] = { "TASK_RUNNING", "Running", false, 9 },
	[MESOS__V1__TASK_STATE__TASK_FINISHED] = { "TASK_FINISHED", "Finished", true, 10 },
	[MESOS__V1__TASK_STATE__TASK_KILLED] = { "TASK_KILLED", "Killed", true, 11 },
};

const char *instance_state_name(Mesos__V1__TaskState state)
{
	return (size_t)state < ARRAY_SIZE(states) ? states[state].name : "TASK_UNKNOWN";
}

static unsigned rank_of(Mesos__V1__TaskState state)
{
	return states[(size_t)state < ARRAY_SIZE(states) ? state
							 : MESOS__V1__TASK_STATE__TASK_UNKNOWN].rank;
}

bool instance_state_is_terminal(Mesos__V1__TaskState state)
{
	return (size_t)state >= ARRAY_SIZE(states) || states[state].is_terminal;
}

const char *instance_condition(const struct instance *instance)
{
	if (instance->is_provisioned)
		return "Provisioned";
	if (instance->unreachable_wall_ms != 0 && instance->is_inactive)
		return "UnreachableInactive";
	if ((size_t)instance->state >= ARRAY_SIZE(states))
		return "Unknown";
	return states[instance->state].condition;
}

int instance_set_text(char **text, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

/* ---- Tasks ---- */

struct instance_task *instance_task_find(const struct controller *c, const char *id)
{
	struct instance_task *task;

	HASH_FIND(by_id, c->tasks, id, strlen(id), task);
	return task;
}

struct instance *instance_find_task(const struct controller *c, const char *task_id)
{
	const struct instance_task *task = instance_task_find(c, task_id);

	return task ? task->instance : NULL;
}

int instance_task_set_id(struct controller *c, struct instance_task *task, const char *id)
{
	char *copy = strdup(id);

	if (!copy)
		return -ENOMEM;
	if (task->id)
		HASH_DELETE(by_id, c->tasks, task);
	free(task->id);
	task->id = copy;
	HASH_ADD_KEYPTR(by_id, c->tasks, task->id, strlen(task->id), task);
	if (instance_task_find(c, id) == task)
		return 0;
	free(TAKE_PTR(task->id));
	return -ENOMEM;
}

static void task_done(struct controller *c, struct instance_task *task)
{
	if (task->id)
		HASH_DELETE(by_id, c->tasks, task);
	free(task->id);
	health_results_free(task);
}

bool instance_is_over(const struct instance *instance)
{
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		if (!instance_state_is_terminal(instance->tasks[i].state))
			return false;
	}
	return true;
}

const struct pod_container *instance_task_container(const struct instance_task *task)
{
	const struct pod *pod = task->instance->spec->pod;

	return pod ? &pod->containers[task - task->instance->tasks] : NULL;
}

const struct app *instance_task_spec(const struct instance_task *task)
{
	const struct pod_container *container = instance_task_container(task);

	return container ? container->app : task->instance->spec;
}

unsigned instance_task_ports(const struct instance_task *task, unsigned *ret_first)
{
	const struct pod_container *container = instance_task_container(task);
	unsigned n = app_n_ports(instance_task_spec(task));

	*ret_first = container ? container->first_port : 0;
	return *ret_first + n <= task->instance->n_ports ? n : 0;
}

/* One that has finished is asked no more. */
static bool is_checked(const struct instance_task *task)
{
	return !instance_state_is_terminal(task->state) &&
	       json_array_size(instance_task_spec(task)->health_checks) > 0;
}

/* One that is unhealthy is enough to tell; that it is healthy, all have to tell that are asked. */
static void sum_up_health(struct instance *instance)
{
	unsigned n_unhealthy = 0, n_healthy = 0, n_unknown = 0;

	instance->is_checked = false;
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		struct instance_task *task = &instance->tasks[i];

		health_results_sum_up(task);
		if (!is_checked(task))
			continue;
		instance->is_checked = true;
		if (task->has_health)
			*(task->is_healthy ? &n_healthy : &n_unhealthy) += 1;
		else
			n_unknown++;
	}
	instance->has_health = n_unhealthy > 0 || (n_healthy > 0 && n_unknown == 0);
	instance->is_healthy = instance->has_health && n_unhealthy == 0;
}

void instance_sum_up(struct instance *instance)
{
	Mesos__V1__TaskState state = instance->tasks[0].state;

	instance->is_confirmed = true;
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		const struct instance_task *task = &instance->tasks[i];

		if (rank_of(task->state) < rank_of(state))
			state = task->state;
		instance->is_confirmed &= task->is_confirmed;
	}
	instance->state = state;
	sum_up_health(instance);
}

/* ---- Instances ---- */

static void release(struct controller *c, struct instance *instance)
{
	for (unsigned i = 0; i < instance->n_tasks; i++)
		task_done(c, &instance->tasks[i]);
	app_unref(instance->spec);
	free(instance->id);
	free(instance->agent_id);
	free(instance->host);
	free(instance->ports);
	free(instance->doom_reason);
	json_decref(instance->networks);
	free(instance);
}

int instance_new(struct controller *c, struct entry *entry, struct app *spec, const char *id,
		 unsigned n_tasks, struct instance **ret)
{
	struct instance *instance =
		calloc(1, sizeof(*instance) + n_tasks * sizeof(instance->tasks[0]));

	if (!instance)
		return -ENOMEM;
	instance->entry = entry;
	instance->spec = app_ref(spec);
	instance->n_tasks = n_tasks;
	for (unsigned i = 0; i < n_tasks; i++) {
		instance->tasks[i].instance = instance;
		instance->tasks[i].state = MESOS__V1__TASK_STATE__TASK_STAGING;
	}
	instance_sum_up(instance);
	if (instance_set_text(&instance->id, id) < 0 || role_enter(c, spec->role) < 0) {
		release(c, instance);
		return -ENOMEM;
	}
	residence_enter(c, instance);
	TAILQ_INSERT_TAIL(&entry->instances, instance, of_app);
	entry->n_instances++;
	entry_touch(entry);
	*ret = instance;
	return 0;
}

void instance_free(struct controller *c, struct instance *instance)
{
	readiness_forget(c, instance);
	metering_forget(c, instance);
	residence_vacate(c, instance);
	role_leave(c, instance->spec->role);
	TAILQ_REMOVE(&instance->entry->instances, instance, of_app);
	instance->entry->n_instances--;
	entry_touch(instance->entry);
	release(c, instance);
}

int instance_set_place(struct instance *instance, const char *agent_id, const char *host)
{
	int r = instance_set_text(&instance->agent_id, agent_id);

	return r < 0 ? r : instance_set_text(&instance->host, host);
}

bool instance_is_running(const struct instance *instance)
{
	return !instance->is_provisioned && instance->state == MESOS__V1__TASK_STATE__TASK_RUNNING;
}

bool instance_is_unjudged(const struct instance *instance)
{
	return instance->is_confirmed && instance_is_running(instance) && instance->is_checked &&
	       !instance->has_health;
}

bool instance_is_good(const struct instance *instance)
{
	if (!instance_is_running(instance) || instance->is_doomed || !instance->is_confirmed)
		return false;
	return !instance->is_checked || (instance->has_health && instance->is_healthy);
}

bool instance_is_up(struct controller *c, const struct instance *instance)
{
	int64_t up_ms = instance->good_ms + instance->spec->min_up_ms;

	if (!instance_is_good(instance) || readiness_is_awaited(instance))
		return false;
	if (c->now_ms < up_ms)
		controller_wake_at(c, up_ms);
	return c->now_ms >= up_ms;
}

void instance_note_good(const struct controller *c, struct instance *instance)
{
	if (!instance_is_good(instance))
		instance->good_ms = 0;
	else if (instance->good_ms == 0)
		instance->good_ms = c->now_ms;
}

bool instance_is_alive(const struct instance *instance)
{
	return !instance->is_doomed && !instance->is_inactive;
}

bool instance_is_current(const struct instance *instance, const struct app *target)
{
	return strcmp(instance->spec->version, target->last_config_change_at) >= 0;
}
