#include "tests/sim/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pb_json.h"
#include "tests/sim/agent_tasks.h"
#include "tests/sim/changes.h"
#include "tests/sim/directories.h"
#include "tests/sim/executors.h"
#include "tests/sim/operations.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum {
	DIAL_TIMEOUT_MS = 10 * 1000, SILENCE_MS = 5 * 15 * 1000, MAX_BACKOFF_MS = 60 * 1000,
};

/* ---- what the master asks for ---- */

static void drain(struct sim_agent *agent, const Mesos__V1__DrainConfig *config)
{
	agent->is_draining = config;
	agent->is_marking_gone = config && config->mark_gone;
	if (config)
		agent_tasks_kill(agent);
}

static void on_emptied(void *arg, uint64_t run);
static void stop(struct sim_agent *agent, bool is_polite, int64_t down_ms);

/* Everything is killed, and then it leaves without its id: what is started next is another agent. */
static void shut_down(struct sim_agent *agent)
{
	sim_trace(agent->sim, "%s: is shut down", agent->hostname);
	agent->is_shutting_down = true;
	agent_tasks_kill(agent);
	executors_shut_down(agent);
	sim_in(agent->sim, 1000, on_emptied, agent, agent->run);
}

static void on_emptied(void *arg, uint64_t run)
{
	struct sim_agent *agent = arg;

	if (!agent->is_running || agent->run != run)
		return;
	if (!agent_tasks_have_ended(agent) || !executors_are_gone(agent)) {
		sim_in(agent->sim, 1000, on_emptied, agent, run);
		return;
	}
	agent_tasks_drop(agent);
	operations_drop(agent);
	executors_drop(agent);
	agent->id[0] = agent->master_id[0] = '\0';
	agent->epoch = 0;
	agent->is_draining = agent->is_marking_gone = agent->is_shutting_down = false;
	stop(agent, true, sim_between(agent->sim, 1000, 20000));
}

/* ---- the link ---- */

static void on_attempt(void *arg, uint64_t run);

static void come_back(struct sim_agent *agent)
{
	int64_t wait = 100 << (agent->attempts < 9 ? agent->attempts : 9);

	if (agent->state == LINK_UP)
		agent->attempts = 0;
	if (agent->link)
		link_leave(agent->link, true);
	agent->link = NULL;
	agent->state = LINK_DOWN;
	agent_tasks_down(agent);
	operations_down(agent);
	if (agent->is_shutting_down)
		return;
	agent->attempts++;
	sim_in(agent->sim, sim_between(agent->sim, wait / 2, wait), on_attempt, agent, agent->run);
}

static void on_silence(void *arg, uint64_t run)
{
	struct sim_agent *agent = arg;

	if (!agent->is_running || agent->run != run || agent->state == LINK_DOWN)
		return;
	if (agent->silence_at_ms <= agent->sim->now_ms) {
		sim_trace(agent->sim, "%s: nothing heard for too long", agent->hostname);
		come_back(agent);
	} else {
		sim_at(agent->sim, agent->silence_at_ms, on_silence, agent, run);
	}
}

static void heard(struct sim_agent *agent, int64_t silence_ms)
{
	agent->silence_at_ms = agent->sim->now_ms + silence_ms;
}

static void subscribed(struct sim_agent *agent, const Tepui__AgentEvent__Subscribed *event)
{
	if (agent->id[0] && strcmp(agent->id, event->agent_id->value) != 0)
		sim_fail(agent->sim, "P1 agent id", "agent '%s' is taken for '%s'", agent->id,
			 event->agent_id->value);
	if (event->epoch < agent->epoch) {
		sim_fail(agent->sim, "epoch", "%s is told epoch %llu after %llu", agent->hostname,
			 (unsigned long long)event->epoch, (unsigned long long)agent->epoch);
		return;
	}
	if (!agent->id[0])
		promises_named(agent->sim, event->agent_id->value);
	(void)snprintf(agent->id, sizeof(agent->id), "%s", event->agent_id->value);
	(void)snprintf(agent->master_id, sizeof(agent->master_id), "%s", event->master_id);
	agent->epoch = event->epoch;
	drain(agent, event->drain);
	agent->state = LINK_UP;
	agent->attempts = 0;
	directory_of_agent_begin(agent);
	agent_tasks_up(agent);
	operations_up(agent);
	executors_up(agent);
}

