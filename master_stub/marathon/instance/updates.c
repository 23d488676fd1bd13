#include "master_stub/marathon/instance/updates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"
#include "master_stub/marathon/deployment/cause.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/instance/health_results.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
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

/* ---- Ends ---- */

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

/* The agent has the volumes; or an operator says that it will never be back. */
static void note_residence(struct controller *c, const struct instance *instance,
			   const Mesos__V1__TaskStatus *status)
{
	struct residence *residence = instance->residence;

	if (!residence)
		return;
	if (status->state == MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR)
		residence_lose(c, residence);
	else if (status->state == MESOS__V1__TASK_STATE__TASK_RUNNING ||
		 status->state == MESOS__V1__TASK_STATE__TASK_FINISHED)
		residence_confirm(c, residence);
}

/* Told before it is forgotten: readers of the events look up what they can. */
static void handle_end(struct controller *c, struct instance_task *task,
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

/* ---- Place ---- */

static void take_address(struct controller *c, struct instance *instance,
			 const Mesos__V1__TaskStatus *status)
{
	const Mesos__V1__ContainerStatus *container = status->container_status;
	const Mesos__V1__NetworkInfo *network;

	if (!container || container->n_network_infos == 0)
		return;
	network = container->network_infos[0];
	if (network->n_ip_addresses > 0 && network->ip_addresses[0]->ip_address &&
	    instance_set_text(&instance->ip, network->ip_addresses[0]->ip_address) < 0)
		c->is_out_of_memory = true;
}

/* ---- Unreachable (3.6) ---- */

/* How long ago it was is all that the wall clock is asked. */
static void set_unreachable_since(const struct controller *c, struct instance *instance)
{
	int64_t wall_ms = controller_wall_ms(c);

	if (instance->unreachable_wall_ms <= 0 || instance->unreachable_wall_ms > wall_ms)
		instance->unreachable_wall_ms = wall_ms;
	instance->unreachable_ms = c->now_ms - (wall_ms - instance->unreachable_wall_ms);
}

static void handle_unreachable(struct controller *c, struct instance_task *task,
			       const Mesos__V1__TaskStatus *status)
{
	struct instance *instance = task->instance;
	const struct app *spec = instance->spec;
	bool is_news = task->state != status->state || instance->unreachable_wall_ms == 0;
	const char *before = instance_condition(instance);

	if (instance->unreachable_wall_ms == 0) {
		instance->unreachable_wall_ms = controller_wall_ms(c);
		if (status->unreachable_time)
			instance->unreachable_wall_ms =
				status->unreachable_time->nanoseconds / 1000000;
		set_unreachable_since(c, instance);
	}
	if (is_news) {
		instance->is_provisioned = false;
		task->state = status->state;
		instance_sum_up(instance);
		event_status_update(c, task, status);
	}
	if (strcmp(before, instance_condition(instance)) != 0)
		event_instance_changed(c, instance);
	/* One that was to be stopped is not waited for: it is killed should it come back. */
	if (instance->is_doomed || (!spec->keeps_unreachable && spec->expunge_after_ms == 0)) {
		controller_explain(c, "instance '%s' is given up: its agent is unreachable",
				   instance->id);
		instance_forget(c, instance);
		return;
	}
	if (is_news && records_put_instance(c, instance) < 0)
		c->is_out_of_memory = true;
}

/* One of several may be told to be back before the others are. */
static void note_reachable(struct instance *instance)
{
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		if (instance->tasks[i].state == MESOS__V1__TASK_STATE__TASK_UNREACHABLE)
			return;
	}
	instance->is_inactive = false;
	instance->unreachable_wall_ms = 0;
}

static void watch_unreachable(struct controller *c, struct instance *instance)
{
	const struct app *spec = instance->spec;
	int64_t age_ms = c->now_ms - instance->unreachable_ms;

	if (spec->keeps_unreachable || instance->unreachable_wall_ms == 0)
		return;
	if (age_ms >= spec->expunge_after_ms) {
		controller_explain(c, "instance '%s' is given up: unreachable for %lld s",
				   instance->id, (long long)age_ms / 1000);
		instance_forget(c, instance);
		return;
	}
	if (!instance->is_inactive && age_ms >= spec->inactive_after_ms) {
		instance->is_inactive = true;
		event_instance_changed(c, instance);
	}
	controller_wake_at(c, c->now_ms + spec->expunge_after_ms - age_ms);
	if (!instance->is_inactive)
		controller_wake_at(c, c->now_ms + spec->inactive_after_ms - age_ms);
}

/* ---- Updates ---- */

/* Given up while it was out of reach, a task may live longer than its instance. */
static void note_use(struct controller *c, const Mesos__V1__TaskStatus *status)
{
	struct residence *residence = residence_find_task(c, status->task_id->value);

	if (residence)
		residence->is_in_use = !instance_state_is_terminal(status->state);
}

