#include "tests/sim/operator.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/drain.h"
#include "master_stub/maintenance.h"
#include "master_stub/master.h"
#include "master_stub/registry.h"
#include "tests/sim/agent.h"
#include "tests/sim/changes.h"
#include "tests/sim/host.h"
#include "tests/sim/sim.h"

/* The generated structs know no const. */
#define TEXT(text) ((char *)(uintptr_t)(text))

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

/* Of cpus, with a guarantee at times; more than the cluster has is meant, too. */
static int set_quota(struct sim *sim, const char *agent_id, struct err *e)
{
	Mesos__V1__Quota__QuotaConfig config = MESOS__V1__QUOTA__QUOTA_CONFIG__INIT;
	Mesos__V1__Quota__QuotaConfig__LimitsEntry limit =
		MESOS__V1__QUOTA__QUOTA_CONFIG__LIMITS_ENTRY__INIT, *limits[] = { &limit };
	Mesos__V1__Quota__QuotaConfig__GuaranteesEntry guarantee =
		MESOS__V1__QUOTA__QUOTA_CONFIG__GUARANTEES_ENTRY__INIT, *guarantees[] = { &guarantee };
	Mesos__V1__Value__Scalar most = MESOS__V1__VALUE__SCALAR__INIT, least = most;
	struct limit *of = &sim->limits[rng_below(&sim->rng, N_LIMITS)];
	int r;

	(void)agent_id;
	config.role = TEXT(of->role);
	limit.key = guarantee.key = TEXT("cpus");
	most.value = (double)sim_between(sim, 0, 12);
	least.value = (double)sim_between(sim, 0, (int64_t)most.value);
	limit.value = &most;
	guarantee.value = &least;
	config.n_limits = sim_chance(sim, 800);
	config.limits = limits;
	config.n_guarantees = sim_chance(sim, 300);
	config.guarantees = guarantees;
	r = master_update_quota(sim->host->master,
				(Mesos__V1__Quota__QuotaConfig *[]){ &config }, 1,
				sim_chance(sim, 700), e);
	if (r == 0)
		*of = (struct limit){
			.role = of->role,
			.cpus = config.n_limits ? (int64_t)most.value * 1000 : INT64_MAX,
		};
	return r;
}

void operator_is_answered(struct sim *sim)
{
	for (size_t i = 0; i < N_LIMITS; i++)
		sim->limits[i].is_answered = true;
}

void operator_is_not_answered(struct sim *sim)
{
	for (size_t i = 0; i < N_LIMITS; i++)
		sim->limits[i].is_unknown |= !sim->limits[i].is_answered;
}

/* Those of the schedule are draining until START, and down until STOP. */
static int schedule(struct sim *sim, const char *agent_id, struct err *e)
{
	Mesos__V1__Maintenance__Schedule plan = MESOS__V1__MAINTENANCE__SCHEDULE__INIT;
	Mesos__V1__Maintenance__Window window = MESOS__V1__MAINTENANCE__WINDOW__INIT,
				       *windows[] = { &window };
	Mesos__V1__Unavailability when = MESOS__V1__UNAVAILABILITY__INIT;
	Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;
	Mesos__V1__MachineID machine = MESOS__V1__MACHINE_ID__INIT, *machines[] = { &machine };

	machine.hostname = sim->agents[rng_below(&sim->rng, sim->n_agents)]->hostname;
	start.nanoseconds = (sim_wall_ms(sim) + sim_between(sim, -60000, 600000)) * 1000000;
	when.start = &start;
	window.unavailability = &when;
	window.n_machine_ids = ARRAY_SIZE(machines);
	window.machine_ids = machines;
	plan.n_windows = !agent_id ? 0 : sim_chance(sim, 700);
	plan.windows = windows;
	return maintenance_update_schedule(sim->host->master, &plan, e);
}

/* The machine of the schedule, or NULL. */
static Mesos__V1__MachineID *scheduled(const struct sim *sim)
{
	const Mesos__V1__Maintenance__Schedule *plan = maintenance_schedule(sim->host->master);

	return plan->n_windows > 0 ? plan->windows[0]->machine_ids[0] : NULL;
}

static int take_down(struct sim *sim, const char *agent_id, struct err *e)
{
	Mesos__V1__MachineID *machine = scheduled(sim);

	(void)agent_id;
	return machine ? maintenance_start(sim->host->master, &machine, 1, e) : 0;
}

static int put_up(struct sim *sim, const char *agent_id, struct err *e)
{
	Mesos__V1__MachineID *machine = scheduled(sim);

	(void)agent_id;
	return machine ? maintenance_stop(sim->host->master, &machine, 1, e) : 0;
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
	{ "set a quota", 6, set_quota, false },
	{ "schedule maintenance", 5, schedule, false },
	{ "begin maintenance", 5, take_down, false },
	{ "end maintenance", 8, put_up, false },
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

/* No quotas, and no maintenance. */
static bool clear(struct sim *sim)
{
	bool is_clear = true;
	struct err e = { 0 };

	/* One that is draining is not put up, but leaves the schedule. */
	(void)put_up(sim, NULL, &e);
	err_clear(&e);
	if (schedule(sim, NULL, &e) < 0)
		is_clear = false;
	for (size_t i = 0; i < N_LIMITS; i++) {
		Mesos__V1__Quota__QuotaConfig config = MESOS__V1__QUOTA__QUOTA_CONFIG__INIT;

		config.role = TEXT(sim->limits[i].role);
		err_clear(&e);
		if (master_update_quota(sim->host->master,
					(Mesos__V1__Quota__QuotaConfig *[]){ &config }, 1, true,
					&e) < 0)
			is_clear = false;
		sim->limits[i].cpus = INT64_MAX;
	}
	return is_clear;
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
	if (!clear(sim))
		is_done = false;
	host_acted(sim->host, NULL);
	return is_done;
}
