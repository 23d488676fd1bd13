/* Tasks: soft state, told by agents, changed by their updates. */
#ifndef MASTER_STUB_TASK_H
#define MASTER_STUB_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/hash.h"
#include "lib/resources.h"
#include "proto/scheduler.pb-c.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct endpoint;
struct err;
struct executor;
struct framework;
struct framework_role;
struct leave;
struct master;

/* A message that is rarely looked at: a tenth of the memory of the unpacked one. */
struct packed {
	void *data;
	size_t size;
};

struct task {
	char *id;
	struct framework *framework;
	struct agent *agent;
	struct framework_role *role;
	struct executor *executor;	/* on AGENT; NULL: it is a command, or its executor has exited */
	struct resources resources;
	bool is_charged;		/* its resources are taken from the agent's node */
	bool is_confirmed;		/* the agent has spoken of it */
	bool is_unreachable;		/* with its agent; STATE is what it was before */
	bool is_kill_requested;
	bool is_seen;			/* while an agent's list is gone through */
	int64_t kill_grace_ns;		/* -1: the task's own */
	Mesos__V1__TaskState state;	/* latest known */
	/* The update last passed on: its acknowledgement ends the record if it was terminal. */
	bool has_update;
	Mesos__V1__TaskState update_state;
	uint8_t update_uuid[16];
	struct endpoint *endpoint;	/* NULL: it has ended */
	struct leave *leave;		/* its KILL_TASK waits */
	struct packed info, status;	/* TaskInfo; latest TaskStatus, or empty */
	UT_hash_handle hh;		/* in framework->tasks */
	TAILQ_ENTRY(task) on_agent, in_order;
};

bool master_task_is_ended(Mesos__V1__TaskState state);
const char *master_task_state_name(Mesos__V1__TaskState state);

/*
 * With *RESOURCES taken over when it succeeds; not charged yet: it may have ended long ago.
 * IS_LAUNCHED: it is on its way to the agent, not brought by it.
 */
int master_task_new(struct framework *framework, struct agent *agent, struct framework_role *role,
	     const Mesos__V1__TaskInfo *info, bool is_launched, struct resources *resources,
	     struct task **ret);
/* Out of every table; resources are released. */
void master_task_free(struct task *task);
struct task *master_task_find(const struct framework *framework, const char *id);

/* One that ended so, or was never launched; SOURCE and REASON are -1 when they were not told. */
void master_task_count_end(struct framework *framework, Mesos__V1__TaskState state, int source,
			   int reason);

void master_task_charge(struct task *task);
void master_task_release(struct task *task);

/* UPDATE from its agent. */
void master_task_update(struct agent *agent, const Tepui__AgentCall__Update *update);
/* ACKNOWLEDGE and KILL from its framework; the calls are valid. */
void master_task_acknowledge(struct framework *framework,
			     const Mesos__V1__Scheduler__Call__Acknowledge *call);
void master_task_kill(struct framework *framework, const Mesos__V1__Scheduler__Call__Kill *call);
void master_task_weigh(struct framework *framework, const Mesos__V1__Scheduler__Call__Weigh *call);

/* One that AGENT brings when it subscribes. */
int master_task_admit(struct agent *agent, const Tepui__RunningTask *running, struct err *e);
/* After all were admitted: what the agent no longer knows is told to the frameworks. */
void master_tasks_drop_unseen(struct agent *agent);
/* What is left was told to be unreachable, perhaps by an earlier run of the master, and runs. */
void master_tasks_tell_returned(struct agent *agent);
/* The agent is unreachable: its tasks are, and their resources are nobody's. */
void master_tasks_mark_unreachable(struct agent *agent);
/* The agent is gone for good: its tasks have ended, and nobody acknowledges their updates. */
void master_tasks_mark_gone(struct agent *agent);

/*
 * Tell FRAMEWORK of a task by the master itself: no uuid, so nothing to acknowledge.  AGENT_ID and
 * MESSAGE may be NULL.  STATE is told as TASK_LOST to a framework that does not know the finer
 * ones.
 */
struct status_from_master {
	const char *task_id, *agent_id, *message;
	Mesos__V1__TaskState state;
	Mesos__V1__TaskStatus__Reason reason;
	int64_t unreachable_wall_ms;	/* 0: not told */
};
void master_task_tell(struct framework *framework, const struct status_from_master *status);
/* The latest status of a known task, as a reconciliation's answer. */
void master_task_tell_latest(struct task *task, Mesos__V1__TaskStatus__Reason reason,
			     const char *message);

#endif
