#include "tests/sim/agent_health.h"

#include "tests/sim/agent.h"
#include "tests/sim/agent_tasks.h"
#include "tests/sim/sim.h"

enum { MAX_SICK = 2 };

static void on_check(void *arg, uint64_t tag);

static void check_in(struct agent_task *task, int64_t least_ms, int64_t most_ms)
{
	struct sim *sim = task->agent->sim;

	sim_in(sim, sim_between(sim, least_ms, most_ms), on_check, task->agent, task->tag);
}

/* One that is ill recovers; how often it may fall ill is bounded, and nobody does when all is calm. */
static bool find_health(struct agent_task *task)
{
	struct sim *sim = task->agent->sim;

	if (!task->is_healthy || task->n_sick == MAX_SICK || sim->is_calm || !sim_chance(sim, 200))
		return true;
	sim_fault(sim, FAULT_TASK_SICK);
	task->n_sick++;
	return false;
}

static void on_check(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	struct agent_task *task = agent_task_of_timer(agent, tag);
	bool is_healthy;

	if (!task || task->process != PROCESS_RUNNING)
		return;
	/* What is found while there is no agent nobody hears of. */
	is_healthy = agent->is_running ? find_health(task) : task->is_healthy;
	if (agent->is_running && (!task->has_health || is_healthy != task->is_healthy)) {
		task->has_health = true;
		task->is_healthy = is_healthy;
		agent_task_update(task, MESOS__V1__TASK_STATE__TASK_RUNNING);
	}
	check_in(task, 1000, is_healthy ? 60000 : 10000);
}

void agent_health_start(struct agent_task *task)
{
	if (task->run->task->health_check)
		check_in(task, 10, 5000);
}
