#include "tests/sim/framework_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/sim/changes.h"
#include "tests/sim/framework.h"
#include "tests/sim/operations.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

typedef Mesos__V1__Scheduler__Call Call;

#define TYPE(name) MESOS__V1__SCHEDULER__CALL__TYPE__##name
/* The generated structs know no const; packing only reads. */
#define TEXT(text) ((char *)(uintptr_t)(text))

static void send(struct sim_framework *framework, enum lane lane, Call *call,
		 Mesos__V1__Scheduler__Call__Type type)
{
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

	id.value = framework->id;
	call->has_type = true;
	call->type = type;
	call->framework_id = &id;
	link_call(framework->link, lane, &call->base);
}

/* Its info with what it points to. */
struct description {
	Mesos__V1__FrameworkInfo info;
	Mesos__V1__FrameworkID id;
	Mesos__V1__FrameworkInfo__Capability capabilities[3], *list[3];
	char *roles[N_ROLES], *suppressed[N_ROLES];
	size_t n_suppressed;
};

static void add_capability(struct description *d, Mesos__V1__FrameworkInfo__Capability__Type type)
{
	Mesos__V1__FrameworkInfo__Capability *capability = &d->capabilities[d->info.n_capabilities];

	mesos__v1__framework_info__capability__init(capability);
	capability->has_type = true;
	capability->type = type;
	d->list[d->info.n_capabilities++] = capability;
}

static size_t list_roles(unsigned roles, char *ret[N_ROLES])
{
	size_t n = 0;

	for (unsigned i = 0; i < N_ROLES; i++) {
		if (roles & 1u << i)
			ret[n++] = TEXT(framework_roles[i]);
	}
	return n;
}

#define CAPABILITY(name) MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__##name

static void describe(struct sim_framework *framework, struct description *d)
{
	mesos__v1__framework_info__init(&d->info);
	mesos__v1__framework_id__init(&d->id);
	d->id.value = framework->id;
	d->info.id = framework->id[0] ? &d->id : NULL;
	d->info.user = TEXT("root");
	d->info.name = framework->name;
	d->info.has_failover_timeout = true;
	d->info.failover_timeout = framework->failover_timeout;
	d->info.capabilities = d->list;
	if (framework->is_partition_aware)
		add_capability(d, CAPABILITY(PARTITION_AWARE));
	if (framework->roles) {
		add_capability(d, CAPABILITY(MULTI_ROLE));
		add_capability(d, CAPABILITY(RESERVATION_REFINEMENT));
	}
	d->info.n_roles = list_roles(framework->roles, d->roles);
	d->info.roles = d->roles;
	d->n_suppressed = list_roles(framework->suppressed, d->suppressed);
}

struct link *framework_subscribe(struct sim_framework *framework, const struct link_client *client)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Subscribe subscribe =
		MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
	struct description d;

	describe(framework, &d);
	subscribe.framework_info = &d.info;
	subscribe.n_suppressed_roles = d.n_suppressed;
	subscribe.suppressed_roles = d.suppressed;
	call.has_type = true;
	call.type = TYPE(SUBSCRIBE);
	call.framework_id = d.info.id;
	call.subscribe = &subscribe;
	return link_open(framework->sim, framework->name, &framework->place, false, client,
			 framework, &call.base);
}

void framework_say_roles(struct sim_framework *framework)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__UpdateFramework body =
		MESOS__V1__SCHEDULER__CALL__UPDATE_FRAMEWORK__INIT;
	struct description d;

	describe(framework, &d);
	body.framework_info = &d.info;
	body.n_suppressed_roles = d.n_suppressed;
	body.suppressed_roles = d.suppressed;
	call.update_framework = &body;
	sim_trace(framework->sim, "%s: has roles %x, suppressed %x", framework->name,
		  framework->roles, framework->suppressed);
	send(framework, LANE_CALLS, &call, TYPE(UPDATE_FRAMEWORK));
}

/* ---- ACCEPT and DECLINE ---- */

void framework_accept_add(struct framework_accept *accept, const struct wish *wish,
			  const struct resources *resources)
{
	size_t n = accept->n_tasks++;

	accept->tasks[n].wish = wish;
	accept->tasks[n].resources = *resources;
}

void framework_accept_done(struct framework_accept *accept)
{
	for (size_t i = 0; i < accept->n_tasks; i++)
		resources_done(&accept->tasks[i].resources);
	change_free(accept->change);
}

const struct resources framework_executor_resources = {
	.scalar = { [RESOURCE_CPUS] = 100, [RESOURCE_MEM] = 32000, [RESOURCE_DISK] = 1000 },
};

