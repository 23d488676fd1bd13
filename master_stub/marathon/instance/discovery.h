/* What a task tells of itself to those who look for services. */
#ifndef MASTER_STUB_MARATHON_INSTANCE_DISCOVERY_H
#define MASTER_STUB_MARATHON_INSTANCE_DISCOVERY_H

#include "master_stub/marathon/instance/build.h"
#include "proto/mesos.pb-c.h"

struct instance_task;

/*
 * Of each of its ports and their protocols: the node's number, or where its container's network has no
 * such, the container's; label "network-scope" tells which ("host", "container"), if the network is its
 * own, and "network-name" on which of its networks.  NULL: B has failed.
 */
Mesos__V1__DiscoveryInfo *discovery_info_new(struct build *b, const struct instance_task *task);

#endif
