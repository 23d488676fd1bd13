#include "tests/sim/agent_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/id.h"
#include "lib/pb_json.h"
#include "tests/sim/agent.h"
#include "tests/sim/agent_health.h"
#include "tests/sim/executors.h"
#include "tests/sim/groups.h"
#include "tests/sim/job_people.h"
#include "tests/sim/promises.h"
#include "tests/sim/residents.h"
#include "tests/sim/sim.h"

enum {
	FIRST_RESEND_MS = 10 * 1000, LAST_RESEND_MS = 10 * 60 * 1000, TOMBSTONE_MS = 15 * 60 * 1000,
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

void agent_tombstones_drop(struct sim_agent *agent)
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

struct agent_task *agent_task_of_timer(struct sim_agent *agent, uint64_t tag)
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

	if (task->is_in_flight || !head || agent->state != LINK_UP)
		return;
	update.framework_id = task->run->framework->id;
	update.status = head->status;
	update.has_latest_state = task->state != head->status->state;
	update.latest_state = task->state;
	call.update = &update;
	sim_agent_send(agent, TEPUI__AGENT_CALL__TYPE__UPDATE, &call);
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

static void others_follow(struct agent_task *task);

/* The agent speaks for a task whose executor has ended. */
static Mesos__V1__TaskStatus__Source source_of(const struct agent_task *task)
{
	return task->run->task->executor && !task->executor ?
		       MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT :
		       MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
}

void agent_task_update(struct agent_task *task, Mesos__V1__TaskState state)
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
	status.has_healthy = task->has_health;
	status.healthy = task->is_healthy;
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
	if (state == MESOS__V1__TASK_STATE__TASK_RUNNING)
		residents_run(task);
	forward(task);
	if (has_ended(task))
		others_follow(task);
}

/* ---- processes, which do not care whether there is an agent ---- */

