/* What goes wrong, how often, and where. */
#include "lib/cleanup.h"
#include "tests/sim/agent.h"
#include "tests/sim/framework.h"
#include "tests/sim/host.h"
#include "tests/sim/operator.h"
#include "tests/sim/sim.h"

const char *const fault_names[N_FAULTS] = {
	[FAULT_MASTER_CRASH] = "the master is killed before a commit",
	[FAULT_MASTER_CRASH_COMMITTED] = "the master is killed after a commit",
	[FAULT_COMMIT_FAILURE] = "commits fail for a while",
	[FAULT_AGENT_CRASH] = "an agent is killed",
	[FAULT_AGENT_REBOOT] = "a node loses power",
	[FAULT_FRAMEWORK_CRASH] = "a framework is killed",
	[FAULT_FRAMEWORK_FAILOVER] = "a framework fails over",
	[FAULT_FRAMEWORK_DISCONNECT] = "a framework disconnects",
	[FAULT_CONNECTION_LOSS] = "a connection is lost with what is on it",
	[FAULT_PARTITION] = "a node is cut off",
	[FAULT_PARTITION_TO_MASTER] = "a node is cut off one way, to the master",
	[FAULT_PARTITION_FROM_MASTER] = "a node is cut off one way, from the master",
	[FAULT_FLAPPING] = "a node is cut off again and again",
	[FAULT_SLOW_NETWORK] = "the network of a node is slow",
	[FAULT_DUPLICATE] = "a call comes twice",
	[FAULT_CLOCK_JUMP] = "the wall clock jumps",
	[FAULT_CLOCK_CHANGE] = "the wall clock is set to shortly before summer time begins or ends",
	[FAULT_TASK_FAILURE] = "a task fails",
	[FAULT_TASK_SICK] = "a task is found to be ill",
	[FAULT_TASK_NOT_READY] = "a task says that it is not ready, or nothing",
	[FAULT_LATE_ACKNOWLEDGEMENT] = "an acknowledgement is late",
	[FAULT_DOUBLE_ACKNOWLEDGEMENT] = "an acknowledgement comes twice",
	[FAULT_LOST_ACKNOWLEDGEMENT] = "an update is not acknowledged",
	[FAULT_INVALID_LAUNCH] = "a launch of more than was offered",
	[FAULT_OPERATOR] = "an operator does something to an agent or a role",
	[FAULT_APP_CHANGE] = "an app is changed",
	[FAULT_JOB_CHANGE] = "a job is changed, started or stopped",
};

enum { UP = 0, DOWN = 1, LONGEST_MS = 200 * 1000 };

/* Most are short; some are longer than a node is waited for. */
static int64_t duration(struct sim *sim)
{
	return sim_chance(sim, 700) ? sim_between(sim, 10, 5000) : sim_between(sim, 5000, LONGEST_MS);
}

static struct sim_agent *any_agent(struct sim *sim)
{
	return sim->agents[rng_below(&sim->rng, sim->n_agents)];
}

static struct sim_framework *any_framework(struct sim *sim)
{
	return sim->frameworks[rng_below(&sim->rng, sim->n_frameworks)];
}

static struct place *any_place(struct sim *sim)
{
	return sim_chance(sim, 700) ? &any_agent(sim)->place : &any_framework(sim)->place;
}

/* ---- each of them ---- */

static void crash_master(struct sim *sim)
{
	host_crash(sim->host, DOOM_BEFORE_COMMIT, duration(sim));
}

static void crash_master_committed(struct sim *sim)
{
	host_crash(sim->host, DOOM_BEFORE_FLUSH, duration(sim));
}

static void fail_commits(struct sim *sim)
{
	sim->host->disk_full_until_ms = sim->now_ms + duration(sim);
}

static void crash_agent(struct sim *sim)
{
	sim_agent_crash(any_agent(sim), duration(sim));
}

static void reboot_agent(struct sim *sim)
{
	sim_agent_reboot(any_agent(sim), 1000 + duration(sim));
}

static void crash_framework(struct sim *sim)
{
	sim_framework_crash(any_framework(sim), duration(sim));
}

static void fail_over(struct sim *sim)
{
	sim_framework_fail_over(any_framework(sim));
}

static void disconnect(struct sim *sim)
{
	sim_framework_disconnect(any_framework(sim));
}

static void lose_connection(struct sim *sim)
{
	struct link *link = sim_chance(sim, 600) ? any_agent(sim)->link : any_framework(sim)->link;

	if (link)
		link_break(link);
}

static void cut(struct sim *sim)
{
	struct place *place = any_place(sim);

	place->cut_until_ms[UP] = place->cut_until_ms[DOWN] = sim->now_ms + duration(sim);
}

