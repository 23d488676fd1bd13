/* Calls of agents: how they come in, come back, and speak. */
#include "master_stub/master.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/texts.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/directory.h"
#include "master_stub/drain.h"
#include "master_stub/executor.h"
#include "master_stub/feedback.h"
#include "master_stub/framework.h"
#include "master_stub/leave.h"
#include "master_stub/maintenance.h"
#include "master_stub/origin.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

enum { AGENT_ID_SIZE = ID_UUID_SIZE + 24, MAX_HOSTNAME = 255, MAX_BOOT_ID = 64,
       MAX_ENDPOINT = 64 };

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static int check_subscribe(const Tepui__AgentCall *call, struct err *e)
{
	const Tepui__AgentCall__Subscribe *subscribe = call->subscribe;

	if (call->type != TEPUI__AGENT_CALL__TYPE__SUBSCRIBE || !subscribe)
		return err_set(e, EINVAL, "subscribe agent: not a SUBSCRIBE call");
	if (!*subscribe->agent_info->hostname ||
	    strlen(subscribe->agent_info->hostname) > MAX_HOSTNAME)
		return err_set(e, EINVAL, "subscribe agent: hostname must have 1 to %d bytes",
			       MAX_HOSTNAME);
	if (subscribe->agent_info->port < 0 || subscribe->agent_info->port > UINT16_MAX)
		return err_set(e, EINVAL, "subscribe agent: %d is not a port",
			       subscribe->agent_info->port);
	if (subscribe->boot_id && strlen(subscribe->boot_id) > MAX_BOOT_ID)
		return err_set(e, EINVAL, "subscribe agent: boot_id has more than %d bytes",
			       MAX_BOOT_ID);
	if (subscribe->endpoint && strlen(subscribe->endpoint) > MAX_ENDPOINT)
		return err_set(e, EINVAL, "subscribe agent: endpoint has more than %d bytes",
			       MAX_ENDPOINT);
	if (subscribe->address && !is_address(subscribe->address))
		return err_set(e, EINVAL, "subscribe agent: its address is not one");
	if (subscribe->agent_info->id && !id_is_valid(subscribe->agent_info->id->value))
		return err_set(e, EINVAL, "subscribe agent: its id is not a valid one");
	return 0;
}

static bool is_same_place(const struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe)
{
	return texts_equal(agent->boot_id, subscribe->boot_id) &&
	       texts_equal(agent->info->hostname, subscribe->agent_info->hostname) &&
	       agent->info->port == subscribe->agent_info->port;
}

/* An id of ours of which the record was lost: evidence enough to take the agent back. */
static int readmit(struct master *master, const Tepui__AgentCall__Subscribe *subscribe,
		   struct agent **ret, struct err *e)
{
	const char *id = subscribe->agent_info->id->value;
	unsigned long long number;
	size_t size = strlen(master->id);
	char *end;

	if (strncmp(id, master->id, size) != 0 || strncmp(id + size, "-S", 2) != 0)
		return err_set(e, EPERM,
			       "subscribe agent '%s': the id was given by another cluster", id);
	errno = 0;
	number = strtoull(id + size + 2, &end, 10);
	if (end == id + size + 2 || *end || errno)
		return err_set(e, EPERM, "subscribe agent '%s': not an id of this cluster", id);
	if (number >= master->next_agent) {
		master->next_agent = number + 1;
		master_put_self(master);
	}
	return registry_add(master, id, subscribe->agent_info, ret, e);
}

/*
 * An attempt that the agent gave up may come after the one that it made next, on another connection:
 * what has been launched since would be missing from it, and be taken for gone.
 */
static bool is_overtaken(const struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe)
{
	return subscribe->has_dialed_boot_ms && agent->dialed_boot_ms > 0 &&
	       subscribe->dialed_boot_ms <= agent->dialed_boot_ms &&
	       texts_equal(agent->boot_id, subscribe->boot_id);
}

