/*
 * A container with its supervisor: spawned, watched, adopted after a restart, cleaned up after.  It
 * knows nothing of why it is there: who has it, its owner, keeps the record of it and is told what
 * happens by struct container_ops.
 *
 * A task (agent/task.h) has one of kind CONTAINER_TASK; a custom executor (agent/executor.h) one of
 * kind CONTAINER_EXECUTOR, to which its tasks point as their container; agent/launched.h has those
 * that operators and executors launch beside tasks, and the holders of task groups.  The supervisor
 * of whatever is no task's subscribes as executor ID of CONTAINER_FRAMEWORK, so that it never meets
 * an executor of a framework.
 */
#ifndef AGENT_CONTAINER_H
#define AGENT_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/todo.h"
#include "isolators/cgroup.h"
#include "lib/hash.h"
#include "lib/resources.h"
#include "net/wire.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct container;
struct container_usage;
struct err;
struct http_stream;
struct launch_result;
struct loop_timer;
struct loop_watch;

/* Under which supervisors of containers that are no task's subscribe. */
#define CONTAINER_FRAMEWORK "tepui-containers"

enum container_kind {
	CONTAINER_TASK,
	CONTAINER_EXECUTOR,	/* of a custom executor */
	CONTAINER_POD,		/* the holder of a task group */
	CONTAINER_STANDALONE,
	CONTAINER_NESTED,
};

enum container_state {
	CONTAINER_NEW,		/* not spawned */
	CONTAINER_WAITING,	/* its supervisor is alive, not subscribed (yet, or again) */
	CONTAINER_SUBSCRIBED,
	CONTAINER_CLEANING,	/* the supervisor ended; what it left is being taken away */
	CONTAINER_GONE,
};

/* Why the agent itself ended a container: its owner's account of the end if there is no better. */
struct verdict {
	Mesos__V1__TaskState state;
	Mesos__V1__TaskStatus__Reason reason;
	const char *message;	/* static; NULL: no verdict */
};

/* Told from `failed` on, the owner may forget the container within the call: nothing of it is used after. */
struct container_ops {
	/* Whether STATUS can be an update by the supervisor; -EINVAL says what is wrong with it. */
	int (*check)(const struct container *c, const Mesos__V1__TaskStatus *status, struct err *e);
	bool (*knows)(const struct container *c, const Mesos__V1__TaskStatus *status);
	/* A new one, of what has not ended: into the record.  The supervisor hears after the commit. */
	int (*update)(struct container *c, const Mesos__V1__TaskStatus *status, struct err *e);
	/* There is a process now: pid, start_ticks and first_id go into the record. */
	int (*spawned)(struct container *c, struct err *e);
	void (*failed)(struct container *c, const struct err *why);
	/* It is to be killed, and was never given to its supervisor. */
	void (*cancelled)(struct container *c);
	/* Nothing is left of it but its runtime directory and its sandbox.  HOW its supervisor ended. */
	void (*ended)(struct container *c, const char *how);
	/* Its parent is forgotten, and it has ended. */
	void (*orphaned)(struct container *c);
};

struct container {
	struct agent *agent;
	enum container_kind kind;
	const struct container_ops *ops;
	void *owner;
	struct container *parent;	/* NULL: none; it does not outlive it */
	char *id;			/* owned: of its cgroup and its runtime directory */
	char *sandbox;			/* owned: host directory; NULL when memory was out */
	char *framework, *executor;	/* owned: under which its supervisor subscribes */
	struct cgroup_layout *layout;	/* in which its cgroup is; owned if it is in its parent's */
	char *layout_text;		/* the same, owned; NULL: it is the agent's */
	bool has_own_limits;		/* false: those of its parent hold */

	/* What the supervisor runs; both borrowed from the owner's record. */
	const Mesos__V1__TaskInfo *info;
	const Mesos__V1__FrameworkInfo *of;
	const char *executor_id;	/* that it is told to be of; borrowed, or NULL */
	struct resources resources;	/* what it was admitted with */
	bool is_charged;		/* they count as used */
	struct launch_result *launch;	/* from admission until the spawn; owned */
	bool has_first_id;
	uint32_t first_id;		/* of the host's ids that its user namespace has */
	int64_t launched_wall_ms;
	struct container_usage *usage;	/* the sampler's, or NULL */

