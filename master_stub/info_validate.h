/* Rules for the messages that tasks and executors are made of, each with its sentence, as Mesos has them. */
#ifndef MASTER_STUB_INFO_VALIDATE_H
#define MASTER_STUB_INFO_VALIDATE_H

#include "proto/mesos.pb-c.h"

struct err;

/* Each -EINVAL with what is wrong; they say nothing of what the agent can do. */
int command_info_validate(const Mesos__V1__CommandInfo *command, struct err *e);
int container_info_validate(const Mesos__V1__ContainerInfo *container, struct err *e);
int health_check_validate(const Mesos__V1__HealthCheck *check, struct err *e);
int check_info_validate(const Mesos__V1__CheckInfo *check, struct err *e);

#endif
