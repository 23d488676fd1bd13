#include "master_stub/marathon/deployment/deployment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/deployment/cause.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/deployment/rollout.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

/* ---- Planning ---- */

void deployment_add_action(struct deployment *d, enum action_kind kind, unsigned step,
			   const char *app_id, bool is_pod)
{
	struct action *action = &d->actions[d->n_actions++];

	action->kind = kind;
	action->is_pod = is_pod;
	action->step = step;
	(void)snprintf(action->app_id, sizeof(action->app_id), "%s", app_id);
}

/* One step with an action for every part that WORK is to be done with; empty steps are none. */
static void plan_step(struct deployment *d, const struct deployment_part *parts, unsigned n,
		      enum deployment_work work, enum action_kind kind)
{
	unsigned before = d->n_actions;

	for (unsigned i = 0; i < n; i++) {
		if (parts[i].work == work)
			deployment_add_action(d, kind, d->n_steps, parts[i].app_id, parts[i].is_pod);
	}
	if (d->n_actions > before)
		d->n_steps++;
}

static void plan_layer(struct deployment *d, const struct deployment_part *parts, unsigned n,
		       unsigned layer)
{
	static const enum action_kind kinds[] = {
		[WORK_START] = ACTION_SCALE,
		[WORK_SCALE] = ACTION_SCALE,
		[WORK_RESTART] = ACTION_RESTART,
	};
	unsigned before = d->n_actions;

	for (unsigned i = 0; i < n; i++) {
		if (parts[i].layer == layer && parts[i].work >= WORK_START)
			deployment_add_action(d, kinds[parts[i].work], d->n_steps, parts[i].app_id,
					      parts[i].is_pod);
	}
	if (d->n_actions > before)
		d->n_steps++;
}

struct deployment *deployment_allocate(unsigned n_actions, unsigned n_originals)
{
	struct deployment *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->canary_weight = -1;
	d->actions = calloc(n_actions + 1, sizeof(*d->actions));
	d->originals = calloc(n_originals + 1, sizeof(*d->originals));
	if (d->actions && d->originals)
		return d;
	deployment_free(d);
	return NULL;
}

int deployment_new(const struct deployment_part *parts, unsigned n, struct deployment **ret)
{
	struct deployment *d = deployment_allocate(2 * n, n);
	unsigned last_layer = 0;

	if (!d)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct original *original = &d->originals[d->n_originals];

		if (parts[i].work == WORK_NOTHING)
			continue;
		d->n_originals++;
		original->is_pod = parts[i].is_pod;
		(void)snprintf(original->app_id, sizeof(original->app_id), "%s", parts[i].app_id);
		if (parts[i].original)
			(void)snprintf(original->version, sizeof(original->version), "%s",
				       parts[i].original);
		last_layer = parts[i].layer > last_layer ? parts[i].layer : last_layer;
	}
	plan_step(d, parts, n, WORK_STOP, ACTION_STOP);
	plan_step(d, parts, n, WORK_START, ACTION_START);
	for (unsigned layer = 0; layer <= last_layer; layer++)
		plan_layer(d, parts, n, layer);
	*ret = d;
	return 0;
}

void deployment_free(struct deployment *deployment)
{
	if (!deployment)
		return;
	free(deployment->actions);
	free(deployment->originals);
	free(deployment->failure);
	free(deployment->rollback_of);
	free(deployment->rollback_reason);
	free(deployment);
}

/* ---- Life ---- */

int deployment_set_rollback(struct deployment *deployment, const char *id, const char *reason)
{
	int r = instance_set_text(&deployment->rollback_of, id);

	return r < 0 ? r : instance_set_text(&deployment->rollback_reason, reason);
}

/* Cancelled ones may have been replaced as holders already. */
static void hold_apps(struct controller *c, struct deployment *d, struct deployment *holder)
{
	for (unsigned i = 0; i < d->n_originals; i++) {
		struct entry *entry = entry_find(c, d->originals[i].app_id);

		if (!entry || !(holder || entry->deployment == d))
			continue;
		entry->deployment = holder;
		entry->original = holder ? &d->originals[i] : NULL;
		entry->action = NULL;
		entry_touch(entry);
	}
	for (unsigned i = 0; holder && i < d->n_actions; i++) {
		struct action *action = &d->actions[i];
		struct entry *entry = entry_find(c, action->app_id);

		if (entry && (action->kind == ACTION_SCALE || action->kind == ACTION_RESTART))
			entry->action = action;
	}
}