	/* What the owner's record says of it, for who talks to the supervisor. */
	bool has_reported, has_started, has_ended, is_kill_wanted;
	const Mesos__V1__KillPolicy *kill_policy;

	/* The supervisor: a process. */
	enum container_state state;
	pid_t pid;			/* 0: there was never one */
	uint64_t start_ticks;		/* field 22 of /proc/PID/stat */
	int pidfd;			/* or -EBADF */
	struct loop_watch *watch;	/* of the pidfd */
	struct loop_timer *deadline;	/* what is due next from it; see supervisor.c */
	struct verdict verdict, overdue;	/* passed, and what passes when the deadline does */
	unsigned clean_attempts;

	/* The supervisor: its subscription. */
	struct http_stream *stream;	/* events to it */
	enum wire_format format;
	bool needs_launch;		/* it is not known to have what it is to run */
	bool is_launch_sent, is_kill_sent;
	uint8_t (*confirms)[16];	/* uuids to acknowledge after the commit */
	size_t n_confirms, cap_confirms;

	struct todo todo;
	UT_hash_handle hh;		/* in agent->containers, by id */
};

/* What a container is made of; strings are copied. */
struct container_seed {
	enum container_kind kind;
	const struct container_ops *ops;
	void *owner;
	const char *id, *framework, *executor;
	struct container *parent;
	char *sandbox_take;
};

/*
 * A container in the agent's memory: nothing is made, nothing runs.  INFO and OF are set by the
 * owner, who gives its id to nobody else.
 */
int container_new(struct agent *agent, const struct container_seed *seed, struct container **ret,
		  struct err *e);
/* It is GONE or NEW; its descriptors and timers are closed.  The owner's record is the owner's. */
void container_forget(struct container *c);

/* Put it into the cgroup of its parent; before it is admitted or adopted. */
int container_nest(struct container *c, bool has_own_limits, struct err *e);

/* A process in the namespaces of C; 0 if there is none. */
pid_t container_main(const struct container *c);

/* NULL if unknown.  Any kind, also one that has ended and is not forgotten yet. */
struct container *container_find(struct agent *agent, const char *id);

/* Has it a process? */
bool container_is_alive(const struct container *c);
/* Alive, and what it runs has not ended. */
bool container_is_running(const struct container *c);

/* Its resources count as used, or no more; both idempotent.  -ENOMEM. */
int container_charge(struct container *c, struct err *e);
void container_discharge(struct container *c);

/* Something of its record has changed: what follows from it happens after the commit. */
void container_mark(struct container *c);

/* It will not be spawned: what it was admitted with is freed. */
void container_refuse(struct container *c);
void container_drop_launch(struct container *c);

/* Kill it and what it supervises; the end is seen by its pidfd. */
void container_end(struct container *c, const struct verdict *verdict);

/* KILL goes to the supervisor, again if it did before: the record says so by now. */
void container_stop(struct container *c);

/*
 * After a restart: take the process of the record (PID and START_TICKS are set) if it still lives,
 * or start cleaning up after it.  IS_THIS_BOOT: it was of this one.
 */
int container_adopt(struct container *c, bool is_this_boot, struct err *e);

/* Closes descriptors and timers; the process goes on. */
void container_release(struct container *c);

/* It runs, as its supervisor says: its figures and its limits are looked at. */
void container_started(struct container *c);

/* What it ran has ended: it may take a moment to leave. */
void container_expect_exit(struct container *c);

/* End supervisors in our leaf that no record knows; at start only. */
void containers_kill_strangers(struct agent *agent);

/* Copy PATH (NULL: beside our program, then in /usr/libexec/tepui) into a sealed memfd; owned. */
int supervisors_load(const char *path, struct err *e);

#endif
