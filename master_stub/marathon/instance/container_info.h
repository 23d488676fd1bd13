/* What an app says of its container, as a task carries it. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_CONTAINER_INFO_H
#define MASTER_STUB_MARATHON_INSTANCE_CONTAINER_INFO_H

#include <jansson.h>

#include "master_stub/marathon/instance/build.h"
#include "proto/mesos.pb-c.h"

/*
 * From the canonical definition APP; NULL: nothing is asked for that every task has not anyway.
 * HAS_OWN_CGROUP: a container of a pod has its resources for itself.
 */
Mesos__V1__ContainerInfo *container_info_new(struct build *b, const json_t *app,
					     bool has_own_cgroup);

/* The name of the image that APP runs from, borrowed, or NULL. */
const char *container_info_image(const json_t *app);

#endif
