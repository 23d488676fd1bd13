/*
 * P11: an app's volumes, looked at from where they are.
 *
 * - A volume is made once, on the agent that it was asked for on.  While its app lives it goes only if
 *   no task was ever said to run with it.
 * - None is made while there are as many as instances, wherever they are.
 * - No instance has two processes at a time.
 * - When all is calm every volume with data, of an app that lives, is known to the controller, and no
 *   volume awaits an instance that is wanted.
 * - When all apps have been deleted nothing is reserved for them any more.
 *
 * An agent that was declared gone comes back as another one: what is on it then is nobody's.
 */
#include "tests/sim/residents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/operation_change.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/state.h"
#include "tests/sim/agent.h"
#include "tests/sim/agent_tasks.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

const char residents_role[] = "people";

struct sim_volume {
	UT_hash_handle hh;
	char app_id[16], instance_id[128], agent_id[128];
	bool is_made, has_data;
	bool may_go;		/* its app was to be deleted */
	char id[];
};

/* ---- what was asked for ---- */

static struct sim_volume *find(const struct sim *sim, const char *id)
{
	struct sim_volume *volume = NULL;

	HASH_FIND_STR(sim->volumes, id, volume);
	return volume;
}

/* A new one is for who has none. */
static void check_need(struct sim *sim, const struct entry *entry)
{
	const struct residence *home;
	unsigned n = 0;

	TAILQ_FOREACH(home, &entry->residences, of_app)
		n += !home->is_detached;
	if (n > entry->target->instances)
		sim_fail(sim, "P11 enough", "%s has a new volume, and there are %u for %u instances",
			 entry->id, n, entry->target->instances);
}

void residents_launched(struct sim *sim, const struct instance *instance)
{
	const struct residence *home = instance->residence;

	for (unsigned i = 0; home && i < home->n_volumes; i++) {
		const char *id = home->volumes[i].id;
		struct sim_volume *volume = find(sim, id);

		if (volume) {
			sim->n_returns++;
			continue;
		}
		volume = sim_alloc(sizeof(*volume) + strlen(id) + 1);
		strcpy(volume->id, id);
		check_need(sim, instance->entry);
		(void)snprintf(volume->app_id, sizeof(volume->app_id), "%s", home->app_id);
		(void)snprintf(volume->instance_id, sizeof(volume->instance_id), "%s", home->id);
		(void)snprintf(volume->agent_id, sizeof(volume->agent_id), "%s", home->agent_id);
		HASH_ADD_KEYPTR(hh, sim->volumes, volume->id, strlen(volume->id), volume);
	}
}

void residents_let_go(struct sim *sim, const char *app_id)
{
	for (struct sim_volume *volume = sim->volumes; volume; volume = volume->hh.next)
		volume->may_go |= strcmp(volume->app_id, app_id) == 0;
}

void residents_free(struct sim *sim)
{
	struct sim_volume *volume, *next;

	HASH_ITER(hh, sim->volumes, volume, next) {
		HASH_DEL(sim->volumes, volume);
		free(volume);
	}
}

/* ---- on agents ---- */

static bool has_part(const struct resources *resources)
{
	for (size_t i = 0; i < resources->parts.n; i++) {
		if (strcmp(resources->parts.items[i].role, residents_role) == 0)
			return true;
	}
	return false;
}

bool residents_own(const struct operation_change *change)
{
	return has_part(&change->from) || has_part(&change->to);
}

static void made(const struct sim_agent *agent, const char *id)
{
	struct sim_volume *volume = find(agent->sim, id);

	if (!volume || strcmp(volume->agent_id, agent->id) != 0)
		sim_fail(agent->sim, "P11 asked", "nobody has asked for volume '%s' on %s", id,
			 agent->hostname);
	else if (volume->is_made)
		sim_fail(agent->sim, "P11 once", "volume '%s' is made twice", id);
	else
		volume->is_made = true;
}

static void destroyed(const struct sim_agent *agent, const char *id)
{
	const struct sim_volume *volume = find(agent->sim, id);

	if (volume && volume->has_data && !volume->may_go &&
	    strcmp(volume->agent_id, agent->id) == 0)
		sim_fail(agent->sim, "P11 kept", "volume '%s' is destroyed, and %s lives", id,
			 volume->app_id);
}

