/* P1, P5 and P7 of apps: what was answered is wanted, what is wanted runs, and in the end nothing. */
#include <stdio.h>
#include <string.h>

#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/marathon/state.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "tests/sim/host.h"
#include "tests/sim/people.h"
#include "tests/sim/promises.h"
#include "tests/sim/residents.h"
#include "tests/sim/sim.h"

void promises_check_apps(struct sim *sim)
{
	for (unsigned i = 0; sim->people && i < N_APPS; i++) {
		const struct entry *entry = entry_find(sim->host->controller, people_app_id(i));
		int is = entry && !entry->is_deleting ? (int)entry->target->instances : APP_DELETED;
		int wanted = sim->people->asked[i] != APP_UNKNOWN ? sim->people->asked[i]
								  : sim->people->wanted[i];

		if (wanted != APP_UNKNOWN && is != wanted)
			sim_fail(sim, "P1 apps", "%s was answered to have %d instances and has %d",
				 people_app_id(i), wanted, is);
		if (entry)
			promises_check_bounds(sim, i, entry);
	}
}

static bool is_free(const struct resources *total, const struct resources *used,
		    enum resource_kind kind, double amount)
{
	return total->scalar[kind] - used->scalar[kind] >= (int64_t)(amount * 1000);
}

bool promises_have_room(const struct sim *sim, double cpus, double mem_mb, double disk_mb)
{
	const struct agent *agent;

	for (agent = sim->host->master->agents; agent; agent = agent->hh.next) {
		const struct resources *total, *used;

		if (!agent->node || agent->is_deactivated)
			continue;
		total = allocator_node_total(agent->node);
		used = allocator_node_used(agent->node);
		if (is_free(total, used, RESOURCE_CPUS, cpus) &&
		    is_free(total, used, RESOURCE_MEM, mem_mb) &&
		    is_free(total, used, RESOURCE_DISK, disk_mb) &&
		    ranges_count(&total->ports) > ranges_count(&used->ports))
			return true;
	}
	return false;
}

/* Each task is what it is taken for; of one that several tasks make, some may have finished. */
static bool instance_is_known(struct sim *sim, const struct instance *instance, char *text,
			      size_t size)
{
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		const struct instance_task *task = &instance->tasks[i];
		bool is_live = promises_is_live(
			promises_fate(sim, sim->host->controller->framework_id, task->id));

		UNLESS(is_live == (task->state == MESOS__V1__TASK_STATE__TASK_RUNNING),
		       "the controller takes '%s' for %s, and it %s", task->id,
		       instance_state_name(task->state), is_live ? "runs" : "does not run");
	}
	return true;
}

static bool has_room_for(const struct sim *sim, const struct app *app)
{
	return promises_have_room(sim, app->cpus, app->mem_mb, app->disk_mb + app->volumes_mb);
}

static bool app_is_healed(struct sim *sim, const struct entry *entry, char *text, size_t size)
{
	const struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (!instance_is_known(sim, instance, text, size))
			return false;
		n += instance->state == MESOS__V1__TASK_STATE__TASK_RUNNING;
	}
	if (n > entry->target->instances ||
	    (n < entry->target->instances &&
	     has_room_for(sim, entry->target))) {
		(void)snprintf(text, size, "%s has %u of %u instances", entry->id, n,
			       entry->target->instances);
		return false;
	}
	return true;
}

/* What runs for the controller is of an instance that it knows. */
static bool none_is_orphaned(const struct sim *sim, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;
	const struct framework *framework = framework_find(sim->host->master, c->framework_id);
	const struct task *task;

	for (task = framework ? framework->tasks : NULL; task; task = task->hh.next)
		UNLESS(instance_task_find(c, task->id), "task '%s' is of no instance", task->id);
	return true;
}

bool promises_apps_are_healed(struct sim *sim, char *text, size_t size)
{
	const struct entry *entry;

	if (!sim->people)
		return true;
	for (entry = sim->host->controller->entries; entry; entry = entry->by_id.next) {
		if (!app_is_healed(sim, entry, text, size))
			return false;
		UNLESS(!entry->deployment || !has_room_for(sim, entry->target),
		       "the deployment of %s does not end", entry->id);
	}
	return residents_are_healed(sim, text, size) && none_is_orphaned(sim, text, size);
}

bool promises_apps_are_settled(const struct sim *sim, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;

	if (!c)
		return true;
	UNLESS(!c->entries && c->n_deployments == 0 && !c->tasks,
	       "the controller has apps, deployments or tasks");
	return residents_are_settled(sim, text, size);
}

const char *promises_controller_id(const struct sim *sim)
{
	const char *id = sim->host->controller ? sim->host->controller->framework_id : NULL;

	return id ? id : "";
}