/* A task with what it points to. */
struct task_message {
	Mesos__V1__TaskInfo info;
	Mesos__V1__TaskID id;
	Mesos__V1__CommandInfo command;
	Mesos__V1__ExecutorInfo executor;
	Mesos__V1__ExecutorID executor_id;
	Mesos__V1__DiscoveryInfo discovery;
	Mesos__V1__Ports ports;
	Mesos__V1__Port port, *port_list[1];
	Mesos__V1__Labels labels;
	Mesos__V1__Label label, *label_list[1];
	char vip[16];
};

/* Two of three are behind one of a few services, which all frameworks ask for. */
static void describe_port(const struct wish *wish, struct task_message *m)
{
	unsigned number = (unsigned)strtoul(wish->id + 1, NULL, 10);

	if (number % 3 == 0)
		return;
	mesos__v1__discovery_info__init(&m->discovery);
	mesos__v1__ports__init(&m->ports);
	mesos__v1__port__init(&m->port);
	mesos__v1__labels__init(&m->labels);
	mesos__v1__label__init(&m->label);
	(void)snprintf(m->vip, sizeof(m->vip), "/s%u:80", number % 5);
	m->label.key = TEXT("VIP_0");
	m->label.value = m->vip;
	m->label_list[0] = &m->label;
	m->labels.n_labels = 1;
	m->labels.labels = m->label_list;
	m->port.number = 31000 + number % 16;
	m->port.labels = &m->labels;
	m->port_list[0] = &m->port;
	m->ports.n_ports = 1;
	m->ports.ports = m->port_list;
	m->discovery.visibility = MESOS__V1__DISCOVERY_INFO__VISIBILITY__CLUSTER;
	m->discovery.ports = &m->ports;
	m->info.discovery = &m->discovery;
}

static void describe_executor(const struct wish *wish, struct task_message *m)
{
	mesos__v1__executor_info__init(&m->executor);
	mesos__v1__executor_id__init(&m->executor_id);
	m->executor_id.value = TEXT(wish->executor);
	m->executor.executor_id = &m->executor_id;
	m->executor.has_type = true;
	m->executor.type = wish->group ? MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT :
					 MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM;
	m->executor.command = wish->group ? NULL : &m->command;
	(void)resources_to_messages(&framework_executor_resources, NULL, &m->executor.resources,
				    &m->executor.n_resources);
}

static void describe_task(const struct framework_accept *accept, size_t i, struct task_message *m)
{
	const struct wish *wish = accept->tasks[i].wish;

	mesos__v1__task_info__init(&m->info);
	mesos__v1__task_id__init(&m->id);
	mesos__v1__command_info__init(&m->command);
	m->id.value = TEXT(wish->id);
	m->command.value = TEXT("true");
	m->info.name = TEXT("task");
	m->info.task_id = &m->id;
	m->info.agent_id = accept->offer->agent_id;
	if (wish->executor[0] && !wish->group)
		m->info.executor = &m->executor;
	else
		m->info.command = &m->command;
	describe_executor(wish, m);
	describe_port(wish, m);
	(void)resources_to_messages(&accept->tasks[i].resources, NULL, &m->info.resources,
				    &m->info.n_resources);
}

static void task_message_done(struct task_message *m)
{
	resources_messages_free(m->info.resources, m->info.n_resources);
	resources_messages_free(m->executor.resources, m->executor.n_resources);
}

/* LAUNCH and LAUNCH_GROUP with what they point to. */
struct launch_message {
	struct task_message tasks[ACCEPT_MAX_TASKS];
	Mesos__V1__TaskInfo *alone[ACCEPT_MAX_TASKS], *together[ACCEPT_MAX_TASKS];
	Mesos__V1__Offer__Operation launch_operation, group_operation;
	Mesos__V1__Offer__Operation__Launch launch;
	Mesos__V1__Offer__Operation__LaunchGroup group;
	Mesos__V1__TaskGroupInfo tasks_of_group;
};

static void describe_launches(const struct framework_accept *accept, struct launch_message *m)
{
	mesos__v1__offer__operation__init(&m->launch_operation);
	mesos__v1__offer__operation__init(&m->group_operation);
	mesos__v1__offer__operation__launch__init(&m->launch);
	mesos__v1__offer__operation__launch_group__init(&m->group);
	mesos__v1__task_group_info__init(&m->tasks_of_group);
	m->launch_operation.has_type = m->group_operation.has_type = true;
	m->launch_operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
	m->launch_operation.launch = &m->launch;
	m->launch.task_infos = m->alone;
	m->group_operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP;
	m->group_operation.launch_group = &m->group;
	m->group.task_group = &m->tasks_of_group;
	m->tasks_of_group.tasks = m->together;
	for (size_t i = 0; i < accept->n_tasks; i++) {
		struct task_message *task = &m->tasks[i];

		describe_task(accept, i, task);
		if (accept->tasks[i].wish->group) {
			m->group.executor = &task->executor;
			m->together[m->tasks_of_group.n_tasks++] = &task->info;
		} else {
			m->alone[m->launch.n_task_infos++] = &task->info;
		}
	}
}