/* The answer to what reconcile_residences() asked: that the task has ended is known. */
static bool is_of_residence(struct controller *c, const Mesos__V1__TaskStatus *status)
{
	struct residence *residence;

	if (!status->has_reason ||
	    status->reason != MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION ||
	    !instance_state_is_terminal(status->state))
		return false;
	residence = residence_find_task(c, status->task_id->value);
	if (!residence || residence->instance)
		return false;
	if (status->state == MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR)
		residence_lose(c, residence);
	return true;
}

/* Acknowledged in any case, or the agent would repeat it for ever. */
static void handle_unknown(struct controller *c, const Mesos__V1__TaskStatus *status)
{
	calls_acknowledge(c, status);
	note_use(c, status);
	if (is_of_residence(c, status))
		return;
	if (instance_state_is_terminal(status->state)) {
		event_unknown_terminated(c, status);
		return;
	}
	if (status->state == MESOS__V1__TASK_STATE__TASK_UNREACHABLE ||
	    status->state == MESOS__V1__TASK_STATE__TASK_KILLING)
		return;
	controller_explain(c, "kill task '%s': no app has it", status->task_id->value);
	calls_kill(c, status->task_id->value, status->agent_id ? status->agent_id->value : NULL,
		   -1);
}

/* Repeated updates are normal: only a change is recorded and told. */
static void handle_progress(struct controller *c, struct instance_task *task,
			    const Mesos__V1__TaskStatus *status)
{
	struct instance *instance = task->instance;
	bool changed = instance->is_provisioned || task->state != status->state ||
		       instance->unreachable_wall_ms != 0;
	const char *before = instance_condition(instance);

	instance->is_provisioned = false;
	task->state = status->state;
	note_reachable(instance);
	instance_sum_up(instance);
	if (instance_is_running(instance) && instance->started_wall_ms == 0)
		instance->started_wall_ms = controller_wall_ms(c);
	take_address(c, instance, status);
	if (changed) {
		backoff_moved(&instance->entry->backoff, c->now_ms);
		event_status_update(c, task, status);
	}
	if (strcmp(before, instance_condition(instance)) != 0)
		event_instance_changed(c, instance);
	changed |= health_results_take(c, task, status);
	instance_note_good(c, instance);
	if (changed && records_put_instance(c, instance) < 0)
		c->is_out_of_memory = true;
}

/* Executors write what they like; one bad byte would keep the sentence out of every answer. */
static void repair_message(struct controller *c, Mesos__V1__TaskStatus *status)
{
	size_t size = status->message ? strlen(status->message) : 0;
	char *repaired;

	if (utf8_is_valid(status->message, size))
		return;
	repaired = utf8_repair(status->message, size);
	c->is_out_of_memory |= !repaired;
	free(status->message);
	status->message = repaired;
}

/* The acknowledgement leaves after the commit, as everything that is queued does. */
void updates_handle(struct controller *c, Mesos__V1__TaskStatus *status)
{
	struct instance_task *task = instance_task_find(c, status->task_id->value);

	repair_message(c, status);
	if (!task) {
		handle_unknown(c, status);
		return;
	}
	task->is_confirmed = true;
	instance_sum_up(task->instance);
	entry_touch(task->instance->entry);
	note_residence(c, task->instance, status);
	if (instance_state_is_terminal(status->state))
		handle_end(c, task, status);
	else if (instance_state_is_terminal(task->state))
		controller_explain(c, "task '%s' has ended, and is told to be %s", task->id,
				   instance_state_name(status->state));
	else if (status->state == MESOS__V1__TASK_STATE__TASK_UNREACHABLE)
		handle_unreachable(c, task, status);
	else
		handle_progress(c, task, status);
	calls_acknowledge(c, status);
}

/* ---- Timers ---- */

/* A launch that nothing is heard of would hold its deployment for ever. */
static void watch_overdue(struct controller *c, struct instance *instance)
{
	int64_t timeout_ms = instance->is_provisioned ? c->options.task_launch_confirm_timeout_ms
						      : c->options.task_launch_timeout_ms;
	bool is_launching = instance->is_provisioned ||
			    instance->state == MESOS__V1__TASK_STATE__TASK_STAGING ||
			    instance->state == MESOS__V1__TASK_STATE__TASK_STARTING;

	if (!is_launching || instance->is_doomed || timeout_ms <= 0)
		return;
	if (c->now_ms < instance->launched_ms + timeout_ms)
		controller_wake_at(c, instance->launched_ms + timeout_ms);
	else if (instance_doom(c, instance, "it did not start in time") < 0)
		c->is_out_of_memory = true;
}

static void watch(struct controller *c, struct entry *entry)
{
	struct instance *instance = TAILQ_FIRST(&entry->instances), *next;

	for (; instance; instance = next) {
		next = TAILQ_NEXT(instance, of_app);
		watch_overdue(c, instance);
		watch_unreachable(c, instance);
	}
	residences_watch(c, entry);
	if (backoff_expire(&entry->backoff, entry->target, c->now_ms)) {
		node_faults_reset(&entry->faults);
		entry->is_dirty = true;
	}
	controller_wake_at(c, backoff_expires_at(&entry->backoff, entry->target));
}

void updates_turn(struct controller *c)
{
	entries_look(c, watch);
}
