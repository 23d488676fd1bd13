/* What frameworks and their roles are promised: who is removed, who is offered what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "tests/sim/framework.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

/* ---- P1: a framework has its timeout to come back ---- */

/* Unless it has asked for its end, or the master was never told of an end of its stream. */
static void check_removed(struct sim *sim, const struct framework *framework)
{
	for (size_t i = 0; i < sim->n_frameworks; i++) {
		const struct sim_framework *of = sim->frameworks[i];

		if (strcmp(of->id, framework->id) != 0 || of->is_tearing_down)
			continue;
		if (of->left_ms == INT64_MAX ||
		    (double)(sim->now_ms - of->left_ms) < of->failover_timeout * 1000)
			sim_fail(sim, "P1 timeout", "%s is removed before its failover timeout of"
				 " %g s has passed", of->name, of->failover_timeout);
	}
}

/* ---- P6: offers are for who wants them, and within limits ---- */

static bool is_below(const char *name, const char *role)
{
	size_t size = strlen(role);

	return strncmp(name, role, size) == 0 && (name[size] == '\0' || name[size] == '/');
}

/* What a quota counts: what is reserved wherever it is, and of the rest what is charged. */
static int64_t reserved_cpus(const char *role, const struct resources *total)
{
	int64_t sum = 0;

	for (size_t i = 0; i < total->parts.n; i++) {
		const struct resource_part *part = &total->parts.items[i];

		if (part->kind == RESOURCE_CPUS && is_below(part->role, role))
			sum += part->value;
	}
	return sum;
}

static int64_t cpus_of(const struct agent *agent, const char *role)
{
	int64_t sum = reserved_cpus(role, allocator_node_total(agent->node));
	const struct executor *executor;
	const struct offer *offer;
	const struct task *task;

	LIST_FOREACH(offer, &agent->offers, on_agent) {
		if (is_below(offer->role->name, role))
			sum += offer->resources.scalar[RESOURCE_CPUS];
	}
	LIST_FOREACH(executor, &agent->executors, on_agent) {
		if (executor->is_charged && is_below(executor->role->name, role))
			sum += executor->resources.scalar[RESOURCE_CPUS];
	}
	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (task->is_charged && is_below(task->role->name, role))
			sum += task->resources.scalar[RESOURCE_CPUS];
	}
	return sum;
}

/* More may be had, from before the limit or brought by an agent: but nothing is added to it. */
static void check_limit(struct sim *sim, const struct offer *offer,
			const struct limit *limit)
{
	const struct agent *agent;
	int64_t sum = 0;

	if (limit->is_unknown || offer->resources.scalar[RESOURCE_CPUS] == 0 ||
	    !is_below(offer->role->name, limit->role))
		return;
	for (agent = sim->host->master->agents; agent; agent = agent->hh.next)
		sum += agent->node ? cpus_of(agent, limit->role) : 0;
	if (sum > limit->cpus)
		sim_fail(sim, "P6 limit", "role '%s' has %.3f cpus with what it is offered, and its"
			 " limit is %.3f", limit->role, resources_scalar_to_double(sum),
			 resources_scalar_to_double(limit->cpus));
}

static void check_fresh(struct sim *sim, const struct offer *offer)
{
	if (offer->role->is_left || offer->role->is_suppressed)
		sim_fail(sim, "P6 unwanted", "framework '%s' is offered something in role '%s', which"
			 " it has %s", offer->framework->id, offer->role->name,
			 offer->role->is_left ? "left" : "suppressed");
	if (!offer->framework->scheduler)
		sim_fail(sim, "P6 unwanted", "framework '%s' is offered something and not there",
			 offer->framework->id);
	for (size_t i = 0; i < N_LIMITS; i++)
		check_limit(sim, offer, &sim->limits[i]);
}

static uint64_t number_of(const struct offer *offer)
{
	return strtoull(strrchr(offer->id, 'O') + 1, NULL, 10);
}

void promises_check_roles(struct sim *sim)
{
	const struct master *master = sim->host->master;

	for (const struct framework *f = master->frameworks; f; f = f->hh.next) {
		if (f->is_removed)
			check_removed(sim, f);
	}
	for (const struct offer *offer = master->offers; offer; offer = offer->hh.next) {
		if (number_of(offer) >= sim->next_offer)
			check_fresh(sim, offer);
	}
	sim->next_offer = master->next_offer;
}
