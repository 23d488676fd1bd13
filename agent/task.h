/* One task: its record on disk, its container, its updates on the way to the master. */
#ifndef AGENT_TASK_H
#define AGENT_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/container.h"
#include "agent/resend.h"
#include "agent/todo.h"
#include "lib/hash.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct executor;

struct task {
	struct agent *agent;
	Tepui__TaskRecord *record;	/* owned */
	char *key;			/* "FRAMEWORK/TASK", also in the store */
	size_t description;		/* bytes of it and its framework, packed */
	/* Its own, made and freed with it; or that of the custom executor which runs it. */
	struct container *container;
	struct executor *executor;	/* NULL: it is a command */
	struct resources resources;	/* of one that has an executor, and whether that has them */
	bool is_charged;
	bool is_launch_sent, is_kill_sent;	/* to its executor */
	size_t n_repeated;	/* while that subscribes: of its updates, before the last known one */
	bool is_listed;				/* and whether it has the task */
	TAILQ_ENTRY(task) of_executor;
	bool is_acknowledged;		/* the terminal update; waits for its container's end */
	struct todo todo;		/* volatile: refused while the disk was bad, never stored */
	struct resend resend;		/* of the head update */
	UT_hash_handle hh;
};

const char *task_id(const struct task *task);
const char *task_framework_id(const struct task *task);
/* What has TASK_STAGING until something was heard of it. */
Mesos__V1__TaskState task_state(const struct task *task);
bool task_has_ended(const struct task *task);

/* What it was admitted with. */
const struct resources *task_resources(const struct task *task);
/* Its executor's id: that of a command is the task's. */
const char *task_executor_id(const struct task *task);

/* NULL if unknown. */
struct task *task_find(struct agent *agent, const char *framework_id, const char *id);
/* Has it ended not long ago?  Then a launch that comes late is not to run it again. */
bool task_was_here(struct agent *agent, const char *framework_id, const char *id);

/* Take RECORD (also on failure) into the agent's memory.  Nothing is put into the store. */
int task_new(struct agent *agent, Tepui__TaskRecord *record_take, struct task **ret, struct err *e);
/* The same of a former run: its resources count as used. */
int task_adopt(struct agent *agent, Tepui__TaskRecord *record_take, struct task **ret,
	       struct err *e);

/* What its supervisor or this agent says of it, with what else belongs there.  -ENOMEM. */
int task_complete_status(const struct task *task, Mesos__V1__TaskStatus *status);

/* KILL_TASK of the master. */
int task_kill(struct task *task, const Mesos__V1__KillPolicy *policy, struct err *e);

/* Queue for the store, and for what follows the commit. */
int task_put(struct task *task, struct err *e);
void task_mark(struct task *task);

/* After a restart: take up its container.  Frees nothing but what is settled for good. */
int task_settle(struct task *task, struct err *e);

/* The terminal update is acknowledged: the record goes, the memory when the container is gone. */
void task_forget(struct task *task);
void task_free(struct task *task);

#endif
