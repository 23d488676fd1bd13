#include "tests/sim/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/id.h"
#include "lib/pb_json.h"
#include "tests/sim/changes.h"
#include "tests/sim/executors.h"
#include "tests/sim/operations.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum {
	FIRST_RESEND_MS = 10 * 1000, LAST_RESEND_MS = 10 * 60 * 1000, TOMBSTONE_MS = 15 * 60 * 1000,
	DIAL_TIMEOUT_MS = 10 * 1000, SILENCE_MS = 5 * 15 * 1000, MAX_BACKOFF_MS = 60 * 1000,
};

static const char *key_of(const struct agent_task *task)
{
	return fate_key(task->fate);
}

static bool has_ended(const struct agent_task *task)
{
	return promises_is_terminal(task->state);
}

/* ---- tombstones: in memory only ---- */

static bool has_tombstone(struct sim_agent *agent, const char *key)
{
	struct tombstone *stone;

	STAILQ_FOREACH(stone, &agent->tombstones, next) {
		if (strcmp(stone->key, key) == 0 && stone->expires_ms > agent->sim->now_ms)
			return true;
	}
	return false;
}

static void add_tombstone(struct sim_agent *agent, const char *key)
{
	struct tombstone *stone = sim_alloc(sizeof(*stone) + strlen(key) + 1);

	stone->expires_ms = agent->sim->now_ms + TOMBSTONE_MS;
	strcpy(stone->key, key);
	STAILQ_INSERT_TAIL(&agent->tombstones, stone, next);
}

static void drop_tombstones(struct sim_agent *agent)
{
	struct tombstone *stone;

	while ((stone = STAILQ_FIRST(&agent->tombstones))) {
		STAILQ_REMOVE_HEAD(&agent->tombstones, next);
		free(stone);
	}
}

/* ---- tasks ---- */

static struct agent_task *find_task(struct sim_agent *agent, const char *framework_id,
				    const char *task_id)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (strcmp(task->run->framework->id->value, framework_id) == 0 &&
		    strcmp(task->run->task->task_id->value, task_id) == 0)
			return task;
	}
	return NULL;
}

static void drop_head(struct agent_task *task)
{
	struct update *update = STAILQ_FIRST(&task->updates);

	STAILQ_REMOVE_HEAD(&task->updates, next);
	mesos__v1__task_status__free_unpacked(update->status, NULL);
	free(update);
}

static void free_task(struct agent_task *task)
{
	while (!STAILQ_EMPTY(&task->updates))
		drop_head(task);
	TAILQ_REMOVE(&task->agent->tasks, task, next);
	resources_done(&task->resources);
	if (task->latest)
		mesos__v1__task_status__free_unpacked(task->latest, NULL);
	protobuf_c_message_free_unpacked(&task->run->base, NULL);
	free(task);
}

/* A timer of a task may come when the task is gone: its number tells. */
static struct agent_task *task_of_timer(struct sim_agent *agent, uint64_t tag)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (task->tag == tag)
			return task;
	}
	return NULL;
}

/* ---- updates ---- */

static void on_resend(void *arg, uint64_t tag);

static void forward(struct agent_task *task)
{
	struct sim_agent *agent = task->agent;
	const struct update *head = STAILQ_FIRST(&task->updates);
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Update update = TEPUI__AGENT_CALL__UPDATE__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

	if (task->is_in_flight || !head || agent->state != LINK_UP)
		return;
	id.value = agent->id;
	update.framework_id = task->run->framework->id;
	update.status = head->status;
	update.has_latest_state = task->state != head->status->state;
	update.latest_state = task->state;
	call.has_type = true;
	call.type = TEPUI__AGENT_CALL__TYPE__UPDATE;
	call.agent_id = &id;
	call.update = &update;
	link_call(agent->link, LANE_CALLS, &call.base);
	task->is_in_flight = true;
	task->resend_tag = ++agent->sim->n_tags;
	sim_in(agent->sim, task->resend_ms, on_resend, agent, task->resend_tag);
}

static void on_resend(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (task->resend_tag != tag || !task->is_in_flight)
			continue;
		task->is_in_flight = false;
		task->resend_ms *= 2;
		if (task->resend_ms > LAST_RESEND_MS)
			task->resend_ms = LAST_RESEND_MS;
		forward(task);
		return;
	}
}

static void to_next(struct agent_task *task)
{
	task->is_in_flight = false;
	task->resend_ms = FIRST_RESEND_MS;
	task->resend_tag = 0;
}

/* The agent speaks for a task whose executor has ended. */
static Mesos__V1__TaskStatus__Source source_of(const struct agent_task *task)
{
	return task->run->task->executor && !task->executor ?
		       MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT :
		       MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
}

