/* What an app says of its container, as a task carries it. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_CONTAINER_INFO_H
#define MASTER_STUB_MARATHON_INSTANCE_CONTAINER_INFO_H

#include <jansson.h>

#include "master_stub/marathon/instance/build.h"
#include "proto/mesos.pb-c.h"

struct instance;
struct instance_task;

/* Of TASK, which a pod's network surrounds; NULL: nothing is asked for that every task has not anyway. */
Mesos__V1__ContainerInfo *container_info_new(struct build *b, const struct instance_task *task);

/* Of what surrounds the containers of a pod: the networks that all of them are on; NULL: their node's. */
Mesos__V1__ContainerInfo *container_info_of_pod(struct build *b, const struct instance *instance);

/* The name of the image that APP runs from, borrowed, or NULL. */
const char *container_info_image(const json_t *app);

#endif
