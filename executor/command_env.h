/* The environment of a command beside a task: the task's own, with the command's put over it. */
#ifndef EXECUTOR_COMMAND_ENV_H
#define EXECUTOR_COMMAND_ENV_H

#include "proto/mesos.pb-c.h"

struct err;

/*
 * *ret_env: a NULL-terminated vector (owned) whose strings lie in BASE and in *ret_strings (owned,
 * may be NULL).  Variables without a value are left out.
 */
int command_env_build(char *const *base, const Mesos__V1__Environment *variables, char ***ret_env,
		      char **ret_strings, struct err *e);

#endif