void framework_accept(struct sim_framework *framework, const struct framework_accept *accept)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Accept body = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
	Mesos__V1__OfferID *offer_ids[] = { accept->offer->id };
	Mesos__V1__Offer__Operation *operations[3];
	struct launch_message launches;

	describe_launches(accept, &launches);
	body.n_offer_ids = 1;
	body.offer_ids = offer_ids;
	body.operations = operations;
	if (accept->change)
		operations[body.n_operations++] = accept->change;
	if (launches.tasks_of_group.n_tasks > 0)
		operations[body.n_operations++] = &launches.group_operation;
	if (launches.launch.n_task_infos > 0)
		operations[body.n_operations++] = &launches.launch_operation;
	call.accept = &body;
	sim_trace(framework->sim, "%s: accepts %s for %zu tasks, %zu of them a group",
		  framework->name, accept->offer->id->value, accept->n_tasks,
		  launches.tasks_of_group.n_tasks);
	send(framework, LANE_CALLS, &call, TYPE(ACCEPT));
	for (size_t i = 0; i < accept->n_tasks; i++)
		task_message_done(&launches.tasks[i]);
}

void framework_decline(struct sim_framework *framework, const char *offer_id, double refuse_seconds)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Decline body = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;
	Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
	Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT, *ids[] = { &id };

	id.value = TEXT(offer_id);
	filters.has_refuse_seconds = true;
	filters.refuse_seconds = refuse_seconds;
	body.n_offer_ids = 1;
	body.offer_ids = ids;
	body.filters = &filters;
	call.decline = &body;
	send(framework, LANE_MORE_CALLS, &call, TYPE(DECLINE));
}

/* ---- tasks ---- */

void framework_acknowledge(struct sim_framework *framework, const char *agent_id,
			   const char *task_id, const uint8_t uuid[16])
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Acknowledge body =
		MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;
	Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;

	agent.value = TEXT(agent_id);
	task.value = TEXT(task_id);
	body.agent_id = &agent;
	body.task_id = &task;
	body.uuid = (ProtobufCBinaryData){ 16, (uint8_t *)(uintptr_t)uuid };
	call.acknowledge = &body;
	promises_acknowledged(framework->sim,
			      promises_fate(framework->sim, framework->id, task_id), uuid);
	send(framework, LANE_MORE_CALLS, &call, TYPE(ACKNOWLEDGE));
}

void framework_kill(struct sim_framework *framework, const struct wish *wish)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Kill body = MESOS__V1__SCHEDULER__CALL__KILL__INIT;
	Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;

	agent.value = TEXT(wish->agent_id);
	task.value = TEXT(wish->id);
	body.task_id = &task;
	body.agent_id = sim_chance(framework->sim, 500) ? &agent : NULL;
	call.kill = &body;
	sim_trace(framework->sim, "%s: kills %s", framework->name, wish->id);
	send(framework, LANE_CALLS, &call, TYPE(KILL));
}

void framework_shut_down(struct sim_framework *framework, const struct wish *wish)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Shutdown body = MESOS__V1__SCHEDULER__CALL__SHUTDOWN__INIT;
	Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__ExecutorID executor = MESOS__V1__EXECUTOR_ID__INIT;

	agent.value = TEXT(wish->agent_id);
	executor.value = TEXT(wish->executor);
	body.agent_id = &agent;
	body.executor_id = &executor;
	call.shutdown = &body;
	sim_trace(framework->sim, "%s: shuts down executor %s", framework->name, wish->executor);
	send(framework, LANE_CALLS, &call, TYPE(SHUTDOWN));
}

void framework_reconcile(struct sim_framework *framework)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Reconcile body = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;
	struct item {
		Mesos__V1__Scheduler__Call__Reconcile__Task task;
		Mesos__V1__TaskID id;
		Mesos__V1__AgentID agent;
	} *items;
	struct wish *wish;
	size_t n = 0;

	TAILQ_FOREACH(wish, &framework->wishes, next)
		n++;
	items = sim_alloc((n + 1) * sizeof(*items));
	body.tasks = sim_alloc((n + 1) * sizeof(Mesos__V1__Scheduler__Call__Reconcile__Task *));
	TAILQ_FOREACH(wish, &framework->wishes, next) {
		struct item *item = &items[body.n_tasks];

		if (wish->is_over)
			continue;
		mesos__v1__scheduler__call__reconcile__task__init(&item->task);
		mesos__v1__task_id__init(&item->id);
		mesos__v1__agent_id__init(&item->agent);
		item->id.value = wish->id;
		item->agent.value = wish->agent_id;
		item->task.task_id = &item->id;
		item->task.agent_id = &item->agent;
		body.tasks[body.n_tasks++] = &item->task;
	}
	call.reconcile = &body;
	send(framework, LANE_CALLS, &call, TYPE(RECONCILE));
	free(body.tasks);
	free(items);
}