static void add_update(struct agent_task *task, Mesos__V1__TaskState state)
{
	struct sim_agent *agent = task->agent;
	Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;
	struct update *update = sim_alloc(sizeof(*update));
	uint8_t uuid[16];

	id_uuid_bytes(&agent->sim->rng, uuid);
	id.value = agent->id;
	status.task_id = task->run->task->task_id;
	status.agent_id = &id;
	status.state = state;
	status.has_uuid = true;
	status.uuid = (ProtobufCBinaryData){ sizeof(uuid), uuid };
	status.has_source = true;
	status.source = source_of(task);
	status.has_timestamp = true;
	status.timestamp = (double)sim_wall_ms(agent->sim) / 1000;
	update->status = (Mesos__V1__TaskStatus *)pb_copy(&status.base);
	if (task->latest)
		mesos__v1__task_status__free_unpacked(task->latest, NULL);
	task->latest = (Mesos__V1__TaskStatus *)pb_copy(&status.base);
	task->state = state;
	STAILQ_INSERT_TAIL(&task->updates, update, next);
	sim_trace(agent->sim, "%s: task %s is %d", agent->hostname, key_of(task), (int)state);
	promises_update_made(agent->sim, task->fate, update->status);
	forward(task);
}

/* ---- processes, which do not care whether there is an agent ---- */

static void notice(struct agent_task *task)
{
	if (!task->agent->is_running || has_ended(task))
		return;
	if (task->process == PROCESS_RUNNING && task->state == MESOS__V1__TASK_STATE__TASK_STAGING)
		add_update(task, MESOS__V1__TASK_STATE__TASK_RUNNING);
	if (task->process == PROCESS_EXITED)
		add_update(task, task->exit_state);
}

static void process_exit(struct agent_task *task, Mesos__V1__TaskState state)
{
	if (task->process == PROCESS_EXITED)
		return;
	promises_process_ended(task->agent->sim, task->fate);
	task->process = PROCESS_EXITED;
	task->exit_state = state;
	notice(task);
}

void sim_agent_executor_ended(struct sim_agent *agent, const struct agent_executor *executor)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (task->executor != executor)
			continue;
		task->executor = NULL;
		process_exit(task, MESOS__V1__TASK_STATE__TASK_FAILED);
	}
}

static void on_exit_time(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	struct agent_task *task = task_of_timer(agent, tag);
	bool is_bad;

	if (!task)
		return;
	is_bad = !agent->sim->is_calm && sim_chance(agent->sim, 300);
	if (is_bad)
		sim_fault(agent->sim, FAULT_TASK_FAILURE);
	process_exit(task, is_bad ? MESOS__V1__TASK_STATE__TASK_FAILED
				  : MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static void on_started(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	struct agent_task *task = task_of_timer(agent, tag);

	if (!task || task->process != PROCESS_STARTING)
		return;
	task->process = PROCESS_RUNNING;
	notice(task);
	/* Half of them are services. */
	if (sim_chance(agent->sim, 500))
		sim_in(agent->sim, sim_between(agent->sim, 100, 400000), on_exit_time, agent, tag);
}

static bool is_partition_aware(const struct agent_task *task)
{
	const Mesos__V1__FrameworkInfo *info = task->run->framework;

	for (size_t i = 0; i < info->n_capabilities; i++) {
		if (info->capabilities[i]->type ==
		    MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE)
			return true;
	}
	return false;
}

static void on_killed(void *arg, uint64_t tag)
{
	struct agent_task *task = task_of_timer(arg, tag);

	if (task)
		process_exit(task, task->agent->is_marking_gone && is_partition_aware(task) ?
			     MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR :
			     MESOS__V1__TASK_STATE__TASK_KILLED);
}

static void start_process(struct agent_task *task)
{
	struct sim *sim = task->agent->sim;

	promises_process_started(sim, task->fate);
	task->process = PROCESS_STARTING;
	sim_in(sim, sim_between(sim, 30, 3000), on_started, task->agent, task->tag);
}

/* ---- what the master asks for ---- */

static void check_room(struct sim_agent *agent)
{
	struct resources used = { 0 };
	const struct agent_task *task;
	uint64_t n_ports = 0;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (has_ended(task))
			continue;
		n_ports += ranges_count(&task->resources.ports);
		(void)resources_add(&used, &task->resources);
	}
	executors_add_up(agent, &used);
	if (n_ports != ranges_count(&used.ports) || !resources_contain(&agent->total, &used))
		sim_fail(agent->sim, "P6 node", "%s is given more than it has", agent->hostname);
	resources_done(&used);
}

static void run_task(struct sim_agent *agent, const Tepui__AgentEvent__RunTask *run)
{
	struct agent_task *task;
	struct fate *fate = promises_fate(agent->sim, run->framework->id->value,
					  run->task->task_id->value);
	struct err e = { 0 };

	if (find_task(agent, run->framework->id->value, run->task->task_id->value) ||
	    has_tombstone(agent, fate_key(fate))) {
		sim_trace(agent->sim, "%s: ignores the launch of %s", agent->hostname,
			  fate_key(fate));
		return;
	}
	task = sim_alloc(sizeof(*task));
	task->agent = agent;
	task->fate = fate;
	task->tag = ++agent->sim->n_tags;
	task->run = (Tepui__AgentEvent__RunTask *)pb_copy(&run->base);
	task->state = MESOS__V1__TASK_STATE__TASK_STAGING;
	task->resend_ms = FIRST_RESEND_MS;
	STAILQ_INIT(&task->updates);
	if (resources_from_messages(run->task->resources, run->task->n_resources,
				    &task->resources, &e) < 0)
		sim_fail(agent->sim, "P6 node", "%s", e.msg);
	if (run->task->executor)
		task->executor = executor_get(agent, run->framework, run->task->executor);
	TAILQ_INSERT_TAIL(&agent->tasks, task, next);
	check_room(agent);
	if (agent->is_draining)
		sim_fail(agent->sim, "drain", "%s is draining and given a task", agent->hostname);
	sim_trace(agent->sim, "%s: launches %s", agent->hostname, key_of(task));
	start_process(task);
}

static void kill_task(struct sim_agent *agent, const Tepui__AgentEvent__KillTask *kill)
{
	struct agent_task *task = find_task(agent, kill->framework_id->value, kill->task_id->value);

	if (!task || has_ended(task) || task->is_kill_requested)
		return;
	task->is_kill_requested = true;
	sim_trace(agent->sim, "%s: kills %s", agent->hostname, key_of(task));
	sim_in(agent->sim, sim_between(agent->sim, 1, 4000), on_killed, agent, task->tag);
}

static void kill_all(struct sim_agent *agent)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (has_ended(task) || task->is_kill_requested)
			continue;
		task->is_kill_requested = true;
		sim_in(agent->sim, sim_between(agent->sim, 1, 4000), on_killed, agent, task->tag);
	}
}

