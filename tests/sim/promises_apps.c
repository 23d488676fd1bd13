/* P1, P5 and P7 of apps: what was answered is wanted, what is wanted runs, and in the end nothing. */
#include <stdio.h>
#include <string.h>

#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/marathon/state.h"
#include "master_stub/registry.h"
#include "tests/sim/host.h"
#include "tests/sim/people.h"
#include "tests/sim/promises.h"
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

bool promises_have_room(const struct sim *sim, double cpus, double mem_mb)
{
	const struct agent *agent;

	for (agent = sim->host->master->agents; agent; agent = agent->hh.next) {
		const struct resources *total, *used;

		if (!agent->node || agent->is_deactivated)
			continue;
		total = allocator_node_total(agent->node);
		used = allocator_node_used(agent->node);
		if (total->scalar[RESOURCE_CPUS] - used->scalar[RESOURCE_CPUS] >=
			    (int64_t)(cpus * 1000) &&
		    total->scalar[RESOURCE_MEM] - used->scalar[RESOURCE_MEM] >=
			    (int64_t)(mem_mb * 1000) &&
		    ranges_count(&total->ports) > ranges_count(&used->ports))
			return true;
	}
	return false;
}

static bool app_is_healed(struct sim *sim, const struct entry *entry, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;
	const struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		bool is_live = promises_is_live(promises_fate(sim, c->framework_id,
							      instance->tasks[0].id));

		if (is_live != (instance->state == MESOS__V1__TASK_STATE__TASK_RUNNING)) {
			(void)snprintf(text, size, "the controller takes '%s' for %s, and it %s",
				       instance->tasks[0].id, instance_state_name(instance->state),
				       is_live ? "runs" : "does not run");
			return false;
		}
		n += is_live;
	}
	if (n > entry->target->instances ||
	    (n < entry->target->instances &&
	     promises_have_room(sim, entry->target->cpus, entry->target->mem_mb))) {
		(void)snprintf(text, size, "%s has %u of %u instances", entry->id, n,
			       entry->target->instances);
		return false;
	}
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
		UNLESS(!entry->deployment || !promises_have_room(sim, entry->target->cpus,
								 entry->target->mem_mb),
		       "the deployment of %s does not end", entry->id);
	}
	return true;
}

bool promises_apps_are_settled(const struct sim *sim, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;

	if (!c || (!c->entries && c->n_deployments == 0 && !c->tasks))
		return true;
	(void)snprintf(text, size, "the controller has apps, deployments or tasks");
	return false;
}

const char *promises_controller_id(const struct sim *sim)
{
	const char *id = sim->host->controller ? sim->host->controller->framework_id : NULL;

	return id ? id : "";
}
