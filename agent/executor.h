/*
 * Custom executors: programs of frameworks, each in a container of its own, that speak the executor
 * API with the agent and run any number of tasks (reference/mesos.md section 2).
 *
 * One is recorded with its first task and launched after that commit.  Its tasks are told to it when
 * it has subscribed; what it says of them goes into the same streams of updates as what supervisors
 * say.  It lives until it exits, is shut down, or does not come back; its record stays until the last
 * of its tasks is forgotten.
 */
#ifndef AGENT_EXECUTOR_H
#define AGENT_EXECUTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent/container.h"
#include "agent/todo.h"
#include "net/wire.h"
#include "proto/tepui.pb-c.h"

struct agent;
struct err;
struct http_stream;
struct loop_timer;
struct task;

/* An update to acknowledge after the commit; its task may be forgotten by then. */
struct executor_confirm {
	char *task_id;			/* owned */
	uint8_t uuid[16];
};

struct executor {
	struct agent *agent;
	Tepui__ExecutorRecord *record;	/* owned; in the store by the container's id */
	struct container *container;	/* owned */
	TAILQ_HEAD(, task) tasks;	/* that are not forgotten */
	bool has_exited;		/* as the record says */

	/* What it is to do next; see expect() in executor.c. */
	struct loop_timer *deadline;
	struct verdict verdict, overdue;	/* passed, and what passes when the deadline does */
	bool is_shut_down, is_shutdown_sent;

	/* Its subscription (executor_stream.c). */
	struct http_stream *stream;	/* events to it; NULL: it is not subscribed */
	enum wire_format format;
	struct loop_timer *heartbeat;
	struct executor_confirm *confirms;
	size_t n_confirms, cap_confirms;

	struct todo todo;
	TAILQ_ENTRY(executor) link;
};

TAILQ_HEAD(executor_list, executor);

const char *executor_id(const struct executor *x);
const char *executor_framework_id(const struct executor *x);
/* One that has not exited; NULL if unknown. */
struct executor *executor_find(struct agent *agent, const char *framework_id, const char *id);
/* Whose container this is; NULL: of no executor. */
struct executor *executor_of_container(struct agent *agent, const char *container_id);

/* A new one in the agent's memory, for INFO; container and record are made, nothing is stored. */
int executor_new(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
		 const Mesos__V1__ExecutorInfo *info, struct executor **ret, struct err *e);
/* Forget one that was made for a task which came to nothing; any other is left alone. */
void executor_forget_unused(struct executor *x);
/* It may run: charge and store it, and launch it after the commit. */
int executor_admit(struct executor *x, struct err *e);
/* It may not: it is freed when the last of its tasks is forgotten. */
void executor_refuse(struct executor *x);

/* TASK is in the list of its executor from when it is known until it is forgotten. */
void executor_join(struct executor *x, struct task *task);
void executor_leave(struct task *task);
/* From here until it ends, the executor has the task's resources. */
int executor_charge(struct task *task, struct err *e);
void executor_task_ended(struct task *task);

/* What its program finds in its environment; an owned object. */
int executor_variables(const struct executor *x, json_t **ret, struct err *e);

/* Something of it or of a task of it has changed: what follows from it happens after the commit. */
void executor_mark(struct executor *x);
/* Queue its record for the store. */
int executor_put(struct executor *x, struct err *e);

/* SHUTDOWN: it has its grace period to end its tasks and exit. */
void executor_shut_down(struct executor *x);
void executor_shut_down_of(struct agent *agent, const Tepui__AgentEvent__ShutdownExecutor *event);

/* ---- after a restart ---- */

/* Read the records, before those of tasks; when those are read, take up the containers. */
int executors_load(struct agent *agent, struct err *e);
void executors_settle(struct agent *agent);
/* How many have yet to come back. */
unsigned executors_count_away(const struct agent *agent);
bool executors_are_alive(const struct agent *agent);
void executors_free(struct agent *agent);

#endif