static void drain(struct sim_agent *agent, const Mesos__V1__DrainConfig *config)
{
	agent->is_draining = config;
	agent->is_marking_gone = config && config->mark_gone;
	if (config)
		kill_all(agent);
}

static void on_emptied(void *arg, uint64_t run);
static void stop(struct sim_agent *agent, bool is_polite, int64_t down_ms);

/* Everything is killed, and then it leaves without its id: what is started next is another agent. */
static void shut_down(struct sim_agent *agent)
{
	sim_trace(agent->sim, "%s: is shut down", agent->hostname);
	agent->is_shutting_down = true;
	kill_all(agent);
	executors_shut_down(agent);
	sim_in(agent->sim, 1000, on_emptied, agent, agent->run);
}

static void on_emptied(void *arg, uint64_t run)
{
	struct sim_agent *agent = arg;
	const struct agent_task *task;
	bool is_empty = executors_are_gone(agent);

	if (!agent->is_running || agent->run != run)
		return;
	TAILQ_FOREACH(task, &agent->tasks, next)
		is_empty = is_empty && has_ended(task);
	if (!is_empty) {
		sim_in(agent->sim, 1000, on_emptied, agent, run);
		return;
	}
	while (!TAILQ_EMPTY(&agent->tasks))
		free_task(TAILQ_FIRST(&agent->tasks));
	operations_drop(agent);
	executors_drop(agent);
	agent->id[0] = agent->master_id[0] = '\0';
	agent->epoch = 0;
	agent->is_draining = agent->is_marking_gone = agent->is_shutting_down = false;
	stop(agent, true, sim_between(agent->sim, 1000, 20000));
}

static void acknowledge(struct sim_agent *agent, const Tepui__AgentEvent__Acknowledge *ack)
{
	struct agent_task *task = find_task(agent, ack->framework_id->value, ack->task_id->value);
	const struct update *head = task ? STAILQ_FIRST(&task->updates) : NULL;
	bool is_last;

	if (!head || memcmp(head->status->uuid.data, ack->uuid.data, 16) != 0)
		return;
	is_last = promises_is_terminal(head->status->state);
	drop_head(task);
	to_next(task);
	if (is_last) {
		add_tombstone(agent, key_of(task));
		free_task(task);
	} else {
		forward(task);
	}
}

/* ---- the link ---- */

static void on_attempt(void *arg, uint64_t run);

static void come_back(struct sim_agent *agent)
{
	struct agent_task *task;
	int64_t wait = 100 << (agent->attempts < 9 ? agent->attempts : 9);

	if (agent->state == LINK_UP)
		agent->attempts = 0;
	if (agent->link)
		link_leave(agent->link, true);
	agent->link = NULL;
	agent->state = LINK_DOWN;
	TAILQ_FOREACH(task, &agent->tasks, next)
		to_next(task);
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
	struct agent_task *task;

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
	TAILQ_FOREACH(task, &agent->tasks, next) {
		to_next(task);
		forward(task);
	}
	operations_up(agent);
	executors_up(agent);
}

