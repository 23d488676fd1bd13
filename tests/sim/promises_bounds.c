/*
 * P8: the arithmetic of changes (reference: minHealthy = ceil(n * minimumHealthCapacity), maxCapacity =
 * floor(n * (1 + maximumOverCapacity)); when both are the same minHealthy is one less where instances have
 * volumes, and maxCapacity one more where they have none), looked at from outside:
 *
 * - When an instance is launched, those that exist, with it and those told to stop, are at most
 *   maxCapacity while their app is restarted, and n otherwise.  Ones that nobody can reach are not
 *   counted: what takes their place is wanted.
 * - When instances that serve are told to stop, those that go on serving are at least minHealthy while
 *   their app is restarted, and n otherwise; but for those that stopped to serve in the same turn by
 *   themselves.
 * - When a deployment has succeeded its app has exactly n instances, all of them serving; and of the new
 *   version, if it was restarted.  Those that it has launched, and that are asked whether they are ready,
 *   have said so.
 * - While an app is restarted, a new instance that has not said so does not serve yet.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/state.h"
#include "tests/sim/autoscaled.h"
#include "tests/sim/groups.h"
#include "tests/sim/host.h"
#include "tests/sim/people.h"
#include "tests/sim/promises.h"
#include "tests/sim/residents.h"
#include "tests/sim/sim.h"

/* Both bounds are the same: there is no room for a change in either direction. */
static bool is_stuck(const struct app *app)
{
	return floor(app->instances * (1 + app->max_over)) == ceil(app->instances * app->min_health);
}

static unsigned min_healthy(const struct app *app)
{
	unsigned least = (unsigned)ceil(app->instances * app->min_health);

	return least > 0 && is_stuck(app) && app->is_resident ? least - 1 : least;
}

static unsigned max_capacity(const struct app *app)
{
	unsigned most = (unsigned)floor(app->instances * (1 + app->max_over));

	return is_stuck(app) && !app->is_resident ? most + 1 : most;
}

static bool is_restarted(const struct entry *entry)
{
	return deployment_phase_of(entry) == PHASE_RESTART;
}

/* Those that have not finished are all there. */
static bool is_whole(const struct instance *instance)
{
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		if (instance->tasks[i].state != MESOS__V1__TASK_STATE__TASK_RUNNING &&
		    instance->tasks[i].state != MESOS__V1__TASK_STATE__TASK_FINISHED)
			return false;
	}
	return true;
}

static bool is_serving(const struct instance *instance)
{
	return is_whole(instance) && instance->state == MESOS__V1__TASK_STATE__TASK_RUNNING &&
	       instance->unreachable_wall_ms == 0 && instance->is_confirmed &&
	       (!instance->is_checked || (instance->has_health && instance->is_healthy));
}

/* It is to take another's place as soon as it says that it is ready, and has not said so. */
static bool is_awaited(struct sim *sim, const struct instance *instance)
{
	const struct controller *c = sim->host->controller;
	const struct deployment *deployment = instance->entry->deployment;

	return is_restarted(instance->entry) && instance->spec->readiness_check &&
	       strcmp(instance->spec->version, deployment->version) >= 0 &&
	       !promises_standing(promises_fate(sim, c->framework_id, instance->tasks[0].id))->is_ready;
}

/* ---- who is told to stop ---- */

struct tally {
	unsigned n_serving;	/* and are to go on */
	unsigned n_unheard;	/* alive as far as is known; may serve */
	unsigned n_stopped;	/* that served, and were told to stop since the last look */
	unsigned n_stayed;	/* of those that served at the last look, both of these */
};

static void look_at(struct sim *sim, const struct instance *instance, struct tally *tally)
{
	const struct controller *c = sim->host->controller;
	struct standing *standing = promises_standing(
		promises_fate(sim, c->framework_id, instance->tasks[0].id));
	bool is_good = is_serving(instance) && !instance->is_doomed && !is_awaited(sim, instance);
	bool is_stopped = is_serving(instance) && instance->is_doomed && standing->is_good;

	tally->n_serving += is_good;
	tally->n_unheard += !instance->is_confirmed && !instance->is_doomed;
	tally->n_stopped += is_stopped;
	tally->n_stayed += standing->is_good && (is_good || is_stopped);
	standing->is_good = is_good;
}