static void notice(struct agent_task *task)
{
	if (!task->agent->is_running || has_ended(task))
		return;
	if (task->process == PROCESS_RUNNING && task->state == MESOS__V1__TASK_STATE__TASK_STAGING)
		agent_task_update(task, MESOS__V1__TASK_STATE__TASK_RUNNING);
	if (task->process == PROCESS_EXITED)
		agent_task_update(task, task->exit_state);
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

void agent_tasks_executor_ended(struct sim_agent *agent, const struct agent_executor *executor)
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
	struct agent_task *task = agent_task_of_timer(agent, tag);
	bool is_bad;

	if (!task)
		return;
	is_bad = !agent->sim->is_calm && sim_chance(agent->sim, 300);
	if (is_bad)
		sim_fault(agent->sim, FAULT_TASK_FAILURE);
	process_exit(task, is_bad ? MESOS__V1__TASK_STATE__TASK_FAILED
				  : MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static bool is_run(const struct agent_task *task)
{
	const Mesos__V1__CommandInfo *command = task->run->task->command;

	return command && command->value && strcmp(command->value, job_command) == 0;
}

static void on_started(void *arg, uint64_t tag)
{
	struct sim_agent *agent = arg;
	struct agent_task *task = agent_task_of_timer(agent, tag);

	if (!task || task->process != PROCESS_STARTING)
		return;
	if (!agent->sim->is_calm && sim_chance(agent->sim, 50)) {
		sim_fault(agent->sim, FAULT_TASK_FAILURE);
		process_exit(task, MESOS__V1__TASK_STATE__TASK_FAILED);
		return;
	}
	task->process = PROCESS_RUNNING;
	notice(task);
	agent_health_start(task);
	/* Half of them are services; a job's run is none. */
	if (is_run(task))
		sim_in(agent->sim, sim_between(agent->sim, 100, 60000), on_exit_time, agent, tag);
	else if (sim_chance(agent->sim, 500))
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
	struct agent_task *task = agent_task_of_timer(arg, tag);

	if (task)
		process_exit(task, task->agent->is_marking_gone && is_partition_aware(task) ?
			     MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR :
			     MESOS__V1__TASK_STATE__TASK_KILLED);
}

static void kill(struct agent_task *task)
{
	if (has_ended(task) || task->is_kill_requested)
		return;
	task->is_kill_requested = true;
	sim_trace(task->agent->sim, "%s: kills %s", task->agent->hostname, key_of(task));
	sim_in(task->agent->sim, sim_between(task->agent->sim, 1, 4000), on_killed, task->agent,
	       task->tag);
}

/* Its group ends with it, unless it has finished; its executor has one task less. */
static void others_follow(struct agent_task *task)
{
	struct agent_task *other;
	bool is_last = true;

	TAILQ_FOREACH(other, &task->agent->tasks, next) {
		if (task->group && other->group == task->group &&
		    task->state != MESOS__V1__TASK_STATE__TASK_FINISHED)
			kill(other);
		if (other->executor == task->executor && !has_ended(other))
			is_last = false;
	}
	if (is_last && task->executor)
		executor_is_idle(task->executor);
}

static void start_process(struct agent_task *task)
{
	struct sim *sim = task->agent->sim;

	promises_process_started(sim, task->fate);
	residents_started(task);
	task->process = PROCESS_STARTING;
	sim_in(sim, sim_between(sim, 30, 3000), on_started, task->agent, task->tag);
}

/* ---- what the master asks for ---- */

uint64_t agent_tasks_add_up(const struct sim_agent *agent, struct resources *used)
{
	const struct agent_task *task;
	uint64_t n_ports = 0;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (has_ended(task))
			continue;
		n_ports += ranges_count(&task->resources.ports);
		(void)resources_add(used, &task->resources);
	}
	return n_ports + executors_add_up(agent, used);
}

static void check_room(struct sim_agent *agent)
{
	struct resources used = { 0 };
	uint64_t n_ports = agent_tasks_add_up(agent, &used);

	if (n_ports != ranges_count(&used.ports) || !resources_contain(&agent->total, &used))
		sim_fail(agent->sim, "P6 node", "%s is given more than it has", agent->hostname);
	resources_done(&used);
}

static bool is_known(struct sim_agent *agent, const char *framework_id, const char *task_id)
{
	const char *key = fate_key(promises_fate(agent->sim, framework_id, task_id));
	bool is_here = find_task(agent, framework_id, task_id) || has_tombstone(agent, key);

	if (is_here)
		sim_trace(agent->sim, "%s: ignores the launch of %s", agent->hostname, key);
	return is_here;
}

/* On disk; not started. */
static struct agent_task *add_task(struct sim_agent *agent, Mesos__V1__FrameworkInfo *framework,
				   Mesos__V1__TaskInfo *info)
{
	struct agent_task *task = sim_alloc(sizeof(*task));
	Tepui__AgentEvent__RunTask run = TEPUI__AGENT_EVENT__RUN_TASK__INIT;
	struct err e = { 0 };

	run.framework = framework;
	run.task = info;
	task->agent = agent;
	task->fate = promises_fate(agent->sim, framework->id->value, info->task_id->value);
	task->tag = ++agent->sim->n_tags;
	task->run = (Tepui__AgentEvent__RunTask *)pb_copy(&run.base);
	task->state = MESOS__V1__TASK_STATE__TASK_STAGING;
	task->resend_ms = FIRST_RESEND_MS;
	STAILQ_INIT(&task->updates);
	if (resources_from_messages(info->resources, info->n_resources, &task->resources, &e) < 0)
		sim_fail(agent->sim, "P6 node", "%s", e.msg);
	TAILQ_INSERT_TAIL(&agent->tasks, task, next);
	sim_trace(agent->sim, "%s: launches %s", agent->hostname, key_of(task));
	return task;
}

static void check_launch(struct sim_agent *agent)
{
	check_room(agent);
	if (agent->is_draining)
		sim_fail(agent->sim, "drain", "%s is draining and given a task", agent->hostname);
}

void agent_task_run(struct sim_agent *agent, const Tepui__AgentEvent__RunTask *run)
{
	struct agent_task *task;

	if (is_known(agent, run->framework->id->value, run->task->task_id->value))
		return;
	task = add_task(agent, run->framework, run->task);
	if (run->task->executor)
		task->executor = executor_get(agent, run->framework, run->task->executor);
	groups_task_given(agent->sim, task->fate);
	check_launch(agent);
	start_process(task);
}

/* ---- groups: agent/pods.c ---- */

static void refuse(struct agent_task *task)
{
	agent_task_update(task, is_partition_aware(task) ? MESOS__V1__TASK_STATE__TASK_DROPPED :
						    MESOS__V1__TASK_STATE__TASK_LOST);
}

void agent_tasks_run_group(struct sim_agent *agent, const Tepui__AgentEvent__RunTaskGroup *group)
{
	struct agent_task *tasks[GROUP_MAX_TASKS];
	struct agent_executor *executor;
	uint64_t number = ++agent->sim->n_tags;

	groups_given(agent->sim, group);
	if (group->n_tasks > GROUP_MAX_TASKS)
		return;
	for (size_t i = 0; i < group->n_tasks; i++) {
		if (is_known(agent, group->framework->id->value, group->tasks[i]->task_id->value))
			return;
	}
	executor = executor_get(agent, group->framework, group->executor);
	for (size_t i = 0; i < group->n_tasks; i++) {
		tasks[i] = add_task(agent, group->framework, group->tasks[i]);
		if (executor->is_shut_down)
			continue;
		tasks[i]->group = number;
		tasks[i]->executor = executor;
	}
	for (size_t i = 0; i < group->n_tasks; i++) {
		if (executor->is_shut_down)
			refuse(tasks[i]);
	}
	check_launch(agent);
	for (size_t i = 0; i < group->n_tasks; i++) {
		if (!executor->is_shut_down)
			start_process(tasks[i]);
	}
}

/* ---- kills and acknowledgements ---- */

void agent_task_kill(struct sim_agent *agent, const Tepui__AgentEvent__KillTask *event)
{
	struct agent_task *task = find_task(agent, event->framework_id->value,
					    event->task_id->value);

	if (task)
		kill(task);
}

void agent_tasks_kill(struct sim_agent *agent)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next)
		kill(task);
}