static void apply(struct sim_agent *agent, const Tepui__AgentEvent__Apply *body)
{
	change_apply(agent, body->operation);
	operation_applied(agent, body);
}

static void send_heartbeat(struct sim_agent *agent)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

	id.value = agent->id;
	call.has_type = true;
	call.type = TEPUI__AGENT_CALL__TYPE__HEARTBEAT;
	call.agent_id = &id;
	link_call(agent->link, LANE_CALLS, &call.base);
}

static void handle(struct sim_agent *agent, const Tepui__AgentEvent *event)
{
	if (event->subscribed)
		subscribed(agent, event->subscribed);
	else if (event->type == TEPUI__AGENT_EVENT__TYPE__HEARTBEAT)
		send_heartbeat(agent);
	else if (event->run_task)
		run_task(agent, event->run_task);
	else if (event->kill_task)
		kill_task(agent, event->kill_task);
	else if (event->acknowledge)
		acknowledge(agent, event->acknowledge);
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

static void list_tasks(struct sim_agent *agent, Tepui__RunningTask *views,
		       Tepui__RunningTask **list)
{
	const struct agent_task *task;
	size_t n = 0;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		tepui__running_task__init(&views[n]);
		views[n].framework = task->run->framework;
		views[n].task = task->run->task;
		views[n].state = task->state;
		views[n].status = task->latest;
		list[n] = &views[n];
		n++;
	}
}

static void dial(struct sim_agent *agent)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Subscribe subscribe = TEPUI__AGENT_CALL__SUBSCRIBE__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT;
	struct agent_task *task;
	Tepui__RunningTask *views, **list;
	char boot_id[24];
	size_t n = 0;

	TAILQ_FOREACH(task, &agent->tasks, next)
		n++;
	views = sim_alloc((n + 1) * sizeof(*views));
	list = sim_alloc((n + 1) * sizeof(Tepui__RunningTask *));
	list_tasks(agent, views, list);
	(void)snprintf(boot_id, sizeof(boot_id), "boot-%llu", (unsigned long long)agent->boot);
	id.value = agent->id;
	info.id = agent->id[0] ? &id : NULL;
	info.hostname = agent->hostname;
	info.has_port = true;
	info.port = 5051;
	(void)resources_to_messages(&agent->total, NULL, &info.resources, &info.n_resources);
	subscribe.agent_info = &info;
	subscribe.boot_id = boot_id;
	subscribe.n_tasks = n;
	subscribe.tasks = list;
	subscribe.operations = operations_list(agent, &subscribe.n_operations);
	subscribe.executors = executors_list(agent, &subscribe.n_executors);
	subscribe.has_gives_feedback = subscribe.gives_feedback = true;
	subscribe.has_dialed_boot_ms = true;
	subscribe.dialed_boot_ms = agent->sim->now_ms;
	subscribe.master_id = agent->master_id[0] ? agent->master_id : NULL;
	call.has_type = true;
	call.type = TEPUI__AGENT_CALL__TYPE__SUBSCRIBE;
	call.subscribe = &subscribe;
	sim_trace(agent->sim, "%s: dials with %zu tasks", agent->hostname, n);
	agent->link = link_open(agent->sim, agent->hostname, &agent->place, true, &client, agent,
				&call.base);
	resources_messages_free(info.resources, info.n_resources);
	free(views);
	free(list);
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
	struct agent_task *task;

	if (agent->is_running || agent->run != run)
		return;
	agent->is_running = true;
	agent->run++;
	agent->state = LINK_DOWN;
	agent->attempts = 0;
	sim_trace(agent->sim, "%s: the agent starts", agent->hostname);
	TAILQ_FOREACH(task, &agent->tasks, next) {
		to_next(task);
		notice(task);
	}
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
	drop_tombstones(agent);
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
	struct agent_task *task;

	if (!agent->is_running)
		return;
	sim_trace(agent->sim, "%s: the power is off", agent->hostname);
	stop(agent, false, down_ms);
	links_lose_power(agent->sim, agent);
	agent->boot++;
	executors_lose_power(agent);
	TAILQ_FOREACH(task, &agent->tasks, next)
		process_exit(task, MESOS__V1__TASK_STATE__TASK_FAILED);
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
	while (!TAILQ_EMPTY(&agent->tasks))
		free_task(TAILQ_FIRST(&agent->tasks));
	operations_drop(agent);
	executors_drop(agent);
	drop_tombstones(agent);
	resources_done(&agent->total);
	free(agent);
}
