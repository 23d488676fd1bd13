#include "master_stub/marathon/instance/ends.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/deployment/cause.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

typedef Mesos__V1__TaskState task_state;

typedef void backoff_fn(struct backoff *backoff, const struct app *app, int64_t now_ms);

/*
 * What an end does to the app's delay (3.1); Killed does nothing.  A node that refuses or loses a
 * hundred instances at once is one failure, and not of the app: multiplied for each of them, the
 * delay would keep the app away from the healthy nodes for minutes.
 */
static backoff_fn *backoff_of(task_state state)
{
	static const struct {
		task_state state;
		backoff_fn *fn;
	} ends[] = {
		{ MESOS__V1__TASK_STATE__TASK_ERROR, backoff_failed },
		{ MESOS__V1__TASK_STATE__TASK_FAILED, backoff_failed },
		{ MESOS__V1__TASK_STATE__TASK_FINISHED, backoff_failed },
		{ MESOS__V1__TASK_STATE__TASK_DROPPED, backoff_lost },
		{ MESOS__V1__TASK_STATE__TASK_GONE, backoff_lost },
		{ MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR, backoff_lost },
		{ MESOS__V1__TASK_STATE__TASK_LOST, backoff_lost },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (ends[i].state == state)
			return ends[i].fn;
	}
	return NULL;
}

/* What reconciliation alone says of a task that nobody has is no failure of the app. */
static bool is_news_of_the_app(const Mesos__V1__TaskStatus *status)
{
	return !status->has_reason ||
	       status->reason != MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION ||
	       status->state == MESOS__V1__TASK_STATE__TASK_FAILED ||
	       status->state == MESOS__V1__TASK_STATE__TASK_FINISHED;
}

/* An end with status 0 is one, too, but no failure. */
static void note_end(struct controller *c, const struct instance *instance,
		     const Mesos__V1__TaskStatus *status)
{
	struct entry *entry = instance->entry;
	char now[CLOCK_TEXT_SIZE], started[CLOCK_TEXT_SIZE];
	json_t *end;

	clock_format(controller_wall_ms(c), now);
	clock_format(instance->started_wall_ms, started);
	end = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s*}", "appId", entry->id,
			    "host", instance->host, "message",
			    status->message ? status->message : "", "state",
			    instance_state_name(status->state), "taskId", status->task_id->value,
			    "timestamp", now, "version", instance->spec->version, "slaveId",
			    instance->agent_id);
	if (!end) {
		c->is_out_of_memory = true;
		return;
	}
	/* In a pod's history; an app's lastTaskFailure is Marathon's, which has it not. */
	if (instance->spec->pod && instance->started_wall_ms != 0)
		(void)json_object_set_new(end, "startedAt", json_string(started));
	json_decref(entry->last_end);
	entry->last_end = end;
	if (status->state != MESOS__V1__TASK_STATE__TASK_FINISHED) {
		json_decref(entry->last_failure);
		entry->last_failure = json_incref(end);
	}
	entry->is_dirty = true;
}

/* Told once: those of its instances that end later change nothing. */
static void give_up(struct controller *c, const struct entry *entry)
{
	AUTO_FREE char *why = NULL;

	if (entry->backoff.failures > entry->target->max_launch_attempts)
		return;
	why = cause_of_giving_up(entry);
	controller_explain(c, "%s", why ? why : "out of memory");
	event_launch_given_up(c, entry, why);
}

static void back_off(struct controller *c, const struct instance *instance,
		     const Mesos__V1__TaskStatus *status)
{
	struct entry *entry = instance->entry;

	backoff_of(status->state)(&entry->backoff, entry->target, c->now_ms);
	if (node_faults_add(&entry->faults, instance->agent_id, instance->host,
			    entry->target->max_delay_ms, c->now_ms) < 0)
		c->is_out_of_memory = true;
	entry->is_dirty = true;
	if (backoff_has_given_up(&entry->backoff, entry->target)) {
		give_up(c, entry);
		return;
	}
	controller_explain(c, "instance '%s' ended: %s: %s; the next of '%s' starts in %.3f s",
			   instance->id, instance_state_name(status->state),
			   status->message ? status->message : "no message", entry->id,
			   (double)(backoff_deadline(&entry->backoff) - c->now_ms) / 1000 > 0
				   ? entry->backoff.delay_ms / 1000
				   : 0.0);
}

