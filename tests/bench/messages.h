/* Messages of agents and frameworks for the master's load programs: built in place, nothing owned. */
#ifndef TESTS_BENCH_MESSAGES_H
#define TESTS_BENCH_MESSAGES_H

#include <stdio.h>
#include <string.h>

#include "proto/scheduler.pb-c.h"
#include "proto/tepui.pb-c.h"

enum { BENCH_CPUS, BENCH_MEM, N_BENCH_RESOURCES, BENCH_UUID = 16 };

struct bench_resources {
	Mesos__V1__Value__Scalar scalars[N_BENCH_RESOURCES];
	Mesos__V1__Resource resources[N_BENCH_RESOURCES], *list[N_BENCH_RESOURCES];
};

static inline void bench_resources(struct bench_resources *r, double cpus, double mem)
{
	static char names[N_BENCH_RESOURCES][5] = { "cpus", "mem" };
	const double values[N_BENCH_RESOURCES] = { cpus, mem };

	for (int i = 0; i < N_BENCH_RESOURCES; i++) {
		mesos__v1__value__scalar__init(&r->scalars[i]);
		mesos__v1__resource__init(&r->resources[i]);
		r->scalars[i].value = values[i];
		r->resources[i].name = names[i];
		r->resources[i].type = MESOS__V1__VALUE__TYPE__SCALAR;
		r->resources[i].scalar = &r->scalars[i];
		r->list[i] = &r->resources[i];
	}
}

/* ---- what an agent says ---- */

struct bench_agent_call {
	Tepui__AgentCall call;
	Tepui__AgentCall__Subscribe subscribe;
	Tepui__AgentCall__Update update;
	Mesos__V1__AgentInfo info;
	Mesos__V1__AgentID agent_id;
	Mesos__V1__FrameworkID framework_id;
	Mesos__V1__TaskID task_id;
	Mesos__V1__TaskStatus status;
	struct bench_resources resources;
	char hostname[32];
};

static inline void bench_agent_init(struct bench_agent_call *m, Tepui__AgentCall__Type type,
				    char *agent_id)
{
	tepui__agent_call__init(&m->call);
	mesos__v1__agent_id__init(&m->agent_id);
	m->agent_id.value = agent_id;
	m->call.has_type = true;
	m->call.type = type;
	m->call.agent_id = agent_id ? &m->agent_id : NULL;
}

/* Agent NUMBER, each with its own name; AGENT_ID and MASTER_ID: it comes back. */
static inline void bench_agent_subscribe(struct bench_agent_call *m, unsigned number,
					 char *agent_id, double cpus, double mem)
{
	static char boot[] = "boot";

	bench_agent_init(m, TEPUI__AGENT_CALL__TYPE__SUBSCRIBE, agent_id);
	tepui__agent_call__subscribe__init(&m->subscribe);
	mesos__v1__agent_info__init(&m->info);
	bench_resources(&m->resources, cpus, mem);
	(void)snprintf(m->hostname, sizeof(m->hostname), "node-%u.example", number);
	m->info.hostname = m->hostname;
	m->info.has_port = true;
	m->info.port = 5051;
	m->info.id = m->call.agent_id;
	m->info.n_resources = N_BENCH_RESOURCES;
	m->info.resources = m->resources.list;
	m->subscribe.agent_info = &m->info;
	m->subscribe.boot_id = boot;
	m->call.subscribe = &m->subscribe;
}

static inline void bench_agent_update(struct bench_agent_call *m, char *agent_id,
				      char *framework_id, char *task_id,
				      Mesos__V1__TaskState state, uint8_t uuid[BENCH_UUID])
{
	bench_agent_init(m, TEPUI__AGENT_CALL__TYPE__UPDATE, agent_id);
	tepui__agent_call__update__init(&m->update);
	mesos__v1__framework_id__init(&m->framework_id);
	mesos__v1__task_id__init(&m->task_id);
	mesos__v1__task_status__init(&m->status);
	m->framework_id.value = framework_id;
	m->task_id.value = task_id;
	m->status.task_id = &m->task_id;
	m->status.agent_id = &m->agent_id;
	m->status.state = state;
	m->status.has_source = true;
	m->status.source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
	m->status.has_uuid = true;
	m->status.uuid = (ProtobufCBinaryData){ BENCH_UUID, uuid };
	m->update.framework_id = &m->framework_id;
	m->update.status = &m->status;
	m->call.update = &m->update;
}

/* ---- what a framework says ---- */

enum { BENCH_MAX_TASKS = 64, BENCH_TASK_ID = 40 };

