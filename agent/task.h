/* One task: its record on disk, its executor, its updates on the way to the master. */
#ifndef AGENT_TASK_H
#define AGENT_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "lib/hash.h"
#include "lib/resources.h"
#include "net/wire.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct http_stream;
struct launch_result;
struct loop_timer;
struct loop_watch;
struct task_usage;

enum executor_state {
	EXECUTOR_NONE,		/* not spawned */
	EXECUTOR_WAITING,	/* alive, not subscribed (yet, or again) */
	EXECUTOR_SUBSCRIBED,
	EXECUTOR_CLEANING,	/* ended; its container is being taken away */
	EXECUTOR_GONE,
};

/* Why the agent itself ended an executor: becomes the terminal update if there is no better. */
struct verdict {
	Mesos__V1__TaskState state;
	Mesos__V1__TaskStatus__Reason reason;
	const char *message;	/* static; NULL: no verdict */
};

struct executor {
	enum executor_state state;
	pid_t pid;
	int pidfd;			/* or -EBADF */
	struct loop_watch *watch;	/* of the pidfd */
	struct http_stream *stream;	/* events to it */
	enum wire_format format;
	struct loop_timer *deadline;	/* what is due next from it; see executors.c */
	struct verdict verdict, overdue;	/* passed, and what passes when the deadline does */
	unsigned clean_attempts;
	bool needs_launch;		/* it is not known to have the task */
	bool is_launch_sent, is_kill_sent;
	uint8_t (*confirms)[16];	/* uuids to acknowledge after the commit */
	size_t n_confirms, cap_confirms;
};

struct task {
	struct agent *agent;
	Tepui__TaskRecord *record;	/* owned */
	char *key;			/* "FRAMEWORK/TASK", also in the store */
	struct resources resources;	/* what it was admitted with */
	size_t description;		/* bytes of it and its framework, packed */
	struct launch_result *launch;	/* from admission until the spawn; owned */
	struct task_usage *usage;	/* the sampler's, or NULL */
	bool is_charged;		/* they count as used */
	bool is_volatile;		/* refused while the disk was bad: never stored */
	bool is_todo;			/* in agent->todo */
	bool is_acknowledged;		/* the terminal update; waits for its executor's end */
	TAILQ_ENTRY(task) todo_entry;
	struct executor executor;
	struct loop_timer *resend;	/* of the head update */
	int64_t resend_ms;
	bool is_in_flight;		/* the head was sent to the present master */
	UT_hash_handle hh;
};

const char *task_id(const struct task *task);
const char *task_framework_id(const struct task *task);
/* What has TASK_STAGING until something was heard of it. */
Mesos__V1__TaskState task_state(const struct task *task);
bool task_has_ended(const struct task *task);

/* NULL if unknown. */
struct task *task_find(struct agent *agent, const char *framework_id, const char *id);

/*
 * Take RECORD (also on failure) into the agent's memory.  IS_CHARGED counts its resources as used.
 * Nothing is put into the store.
 */
int task_adopt(struct agent *agent, Tepui__TaskRecord *record_take, struct task **ret,
	       struct err *e);

/*
 * RUN_TASK of the master: admission, then a record; what follows happens after the commit.  A task
 * that is refused gets a terminal update of its own, so the only error is -ENOMEM.
 */
int task_run(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
	     const Mesos__V1__TaskInfo *info, struct err *e);

/* KILL_TASK of the master. */
int task_kill(struct task *task, const Mesos__V1__KillPolicy *policy, struct err *e);

/* Queue for the store and for task_proceed(). */
int task_put(struct task *task, struct err *e);
void task_mark(struct task *task);

/* After a commit: do what the record now says.  IS_SAFE: what it says is on disk. */
void task_proceed(struct task *task, bool is_safe);

/* The resources are free again; idempotent. */
void task_discharge(struct task *task);

/* The terminal update is acknowledged: the record goes, the memory when the executor is gone. */
void task_forget(struct task *task);
void task_free(struct task *task);

/* Host directory of the sandbox; owned by the caller, NULL when memory is out. */
char *task_sandbox(const struct task *task);

#endif