void framework_reconcile_all(struct sim_framework *framework)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Reconcile body = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;

	call.reconcile = &body;
	send(framework, LANE_CALLS, &call, TYPE(RECONCILE));
}

/* ---- operations ---- */

void framework_acknowledge_operation(struct sim_framework *framework,
				     const Mesos__V1__OperationStatus *status)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__AcknowledgeOperationStatus body =
		MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE_OPERATION_STATUS__INIT;

	body.agent_id = status->agent_id;
	body.operation_id = status->operation_id;
	body.uuid = status->uuid->value;
	call.acknowledge_operation_status = &body;
	deed_acknowledged(framework->sim, framework->id, status->operation_id->value);
	send(framework, LANE_MORE_CALLS, &call, TYPE(ACKNOWLEDGE_OPERATION_STATUS));
}

void framework_reconcile_operations(struct sim_framework *framework)
{
	typedef Mesos__V1__Scheduler__Call__ReconcileOperations__Operation Item;
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__ReconcileOperations body =
		MESOS__V1__SCHEDULER__CALL__RECONCILE_OPERATIONS__INIT;
	Mesos__V1__OperationID id = MESOS__V1__OPERATION_ID__INIT;
	Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
	Item item = MESOS__V1__SCHEDULER__CALL__RECONCILE_OPERATIONS__OPERATION__INIT, *items[] = { &item };
	struct ask *ask;

	item.operation_id = &id;
	item.agent_id = &agent;
	body.n_operations = ARRAY_SIZE(items);
	body.operations = items;
	call.reconcile_operations = &body;
	TAILQ_FOREACH(ask, &framework->asks, next) {
		if (ask_is_over(ask))
			continue;
		id.value = ask->id;
		agent.value = ask->agent_id;
		send(framework, LANE_CALLS, &call, TYPE(RECONCILE_OPERATIONS));
	}
}

/* ---- offers as such, and the end ---- */

void framework_suppress(struct sim_framework *framework, unsigned roles)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Suppress body = MESOS__V1__SCHEDULER__CALL__SUPPRESS__INIT;
	char *list[N_ROLES];

	body.n_roles = list_roles(roles, list);
	body.roles = list;
	call.suppress = &body;
	send(framework, LANE_MORE_CALLS, &call, TYPE(SUPPRESS));
}

void framework_revive(struct sim_framework *framework, unsigned roles)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Revive body = MESOS__V1__SCHEDULER__CALL__REVIVE__INIT;
	char *list[N_ROLES];

	body.n_roles = list_roles(roles, list);
	body.roles = list;
	call.revive = &body;
	send(framework, LANE_MORE_CALLS, &call, TYPE(REVIVE));
}

void framework_answer_inverse(struct sim_framework *framework, Mesos__V1__OfferID *id,
			      bool is_accepted)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__AcceptInverseOffers accept =
		MESOS__V1__SCHEDULER__CALL__ACCEPT_INVERSE_OFFERS__INIT;
	Mesos__V1__Scheduler__Call__DeclineInverseOffers decline =
		MESOS__V1__SCHEDULER__CALL__DECLINE_INVERSE_OFFERS__INIT;

	accept.n_inverse_offer_ids = decline.n_inverse_offer_ids = 1;
	accept.inverse_offer_ids = decline.inverse_offer_ids = &id;
	if (is_accepted)
		call.accept_inverse_offers = &accept;
	else
		call.decline_inverse_offers = &decline;
	send(framework, LANE_MORE_CALLS, &call,
	     is_accepted ? TYPE(ACCEPT_INVERSE_OFFERS) : TYPE(DECLINE_INVERSE_OFFERS));
}

void framework_teardown(struct sim_framework *framework)
{
	Call call = MESOS__V1__SCHEDULER__CALL__INIT;

	sim_trace(framework->sim, "%s: tears down", framework->name);
	send(framework, LANE_CALLS, &call, TYPE(TEARDOWN));
}

void framework_answered(struct sim_framework *framework, const struct parcel *parcel)
{
	Call *call = mesos__v1__scheduler__call__unpack(NULL, parcel->size, parcel->data);

	if (call->type == TYPE(TEARDOWN))
		promises_torn_down(framework->sim, framework->id);
	mesos__v1__scheduler__call__free_unpacked(call, NULL);
}