static void apply(struct sim_agent *agent, const Tepui__AgentEvent__Apply *body)
{
	change_apply(agent, body->operation);
	operation_applied(agent, body);
}

void sim_agent_send(struct sim_agent *agent, Tepui__AgentCall__Type type, Tepui__AgentCall *call)
{
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

	id.value = agent->id;
	call->has_type = true;
	call->type = type;
	call->agent_id = &id;
	link_call(agent->link, LANE_CALLS, &call->base);
}

static void send_heartbeat(struct sim_agent *agent)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;

	sim_agent_send(agent, TEPUI__AGENT_CALL__TYPE__HEARTBEAT, &call);
}

static void handle(struct sim_agent *agent, const Tepui__AgentEvent *event)
{
	if (event->subscribed)
		subscribed(agent, event->subscribed);
	else if (event->type == TEPUI__AGENT_EVENT__TYPE__HEARTBEAT)
		send_heartbeat(agent);
	else if (event->run_task)
		agent_task_run(agent, event->run_task);
	else if (event->run_task_group)
		agent_tasks_run_group(agent, event->run_task_group);
	else if (event->kill_task)
		agent_task_kill(agent, event->kill_task);
	else if (event->directory)
		directory_of_agent_told(agent, event->directory);
	else if (event->acknowledge)
		agent_task_acknowledged(agent, event->acknowledge);
	else if (event->drain)
		drain(agent, event->drain->config);
	else if (event->apply)
		apply(agent, event->apply);
	else if (event->acknowledge_operation)
		operation_acknowledged(agent, event->acknowledge_operation);
	else if (event->shutdown_executor)
		executor_shut_down(agent, event->shutdown_executor);
	else if (event->type == TEPUI__AGENT_EVENT__TYPE__SHUTDOWN)
		shut_down(agent);
	else
		sim_fail(agent->sim, "agent's events", "%s is told %d", agent->hostname,
			 (int)event->type);
}

static void on_event(void *arg, struct link *link, const struct parcel *parcel)
{
	struct sim_agent *agent = arg;
	Tepui__AgentEvent *event;

	if (agent->link != link || parcel->kind == PARCEL_ANSWER)
		return;
	event = tepui__agent_event__unpack(NULL, parcel->size, parcel->data);
	if (event->type != TEPUI__AGENT_EVENT__TYPE__HEARTBEAT)
		sim_trace(agent->sim, "%s <- event %d", agent->hostname, (int)event->type);
	heard(agent, SILENCE_MS);
	handle(agent, event);
	tepui__agent_event__free_unpacked(event, NULL);
}

static void on_refused(void *arg, struct link *link, const struct parcel *parcel)
{
	struct sim_agent *agent = arg;

	(void)parcel;
	if (agent->link == link)
		come_back(agent);
}

static void on_closed(void *arg, struct link *link)
{
	struct sim_agent *agent = arg;

	if (agent->link == link)
		come_back(agent);
}

static const struct link_client client = {
	.event = on_event, .refused = on_refused, .closed = on_closed,
};

static void dial(struct sim_agent *agent)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Subscribe subscribe = TEPUI__AGENT_CALL__SUBSCRIBE__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT;
	char boot_id[24];

	(void)snprintf(boot_id, sizeof(boot_id), "boot-%llu", (unsigned long long)agent->boot);
	id.value = agent->id;
	info.id = agent->id[0] ? &id : NULL;
	info.hostname = agent->hostname;
	info.has_port = true;
	info.port = 5051;
	(void)resources_to_messages(&agent->total, NULL, &info.resources, &info.n_resources);
	subscribe.agent_info = &info;
	subscribe.boot_id = boot_id;
	subscribe.tasks = agent_tasks_list(agent, &subscribe.n_tasks);
	subscribe.operations = operations_list(agent, &subscribe.n_operations);
	subscribe.executors = executors_list(agent, &subscribe.n_executors);
	subscribe.has_gives_feedback = subscribe.gives_feedback = true;
	subscribe.has_takes_directory = subscribe.takes_directory = agent->takes_directory;
	subscribe.address = agent->address;
	subscribe.has_dialed_boot_ms = true;
	subscribe.dialed_boot_ms = agent->sim->now_ms;
	subscribe.master_id = agent->master_id[0] ? agent->master_id : NULL;
	call.has_type = true;
	call.type = TEPUI__AGENT_CALL__TYPE__SUBSCRIBE;
	call.subscribe = &subscribe;
	sim_trace(agent->sim, "%s: dials with %zu tasks", agent->hostname,
		  subscribe.n_tasks);
	agent->link = link_open(agent->sim, agent->hostname, &agent->place, true, &client, agent,
				&call.base);
	resources_messages_free(info.resources, info.n_resources);
	free(subscribe.tasks);
	free(subscribe.operations);
	free(subscribe.executors);
}