struct bench_call {
	Mesos__V1__Scheduler__Call call;
	Mesos__V1__Scheduler__Call__Accept accept;
	Mesos__V1__Scheduler__Call__Decline decline;
	Mesos__V1__Scheduler__Call__Acknowledge acknowledge;
	Mesos__V1__FrameworkID framework_id;
	Mesos__V1__OfferID offer_id, *offer_ids[1];
	Mesos__V1__AgentID agent_id;
	Mesos__V1__TaskID task_id;
	Mesos__V1__Filters filters;
	Mesos__V1__Offer__Operation operation, *operations[1];
	Mesos__V1__Offer__Operation__Launch launch;
	Mesos__V1__CommandInfo command;
	Mesos__V1__TaskInfo tasks[BENCH_MAX_TASKS], *task_list[BENCH_MAX_TASKS];
	Mesos__V1__TaskID task_ids[BENCH_MAX_TASKS];
	char task_names[BENCH_MAX_TASKS][BENCH_TASK_ID];
	struct bench_resources resources;
};

static inline void bench_call_init(struct bench_call *m, Mesos__V1__Scheduler__Call__Type type,
				   char *framework_id)
{
	mesos__v1__scheduler__call__init(&m->call);
	mesos__v1__framework_id__init(&m->framework_id);
	m->framework_id.value = framework_id;
	m->call.framework_id = &m->framework_id;
	m->call.has_type = true;
	m->call.type = type;
}

static inline void bench_offer(struct bench_call *m, char *offer_id, double refuse_seconds)
{
	mesos__v1__offer_id__init(&m->offer_id);
	mesos__v1__filters__init(&m->filters);
	m->offer_id.value = offer_id;
	m->offer_ids[0] = &m->offer_id;
	m->filters.has_refuse_seconds = true;
	m->filters.refuse_seconds = refuse_seconds;
}

static inline void bench_decline(struct bench_call *m, char *framework_id, char *offer_id,
				 double refuse_seconds)
{
	bench_call_init(m, MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE, framework_id);
	mesos__v1__scheduler__call__decline__init(&m->decline);
	bench_offer(m, offer_id, refuse_seconds);
	m->decline.n_offer_ids = 1;
	m->decline.offer_ids = m->offer_ids;
	m->decline.filters = &m->filters;
	m->call.decline = &m->decline;
}

/* N tasks of so much, numbered from FIRST on. */
static inline void bench_accept(struct bench_call *m, char *framework_id, char *offer_id,
				char *agent_id, unsigned n, unsigned long first, double cpus,
				double mem)
{
	static char name[] = "t", command[] = "sleep 1000";

	bench_call_init(m, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT, framework_id);
	mesos__v1__scheduler__call__accept__init(&m->accept);
	mesos__v1__offer__operation__init(&m->operation);
	mesos__v1__offer__operation__launch__init(&m->launch);
	mesos__v1__agent_id__init(&m->agent_id);
	mesos__v1__command_info__init(&m->command);
	bench_offer(m, offer_id, 0);
	bench_resources(&m->resources, cpus, mem);
	m->agent_id.value = agent_id;
	m->command.value = command;
	for (unsigned i = 0; i < n; i++) {
		mesos__v1__task_info__init(&m->tasks[i]);
		mesos__v1__task_id__init(&m->task_ids[i]);
		(void)snprintf(m->task_names[i], BENCH_TASK_ID, "task-%lu", first + i);
		m->task_ids[i].value = m->task_names[i];
		m->tasks[i].name = name;
		m->tasks[i].task_id = &m->task_ids[i];
		m->tasks[i].agent_id = &m->agent_id;
		m->tasks[i].command = &m->command;
		m->tasks[i].n_resources = N_BENCH_RESOURCES;
		m->tasks[i].resources = m->resources.list;
		m->task_list[i] = &m->tasks[i];
	}
	m->launch.n_task_infos = n;
	m->launch.task_infos = m->task_list;
	m->operation.has_type = true;
	m->operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
	m->operation.launch = &m->launch;
	m->operations[0] = &m->operation;
	m->accept.n_offer_ids = 1;
	m->accept.offer_ids = m->offer_ids;
	m->accept.n_operations = 1;
	m->accept.operations = m->operations;
	m->accept.filters = &m->filters;
	m->call.accept = &m->accept;
}

static inline void bench_acknowledge(struct bench_call *m, char *framework_id,
				     const Mesos__V1__TaskStatus *status)
{
	bench_call_init(m, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE, framework_id);
	mesos__v1__scheduler__call__acknowledge__init(&m->acknowledge);
	m->acknowledge.agent_id = status->agent_id;
	m->acknowledge.task_id = status->task_id;
	m->acknowledge.uuid = status->uuid;
	m->call.acknowledge = &m->acknowledge;
}

static inline void bench_framework(Mesos__V1__FrameworkInfo *info)
{
	static char user[] = "nobody", name[] = "bench";

	mesos__v1__framework_info__init(info);
	info->user = user;
	info->name = name;
	info->has_failover_timeout = true;
	info->failover_timeout = 3600;
}

#endif