void instance_forget(struct controller *c, struct instance *instance)
{
	records_delete_instance(c, instance);
	instance_free(c, instance);
}

static bool is_by_drain(const Mesos__V1__TaskStatus *status)
{
	return status->has_reason &&
	       status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING;
}

/* Whoever is moved by an operator starts elsewhere at once; but a given up app stays given up. */
static void forget_delay(struct entry *entry)
{
	if (backoff_has_given_up(&entry->backoff, entry->target))
		return;
	entry_reset_backoff(entry);
	entry->is_dirty = true;
}

static bool was_to_go_on(const struct instance *instance)
{
	return !instance->is_doomed || instance->is_broken;
}

void app_instance_ended(struct controller *c, struct instance *instance,
			const Mesos__V1__TaskStatus *status)
{
	if (was_to_go_on(instance) && is_news_of_the_app(status))
		note_end(c, instance, status);
	if (is_by_drain(status)) {
		forget_delay(instance->entry);
	} else if (was_to_go_on(instance) && backoff_of(status->state) &&
		   is_news_of_the_app(status)) {
		back_off(c, instance, status);
		return;
	}
	controller_explain(c, "instance '%s' ended: %s%s%s", instance->id,
			   instance_state_name(status->state), status->message ? ": " : "",
			   status->message ? status->message : "");
}

static void doom_without(struct controller *c, const struct instance_task *task)
{
	AUTO_FREE char *reason = NULL;

	if (asprintf(&reason, "its task '%s' ended: %s", task->id,
		     instance_state_name(task->state)) < 0)
		reason = NULL;
	if (!reason || instance_doom(c, task->instance, reason) < 0)
		c->is_out_of_memory = true;
}

/*
 * The others of its instance are of no use without it; one that has finished did its part.  Of those
 * that an executor kills for the failure of another it may tell before it tells of that one, which
 * is the end that counts.
 */
static void end_without(struct controller *c, const struct instance_task *task,
			const Mesos__V1__TaskStatus *status)
{
	struct instance *instance = task->instance;
	bool is_killed = task->state == MESOS__V1__TASK_STATE__TASK_KILLED;

	if (task->state != MESOS__V1__TASK_STATE__TASK_FINISHED && was_to_go_on(instance)) {
		if (!is_killed)
			instance->entry->kind->ended(c, instance, status);
		doom_without(c, task);
		instance->is_broken = is_killed;
	}
	if (records_put_instance(c, instance) < 0)
		c->is_out_of_memory = true;
}

/* Told before it is forgotten: readers of the events look up what they can. */
void end_handle(struct controller *c, struct instance_task *task,
		const Mesos__V1__TaskStatus *status)
{
	struct instance *instance = task->instance;
	bool was_unhealthy = status->has_healthy && !status->healthy && !instance->is_doomed;
	const char *before = instance_condition(instance);

	if (instance_state_is_terminal(task->state))
		return;
	instance->is_provisioned = false;
	task->state = status->state;
	instance_sum_up(instance);
	event_status_update(c, task, status);
	if (strcmp(before, instance_condition(instance)) != 0)
		event_instance_changed(c, instance);
	if (was_unhealthy)
		event_unhealthy_kill(c, task, status->message);
	if (!instance_is_over(instance)) {
		end_without(c, task, status);
		return;
	}
	instance->entry->kind->ended(c, instance, status);
	node_give_back(c, instance);
	instance_forget(c, instance);
}