void residents_changed(struct sim_agent *agent, const struct operation_change *change)
{
	agent->sim->n_changes++;
	for (size_t i = 0; i < change->to.parts.n; i++) {
		if (change->to.parts.items[i].volume)
			made(agent, change->to.parts.items[i].volume);
	}
	for (size_t i = 0; i < change->from.parts.n; i++) {
		if (change->from.parts.items[i].volume)
			destroyed(agent, change->from.parts.items[i].volume);
	}
}

static const char *id_of(const struct agent_task *task)
{
	return task->run->task->task_id->value;
}

/* Tasks of an app's instance differ in what is behind this. */
static size_t instance_length(const char *task_id)
{
	const char *end = strstr(task_id, "._app.");

	return end ? (size_t)(end - task_id) + 1 : 0;
}

void residents_started(const struct agent_task *task)
{
	struct sim *sim = task->agent->sim;
	size_t length = instance_length(id_of(task));

	for (size_t i = 0; length > 0 && i < sim->n_agents; i++) {
		const struct agent_task *other;

		TAILQ_FOREACH(other, &sim->agents[i]->tasks, next) {
			if (other != task && promises_is_live(other->fate) &&
			    strncmp(id_of(other), id_of(task), length) == 0)
				sim_fail(sim, "P11 one place", "'%s' starts, and '%s' still lives",
					 id_of(task), id_of(other));
		}
	}
}

void residents_run(const struct agent_task *task)
{
	for (size_t i = 0; i < task->resources.parts.n; i++) {
		const char *id = task->resources.parts.items[i].volume;
		struct sim_volume *volume = id ? find(task->agent->sim, id) : NULL;

		if (volume)
			volume->has_data = true;
	}
}

/* ---- after the faults, and at the end ---- */

static bool is_there(const struct sim *sim, const char *agent_id)
{
	for (size_t i = 0; i < sim->n_agents; i++) {
		if (strcmp(sim->agents[i]->id, agent_id) == 0)
			return true;
	}
	return false;
}

bool residents_are_healed(const struct sim *sim, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;
	const struct residence *home;

	for (const struct sim_volume *volume = sim->volumes; volume; volume = volume->hh.next) {
		if (!volume->has_data || volume->may_go || !is_there(sim, volume->agent_id))
			continue;
		home = residence_find(c, volume->instance_id);
		UNLESS(home && home->entry, "nobody knows of volume '%s', which has data",
		       volume->id);
	}
	for (home = c->residences; home; home = home->by_id.next)
		UNLESS(!home->entry || home->is_detached || home->instance,
		       "the volumes of '%s' await it", home->id);
	return true;
}

/* The id of the agent on which it was asked for; "": nobody has. */
static const char *agent_of(const struct sim *sim, const struct resource_part *part)
{
	const Mesos__V1__Resource__ReservationInfo *info = reservations_last(part->reservations);
	const struct sim_volume *volume;

	for (volume = sim->volumes; info && volume; volume = volume->hh.next) {
		for (size_t i = 0; info->labels && i < info->labels->n_labels; i++) {
			if (strcmp(info->labels->labels[i]->value, volume->instance_id) == 0)
				return volume->agent_id;
		}
	}
	return "";
}

/* What was reserved on an agent before it was declared gone is released when its role is next offered it. */
static bool is_left(const struct sim *sim, const struct sim_agent *agent)
{
	for (size_t i = 0; i < agent->total.parts.n; i++) {
		const struct resource_part *part = &agent->total.parts.items[i];

		if (strcmp(part->role, residents_role) == 0 &&
		    strcmp(agent_of(sim, part), agent->id) == 0)
			return true;
	}
	return false;
}

bool residents_are_settled(const struct sim *sim, char *text, size_t size)
{
	for (size_t i = 0; i < sim->n_agents; i++)
		UNLESS(!is_left(sim, sim->agents[i]), "%s still has what was reserved for deleted apps",
		       sim->agents[i]->hostname);
	UNLESS(!sim->host->controller->residences, "the controller has residences");
	return true;
}
