/* The health of a task: of one or several checks, each with its own times and limits. */
#ifndef EXECUTOR_TASK_HEALTH_H
#define EXECUTOR_TASK_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "executor/health.h"
#include "proto/mesos.pb-c.h"

struct err;
struct loop;
struct task_health;

/* So many checks in all has a task at the most. */
enum { MAX_HEALTH_CHECKS = 16 };

/* What the checks make together. */
struct verdict {
	bool is_known;			/* one has failed, or all have passed */
	bool is_healthy;
	size_t n_checks;		/* told of one by one, where there are several; else 0 */
	Mesos__V1__HealthCheckStatus *const *checks;	/* in the order of the task's */
};

/* As of struct health_ops; the ids of the commands of check I begin at I * HEALTH_IDS. */
struct task_health_ops {
	/* One has something to tell; MESSAGE names it. */
	void (*report)(void *arg, const struct verdict *verdict, const char *message);
	void (*give_up)(void *arg, const char *message);
	int (*command)(void *arg, uint32_t id, char *const *argv,
		       const Mesos__V1__Environment *variables, struct err *e);
	void (*command_end)(void *arg, uint32_t id);
	int (*socket)(void *arg, int family, struct err *e);
};

/* Can all checks of TASK, if it has any, be carried out?  -EINVAL says what not. */
int task_health_validate(const Mesos__V1__TaskInfo *task, struct err *e);

/* TASK, which has a health check, has just started.  It is valid; OPS is borrowed. */
int task_health_new(struct loop *loop, const Mesos__V1__TaskInfo *task,
		    const struct task_health_ops *ops, void *arg, struct task_health **ret,
		    struct err *e);

void task_health_pause(struct task_health *health, bool is_paused);

/* No more checks and no more calls of OPS. */
void task_health_free(struct task_health *health);

void task_health_command_done(struct task_health *health, uint32_t id, int wait_status,
			      const struct err *failure);

#endif
