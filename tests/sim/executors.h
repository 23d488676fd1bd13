/* Executors of frameworks: what agents keep of them, and what the ledger knows. */
#ifndef TESTS_SIM_EXECUTORS_H
#define TESTS_SIM_EXECUTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/resources.h"
#include "proto/scheduler.pb-c.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct ending;
struct sim;
struct sim_agent;

/* ---- agents: agent/executor.c, pods.c ---- */

/* Its record and its process, which outlives the agent. */
struct agent_executor {
	TAILQ_ENTRY(agent_executor) next;
	struct sim_agent *agent;
	Tepui__RunningExecutor *running;	/* owned */
	struct resources resources;
	uint64_t tag;			/* of its timers */
	bool is_shut_down;
	bool has_exited;		/* and the master may have to be told */
};

/* The one of INFO that lives, or a new one. */
struct agent_executor *executor_get(struct sim_agent *agent, Mesos__V1__FrameworkInfo *framework,
				    Mesos__V1__ExecutorInfo *info);
void executor_shut_down(struct sim_agent *agent, const Tepui__AgentEvent__ShutdownExecutor *event);
void executors_shut_down(struct sim_agent *agent);
/* The last of its tasks has ended, so it may, too. */
void executor_is_idle(struct agent_executor *executor);
bool executors_are_gone(const struct sim_agent *agent);
/* The power is off: tasks are told apart. */
void executors_lose_power(struct sim_agent *agent);
/* What they have, added to USED; returns how many ports, each of which is to be one's alone. */
uint64_t executors_add_up(const struct sim_agent *agent, struct resources *used);
/* For SUBSCRIBE: the list is to be freed, what is in it is the agent's. */
Tepui__RunningExecutor **executors_list(struct sim_agent *agent, size_t *ret_n);
/* The master has taken the SUBSCRIBE: which of it is no longer true. */
void executors_up(struct sim_agent *agent);
void executors_drop(struct sim_agent *agent);

/* ---- what frameworks and the master know ---- */

/* A framework is told of an end. */
void ending_told(struct sim *sim, const char *framework_id,
		 const Mesos__V1__Scheduler__Event__Failure *failure);
/* P6, after every turn: what lives is charged. */
void executors_check(struct sim *sim);
/* NODE and AGENT, which is the same at the master, have the same ones. */
bool executors_are_healed(const struct sim_agent *node, const struct agent *agent, char *text,
			  size_t size);
bool executors_are_settled(const struct sim *sim, char *text, size_t size);

#endif
