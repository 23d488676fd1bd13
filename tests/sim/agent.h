/* What an agent promises its master, without containers: agent/updates.c, task.c, recovery.c. */
#ifndef TESTS_SIM_AGENT_H
#define TESTS_SIM_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/quantities.h"
#include "lib/resources.h"
#include "proto/tepui.pb-c.h"
#include "tests/sim/link.h"

struct agent_executor;
struct agent_operation;
struct fate;
struct sim;

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
	uint64_t tag;			/* of its timers; one more than those of the task before */
	Tepui__AgentEvent__RunTask *run;	/* owned */
	Mesos__V1__TaskState state;
	Mesos__V1__TaskStatus *latest;	/* owned; NULL: none yet */
	STAILQ_HEAD(, update) updates;
	struct resources resources;
	struct agent_executor *executor;	/* that lives; NULL: none, or it has ended */
	enum process process;
	Mesos__V1__TaskState exit_state;	/* of its exit record */
	bool is_kill_requested, is_in_flight;
	int64_t resend_ms;
	uint64_t resend_tag;
};

struct tombstone {
	STAILQ_ENTRY(tombstone) next;
	int64_t expires_ms;
	char key[];
};

enum link_state { LINK_DOWN, LINK_DIALING, LINK_UP };

struct sim_agent {
	struct sim *sim;
	struct place place;
	char hostname[24];
	struct quantities capacity;	/* however it is divided */

	/* Records: they outlive the process. */
	struct resources total;		/* as it is divided now */
	char id[128], master_id[64];	/* "": none yet */
	uint64_t epoch, boot;
	bool is_draining, is_marking_gone;
	bool is_shutting_down;
	TAILQ_HEAD(, agent_task) tasks;
	TAILQ_HEAD(, agent_operation) operations;
	TAILQ_HEAD(, agent_executor) executors;

	/* The process. */
	bool is_running;
	uint64_t run;			/* one more at every start */
	struct link *link;
	enum link_state state;
	unsigned attempts;
	int64_t silence_at_ms;
	STAILQ_HEAD(, tombstone) tombstones;
};

struct sim_agent *sim_agent_new(struct sim *sim, unsigned number);
void sim_agent_free(struct sim_agent *agent);
/* kill -9: tasks go on.  Back after DOWN_MS. */
void sim_agent_crash(struct sim_agent *agent, int64_t down_ms);
/* By itself or not: its tasks end with it. */
void sim_agent_executor_ended(struct sim_agent *agent, const struct agent_executor *executor);
/* Power off, no farewell: its tasks are gone. */
void sim_agent_reboot(struct sim_agent *agent, int64_t down_ms);

#endif
