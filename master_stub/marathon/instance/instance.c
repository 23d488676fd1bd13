/* Instances of apps: what is known of each, and what that means. */
#include "master_stub/marathon/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/autoscale/metering.h"
#include "master_stub/marathon/instance/readiness.h"

static const struct {
	const char *name, *condition;
	bool is_known, is_terminal;
} states[] = {
	[MESOS__V1__TASK_STATE__TASK_STAGING] = { "TASK_STAGING", "Staging", true, false },
	[MESOS__V1__TASK_STATE__TASK_STARTING] = { "TASK_STARTING", "Starting", true, false },
	[MESOS__V1__TASK_STATE__TASK_RUNNING] = { "TASK_RUNNING", "Running", true, false },
	[MESOS__V1__TASK_STATE__TASK_FINISHED] = { "TASK_FINISHED", "Finished", true, true },
	[MESOS__V1__TASK_STATE__TASK_FAILED] = { "TASK_FAILED", "Failed", true, true },
	[MESOS__V1__TASK_STATE__TASK_KILLED] = { "TASK_KILLED", "Killed", true, true },
	[MESOS__V1__TASK_STATE__TASK_LOST] = { "TASK_LOST", "Dropped", true, true },
	[MESOS__V1__TASK_STATE__TASK_ERROR] = { "TASK_ERROR", "Error", true, true },
	[MESOS__V1__TASK_STATE__TASK_KILLING] = { "TASK_KILLING", "Killing", true, false },
	[MESOS__V1__TASK_STATE__TASK_DROPPED] = { "TASK_DROPPED", "Dropped", true, true },
	[MESOS__V1__TASK_STATE__TASK_UNREACHABLE] = { "TASK_UNREACHABLE", "Unreachable", true,
						      false },
	[MESOS__V1__TASK_STATE__TASK_GONE] = { "TASK_GONE", "Gone", true, true },
	[MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR] = { "TASK_GONE_BY_OPERATOR", "Gone", true,
							   true },
	/* Nobody knows the task nor its agent: nothing can be waited for. */
	[MESOS__V1__TASK_STATE__TASK_UNKNOWN] = { "TASK_UNKNOWN", "Unknown", true, true },
};

const char *instance_state_name(Mesos__V1__TaskState state)
{
	return (size_t)state < ARRAY_SIZE(states) ? states[state].name : "TASK_UNKNOWN";
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

struct instance *instance_find_task(const struct controller *c, const char *task_id)
{
	struct instance *instance;

	HASH_FIND(by_task, c->by_task, task_id, strlen(task_id), instance);
	return instance;
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

static void release(struct instance *instance)
{
	app_unref(instance->spec);
	free(instance->id);
	free(instance->task_id);
	free(instance->agent_id);
	free(instance->host);
	free(instance->ports);
	free(instance->doom_reason);
	free(instance->failure_cause);
	free(instance->ip);
	free(instance);
}

int instance_new(struct controller *c, struct entry *entry, struct app *spec, const char *id,
		 const char *task_id, struct instance **ret)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	if (!instance)
		return -ENOMEM;
	instance->entry = entry;
	instance->spec = app_ref(spec);
	instance->state = MESOS__V1__TASK_STATE__TASK_STAGING;
	if (instance_set_text(&instance->id, id) < 0 ||
	    instance_set_text(&instance->task_id, task_id) < 0) {
		release(instance);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(by_task, c->by_task, instance->task_id, strlen(task_id), instance);
	if (!instance_find_task(c, task_id)) {
		release(instance);
		return -ENOMEM;
	}
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
	HASH_DELETE(by_task, c->by_task, instance);
	TAILQ_REMOVE(&instance->entry->instances, instance, of_app);
	instance->entry->n_instances--;
	entry_touch(instance->entry);
	release(instance);
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

bool instance_is_judged(const struct instance *instance)
{
	if (!instance->is_confirmed)
		return false;
	/* Its health was known to the process before this one, and will be told again. */
	return !instance->is_loaded || instance->has_health || !instance_is_running(instance) ||
	       json_array_size(instance->spec->health_checks) == 0;
}

bool instance_is_good(const struct instance *instance)
{
	if (!instance_is_running(instance) || instance->is_doomed || !instance->is_confirmed)
		return false;
	if (json_array_size(instance->spec->health_checks) == 0)
		return true;
	return instance->has_health && instance->is_healthy;
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
