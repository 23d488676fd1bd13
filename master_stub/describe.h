/* The master of itself, as its API tells it. */
#ifndef MASTER_STUB_DESCRIBE_H
#define MASTER_STUB_DESCRIBE_H

#include "proto/mesos.pb-c.h"

struct master;

struct master_info_message {
	Mesos__V1__MasterInfo info;
	Mesos__V1__Address address;
	Mesos__V1__MasterInfo__Capability capability[2], *capabilities[2];
	char pid[320];
};

/* *RET points into itself and MASTER: not to be moved, valid as long as both. */
const Mesos__V1__MasterInfo *master_describe(const struct master *master,
					     struct master_info_message *ret);

#endif
