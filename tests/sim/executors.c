#include "tests/sim/executors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/hash.h"
#include "lib/pb_json.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "tests/sim/agent.h"
#include "tests/sim/agent_tasks.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum { SHORT_LIFE_MS = 5000, LONGEST_LIFE_MS = 400 * 1000, LONGEST_GRACE_MS = 5000 };

/* ---- what frameworks are told ---- */

void ending_told(struct sim *sim, const char *framework_id,
		 const Mesos__V1__Scheduler__Event__Failure *failure)
{
	char key[400];

	if (!failure->executor_id)
		return;
	(void)snprintf(key, sizeof(key), "%s/%s/%s", failure->agent_id->value, framework_id,
		       failure->executor_id->value);
	sim_trace(sim, "executor %s is said to have ended", key);
	promises_executor_told(sim, key);
}

/* ---- agents ---- */

static const char *id_of(const struct agent_executor *x)
{
	return x->running->executor->executor_id->value;
}

/* It is there for task groups, and as long as they are. */
static bool is_pod(const struct agent_executor *x)
{
	return x->running->executor->type == MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;
}

static const char *framework_of(const struct agent_executor *x)
{
	return x->running->framework->id->value;
}

static struct agent_executor *find(struct sim_agent *agent, const char *framework_id,
				   const char *id)
{
	struct agent_executor *x;

	TAILQ_FOREACH(x, &agent->executors, next) {
		if (!x->has_exited && strcmp(id_of(x), id) == 0 &&
		    strcmp(framework_of(x), framework_id) == 0)
			return x;
	}
	return NULL;
}

static void forget(struct agent_executor *x)
{
	TAILQ_REMOVE(&x->agent->executors, x, next);
	resources_done(&x->resources);
	tepui__running_executor__free_unpacked(x->running, NULL);
	free(x);
}

static void forget_exited(struct sim_agent *agent)
{
	struct agent_executor *x, *next;

	for (x = TAILQ_FIRST(&agent->executors); x; x = next) {
		next = TAILQ_NEXT(x, next);
		if (x->has_exited)
			forget(x);
	}
}

static void tell_exit(const struct agent_executor *x)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__ExecutorExited exited = TEPUI__AGENT_CALL__EXECUTOR_EXITED__INIT;

	exited.framework_id = x->running->framework->id;
	exited.executor_id = x->running->executor->executor_id;
	call.executor_exited = &exited;
	sim_agent_send(x->agent, TEPUI__AGENT_CALL__TYPE__EXECUTOR_EXITED, &call);
}

void executors_up(struct sim_agent *agent)
{
	const struct agent_executor *x;

	TAILQ_FOREACH(x, &agent->executors, next) {
		if (x->has_exited)
			tell_exit(x);
	}
	forget_exited(agent);
}

static void end(struct agent_executor *x)
{
	struct sim_agent *agent = x->agent;
	char key[400];

	(void)snprintf(key, sizeof(key), "%s/%s/%s", agent->id, framework_of(x), id_of(x));
	sim_trace(agent->sim, "%s: executor %s ends", agent->hostname, key);
	promises_executor_ended(agent->sim, key);
	x->has_exited = true;
	agent_tasks_executor_ended(agent, x);
}

static void on_end(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	struct agent_executor *x;

	TAILQ_FOREACH(x, &agent->executors, next) {
		if (x->tag != tag || x->has_exited)
			continue;
		end(x);
		if (agent->state == LINK_UP)
			executors_up(agent);
		return;
	}
}

struct agent_executor *executor_get(struct sim_agent *agent, Mesos__V1__FrameworkInfo *framework,
				    Mesos__V1__ExecutorInfo *info)
{
	struct sim *sim = agent->sim;
	struct agent_executor *x = find(agent, framework->id->value, info->executor_id->value);
	Tepui__RunningExecutor running = TEPUI__RUNNING_EXECUTOR__INIT;
	struct err e = { 0 };

	if (x)
		return x;
	running.framework = framework;
	running.executor = info;
	x = sim_alloc(sizeof(*x));
	x->agent = agent;
	x->running = (Tepui__RunningExecutor *)pb_copy(&running.base);
	x->tag = ++sim->n_tags;
	if (resources_from_messages(info->resources, info->n_resources, &x->resources, &e) < 0)
		sim_fail(sim, "P6 node", "%s", e.msg);
	TAILQ_INSERT_TAIL(&agent->executors, x, next);
	sim->n_executors++;
	sim_trace(sim, "%s: executor %s/%s begins", agent->hostname, framework_of(x), id_of(x));
	/* Some end while the next task is on its way to them, some when they are shut down. */
	if (sim_chance(sim, is_pod(x) ? 200 : 700))
		sim_in(sim, sim_between(sim, 1, sim_chance(sim, 400) ? SHORT_LIFE_MS : LONGEST_LIFE_MS),
		       on_end, agent, x->tag);
	return x;
}