void promises_check_bounds(struct sim *sim, unsigned app, const struct entry *entry)
{
	unsigned n_before = sim->people->n_good[app], n_lost, n_least;
	const struct instance *instance;
	struct tally tally = { 0 };

	TAILQ_FOREACH(instance, &entry->instances, of_app)
		look_at(sim, instance, &tally);
	sim->people->n_good[app] = tally.n_serving;
	if (tally.n_stopped == 0 || entry->is_deleting)
		return;
	n_lost = n_before - tally.n_stayed;
	/* In a restart one that is not heard of is neither relied on nor stopped. */
	n_least = is_restarted(entry) ? min_healthy(entry->target) : entry->target->instances;
	if (!is_restarted(entry))
		n_lost += tally.n_unheard;
	if (tally.n_serving + n_lost < n_least)
		sim_fail(sim, "P8 healthy", "%u of %s are told to stop and %u go on, of at least %u",
			 tally.n_stopped, entry->id, tally.n_serving, n_least);
}

/* ---- who is launched ---- */

/* What a pod's instance is made of comes together, or not at all. */
static void ask_for_group(struct sim *sim, const struct instance *instance)
{
	struct group *group;

	if (!instance->spec->pod)
		return;
	group = group_new(sim);
	for (unsigned i = 0; i < instance->n_tasks; i++)
		group_add(group, promises_fate(sim, sim->host->controller->framework_id,
					       instance->tasks[i].id));
}

static void launched(struct sim *sim, const json_t *event)
{
	const char *instance_id = json_string_value(json_object_get(event, "instanceId"));
	const char *id = json_string_value(json_object_get(event, "runSpecId"));
	const struct entry *entry = entry_find(sim->host->controller, id);
	const struct instance *instance;
	unsigned n = 0, n_most;

	n_most = is_restarted(entry) ? max_capacity(entry->target) : entry->target->instances;
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		n += instance->unreachable_wall_ms == 0;
		if (strcmp(instance->id, instance_id) != 0)
			continue;
		ask_for_group(sim, instance);
		residents_launched(sim, instance);
	}
	if (n > n_most)
		sim_fail(sim, "P8 capacity", "one of %s is launched and %u exist, of at most %u", id,
			 n, n_most);
}

/* ---- what has succeeded ---- */

static void succeeded(struct sim *sim, const struct entry *entry, const char *version,
		      bool is_restart)
{
	const struct controller *c = sim->host->controller;
	unsigned n = 0, n_serving = 0, n_new = 0;
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		/* An agent that nobody can reach has what it has. */
		if (instance->unreachable_wall_ms != 0 &&
		    (instance->is_doomed || instance->is_inactive))
			continue;
		n++;
		n_serving += is_serving(instance) && !instance->is_doomed;
		n_new += instance_is_current(instance, entry->target);
		if (instance->spec->readiness_check &&
		    strcmp(instance->spec->version, version) >= 0 &&
		    !promises_standing(promises_fate(sim, c->framework_id, instance->tasks[0].id))->is_ready)
			sim_fail(sim, "P8 ready", "%s is deployed, and '%s' has not said that it is"
				 " ready", entry->id, instance->tasks[0].id);
	}
	if (n != entry->target->instances || n_serving != n || (is_restart && n_new != n))
		sim_fail(sim, "P8 end", "%s is deployed with %u of %u instances, %u serve, %u new",
			 entry->id, n, entry->target->instances, n_serving, n_new);
}

static void deployed(struct sim *sim, const json_t *event)
{
	const json_t *plan = json_object_get(event, "plan"), *step, *action;
	const char *version = json_string_value(json_object_get(plan, "version"));
	size_t i, j;

	json_array_foreach(json_object_get(plan, "steps"), i, step) {
		json_array_foreach(json_object_get(step, "actions"), j, action) {
			const char *kind = json_string_value(json_object_get(action, "action"));
			const char *id = json_string_value(json_object_get(
				action, json_object_get(action, "pod") ? "pod" : "app"));
			const struct entry *entry = entry_find_live(sim->host->controller, id);

			if (!entry || people_app_number(id) == N_APPS)
				continue;
			if (strncmp(kind, "Scale", strlen("Scale")) == 0)
				succeeded(sim, entry, version, false);
			else if (strncmp(kind, "Restart", strlen("Restart")) == 0)
				succeeded(sim, entry, version, true);
		}
	}
}

void promises_hear(struct sim *sim, const char *type, const json_t *event)
{
	const char *condition = json_string_value(json_object_get(event, "condition"));

	if (strcmp(type, "instance_changed_event") == 0 && condition &&
	    strcmp(condition, "Provisioned") == 0)
		launched(sim, event);
	else if (strcmp(type, "deployment_success") == 0)
		deployed(sim, event);
	else if (strcmp(type, "autoscale_decision_event") == 0)
		autoscaled_hear(sim, event);
}
