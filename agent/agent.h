/* The parts of one agent, tied together; each part's own header says what it does. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent/executor.h"
#include "agent/flags.h"
#include "agent/history.h"
#include "agent/node.h"
#include "agent/profiles.h"
#include "agent/session.h"
#include "agent/todo.h"
#include "agent/users.h"
#include "isolators/cgroup.h"
#include "lib/ranges.h"
#include "lib/rng.h"
#include "net/http_auth.h"
#include "net/jwt.h"
#include "proto/tepui.pb-c.h"

struct container;
struct credentials;
struct directory;
struct directory_file;
struct err;
struct gc;
struct guard;
struct http_server;
struct image_gc;
struct image_store;
struct loop;
struct loop_timer;
struct loop_watch;
struct log_toggle;
struct master_link;
struct names;
struct networks;
struct operation;
struct persistent_volume;
struct ruleset;
struct sampler;
struct store;
struct task;
struct tombstone;
struct traffic;
struct trash;

/*
 * All tasks are described in one call when the agent registers, so that what they may take together
 * is bounded: the master reads twice as much.
 */
enum { AGENT_MAX_TASKS = 4096, AGENT_MAX_DESCRIPTIONS = 32 << 20, AGENT_SIGNALS = 4 };

/* What has happened since start, by the names of reference/mesos.md 3.3. */
struct agent_counters {
	uint64_t ended[16];			/* by TaskState */
	uint64_t valid_updates, invalid_updates, launch_errors, recovery_errors;
	uint64_t valid_messages, invalid_messages, ended_containers;
	uint64_t destroy_errors, refused_launches, commits, commit_failures, limits_restored;
	int64_t recovery_ms;
};

struct agent {
	struct agent_flags flags;
	struct loop *loop;
	struct store *store;
	struct store_backup *backup;
	struct rng rng;
	struct node node;
	struct users users;
	struct profiles profiles;
	struct cgroup_layout layout;
	char *layout_text;
	json_t *variables;			/* of --executor_environment_variables */
	char *work_dir;				/* real path */
	int work_fd;				/* its directory */
	int executor_fd;			/* sealed copy of tepui-executor */
	int supervisors_fd;			/* cgroup leaf of the supervisors */
	int cgroup_lock_fd;			/* keeps other agents out of our cgroups */
	bool owns_layout;			/* and so may remove it */

	Tepui__AgentRecord *self;		/* as on disk */
	Mesos__V1__AgentInfo *info;		/* as told to the master, with id once known */
	struct task *tasks;			/* by task_key() */
	unsigned max_tasks;			/* and containers, as the limit on descriptors allows */
	size_t descriptions;			/* bytes of all tasks' and containers' descriptions */
	struct container *containers;		/* by id, of all kinds */
	struct executor_list custom;		/* executors, oldest first */
	uint8_t executor_key[JWT_KEY_BYTES];	/* that their tokens are signed with */
	struct todo_queue todo;			/* changed since the last commit */
	struct persistent_volume *volumes;	/* by "ROLE/ID" */
	struct operation *operations;		/* not acknowledged, by "FRAMEWORK/ID" */
	struct image_store *images;		/* NULL: none */
	struct session_list sessions;		/* beside tasks, and those that have ended */
	struct resources used;			/* sum over tasks that have not ended */
	struct tombstone *tombstones;
	struct history history;			/* of tasks that are forgotten */

	struct http_auth auth;			/* of the operators' server */
	struct credentials *credentials;	/* NULL: nobody is asked for one */
	char *authorization;			/* what the master is shown, or NULL */
	struct master_link *link;
	char *address;				/* of this node, as told to the master; NULL: none is known */
	struct directory *directory;
	struct names *names;
	struct directory_file *directory_file;
	struct ruleset *ruleset;
	struct traffic *traffic;
	struct networks *networks;		/* NULL: none */
	struct http_server *operators, *executors;
	struct http_server *name_readers;	/* NULL: on the operators' alone */
	struct http_server *domain;		/* of custom executors; NULL: they use the operators' */
	uint16_t port;				/* of the operators' server */
	char *endpoint;				/* "ADDRESS:PORT" of it */
	struct sampler *sampler;
	struct gc *gc;
	struct trash *trash;
	struct image_gc *image_gc;		/* NULL: none */
	struct guard *guard;
	struct log_toggle *log_toggle;
	struct loop_timer *commit_timer, *recovery_timer;
	struct loop_watch *signals[AGENT_SIGNALS];
	struct ranges disk_projects;		/* that sandboxes may belong to */
	uint64_t next_project;			/* where the search for a free one goes on */
	bool is_disk_bad;			/* the last commit failed */
	bool is_recovering;			/* executors may still come back */
	bool is_shutting_down;			/* the master wants everything gone */
	int exit_status;
	int64_t started_wall_ms, started_boot_ms;
	struct agent_counters counters;
};

/* Bring everything up to the point where loop_run() can be called; E is one line for the user. */
int agent_start(struct agent *agent, struct err *e);

/* After every turn of the loop: commit, then do what was waiting for the commit. */
void agent_turn(void *arg);

/* Ask for agent_turn() soon although nothing happened. */
void agent_wake(struct agent *agent);

/* Leave the loop; E is logged. */
void agent_fail(struct agent *agent, const struct err *e);

/* Put the record of this agent into the store; committed with the turn. */
int agent_put_self(struct agent *agent, struct err *e);

/* What is told of the agent to the master, anew: its id and its resources may be others now. */
int agent_describe(struct agent *agent, const char *id, struct err *e);

/* NULL until the master gave one. */
const char *agent_id(const struct agent *agent);

/* Give up everything in reverse; tasks go on. */
void agent_done(struct agent *agent);

#endif
