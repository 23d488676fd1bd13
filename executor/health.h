/* One health check of a task: the timeline of reference/mesos.md 4.10. */
#ifndef EXECUTOR_HEALTH_H
#define EXECUTOR_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct err;
struct health;
struct loop;

/* The ids of a check's commands begin anew after so many. */
enum { HEALTH_IDS = 1 << 24 };

/* What an attempt brought. */
struct health_answer {
	bool is_ok;
	bool has_exit_code;		/* of a command that exited by itself */
	int exit_code;
	int http_status;		/* 0: none */
};

struct health_ops {
	/* Set by who judges by himself: every answer, and then neither of the next two. */
	void (*answer)(void *arg, const struct health_answer *answer);
	/*
	 * Something to tell: each failure outside the grace period, the first success, and each
	 * recovery.  MESSAGE is one sentence.
	 */
	void (*report)(void *arg, bool is_healthy, const char *message);
	/* The check failed as often in a row as it may: after the report. */
	void (*give_up)(void *arg, const char *message);
	/* Run ARGV with environment VARIABLES beside the task; ends in health_command_done(). */
	int (*command)(void *arg, uint32_t id, char *const *argv,
		       const Mesos__V1__Environment *variables, struct err *e);
	/* The attempt is over: end the command, if it has not, and all that it has started. */
	void (*command_end)(void *arg, uint32_t id);
	/* A TCP socket of FAMILY in the task's network, not blocking; owned by the caller. */
	int (*socket)(void *arg, int family, struct err *e);
	uint32_t first_id;		/* of commands; HEALTH_IDS of them are the check's */
};

/* Can CHECK be carried out?  -EINVAL says what not. */
int health_validate(const Mesos__V1__HealthCheck *check, struct err *e);

/* The task has just started.  CHECK is valid and copied; OPS is borrowed. */
int health_new(struct loop *loop, const Mesos__V1__HealthCheck *check, const struct health_ops *ops,
	       void *arg, struct health **ret, struct err *e);

/* How it stands, as last reported. */
void health_status(const struct health *health, Mesos__V1__HealthCheckStatus *ret);

/* A task that is stopped cannot answer: what is under way does not count, and nothing is begun. */
void health_pause(struct health *health, bool is_paused);

/* No more checks and no more calls of OPS. */
void health_free(struct health *health);

/* WAIT_STATUS of command ID, or FAILURE to execute it. */
void health_command_done(struct health *health, uint32_t id, int wait_status,
			 const struct err *failure);

#endif
