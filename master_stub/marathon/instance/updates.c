#include "master_stub/marathon/instance/updates.h"

#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/instance/ends.h"
#include "master_stub/marathon/instance/health_results.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
#include "master_stub/marathon/instance/weight.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

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

/* ---- Place ---- */

enum { MAX_NETWORKS = 16, MAX_ADDRESSES = 16 };

static json_t *network_view(const Mesos__V1__NetworkInfo *network)
{
	bool is_named = network->name && utf8_is_valid(network->name, strlen(network->name));
	json_t *addresses = json_array();

	for (size_t i = 0; i < network->n_ip_addresses && i < MAX_ADDRESSES; i++) {
		const char *text = network->ip_addresses[i]->ip_address;

		if (text && utf8_is_valid(text, strlen(text)))
			(void)json_array_append_new(addresses, json_string(text));
	}
	return json_pack("{s:o, s:s*}", "addresses", addresses, "name",
			 is_named ? network->name : NULL);
}

/* Every update of a task that has addresses tells them all. */
static void take_networks(struct instance *instance, const Mesos__V1__TaskStatus *status)
{
	const Mesos__V1__ContainerStatus *container = status->container_status;
	json_t *list;

	if (!container || container->n_network_infos == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < container->n_network_infos && i < MAX_NETWORKS; i++)
		(void)json_array_append_new(list, network_view(container->network_infos[i]));
	json_decref(instance->networks);
	instance->networks = list;
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
	if (instance->unreachable_wall_ms != 0)
		weight_forget(instance);
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
	take_networks(instance, status);
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
		end_handle(c, task, status);
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