void deployment_touch(const struct controller *c, struct deployment *deployment)
{
	deployment->is_due = true;
	for (unsigned i = 0; i < deployment->n_originals; i++) {
		struct entry *entry = entry_find(c, deployment->originals[i].app_id);

		if (entry)
			entry_touch(entry);
	}
}

void deployment_attach(struct controller *c, struct deployment *deployment)
{
	TAILQ_INSERT_TAIL(&c->deployments, deployment, all);
	c->n_deployments++;
	deployment->step_ms = c->now_ms;
	deployment->is_due = true;
	hold_apps(c, deployment, deployment);
}

/* REASON NULL: it has succeeded. */
static void end(struct controller *c, struct deployment *d, const char *reason)
{
	if (reason && d->current < d->n_steps)
		event_deployment(c, "deployment_step_failure", d, NULL);
	event_deployment(c, reason ? "deployment_failed" : "deployment_success", d, reason);
	deployment_note_end(c, d, reason);
	hold_apps(c, d, NULL);
	TAILQ_REMOVE(&c->deployments, d, all);
	c->n_deployments--;
	records_delete_deployment(c, d);
	deployment_free(d);
}

void deployment_cancel(struct controller *c, struct deployment *deployment, const char *reason)
{
	end(c, deployment, reason);
}

struct deployment *deployment_find(const struct controller *c, const char *id)
{
	struct deployment *d;

	TAILQ_FOREACH(d, &c->deployments, all) {
		if (strcmp(d->id, id) == 0)
			return d;
	}
	return NULL;
}

bool deployment_affects(const struct deployment *deployment, const char *app_id)
{
	for (unsigned i = 0; i < deployment->n_originals; i++) {
		if (strcmp(deployment->originals[i].app_id, app_id) == 0)
			return true;
	}
	return false;
}

enum deployment_phase deployment_phase_of(const struct entry *entry)
{
	const struct deployment *d = entry->deployment;
	const struct action *action = entry->action;

	if (!action || action->step < d->current)
		return PHASE_NONE;
	if (action->step > d->current)
		return PHASE_BEFORE;
	if (d->is_paused)
		return PHASE_PAUSED;
	if (action->is_canary && !d->is_promoted)
		return PHASE_CANARY;
	return action->kind == ACTION_SCALE ? PHASE_SCALE : PHASE_RESTART;
}

bool deployment_has_canary(const struct entry *entry)
{
	return entry->action && entry->action->is_canary && !entry->deployment->is_promoted;
}

const char *deployment_original_of(const struct deployment *deployment, const char *app_id)
{
	for (unsigned i = 0; i < deployment->n_originals; i++) {
		if (strcmp(deployment->originals[i].app_id, app_id) == 0)
			return deployment->originals[i].version;
	}
	return "";
}

const char *deployment_original(const struct entry *entry)
{
	return entry->original ? entry->original->version : "";
}

/* ---- Going on ---- */

static void finish_stop(struct controller *c, struct entry *entry)
{
	const struct version *version;

	event_app_terminated(c, entry->id);
	TAILQ_FOREACH(version, &entry->versions, of_app) {
		if (!history_has(c, version->app))
			records_delete_version(c, version->app);
	}
	records_delete_app(c, entry);
	entry_free(c, entry);
}

static bool has_canary(const struct deployment *d, const struct action *action)
{
	return action->is_canary && !d->is_promoted;
}

/* Judged by what is there, not by what was done: that is what makes a plan resumable. */
static bool is_action_done(struct controller *c, const struct deployment *d,
			   const struct action *action)
{
	const struct entry *entry = entry_find(c, action->app_id);

	if (!entry)
		return true;
	switch (action->kind) {
	case ACTION_STOP:
		return entry->n_instances == 0;
	case ACTION_SCALE:
		return entry_is_scaled(c, entry);
	case ACTION_RESTART:
		return !has_canary(d, action) && entry_is_restarted(c, entry);
	case ACTION_START:
	case N_ACTION_KINDS:
		break;
	}
	return true;
}

static bool is_step_done(struct controller *c, const struct deployment *d)
{
	for (unsigned i = 0; i < d->n_actions; i++) {
		if (d->actions[i].step == d->current && !is_action_done(c, d, &d->actions[i]))
			return false;
	}
	return true;
}

static void touch_step(const struct controller *c, const struct deployment *d)
{
	for (unsigned i = 0; i < d->n_actions; i++) {
		struct entry *entry = d->actions[i].step == d->current ?
					      entry_find(c, d->actions[i].app_id) : NULL;

		if (entry)
			entry_touch(entry);
	}
}

