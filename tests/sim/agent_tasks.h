/* Tasks of an agent, without containers: agent/updates.c, task.c, recovery.c. */
#ifndef TESTS_SIM_AGENT_TASKS_H
#define TESTS_SIM_AGENT_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/resources.h"
#include "proto/tepui.pb-c.h"

struct agent_executor;
struct fate;
struct sim_agent;

/* A status on disk until its acknowledgement, the first of them in flight. */
struct update {
	STAILQ_ENTRY(update) next;
	Mesos__V1__TaskStatus *status;	/* owned */
};

enum process { PROCESS_NONE, PROCESS_STARTING, PROCESS_RUNNING, PROCESS_EXITED };

/* A task's record and its process, which outlives the agent. */
struct agent_task {
	TAILQ_ENTRY(agent_task) next;
	struct sim_agent *agent;
	struct fate *fate;		/* what the ledger knows of it */
	uint64_t tag;			/* of its timers */
	Tepui__AgentEvent__RunTask *run;	/* owned */
	Mesos__V1__TaskState state;
	Mesos__V1__TaskStatus *latest;	/* owned; NULL: none yet */
	STAILQ_HEAD(, update) updates;
	struct resources resources;
	struct agent_executor *executor;	/* that lives; NULL: none, or it has ended */
	uint64_t group;			/* the same for all that were launched together; 0: alone */
	enum process process;
	Mesos__V1__TaskState exit_state;	/* of its exit record */
	bool is_kill_requested, is_in_flight;
	int64_t resend_ms;
	uint64_t resend_tag;
	bool has_health, is_healthy;	/* as its checks have found last */
	unsigned n_sick;		/* how often it was found to be ill */
};

struct tombstone {
	STAILQ_ENTRY(tombstone) next;
	int64_t expires_ms;
	char key[];
};

/* ---- what the master asks for ---- */

void agent_task_run(struct sim_agent *agent, const Tepui__AgentEvent__RunTask *run);
/* All of it or nothing. */
void agent_tasks_run_group(struct sim_agent *agent, const Tepui__AgentEvent__RunTaskGroup *group);
void agent_task_kill(struct sim_agent *agent, const Tepui__AgentEvent__KillTask *kill);
void agent_task_acknowledged(struct sim_agent *agent, const Tepui__AgentEvent__Acknowledge *ack);

/* ---- what becomes of a task ---- */

/* It is in STATE: on disk, and on its way. */
void agent_task_update(struct agent_task *task, Mesos__V1__TaskState state);
/* A timer of a task may come when the task is gone: its number tells.  NULL: gone. */
struct agent_task *agent_task_of_timer(struct sim_agent *agent, uint64_t tag);

/* ---- with the agent ---- */

/* Updates that wait are sent, and none is under way any more. */
void agent_tasks_up(struct sim_agent *agent);
void agent_tasks_down(struct sim_agent *agent);
/* What happened while there was no agent is noticed. */
void agent_tasks_start(struct sim_agent *agent);
void agent_tasks_kill(struct sim_agent *agent);
void agent_tasks_lose_power(struct sim_agent *agent);
/* By itself or not: its tasks end with it. */
void agent_tasks_executor_ended(struct sim_agent *agent, const struct agent_executor *executor);
void agent_tasks_kill_of(struct sim_agent *agent, const struct agent_executor *executor);
/*
 * What they and the executors have, added to USED; how many ports that would be if no two had the
 * same one.
 */
uint64_t agent_tasks_add_up(const struct sim_agent *agent, struct resources *used);
bool agent_tasks_have_ended(const struct sim_agent *agent);
/* For SUBSCRIBE: the list is to be freed, what it points to is the agent's or part of it. */
Tepui__RunningTask **agent_tasks_list(const struct sim_agent *agent, size_t *ret_n);
void agent_tasks_drop(struct sim_agent *agent);
void agent_tombstones_drop(struct sim_agent *agent);

#endif
