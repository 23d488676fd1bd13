#include "master_stub/describe.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/version.h"
#include "master_stub/core.h"

/* In network byte order; a name that is no address is that of this machine. */
static uint32_t ipv4_of(const char *hostname)
{
	struct in_addr address;

	return inet_pton(AF_INET, hostname, &address) == 1 ? address.s_addr
							   : htonl(INADDR_LOOPBACK);
}

static void add_capabilities(struct master_info_message *ret)
{
	static const Mesos__V1__MasterInfo__Capability__Type types[] = {
		MESOS__V1__MASTER_INFO__CAPABILITY__TYPE__AGENT_UPDATE,
		MESOS__V1__MASTER_INFO__CAPABILITY__TYPE__QUOTA_V2,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		mesos__v1__master_info__capability__init(&ret->capability[i]);
		ret->capability[i].has_type = true;
		ret->capability[i].type = types[i];
		ret->capabilities[i] = &ret->capability[i];
	}
	ret->info.capabilities = ret->capabilities;
	ret->info.n_capabilities = ARRAY_SIZE(types);
}

const Mesos__V1__MasterInfo *master_describe(const struct master *master,
					     struct master_info_message *ret)
{
	static char version[] = TEPUI_MESOS_VERSION;

	mesos__v1__address__init(&ret->address);
	ret->address.hostname = master->hostname;
	ret->address.port = master->options.port;
	snprintf(ret->pid, sizeof(ret->pid), "master@%s:%u", master->hostname,
		 master->options.port);
	mesos__v1__master_info__init(&ret->info);
	ret->info.id = (char *)(uintptr_t)master->id;
	ret->info.ip = ipv4_of(master->hostname);
	ret->info.port = master->options.port;
	ret->info.pid = ret->pid;
	ret->info.hostname = master->hostname;
	ret->info.version = version;
	ret->info.address = &ret->address;
	ret->info.domain = master->domain;
	add_capabilities(ret);
	return &ret->info;
}
