/* The environment that a task is given (reference/marathon.md 2.6). */
#ifndef MASTER_STUB_MARATHON_INSTANCE_ENVIRONMENT_H
#define MASTER_STUB_MARATHON_INSTANCE_ENVIRONMENT_H

#include <jansson.h>

struct controller;
struct instance_task;

/*
 * Name to value.  An app's own env wins over what it is told; what a container of a pod is told wins over its
 * own and the pod's, as in Marathon.  The operator's prefix is of an app's host and ports alone.  New reference or NULL.
 */
json_t *environment_of(const struct controller *c, const struct instance_task *task);

#endif