void agent_tasks_kill_of(struct sim_agent *agent, const struct agent_executor *executor)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (task->executor == executor)
			kill(task);
	}
}

void agent_task_acknowledged(struct sim_agent *agent, const Tepui__AgentEvent__Acknowledge *ack)
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

/* ---- with the agent ---- */

void agent_tasks_up(struct sim_agent *agent)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		to_next(task);
		forward(task);
	}
}

void agent_tasks_down(struct sim_agent *agent)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next)
		to_next(task);
}

void agent_tasks_start(struct sim_agent *agent)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		to_next(task);
		notice(task);
	}
}

void agent_tasks_lose_power(struct sim_agent *agent)
{
	struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next)
		process_exit(task, MESOS__V1__TASK_STATE__TASK_FAILED);
}

bool agent_tasks_have_ended(const struct sim_agent *agent)
{
	const struct agent_task *task;

	TAILQ_FOREACH(task, &agent->tasks, next) {
		if (!has_ended(task))
			return false;
	}
	return true;
}

void agent_tasks_drop(struct sim_agent *agent)
{
	while (!TAILQ_EMPTY(&agent->tasks))
		free_task(TAILQ_FIRST(&agent->tasks));
}

static void describe(const struct agent_task *task, Tepui__RunningTask *ret)
{
	tepui__running_task__init(ret);
	ret->framework = task->run->framework;
	ret->task = task->run->task;
	ret->state = task->state;
	ret->status = task->latest;
}

Tepui__RunningTask **agent_tasks_list(const struct sim_agent *agent, size_t *ret_n)
{
	const struct agent_task *task;
	Tepui__RunningTask *views, **list;
	size_t n = 0;

	TAILQ_FOREACH(task, &agent->tasks, next)
		n++;
	list = sim_alloc((n + 1) * (sizeof(Tepui__RunningTask *) + sizeof(*views)));
	views = (Tepui__RunningTask *)(list + n + 1);
	*ret_n = 0;
	TAILQ_FOREACH(task, &agent->tasks, next) {
		describe(task, &views[*ret_n]);
		list[*ret_n] = &views[*ret_n];
		(*ret_n)++;
	}
	return list;
}
