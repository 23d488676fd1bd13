/* What an agent promises its master, without containers: its link, and its life. */
#ifndef TESTS_SIM_AGENT_H
#define TESTS_SIM_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/quantities.h"
#include "lib/resources.h"
#include "proto/tepui.pb-c.h"
#include "tests/directory_mirror.h"
#include "tests/sim/link.h"

struct agent_executor;
struct agent_operation;
struct agent_task;
struct sim;
struct tombstone;

enum link_state { LINK_DOWN, LINK_DIALING, LINK_UP };

struct sim_agent {
	struct sim *sim;
	struct place place;
	char hostname[24], address[24];
	bool takes_directory;
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
	struct mirror mirror;		/* what it knows of others */

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
/* CALL, of which type and agent_id are filled in, on the stream that is up. */
void sim_agent_send(struct sim_agent *agent, Tepui__AgentCall__Type type, Tepui__AgentCall *call);
/* kill -9: tasks go on.  Back after DOWN_MS. */
void sim_agent_crash(struct sim_agent *agent, int64_t down_ms);
/* Power off, no farewell: its tasks are gone. */
void sim_agent_reboot(struct sim_agent *agent, int64_t down_ms);

#endif
