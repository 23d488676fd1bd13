#include "master_stub/marathon/instance/reconciler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
#include "master_stub/marathon/instance/weight.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/state.h"

enum { FIRST_DELAY_MS = 100, MAX_DELAY_MS = 60000 };

void reconcile_start(struct controller *c)
{
	struct instance_task *task, *next;

	HASH_ITER(by_id, c->tasks, task, next) {
		task->is_confirmed = instance_state_is_terminal(task->state);
		weight_forget(task->instance);
		instance_sum_up(task->instance);
	}
	c->reconcile_ms = c->now_ms;
	c->reconcile_delay_ms = FIRST_DELAY_MS;
}

/* Returns how many were asked for. */
static size_t ask_explicitly(struct controller *c, bool everything)
{
	size_t n_all = HASH_CNT(by_id, c->tasks), n = 0;
	AUTO_FREE const char **tasks = calloc(n_all + 1, sizeof(*tasks));
	AUTO_FREE const char **agents = calloc(n_all + 1, sizeof(*agents));
	struct instance_task *task, *next;

	if (!tasks || !agents) {
		c->is_out_of_memory = true;
		return 0;
	}
	HASH_ITER(by_id, c->tasks, task, next) {
		const struct instance *instance = task->instance;

		if (instance_state_is_terminal(task->state) || (!everything && task->is_confirmed))
			continue;
		/* What was only just sent the agent does not know yet: it would be called gone. */
		if (everything && c->now_ms - instance->launched_ms < MAX_DELAY_MS &&
		    instance->is_provisioned)
			continue;
		tasks[n] = task->id;
		agents[n++] = instance->agent_id;
	}
	if (n > 0)
		calls_reconcile(c, tasks, agents, n);
	return n;
}

void reconcile_residences(struct controller *c, const char *agent_id)
{
	const struct residence *residence, *next;

	HASH_ITER(by_id, c->residences, residence, next) {
		AUTO_FREE char *task = NULL;
		const char *asked, *agent = residence->agent_id;

		if (residence->instance || (agent_id && strcmp(agent, agent_id) != 0))
			continue;
		if (asprintf(&task, "%s._app.%u", residence->id, residence->incarnation) < 0) {
			task = NULL;
			c->is_out_of_memory = true;
			return;
		}
		asked = task;
		calls_reconcile(c, &asked, &agent, 1);
	}
}

void reconcile_turn(struct controller *c)
{
	bool is_first = c->reconcile_delay_ms == FIRST_DELAY_MS;

	if (!c->is_subscribed)
		return;
	if (c->now_ms < c->reconcile_ms) {
		controller_wake_at(c, c->reconcile_ms);
		return;
	}
	/*
	 * A master that has only just started answers for an agent when the agent is back, so what
	 * stays unanswered is asked for again, ever less often.
	 */
	if (c->reconcile_delay_ms > 0 && ask_explicitly(c, false) > 0) {
		if (is_first)
			calls_reconcile(c, NULL, NULL, 0);
		c->reconcile_ms = c->now_ms + c->reconcile_delay_ms;
		c->reconcile_delay_ms *= 2;
		if (c->reconcile_delay_ms > MAX_DELAY_MS)
			c->reconcile_delay_ms = MAX_DELAY_MS;
	} else {
		/* Tasks that the master knows and we do not are told by the implicit form. */
		if (c->reconcile_delay_ms == 0)
			(void)ask_explicitly(c, true);
		reconcile_residences(c, NULL);
		calls_reconcile(c, NULL, NULL, 0);
		nodes_sweep(c);
		c->reconcile_delay_ms = 0;
		c->reconcile_ms = c->now_ms + c->options.reconcile_ms;
	}
	controller_wake_at(c, c->reconcile_ms);
}