static int refuse_overtaken(const struct agent *agent, struct err *e)
{
	return err_set(e, ESTALE, "subscribe agent '%s': it has subscribed since", agent->id);
}

static int find_known(struct master *master, const Tepui__AgentCall__Subscribe *subscribe,
		      struct agent **ret, struct err *e)
{
	const char *id = subscribe->agent_info->id->value;
	struct agent *agent = registry_find(master, id);

	if (subscribe->master_id && strcmp(subscribe->master_id, master->id) != 0)
		return err_set(e, EPERM, "subscribe agent '%s': it belongs to the cluster '%.64s'",
			       id, subscribe->master_id);
	if (!agent)
		return readmit(master, subscribe, ret, e);
	/* A restarted agent may be here before the end of its old stream is. */
	if (agent->state == AGENT_CONNECTED && !is_same_place(agent, subscribe))
		return err_set(e, EEXIST,
			       "subscribe agent '%s': another one with this id is connected"
			       " from '%s:%d'",
			       id, agent->info->hostname, agent->info->port);
	if (is_overtaken(agent, subscribe))
		return refuse_overtaken(agent, e);
	agent->has_spoken = true;
	*ret = agent;
	return 0;
}

static int admit_new(struct master *master, const Tepui__AgentCall__Subscribe *subscribe,
		     struct agent **ret, struct err *e)
{
	char id[AGENT_ID_SIZE];
	int r;

	snprintf(id, sizeof(id), "%s-S%llu", master->id, (unsigned long long)master->next_agent);
	r = registry_add(master, id, subscribe->agent_info, ret, e);
	if (r < 0)
		return r;
	master->next_agent++;
	master_put_self(master);
	(*ret)->registered_wall_ms = master_wall_ms(master);
	return 0;
}

/*
 * Without an id: if the answer to the last attempt was lost, another id would leave an agent behind
 * that nobody is, and the tasks that were sent to it.
 */
static int find_nameless(struct master *master, const Tepui__AgentCall__Subscribe *subscribe,
			 struct agent **ret, struct err *e)
{
	struct agent *agent = subscribe->has_dialed_boot_ms ? origin_find(master, subscribe) : NULL;

	if (agent && is_overtaken(agent, subscribe))
		return refuse_overtaken(agent, e);
	if (!agent || agent->has_spoken || agent->state == AGENT_GONE)
		return admit_new(master, subscribe, ret, e);
	*ret = agent;
	return 0;
}

/* One that is gone is told to leave, wherever it is; others wait until their machine is up. */
static int find_or_admit(struct master *master, const Tepui__AgentCall__Subscribe *subscribe,
			 struct agent **ret, struct err *e)
{
	const Mesos__V1__AgentInfo *info = subscribe->agent_info;
	const struct agent *known = info->id ? registry_find(master, info->id->value) : NULL;
	int r = 0;

	if (!known || known->state != AGENT_GONE)
		r = maintenance_check_up(master, info->hostname, subscribe->endpoint, e);
	if (r < 0)
		return r;
	return info->id ? find_known(master, subscribe, ret, e) :
			  find_nameless(master, subscribe, ret, e);
}

static int replace_text(char **place, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(*place);
	*place = copy;
	return 0;
}

static void explain_change(const struct agent *agent, const struct resources *total)
{
	AUTO_FREE char *now = NULL, *then = NULL;
	struct resources before = { 0 };
	struct err e = { 0 };

	if (resources_from_messages(agent->info->resources, agent->info->n_resources, &before,
				    &e) == 0 && !resources_equal(&before, total)) {
		now = resources_format(total);
		then = resources_format(&before);
		master_explain(agent->master, "agent '%s' on '%s' has %.300s now, and had %.300s",
			       agent->id, agent->info->hostname, now ? now : "?",
			       then ? then : "?");
	}
	resources_done(&before);
}