static void cut_up(struct sim *sim)
{
	any_place(sim)->cut_until_ms[UP] = sim->now_ms + duration(sim);
}

static void cut_down(struct sim *sim)
{
	any_place(sim)->cut_until_ms[DOWN] = sim->now_ms + duration(sim);
}

static void flap_again(void *arg, uint64_t n)
{
	struct sim_agent *agent = arg;
	struct sim *sim = agent->sim;

	if (n == 0 || sim->is_calm)
		return;
	agent->place.cut_until_ms[UP] = agent->place.cut_until_ms[DOWN] = sim->now_ms + 1000;
	sim_in(sim, 2000, flap_again, agent, n - 1);
}

static void flap(struct sim *sim)
{
	flap_again(any_agent(sim), (uint64_t)sim_between(sim, 2, 20));
}

static void slow_down(struct sim *sim)
{
	any_place(sim)->slow_until_ms = sim->now_ms + duration(sim);
}

static void jump(struct sim *sim)
{
	static const int64_t hour = 3600 * 1000;

	sim_jump(sim, sim_chance(sim, 500) ? sim_between(sim, -hour, hour)
					   : sim_between(sim, -87600, 87600) * hour);
}

/* Within the next minutes the clocks of somebody are set forward or back. */
static void approach_change(struct sim *sim)
{
	static const int64_t changes_s[] = {
		1616893200, 1635642000,		/* 2021 in Berlin, */
		1615705200, 1636264800,		/* New York */
		1617462000, 1633188600,		/* and on Lord Howe Island, by half an hour */
	};
	int64_t at_ms = changes_s[rng_below(&sim->rng, ARRAY_SIZE(changes_s))] * 1000;

	sim_jump(sim, at_ms - sim_between(sim, 0, 600 * 1000) - sim_wall_ms(sim));
}

static const struct {
	enum fault fault;
	unsigned weight;
	void (*inject)(struct sim *sim);
} kinds[] = {
	{ FAULT_MASTER_CRASH, 8, crash_master },
	{ FAULT_MASTER_CRASH_COMMITTED, 8, crash_master_committed },
	{ FAULT_COMMIT_FAILURE, 6, fail_commits },
	{ FAULT_AGENT_CRASH, 10, crash_agent },
	{ FAULT_AGENT_REBOOT, 5, reboot_agent },
	{ FAULT_FRAMEWORK_CRASH, 8, crash_framework },
	{ FAULT_FRAMEWORK_FAILOVER, 6, fail_over },
	{ FAULT_FRAMEWORK_DISCONNECT, 6, disconnect },
	{ FAULT_CONNECTION_LOSS, 10, lose_connection },
	{ FAULT_PARTITION, 8, cut },
	{ FAULT_PARTITION_TO_MASTER, 6, cut_up },
	{ FAULT_PARTITION_FROM_MASTER, 6, cut_down },
	{ FAULT_FLAPPING, 4, flap },
	{ FAULT_SLOW_NETWORK, 8, slow_down },
	{ FAULT_CLOCK_JUMP, 2, jump },
	{ FAULT_CLOCK_CHANGE, 2, approach_change },
	{ FAULT_OPERATOR, 60, operator_act },
};

static void inject(void *arg, uint64_t tag)
{
	struct sim *sim = arg;
	unsigned sum = 0;
	uint64_t ticket;

	(void)tag;
	if (sim->is_calm)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		sum += kinds[i].weight;
	ticket = rng_below(&sim->rng, sum);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (ticket < kinds[i].weight) {
			sim_fault(sim, kinds[i].fault);
			kinds[i].inject(sim);
			return;
		}
		ticket -= kinds[i].weight;
	}
}

/* Sparse in some runs, so that each is seen alone; one after the other in others. */
void faults_plan(struct sim *sim, int64_t until_ms)
{
	int64_t at = sim->now_ms, gap = sim_between(sim, 2000, 60000);

	for (;;) {
		at += sim_between(sim, 1, 2 * gap);
		if (at >= until_ms)
			return;
		sim_at(sim, at, inject, sim, 0);
	}
}

static void heal(struct sim *sim, struct place *place)
{
	for (int i = 0; i < 2; i++) {
		if (place->cut_until_ms[i] > sim->now_ms)
			place->cut_until_ms[i] = sim->now_ms;
	}
	place->slow_until_ms = 0;
}

void faults_end(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_agents; i++)
		heal(sim, &sim->agents[i]->place);
	for (size_t i = 0; i < sim->n_frameworks; i++) {
		heal(sim, &sim->frameworks[i]->place);
		/* Whatever it has suppressed and refused: one that comes anew is offered what is free. */
		sim->frameworks[i]->is_offered = false;
		sim_framework_disconnect(sim->frameworks[i]);
	}
	sim->host->disk_full_until_ms = 0;
	sim->is_calm = true;
}
