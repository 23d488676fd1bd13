#include "master_stub/marathon/instance/scheduler_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/state.h"

/* The schema's strings are not const, though nobody writes to them. */
static char *text(const char *value)
{
	return (char *)(uintptr_t)value;
}

static int try_call(struct controller *c, Mesos__V1__Scheduler__Call *call,
		    Mesos__V1__Scheduler__Call__Type type, struct err *e)
{
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

	if (!c->scheduler)
		return err_set(e, ENOTCONN, "call the master: there is no subscription");
	id.value = c->framework_id;
	call->framework_id = &id;
	call->has_type = true;
	call->type = type;
	return scheduler_call(c->scheduler, call, c->now_ms, e);
}

static int send_call(struct controller *c, Mesos__V1__Scheduler__Call *call,
		     Mesos__V1__Scheduler__Call__Type type)
{
	struct err e = { 0 };
	char buf[640];
	int r = try_call(c, call, type, &e);

	if (r < 0 && c->scheduler)
		controller_explain(c, "the master refused a call: %s",
				   err_text(&e, buf, sizeof(buf)));
	return r;
}

void calls_kill(struct controller *c, const char *task_id, const char *agent_id, int64_t grace_ms)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Kill kill = MESOS__V1__SCHEDULER__CALL__KILL__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__KillPolicy policy = MESOS__V1__KILL_POLICY__INIT;
	Mesos__V1__DurationInfo grace = MESOS__V1__DURATION_INFO__INIT;

	task.value = text(task_id);
	agent.value = text(agent_id);
	grace.nanoseconds = grace_ms * 1000000;
	policy.grace_period = &grace;
	kill.task_id = &task;
	kill.agent_id = agent_id ? &agent : NULL;
	kill.kill_policy = grace_ms >= 0 ? &policy : NULL;
	call.kill = &kill;
	(void)send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__KILL);
}

void calls_acknowledge(struct controller *c, const Mesos__V1__TaskStatus *status)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Acknowledge ack =
		MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

	if (!status->has_uuid || status->uuid.len == 0 || !status->agent_id)
		return;
	ack.agent_id = status->agent_id;
	ack.task_id = status->task_id;
	ack.uuid = status->uuid;
	call.acknowledge = &ack;
	(void)send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE);
}

int calls_update_framework(struct controller *c, Mesos__V1__FrameworkInfo *info, char **suppressed,
			   size_t n_suppressed, struct err *e)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__UpdateFramework update =
		MESOS__V1__SCHEDULER__CALL__UPDATE_FRAMEWORK__INIT;

	update.framework_info = info;
	update.n_suppressed_roles = n_suppressed;
	update.suppressed_roles = suppressed;
	call.update_framework = &update;
	return try_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK, e);
}

void calls_revive(struct controller *c, const char *role)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Revive revive = MESOS__V1__SCHEDULER__CALL__REVIVE__INIT;
	char *roles[] = { text(role) };

	revive.n_roles = 1;
	revive.roles = roles;
	call.revive = &revive;
	(void)send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE);
}

void calls_suppress(struct controller *c, const char *role)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Suppress suppress = MESOS__V1__SCHEDULER__CALL__SUPPRESS__INIT;
	char *roles[] = { text(role) };

	suppress.n_roles = 1;
	suppress.roles = roles;
	call.suppress = &suppress;
	(void)send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__SUPPRESS);
}

void calls_decline(struct controller *c, const char *offer_id, double refuse_seconds)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Decline decline = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;
	Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT, *ids[] = { &id };
	Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

	id.value = text(offer_id);
	filters.has_refuse_seconds = true;
	filters.refuse_seconds = refuse_seconds;
	decline.n_offer_ids = 1;
	decline.offer_ids = ids;
	decline.filters = &filters;
	call.decline = &decline;
	(void)send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE);
}

int calls_accept(struct controller *c, const char *offer_id,
		 Mesos__V1__Offer__Operation **operations, size_t n, double refuse_seconds)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
	Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT, *ids[] = { &id };
	Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

	id.value = text(offer_id);
	filters.has_refuse_seconds = true;
	filters.refuse_seconds = refuse_seconds;
	accept.n_offer_ids = 1;
	accept.offer_ids = ids;
	accept.n_operations = n;
	accept.operations = operations;
	accept.filters = &filters;
	call.accept = &accept;
	return send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT);
}

void calls_weigh(struct controller *c, const char *task_id, unsigned weight)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Weigh weigh = MESOS__V1__SCHEDULER__CALL__WEIGH__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;

	task.value = text(task_id);
	weigh.task_id = &task;
	weigh.weight = weight;
	call.weigh = &weigh;
	(void)send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__WEIGH);
}

void calls_reconcile(struct controller *c, const char *const *task_ids,
		     const char *const *agent_ids, size_t n)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Reconcile reconcile =
		MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;
	struct row {
		Mesos__V1__Scheduler__Call__Reconcile__Task task;
		Mesos__V1__TaskID task_id;
		Mesos__V1__AgentID agent_id;
	};
	AUTO_FREE struct row *rows = calloc(n + 1, sizeof(*rows));
	AUTO_FREE Mesos__V1__Scheduler__Call__Reconcile__Task **list =
		calloc(n + 1, sizeof(*list));

	if (!rows || !list) {
		c->is_out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		mesos__v1__scheduler__call__reconcile__task__init(&rows[i].task);
		mesos__v1__task_id__init(&rows[i].task_id);
		mesos__v1__agent_id__init(&rows[i].agent_id);
		rows[i].task_id.value = text(task_ids[i]);
		rows[i].agent_id.value = text(agent_ids[i]);
		rows[i].task.task_id = &rows[i].task_id;
		rows[i].task.agent_id = agent_ids[i] ? &rows[i].agent_id : NULL;
		list[i] = &rows[i].task;
	}
	reconcile.n_tasks = n;
	reconcile.tasks = list;
	call.reconcile = &reconcile;
	(void)send_call(c, &call, MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE);
}