/* Nothing is killed for it, and nothing offered of what is short. */
static void explain_shortage(const struct agent *agent, const struct resources *total)
{
	const struct resources *used = allocator_node_used(agent->node);
	AUTO_FREE char *wanted = NULL;

	if (resources_contain(total, used))
		return;
	wanted = resources_format(used);
	master_explain(agent->master, "agent '%s' on '%s' has less than the %.300s of its tasks:"
		       " they run on, and what is short is not offered until enough have ended",
		       agent->id, agent->info->hostname, wanted ? wanted : "?");
}

/* What the agent says of itself now is what counts. */
static int take_description(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe,
			    const struct resources *total, struct err *e)
{
	Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__AgentInfo info = *subscribe->agent_info;
	Mesos__V1__AgentInfo *copy;
	int r;

	agent_id.value = agent->id;
	info.id = &agent_id;
	copy = (Mesos__V1__AgentInfo *)pb_copy(&info.base);
	if (!copy)
		return err_set(e, ENOMEM, "subscribe agent '%s'", agent->id);
	explain_change(agent, total);
	mesos__v1__agent_info__free_unpacked(agent->info, NULL);
	agent->info = copy;
	agent->dialed_boot_ms = subscribe->has_dialed_boot_ms ? subscribe->dialed_boot_ms : 0;
	if (agent->node)
		r = allocator_node_set_total(agent->node, total);
	else
		r = allocator_node_new(agent->master->allocator, agent, total, &agent->node);
	if (r < 0 || replace_text(&agent->boot_id, subscribe->boot_id) < 0 ||
	    replace_text(&agent->version, subscribe->version) < 0 ||
	    replace_text(&agent->endpoint, subscribe->endpoint) < 0 ||
	    replace_text(&agent->address, subscribe->address) < 0)
		return err_set(e, ENOMEM, "subscribe agent '%s'", agent->id);
	maintenance_place(agent);
	if (origin_set(agent) < 0)
		return err_set(e, ENOMEM, "subscribe agent '%s'", agent->id);
	return 0;
}

static int connect_stream(struct agent *agent, void *stream, struct err *e)
{
	struct master *master = agent->master;

	agent->stream = stream;
	HASH_ADD(hh_stream, master->streams, stream, sizeof(agent->stream), agent);
	if (!agent->hh_stream.tbl) {
		agent->stream = NULL;
		return err_set(e, ENOMEM, "subscribe agent '%s'", agent->id);
	}
	registry_set_state(agent, AGENT_CONNECTED);
	return 0;
}

static void send_subscribed(struct agent *agent)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Subscribed subscribed = TEPUI__AGENT_EVENT__SUBSCRIBED__INIT;
	struct master *master = agent->master;
	struct drain_message drain;
	const Mesos__V1__DrainInfo *info = drain_describe(&agent->drain, &drain);

	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED;
	event.subscribed = &subscribed;
	subscribed.agent_id = agent->info->id;
	subscribed.master_id = master->id;
	subscribed.heartbeat_interval_seconds = (double)master->options.agent_ping_ms / 1000;
	subscribed.has_epoch = true;
	subscribed.epoch = master->epoch;
	subscribed.drain = info ? info->config : NULL;
	registry_send(agent, &event);
}

/* One that is gone: the master that it knows tells it to leave, or its tasks would run for ever. */
static void send_away(struct agent *agent, void *stream)
{
	struct master *master = agent->master;

	master_explain(master, "agent '%s' on '%s' is gone, came back and is shut down", agent->id,
		       agent->info->hostname);
	agent->stream = stream;
	send_subscribed(agent);
	registry_send_shutdown(agent);
	agent->stream = NULL;
	master->io.agent_close(master->io.arg, stream);
}