static void on_attempt(void *arg, uint64_t run)
{
	struct sim_agent *agent = arg;

	if (!agent->is_running || agent->run != run || agent->state != LINK_DOWN)
		return;
	agent->state = LINK_DIALING;
	dial(agent);
	heard(agent, DIAL_TIMEOUT_MS);
	sim_at(agent->sim, agent->silence_at_ms, on_silence, agent, run);
}

/* ---- life ---- */

static void start(void *arg, uint64_t run)
{
	struct sim_agent *agent = arg;

	if (agent->is_running || agent->run != run)
		return;
	agent->is_running = true;
	agent->run++;
	agent->state = LINK_DOWN;
	agent->attempts = 0;
	sim_trace(agent->sim, "%s: the agent starts", agent->hostname);
	agent_tasks_start(agent);
	operations_down(agent);
	on_attempt(agent, agent->run);
}

static void stop(struct sim_agent *agent, bool is_polite, int64_t down_ms)
{
	agent->is_running = agent->is_shutting_down = false;
	agent->state = LINK_DOWN;
	if (agent->link)
		link_leave(agent->link, is_polite);
	agent->link = NULL;
	agent_tombstones_drop(agent);
	sim_in(agent->sim, down_ms, start, agent, agent->run);
}

void sim_agent_crash(struct sim_agent *agent, int64_t down_ms)
{
	if (!agent->is_running)
		return;
	sim_trace(agent->sim, "%s: the agent is killed", agent->hostname);
	stop(agent, true, down_ms);
}

void sim_agent_reboot(struct sim_agent *agent, int64_t down_ms)
{
	if (!agent->is_running)
		return;
	sim_trace(agent->sim, "%s: the power is off", agent->hostname);
	stop(agent, false, down_ms);
	links_lose_power(agent->sim, agent);
	agent->boot++;
	executors_lose_power(agent);
	agent_tasks_lose_power(agent);
}

struct sim_agent *sim_agent_new(struct sim *sim, unsigned number)
{
	struct sim_agent *agent = sim_alloc(sizeof(*agent));
	struct err e = { 0 };
	char text[160];

	agent->sim = sim;
	TAILQ_INIT(&agent->tasks);
	TAILQ_INIT(&agent->operations);
	TAILQ_INIT(&agent->executors);
	STAILQ_INIT(&agent->tombstones);
	(void)snprintf(agent->hostname, sizeof(agent->hostname), "node%u", number);
	(void)snprintf(agent->address, sizeof(agent->address), "10.0.0.%u", number + 1);
	/* One in a cluster of many is of an older version. */
	agent->takes_directory = number != 3;
	(void)snprintf(text, sizeof(text), "cpus:%d;mem:%d;disk:4096;ports:[31000-31015]%s",
		       (int)sim_between(sim, 1, 8), (int)sim_between(sim, 4, 16) * 256,
		       sim_chance(sim, 700) ? "" : ";cpus(red):1;mem(red):256;disk(blue/deep):1024;"
						   "ports(blue):[32000-32003]");
	if (resources_parse(text, &agent->total, &e) < 0)
		sim_fail(sim, "setup", "%s", e.msg);
	agent->capacity = quantities_of(&agent->total);
	sim_in(sim, sim_between(sim, 0, 3000), start, agent, 0);
	return agent;
}

void sim_agent_free(struct sim_agent *agent)
{
	agent_tasks_drop(agent);
	operations_drop(agent);
	executors_drop(agent);
	agent_tombstones_drop(agent);
	directory_of_agent_drop(agent);
	resources_done(&agent->total);
	free(agent);
}
