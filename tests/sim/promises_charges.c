/* P6: what is charged is there, and once. */
#include <string.h>

#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "tests/sim/agent.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

static void check_reservations(struct sim *sim, const struct offer *offer)
{
	for (size_t i = 0; i < offer->resources.parts.n; i++) {
		const struct resource_part *part = &offer->resources.parts.items[i];

		if (!resource_part_is_for(part, offer->role->name))
			sim_fail(sim, "P6 reserved", "what is reserved for '%s' is offered to '%s'",
				 part->role, offer->role->name);
	}
}

static void add_up(struct sim *sim, const struct agent *agent, const struct resources *part,
		   struct resources *sum)
{
	uint64_t n = ranges_count(&sum->ports) + ranges_count(&part->ports);

	(void)resources_add(sum, part);
	if (ranges_count(&sum->ports) != n)
		sim_fail(sim, "P6 twice", "a port of agent '%s' is charged twice", agent->id);
}

/* However it is divided, it is as much as the node has. */
static void check_capacity(struct sim *sim, const struct agent *agent)
{
	const struct quantities all = quantities_of(allocator_node_total(agent->node));

	for (size_t i = 0; i < sim->n_agents; i++) {
		const struct sim_agent *node = sim->agents[i];

		if (strcmp(node->hostname, agent->info->hostname) == 0 &&
		    memcmp(&all, &node->capacity, sizeof(all)) != 0)
			sim_fail(sim, "P6 total", "agent '%s' is taken to have other than it has",
				 agent->id);
	}
}

static void check_agent(struct sim *sim, const struct agent *agent)
{
	struct resources sum = { 0 };
	const struct executor *executor;
	const struct task *task;
	const struct offer *offer;

	LIST_FOREACH(offer, &agent->offers, on_agent) {
		if (agent->state != AGENT_CONNECTED)
			sim_fail(sim, "P6 offers", "agent '%s' is offered and %s", agent->id,
				 registry_state_name(agent->state));
		check_reservations(sim, offer);
		add_up(sim, agent, &offer->resources, &sum);
	}
	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (task->is_charged)
			add_up(sim, agent, &task->resources, &sum);
		else if (agent->node && !master_task_is_ended(task->state))
			sim_fail(sim, "P6 free ride", "task '%s' is not charged", task->id);
	}
	LIST_FOREACH(executor, &agent->executors, on_agent) {
		if (executor->is_charged)
			add_up(sim, agent, &executor->resources, &sum);
		else
			sim_fail(sim, "P6 free ride", "executor '%s' is not charged", executor->id);
	}
	if (agent->node && !resources_equal(&sum, allocator_node_used(agent->node)))
		sim_fail(sim, "P6 sum", "agent '%s': what is charged is not what its tasks,"
			 " executors and offers have", agent->id);
	if (agent->node && !resources_contain(allocator_node_total(agent->node), &sum))
		sim_fail(sim, "P6 capacity", "agent '%s' is charged with more than it has",
			 agent->id);
	if (agent->node)
		check_capacity(sim, agent);
	if (!agent->node && !resources_is_empty(&sum))
		sim_fail(sim, "P6 nobody", "agent '%s' is not there and charged", agent->id);
	resources_done(&sum);
}

void promises_check_charges(struct sim *sim)
{
	for (const struct agent *agent = sim->host->master->agents; agent; agent = agent->hh.next)
		check_agent(sim, agent);
}
