#include "tests/sim/operator.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/drain.h"
#include "master_stub/master.h"
#include "master_stub/registry.h"
#include "tests/sim/agent.h"
#include "tests/sim/changes.h"
#include "tests/sim/host.h"
#include "tests/sim/sim.h"

static int drain(struct sim *sim, const char *agent_id, struct err *e)
{
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;

	config.has_mark_gone = true;
	config.mark_gone = sim_chance(sim, 200);
	return drain_agent(sim->host->master, agent_id, &config, e);
}

static int deactivate(struct sim *sim, const char *agent_id, struct err *e)
{
	return drain_deactivate(sim->host->master, agent_id, e);
}

static int reactivate(struct sim *sim, const char *agent_id, struct err *e)
{
	return drain_reactivate(sim->host->master, agent_id, e);
}

static int mark_gone(struct sim *sim, const char *agent_id, struct err *e)
{
	return drain_mark_gone(sim->host->master, agent_id, e);
}

static int weigh(struct sim *sim, const char *agent_id, struct err *e)
{
	Mesos__V1__WeightInfo info = MESOS__V1__WEIGHT_INFO__INIT;
	static char role[] = "red";

	(void)agent_id;
	info.role = role;
	info.weight = (double)sim_between(sim, 1, 5);
	return master_update_weights(sim->host->master, (Mesos__V1__WeightInfo *[]){ &info }, 1, e);
}

/* Some of it is in use, which the master knows. */
static int divide(struct sim *sim, const char *agent_id, struct err *e)
{
	static const char *const roles[] = { "red", "blue", "blue/deep" };
	const char *role = roles[rng_below(&sim->rng, ARRAY_SIZE(roles))];
	const struct agent *agent = registry_find(sim->host->master, agent_id);
	Mesos__V1__Offer__Operation *change;
	struct resources left = { 0 };
	int r = 0;

	if (!agent || !agent->node)
		return 0;
	if (resources_copy(allocator_node_total(agent->node), &left) < 0)
		abort();
	change = change_ask(sim, agent_id, role, &left);
	if (change)
		r = master_apply(sim->host->master, agent_id, NULL, change, e);
	resources_done(&left);
	change_free(change);
	return r;
}

static const struct {
	const char *name;
	unsigned weight;
	int (*act)(struct sim *sim, const char *agent_id, struct err *e);
	bool is_end;		/* of the agent's id, once it is answered */
} acts[] = {
	{ "drain", 4, drain, false },
	{ "deactivate", 4, deactivate, false },
	{ "reactivate", 10, reactivate, false },
	{ "mark gone", 1, mark_gone, true },
	{ "weigh", 3, weigh, false },
	{ "divide", 8, divide, false },
};

void operator_act(struct sim *sim)
{
	const struct sim_agent *agent = sim->agents[rng_below(&sim->rng, sim->n_agents)];
	struct err e = { 0 };
	size_t i;

	if (!sim->host->master || !agent->id[0])
		return;
	do
		i = rng_below(&sim->rng, ARRAY_SIZE(acts));
	while (rng_below(&sim->rng, 10) >= acts[i].weight);
	sim_trace(sim, "operator: %s '%s'", acts[i].name, agent->id);
	if (acts[i].act(sim, agent->id, &e) < 0)
		sim_trace(sim, "operator: %s", e.msg);
	host_acted(sim->host, e.code == 0 && acts[i].is_end ? agent->id : NULL);
}

/* Its id was lost on the way, and then its node lost power: only people know that nobody is it. */
static bool is_nobody(const struct sim *sim, const struct agent *agent)
{
	for (size_t i = 0; i < sim->n_agents; i++) {
		if (strcmp(sim->agents[i]->id, agent->id) == 0)
			return false;
	}
	return agent->state == AGENT_UNREACHABLE;
}

bool operator_put_back(struct sim *sim)
{
	struct master *master = sim->host->master;
	bool is_done = true;
	struct agent *agent;

	if (!master)
		return false;
	for (agent = master->agents; agent; agent = agent->hh.next) {
		struct err e = { 0 };

		if (agent->state != AGENT_GONE && agent->is_deactivated &&
		    drain_reactivate(master, agent->id, &e) < 0)
			is_done = false;
		if (is_nobody(sim, agent))
			(void)drain_mark_gone(master, agent->id, &e);
	}
	host_acted(sim->host, NULL);
	return is_done;
}
