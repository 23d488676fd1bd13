/* The check of one task (TaskInfo.check): what came is told when it changes, and judged by nobody. */
#ifndef EXECUTOR_CHECK_H
#define EXECUTOR_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mesos.pb-c.h"

struct check;
struct err;
struct loop;

struct check_ops {
	/* It is not what it was: see check_status(). */
	void (*changed)(void *arg);
	/* As of struct health_ops; the ids are other ones than those of health checks. */
	int (*command)(void *arg, uint32_t id, char *const *argv,
		       const Mesos__V1__Environment *variables, struct err *e);
	void (*command_end)(void *arg, uint32_t id);
	int (*socket)(void *arg, int family, struct err *e);
};

/* Can INFO be carried out?  -EINVAL says what not. */
int check_validate(const Mesos__V1__CheckInfo *info, struct err *e);

/* The task has just started.  INFO is valid and copied; OPS is borrowed. */
int check_new(struct loop *loop, const Mesos__V1__CheckInfo *info, const struct check_ops *ops,
	      void *arg, struct check **ret, struct err *e);

/* What came last, with nothing in it before the first answer and when there was none; borrowed. */
const Mesos__V1__CheckStatusInfo *check_status(const struct check *check);

void check_pause(struct check *check, bool is_paused);
void check_free(struct check *check);
void check_command_done(struct check *check, uint32_t id, int wait_status,
			const struct err *failure);

#endif