static void bring_tasks(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe,
			bool was_unreachable)
{
	struct task *task;
	size_t n_bad = 0;

	master_executors_bring(agent, subscribe);
	TAILQ_FOREACH(task, &agent->tasks, on_agent)
		task->is_seen = false;
	for (size_t i = 0; i < subscribe->n_tasks; i++) {
		struct err e = { 0 };

		if (master_task_admit(agent, subscribe->tasks[i], &e) < 0 && ++n_bad == 1)
			master_explain(agent->master,
				       "agent '%s': a task it brings is not taken: %s", agent->id,
				       e.msg);
	}
	master_tasks_drop_unseen(agent);
	master_executors_drop_unseen(agent);
	if (was_unreachable)
		master_tasks_tell_returned(agent);
	/* Kills asked for while nobody could be told. */
	TAILQ_FOREACH(task, &agent->tasks, on_agent) {
		if (!master_task_is_ended(task->state) &&
		    (task->is_kill_requested || task->framework->is_removed))
			leave_kill(task);
	}
}

static int subscribe_agent(struct agent *agent, const Tepui__AgentCall__Subscribe *subscribe,
			   const struct resources *total, void *stream, int64_t now_ms,
			   struct err *e)
{
	struct master *master = agent->master;
	enum agent_state before = agent->state;
	bool is_new = !subscribe->agent_info->id;
	int r;

	if (before == AGENT_CONNECTED) {
		void *old = agent->stream;

		registry_disconnect(agent);
		master->io.agent_close(master->io.arg, old);
	}
	r = take_description(agent, subscribe, total, e);
	if (r == 0)
		r = connect_stream(agent, stream, e);
	if (r == 0)
		r = registry_put(agent, e);
	if (r < 0)
		return r;
	if (is_new) {
		master->counters.slave_registrations++;
	} else {
		master->counters.slave_reregistrations++;
		agent->reregistered_wall_ms = master_wall_ms(master);
	}
	send_subscribed(agent);
	drain_note_told(agent);
	directory_subscribe(agent, subscribe);
	bring_tasks(agent, subscribe, before == AGENT_UNREACHABLE);
	feedback_bring(agent, subscribe);
	explain_shortage(agent, total);
	registry_start_pings(agent, now_ms);
	registry_update_offering(agent);
	master_explain(master, "agent '%s' on '%s:%d' %s with %zu tasks", agent->id,
		       agent->info->hostname, agent->info->port,
		       is_new ? "is registered" : "is back", subscribe->n_tasks);
	return 0;
}

/* A subscription that failed half-way leaves no half-connected agent behind. */
static void undo(struct agent *agent, bool is_known, int64_t now_ms)
{
	if (!is_known) {
		registry_drop(agent);
		return;
	}
	if (agent->state == AGENT_CONNECTED)
		registry_disconnect(agent);
	if (agent->state == AGENT_DISCONNECTED && !agent->is_pinged)
		registry_start_pings(agent, now_ms);
}

int master_agent_subscribe(struct master *master, const Tepui__AgentCall *call, void *stream,
			   int64_t now_ms, struct err *e)
{
	const Tepui__AgentCall__Subscribe *subscribe = call->subscribe;
	struct resources total = { 0 };
	struct agent *agent = NULL;
	bool is_known;
	int r = check_subscribe(call, e);

	if (r < 0)
		return r;
	r = resources_from_messages(subscribe->agent_info->resources,
				    subscribe->agent_info->n_resources, &total, e);
	if (r < 0)
		return err_wrap(e, "subscribe agent");
	r = find_or_admit(master, subscribe, &agent, e);
	if (r == 0 && agent->state == AGENT_GONE) {
		send_away(agent, stream);
		r = 1;
	} else if (r == 0) {
		is_known = agent->registered_wall_ms != 0 &&
			   (subscribe->agent_info->id || agent->state != AGENT_RECOVERING);
		if (!agent->registered_wall_ms)
			agent->registered_wall_ms = master_wall_ms(master);
		r = subscribe_agent(agent, subscribe, &total, stream, now_ms, e);
		if (r == 0)
			registry_set_degraded(agent, call->degraded);
		if (r < 0)
			undo(agent, is_known, now_ms);
	}
	resources_done(&total);
	return r;
}