/* An app that was stopped is forgotten now, so that its id may be used by a later step. */
static void leave_step(struct controller *c, struct deployment *d)
{
	for (unsigned i = 0; i < d->n_actions; i++) {
		struct entry *entry = entry_find(c, d->actions[i].app_id);

		if (d->actions[i].step == d->current && d->actions[i].kind == ACTION_STOP &&
		    entry && entry->is_deleting)
			finish_stop(c, entry);
	}
	event_deployment(c, "deployment_step_success", d, NULL);
	/* For all others nothing is different: a plan may have as many steps as apps. */
	touch_step(c, d);
	d->current++;
	d->step_ms = c->now_ms;
	d->is_announced = false;
	touch_step(c, d);
}

/* When ENTRY's part of the current step is to be done at the latest; INT64_MAX: never. */
static int64_t deadline_of(const struct deployment *d, const struct entry *entry)
{
	int64_t deadline_ms = entry->target->deadline_ms;

	return deadline_ms > 0 ? d->step_ms + deadline_ms : INT64_MAX;
}

/* One sentence, owned by the caller; NULL: it may go on, or memory is out. */
static char *why_failed(struct controller *c, const struct deployment *d,
			const struct entry *entry)
{
	AUTO_FREE char *cause = NULL;
	char *why = NULL;

	if (backoff_has_given_up(&entry->backoff, entry->target))
		return cause_of_giving_up(entry);
	if (c->now_ms < deadline_of(d, entry)) {
		controller_wake_at(c, deadline_of(d, entry));
		return NULL;
	}
	cause = cause_of_delay(c, entry);
	if (!cause || asprintf(&why, "app '%s' was not up within %lld s: %s", entry->id,
			       (long long)entry->target->deadline_ms / 1000, cause) < 0)
		c->is_out_of_memory = true;
	return why;
}

/* What was undone is not undone again: two bad versions would take turns for ever. */
static void fail(struct controller *c, struct deployment *d, bool rolls_back, const char *reason)
{
	controller_explain(c, "deployment %s failed: %s", d->id, reason);
	if (rolls_back && !d->rollback_of)
		changes_roll_back(c, d, reason);
	else
		end(c, d, reason);
}

/* True: it has failed and is gone. */
static bool fail_if_due(struct controller *c, struct deployment *d)
{
	for (unsigned i = 0; i < d->n_actions; i++) {
		const struct action *action = &d->actions[i];
		const struct entry *entry = entry_find_live(c, action->app_id);
		AUTO_FREE char *why = NULL;

		if (action->step != d->current || !entry || is_action_done(c, d, action) ||
		    (has_canary(d, action) && rollout_is_awaiting(c, entry)))
			continue;
		why = why_failed(c, d, entry);
		if (!why)
			continue;
		fail(c, d, entry->target->rolls_back, why);
		return true;
	}
	return false;
}

/* True: it went a step further, or is finished and gone. */
static bool deployment_turn(struct controller *c, struct deployment *d)
{
	if (d->current < d->n_steps) {
		if (!d->is_announced)
			event_deployment(c, "deployment_info", d, NULL);
		d->is_announced = true;
		rollout_note(c, d);
		if (d->is_paused)
			return false;
		if (!is_step_done(c, d))
			return fail_if_due(c, d);
		leave_step(c, d);
		if (d->current < d->n_steps) {
			if (records_put_deployment(c, d) < 0)
				c->is_out_of_memory = true;
			return true;
		}
	}
	controller_explain(c, "deployment %s succeeded", d->id);
	end(c, d, NULL);
	return true;
}

/* Apps whose deletion was cut short by a cancelled deployment go when nothing runs any more. */
static bool sweep_deleted(struct controller *c)
{
	struct entry *entry, *next;
	bool changed = false;

	HASH_ITER(by_id, c->entries, entry, next) {
		if (!entry->is_deleting || entry->deployment || entry->n_instances > 0)
			continue;
		finish_stop(c, entry);
		changed = true;
	}
	return changed;
}

/* One that went on is due once more, should it still be there. */
static bool look_at(struct controller *c, struct deployment *d)
{
	int64_t look_ms = INT64_MAX;
	bool changed;

	d->is_due = true;
	c->wake_ms = &look_ms;
	changed = deployment_turn(c, d);
	c->wake_ms = NULL;
	if (changed)
		return true;
	d->is_due = false;
	d->look_ms = look_ms;
	return false;
}

bool deployments_turn(struct controller *c)
{
	struct deployment *d = TAILQ_FIRST(&c->deployments), *next;
	bool changed = sweep_deleted(c);

	for (; d; d = next) {
		next = TAILQ_NEXT(d, all);
		if (d->is_due || c->now_ms >= d->look_ms)
			changed |= look_at(c, d);
	}
	return changed;
}
