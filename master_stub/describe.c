#include "master_stub/describe.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/version.h"
#include "master_stub/core.h"
#include "master_stub/registry.h"

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

static json_t *capabilities_json(const Mesos__V1__MasterInfo *info)
{
	json_t *list = json_array();

	for (size_t i = 0; i < info->n_capabilities; i++) {
		const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
			&mesos__v1__master_info__capability__type__descriptor,
			(int)info->capabilities[i]->type);

		json_array_append_new(list, json_string(value ? value->name : "UNKNOWN"));
	}
	return list;
}

json_t *master_head_json(const struct master *master)
{
	size_t n_inactive, n_active = registry_count_active(master, &n_inactive);
	double started = (double)master->started_wall_ms / 1000;
	struct master_info_message message;
	const Mesos__V1__MasterInfo *info = master_describe(master, &message);

	return json_pack("{s:s, s:{s:s}, s:s, s:f, s:s, s:s, s:f, s:f, s:s, s:s, s:s, s:I, s:o, s:I,"
			 " s:I, s:I, s:s, s:{s:s, s:s, s:i, s:s}}",
			 "version", TEPUI_MESOS_VERSION, "tepui", "version", TEPUI_VERSION,
			 "build_date", "", "build_time", 0.0, "build_user", "", "git_sha", "",
			 "start_time", started, "elected_time", started,
			 "id", info->id, "pid", info->pid, "hostname", info->hostname,
			 "epoch", (json_int_t)master->epoch,
			 "capabilities", capabilities_json(info),
			 "activated_slaves", (json_int_t)n_active,
			 "deactivated_slaves", (json_int_t)n_inactive,
			 "unreachable_slaves", (json_int_t)master->n_agents[AGENT_UNREACHABLE],
			 "leader", info->pid,
			 "leader_info", "id", info->id, "pid", info->pid,
			 "port", (int)info->port, "hostname", info->hostname);
}