/* What an executor says goes to its framework, if that is there: nobody keeps it. */
static void pass_message(struct agent *agent, const Tepui__ExecutorMessage *message)
{
	struct framework *framework = framework_find(agent->master, message->framework_id->value);
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Message body = MESOS__V1__SCHEDULER__EVENT__MESSAGE__INIT;

	body.agent_id = agent->info->id;
	body.executor_id = message->executor_id;
	body.data = message->data;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__MESSAGE;
	event.message = &body;
	if (framework)
		(void)framework_send(framework, &event);
}

static int missing(const char *field, struct err *e)
{
	return err_set(e, EINVAL, "read agent's call: %s is missing", field);
}

static int take_call(struct agent *agent, const Tepui__AgentCall *call, struct err *e)
{
	if ((unsigned)call->type < N_AGENT_CALLS)
		agent->master->counters.agent_calls[call->type]++;
	switch ((int)call->type) {
	case TEPUI__AGENT_CALL__TYPE__UPDATE:
		if (!call->update)
			return missing("update", e);
		master_task_update(agent, call->update);
		return 0;
	case TEPUI__AGENT_CALL__TYPE__TASK:
		return call->task ? master_task_admit(agent, call->task, e) : missing("task", e);
	case TEPUI__AGENT_CALL__TYPE__MESSAGE:
		if (!call->message)
			return missing("message", e);
		pass_message(agent, call->message);
		return 0;
	case TEPUI__AGENT_CALL__TYPE__EXECUTOR_EXITED:
		if (!call->executor_exited)
			return missing("executor_exited", e);
		master_executor_exited(agent, call->executor_exited);
		return 0;
	case TEPUI__AGENT_CALL__TYPE__OPERATION:
		if (!call->operation)
			return missing("operation", e);
		feedback_update(agent, call->operation);
		return 0;
	case TEPUI__AGENT_CALL__TYPE__DIRECTORY_APPLIED:
		directory_applied(agent, call->directory_generation);
		return 0;
	case TEPUI__AGENT_CALL__TYPE__HEARTBEAT:
		return 0;
	default:
		return err_set(e, EINVAL, "read agent's call: its type is not known here");
	}
}

/* It has its id: whoever comes without one from there is another agent. */
static int note_spoken(struct agent *agent, struct err *e)
{
	if (agent->has_spoken)
		return 0;
	agent->has_spoken = true;
	return registry_put(agent, e);
}

int master_agent_call(struct master *master, const Tepui__AgentCall *call, int64_t now_ms,
		      struct err *e)
{
	struct agent *agent;
	int r;

	(void)now_ms;
	if (!call->agent_id)
		return err_set(e, EINVAL, "read agent's call: agent_id is missing");
	agent = registry_find(master, call->agent_id->value);
	if (!agent || agent->state != AGENT_CONNECTED)
		return err_set(e, ENOENT, "agent '%.255s' is not subscribed",
			       call->agent_id->value);
	r = note_spoken(agent, e);
	if (r < 0)
		return r;
	/* First: a framework that hears of a refusal must not be offered the same node again. */
	registry_set_degraded(agent, call->degraded);
	r = take_call(agent, call, e);
	if (r >= 0)
		registry_heard(agent);
	return r;
}

void master_agent_lost(struct master *master, void *stream, int64_t now_ms)
{
	struct agent *agent = NULL;

	(void)now_ms;
	HASH_FIND(hh_stream, master->streams, &stream, sizeof(stream), agent);
	if (!agent)
		return;
	master_explain(master, "agent '%s' on '%s': its stream ended; it has until its pings are"
		       " missed", agent->id, agent->info->hostname);
	registry_disconnect(agent);
}