static void stop(struct agent_executor *x)
{
	struct sim *sim = x->agent->sim;

	if (x->is_shut_down || x->has_exited)
		return;
	x->is_shut_down = true;
	sim_in(sim, sim_between(sim, 1, LONGEST_GRACE_MS), on_end, x->agent, x->tag);
}

void executor_is_idle(struct agent_executor *x)
{
	if (is_pod(x) || sim_chance(x->agent->sim, 300))
		stop(x);
}

void executor_shut_down(struct sim_agent *agent, const Tepui__AgentEvent__ShutdownExecutor *event)
{
	struct agent_executor *x = find(agent, event->framework_id->value,
					event->executor_id->value);

	/* Groups are told one by one, and the executor follows. */
	if (x && is_pod(x))
		agent_tasks_kill_of(agent, x);
	else if (x)
		stop(x);
}

void executors_shut_down(struct sim_agent *agent)
{
	struct agent_executor *x;

	TAILQ_FOREACH(x, &agent->executors, next)
		stop(x);
}

bool executors_are_gone(const struct sim_agent *agent)
{
	const struct agent_executor *x;

	TAILQ_FOREACH(x, &agent->executors, next) {
		if (!x->has_exited)
			return false;
	}
	return true;
}

void executors_lose_power(struct sim_agent *agent)
{
	struct agent_executor *x;

	TAILQ_FOREACH(x, &agent->executors, next) {
		if (!x->has_exited)
			end(x);
	}
}

uint64_t executors_add_up(const struct sim_agent *agent, struct resources *used)
{
	const struct agent_executor *x;
	uint64_t n_ports = 0;

	TAILQ_FOREACH(x, &agent->executors, next) {
		if (x->has_exited)
			continue;
		n_ports += ranges_count(&x->resources.ports);
		(void)resources_add(used, &x->resources);
	}
	return n_ports;
}

Tepui__RunningExecutor **executors_list(struct sim_agent *agent, size_t *ret_n)
{
	struct agent_executor *x;
	Tepui__RunningExecutor **list;
	size_t n = 0;

	forget_exited(agent);
	TAILQ_FOREACH(x, &agent->executors, next)
		n++;
	list = sim_alloc((n + 1) * sizeof(Tepui__RunningExecutor *));
	*ret_n = 0;
	TAILQ_FOREACH(x, &agent->executors, next)
		list[(*ret_n)++] = x->running;
	return list;
}

void executors_drop(struct sim_agent *agent)
{
	while (!TAILQ_EMPTY(&agent->executors))
		forget(TAILQ_FIRST(&agent->executors));
}

/* ---- what the master knows ---- */

static const struct executor *find_known(const struct agent *agent, const struct agent_executor *x)
{
	const struct framework *framework = framework_find(agent->master, framework_of(x));

	return framework ? master_executor_find(agent, framework, id_of(x)) : NULL;
}

void executors_check(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_agents; i++) {
		const struct sim_agent *node = sim->agents[i];
		const struct agent *agent = registry_find(sim->host->master, node->id);
		const struct agent_executor *x;

		if (!agent || !agent->node)
			continue;
		TAILQ_FOREACH(x, &node->executors, next) {
			const struct executor *known = find_known(agent, x);

			if (!x->has_exited && (!known || !known->is_charged))
				sim_fail(sim, "P6 executor", "executor '%s' of framework '%s' lives"
					 " on %s and is not charged", id_of(x), framework_of(x),
					 node->hostname);
		}
	}
}

bool executors_are_healed(const struct sim_agent *node, const struct agent *agent, char *text,
			  size_t size)
{
	const struct agent_executor *x;
	const struct executor *known;
	size_t n = 0, n_known = 0;

	TAILQ_FOREACH(x, &node->executors, next) {
		known = find_known(agent, x);
		UNLESS(!x->has_exited, "%s has not told of the end of executor '%s'",
		       node->hostname, id_of(x));
		UNLESS(known, "the master does not know executor '%s' of %s", id_of(x),
		       node->hostname);
		UNLESS(known->is_charged && resources_equal(&known->resources, &x->resources),
		       "what executor '%s' of %s has is not charged", id_of(x), node->hostname);
		n++;
	}
	LIST_FOREACH(known, &agent->executors, on_agent)
		n_known++;
	UNLESS(n == n_known, "%s has %zu executors, the master knows of %zu", node->hostname, n,
	       n_known);
	return true;
}

bool executors_are_settled(const struct sim *sim, char *text, size_t size)
{
	const struct master *master = sim->host->master;
	const struct framework *framework;
	const struct agent *agent;

	for (size_t i = 0; i < sim->n_agents; i++)
		UNLESS(TAILQ_EMPTY(&sim->agents[i]->executors), "%s still has executors",
		       sim->agents[i]->hostname);
	for (agent = master->agents; agent; agent = agent->hh.next)
		UNLESS(LIST_EMPTY(&agent->executors), "agent '%s' has executors", agent->id);
	for (framework = master->frameworks; framework; framework = framework->hh.next)
		UNLESS(LIST_EMPTY(&framework->executors), "framework '%s' has executors",
		       framework->id);
	return true;
}
