#include "master_stub/marathon/deployment/scale.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/instance/kill_selection.h"
#include "master_stub/marathon/instance/leaving.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/scheduler_calls.h"
#include "master_stub/marathon/instance/unhealthy.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

/* ---- Counting ---- */

/* One on an unreachable agent cannot be waited for. */
static bool is_dying(const struct instance *instance)
{
	return instance->is_doomed && instance->unreachable_wall_ms == 0;
}

void entry_count(struct controller *c, const struct entry *entry, const struct app *target,
		 struct rolling_state *ret)
{
	const struct instance *instance;

	/* Nothing has happened since. */
	if (!entry->is_due && target == entry->target) {
		*ret = entry->count;
		return;
	}
	*ret = (struct rolling_state){ 0 };
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		bool is_new = instance_is_current(instance, target);

		if (is_dying(instance))
			ret->dying++;
		if (!instance_is_alive(instance))
			continue;
		if (!is_new && !instance->is_confirmed)
			ret->old_unknown++;
		else if (!is_new && instance_is_unjudged(instance))
			ret->old_unjudged++;
		else if (is_new ? instance_is_up(c, instance) : instance_is_good(instance))
			*(is_new ? &ret->new_healthy : &ret->old_healthy) += 1;
		else
			*(is_new ? &ret->new_other : &ret->old_other) += 1;
	}
}

static unsigned count_alive(const struct rolling_state *state)
{
	return rolling_count_old(state) + state->new_healthy + state->new_other;
}

bool entry_is_scaled(struct controller *c, const struct entry *entry)
{
	struct rolling_state state;
	unsigned n = entry->target->instances;

	entry_count(c, entry, entry->target, &state);
	return count_alive(&state) == n && state.old_healthy + state.new_healthy == n &&
	       state.dying == 0;
}

bool entry_is_restarted(struct controller *c, const struct entry *entry)
{
	struct rolling_state state;
	struct rolling_plan plan;

	entry_count(c, entry, entry->target, &state);
	rolling_plan(entry->target, &state, &plan);
	return plan.is_done;
}

/* ---- Stopping ---- */

/* Fewer are wanted: none is to come back to where its data is, which stays there. */
static int dismiss(struct controller *c, struct instance *instance, const char *reason)
{
	int r = instance->residence ? residence_detach(c, instance->residence) : 0;

	return r < 0 ? r : instance_doom(c, instance, reason);
}

typedef int stop_fn(struct controller *c, struct instance *instance, const char *reason);

static void stop_some(struct controller *c, struct entry *entry, enum generation which, unsigned n,
		      stop_fn *stop, const char *reason)
{
	AUTO_FREE struct instance **list = calloc(entry->n_instances + 1, sizeof(*list));

	if (!list || kill_selection(c, entry, which, n, list, &n) < 0) {
		c->is_out_of_memory = true;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (stop(c, list[i], reason) < 0)
			c->is_out_of_memory = true;
	}
}

int instance_doom(struct controller *c, struct instance *instance, const char *reason)
{
	if (instance->is_doomed)
		return 0;
	if (instance_set_text(&instance->doom_reason, reason) < 0)
		return -ENOMEM;
	instance->is_doomed = true;
	entry_touch(instance->entry);
	if (records_put_instance(c, instance) < 0) {
		instance->is_doomed = false;
		return -ENOMEM;
	}
	controller_explain(c, "stop instance '%s': %s", instance->id, reason);
	return 0;
}

/* ---- What is wanted ---- */

static void keep(struct controller *c, struct entry *entry, struct app *spec, unsigned n)
{
	struct rolling_state state;
	unsigned alive;

	n += unhealthy_balance(c, entry, n) + leaving_balance(c, entry, n);
	entry_count(c, entry, entry->target, &state);
	alive = count_alive(&state);
	entry->launch_spec = spec;
	if (alive > n)
		stop_some(c, entry, ALL_ONES, alive - n, dismiss, "scaling down");
	/* One that is being stopped still holds its place: never more processes than wanted. */
	else if (alive + state.dying < n)
		entry->wanted = n - alive - state.dying;
	residences_fit(c, entry, n);
}

static void roll(struct controller *c, struct entry *entry)
{
	struct rolling_state state;
	struct rolling_plan plan;

	unhealthy_kill_new(c, entry);
	entry_count(c, entry, entry->target, &state);
	rolling_plan(entry->target, &state, &plan);
	entry->launch_spec = entry->target;
	entry->wanted = plan.start;
	if (plan.stop_old > 0)
		stop_some(c, entry, OLD_ONES, plan.stop_old, instance_doom,
			  "replaced by a new version");
	if (plan.stop_new > 0)
		stop_some(c, entry, NEW_ONES, plan.stop_new, dismiss, "scaling down");
	residences_fit(c, entry, entry->target->instances);
}

