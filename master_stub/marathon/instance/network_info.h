/* The networks that an instance is attached to, as its container is launched with. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_NETWORK_INFO_H
#define MASTER_STUB_MARATHON_INSTANCE_NETWORK_INFO_H

#include "master_stub/marathon/instance/build.h"
#include "proto/mesos.pb-c.h"

struct instance;

/* None for one that has its node's network. */
void network_infos_add(struct build *b, const struct instance *instance,
		       Mesos__V1__ContainerInfo *info);

#endif
