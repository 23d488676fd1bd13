/* Pieces of the launch document: argument vector, environment, resource limits. */
#ifndef AGENT_LAUNCH_PARTS_H
#define AGENT_LAUNCH_PARTS_H

#include <jansson.h>

#include "proto/mesos.pb-c.h"

struct err;
struct launch_place;

/* Each gives an owned array, or -EINVAL, -E2BIG, -ENOTSUP with the field's name. */
int launch_args(const Mesos__V1__CommandInfo *command, json_t **ret, struct err *e);
int launch_env(const struct launch_place *place, const Mesos__V1__TaskInfo *task, json_t **ret,
	       struct err *e);
/* TEXT, a JSON object of names and values, as launch_place.defaults; owned, empty where TEXT is NULL. */
int launch_read_variables(const char *text, json_t **ret, struct err *e);
int launch_rlimits(const Mesos__V1__TaskInfo *task, json_t **ret, struct err *e);

#endif