/* Canaries beside the old ones, all of which stay: not even maximumOverCapacity holds for them. */
static void keep_canaries(struct controller *c, struct entry *entry)
{
	struct app *original = entry_version(entry, deployment_original(entry));
	unsigned n_old = original ? original->instances : 0, n_new = entry->target->canary_count;
	struct rolling_state state;
	unsigned old, new;

	(void)unhealthy_balance(c, entry, 0);
	entry_count(c, entry, entry->target, &state);
	old = rolling_count_old(&state) + state.dying;
	new = state.new_healthy + state.new_other;
	entry->launch_spec = old < n_old ? original : entry->target;
	/* What serves already comes first. */
	if (old < n_old)
		entry->wanted = n_old - old;
	else if (new < n_new)
		entry->wanted = n_new - new;
	if (new > n_new)
		stop_some(c, entry, NEW_ONES, new - n_new, dismiss,
			  "more than there are to be canaries");
}

/* Nothing is stopped, and only what the minimum lacks is started, of what was there before. */
static void freeze(struct controller *c, struct entry *entry)
{
	struct app *original = entry_version(entry, deployment_original(entry));
	struct rolling_state state;
	unsigned n, least;

	entry->launch_spec = original;
	if (!original)
		return;
	least = rolling_min_healthy(original);
	if (rolling_min_healthy(entry->target) < least)
		least = rolling_min_healthy(entry->target);
	entry_count(c, entry, entry->target, &state);
	n = count_alive(&state) + state.dying;
	entry->wanted = n < least ? least - n : 0;
}

/* Its turn has not come: it is kept as it was, also when instances of it end. */
static void keep_original(struct controller *c, struct entry *entry)
{
	struct app *original = entry_version(entry, deployment_original(entry));

	if (original)
		keep(c, entry, original, original->instances);
}

void app_balance(struct controller *c, struct entry *entry)
{
	if (entry->is_deleting) {
		stop_some(c, entry, ALL_ONES, entry->n_instances, instance_doom,
			  "the app is deleted");
		residences_give_up(c, entry, "the app is deleted");
		return;
	}
	switch (deployment_phase_of(entry)) {
	case PHASE_BEFORE:
		keep_original(c, entry);
		break;
	case PHASE_CANARY:
		keep_canaries(c, entry);
		break;
	case PHASE_PAUSED:
		freeze(c, entry);
		break;
	case PHASE_RESTART:
		roll(c, entry);
		break;
	case PHASE_SCALE:
	case PHASE_NONE:
		keep(c, entry, entry->target, entry->target->instances);
		break;
	}
}

/* Nothing of the last time is relied on. */
static void balance(struct controller *c, struct entry *entry)
{
	entry->wanted = 0;
	entry->launch_spec = NULL;
	entry->kind->balance(c, entry);
	if (entry->deployment)
		entry->deployment->is_due = true;
}

void entries_balance(struct controller *c)
{
	entries_look(c, balance);
}

/* ---- Kills ---- */

/* Repeated without end: only the end of the task ends it. */
static void kill_if_due(struct controller *c, struct instance *instance)
{
	if (!instance->is_doomed)
		return;
	if (instance->kill_sent_ms != 0 &&
	    c->now_ms < instance->kill_sent_ms + c->options.kill_retry_ms) {
		controller_wake_at(c, instance->kill_sent_ms + c->options.kill_retry_ms);
		return;
	}
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		const struct instance_task *task = &instance->tasks[i];

		if (!instance_state_is_terminal(task->state))
			calls_kill(c, task->id, instance->agent_id,
				   instance_task_spec(task)->kill_grace_ms);
	}
	/* 0 means never. */
	instance->kill_sent_ms = c->now_ms ? c->now_ms : 1;
	controller_wake_at(c, instance->kill_sent_ms + c->options.kill_retry_ms);
}

/* The last of a turn's looks: what is counted now holds until the next one. */
static void kill_due(struct controller *c, struct entry *entry)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (c->is_subscribed)
			kill_if_due(c, instance);
	}
	if (entry->target)
		entry_count(c, entry, entry->target, &entry->count);
}

void kills_turn(struct controller *c)
{
	entries_look(c, kill_due);
}
