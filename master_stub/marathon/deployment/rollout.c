#include "master_stub/marathon/deployment/rollout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/rolling.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

/* ---- Canaries ---- */

static bool is_run_already(const struct entry *entry)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (instance_is_current(instance, entry->target))
			return true;
	}
	return false;
}

/* They are for what nothing runs yet, beside something that is there: not for the way back. */
static bool wants_canary(const struct deployment *d, const struct entry *entry)
{
	const struct app *original = entry_version(entry, deployment_original_of(d, entry->id));

	return entry->target->canary_count > 0 && original && original->instances > 0 &&
	       app_needs_restart(original, entry->target) && !is_run_already(entry);
}

void rollout_choose_canaries(const struct controller *c, struct deployment *d)
{
	for (unsigned i = 0; i < d->n_actions; i++) {
		struct action *action = &d->actions[i];
		const struct entry *entry = entry_find_live(c, action->app_id);

		action->is_canary =
			action->kind == ACTION_RESTART && entry && wants_canary(d, entry);
	}
}

bool rollout_is_awaiting(struct controller *c, const struct entry *entry)
{
	struct rolling_state state;

	entry_count(c, entry, entry->target, &state);
	return state.new_healthy >= entry->target->canary_count;
}

static bool is_awaiting(struct controller *c, const struct deployment *d)
{
	bool has_canaries = false;

	for (unsigned i = 0; i < d->n_actions; i++) {
		const struct entry *entry;

		if (d->actions[i].step != d->current || !d->actions[i].is_canary)
			continue;
		entry = entry_find_live(c, d->actions[i].app_id);
		if (!entry || deployment_phase_of(entry) != PHASE_CANARY)
			continue;
		if (!rollout_is_awaiting(c, entry))
			return false;
		has_canaries = true;
	}
	return has_canaries;
}

/* The deadline is for what the cluster does, not for those who watch the canaries. */
void rollout_note(struct controller *c, struct deployment *d)
{
	bool now = is_awaiting(c, d);

	if (now == d->is_awaiting)
		return;
	d->is_awaiting = now;
	d->step_ms = c->now_ms;
	if (!now)
		return;
	controller_explain(c, "deployment %s: the canaries are up, it waits to be promoted", d->id);
	event_rollout(c, "deployment_awaits_promotion_event", d);
}

/* ---- Verbs ---- */

static int promote(struct controller *c, struct deployment *d, struct change_result *ret,
		   struct refusal *refusal)
{
	(void)c, (void)ret;
	if (!d->is_awaiting)
		return refuse(refusal, 409, "Deployment %s has no canaries that are up and wait "
					    "to be promoted", d->id);
	d->is_promoted = true;
	d->is_awaiting = false;
	return 0;
}

static int pause_it(struct controller *c, struct deployment *d, struct change_result *ret,
		    struct refusal *refusal)
{
	(void)c, (void)ret;
	if (d->is_paused)
		return refuse(refusal, 409, "Deployment %s is paused already", d->id);
	d->is_paused = true;
	return 0;
}

static int resume(struct controller *c, struct deployment *d, struct change_result *ret,
		  struct refusal *refusal)
{
	(void)c, (void)ret;
	if (!d->is_paused)
		return refuse(refusal, 409, "Deployment %s is not paused", d->id);
	d->is_paused = false;
	return 0;
}

static int abort_it(struct controller *c, struct deployment *d, struct change_result *ret,
		    struct refusal *refusal)
{
	return changes_abort(c, d, "aborted by request", ret, refusal);
}

/* D, or 404; RET is its. */
static struct deployment *find(struct controller *c, const char *id, struct change_result *ret,
			       struct refusal *refusal)
{
	struct deployment *d = deployment_find(c, id);

	if (!d) {
		(void)refuse(refusal, 404, "DeploymentPlan %s does not exist", id);
		return NULL;
	}
	(void)snprintf(ret->deployment_id, sizeof(ret->deployment_id), "%s", d->id);
	(void)snprintf(ret->version, sizeof(ret->version), "%s", d->version);
	return d;
}

/* What was decided of D is looked at, kept and told as EVENT. */
static int take_effect(struct controller *c, struct deployment *d, const char *event,
		       struct refusal *refusal)
{
	d->step_ms = c->now_ms;
	deployment_touch(c, d);
	if (records_put_deployment(c, d) < 0)
		return refuse_memory(refusal);
	event_rollout(c, event, d);
	return 0;
}

int rollout_do(struct controller *c, const char *deployment_id, enum rollout_verb verb,
	       int64_t now_ms, struct change_result *ret, struct refusal *refusal)
{
	static const struct {
		int (*fn)(struct controller *c, struct deployment *d, struct change_result *ret,
			  struct refusal *refusal);
		const char *event;
	} verbs[] = {
		[ROLLOUT_PROMOTE] = { promote, "deployment_promoted_event" },
		[ROLLOUT_PAUSE] = { pause_it, "deployment_paused_event" },
		[ROLLOUT_RESUME] = { resume, "deployment_resumed_event" },
		[ROLLOUT_ABORT] = { abort_it, NULL },
	};
	struct deployment *d = find(c, deployment_id, ret, refusal);

	c->now_ms = now_ms;
	if (!d)
		return -ENOENT;
	if (verbs[verb].fn(c, d, ret, refusal) < 0)
		return -EBUSY;
	/* Aborted and gone. */
	if (!verbs[verb].event)
		return 0;
	return take_effect(c, d, verbs[verb].event, refusal);
}

static bool has_canaries(const struct deployment *d)
{
	for (unsigned i = 0; i < d->n_actions; i++) {
		if (d->actions[i].is_canary && d->actions[i].step >= d->current)
			return !d->is_promoted;
	}
	return false;
}

int rollout_weigh(struct controller *c, const char *deployment_id, unsigned percent, int64_t now_ms,
		  struct change_result *ret, struct refusal *refusal)
{
	struct deployment *d = find(c, deployment_id, ret, refusal);

	c->now_ms = now_ms;
	if (!d)
		return -ENOENT;
	if (!has_canaries(d))
		return refuse(refusal, 409, "Deployment %s has no canaries that wait to be promoted",
			      d->id);
	d->canary_weight = percent;
	return take_effect(c, d, "deployment_canary_weight_event", refusal);
}

/* ---- Traffic ---- */

static unsigned gcd(unsigned a, unsigned b)
{
	return b == 0 ? a : gcd(b, a % b);
}

/* As VALUE to MAX, so to APP_WEIGHT_MAX, but never nothing of something. */
static unsigned scale(unsigned value, unsigned max)
{
	unsigned scaled = (unsigned)(((uint64_t)value * APP_WEIGHT_MAX + max / 2) / max);

	return scaled == 0 && value > 0 ? 1 : scaled;
}

/* No more than an instance can have. */
static void bound(struct rollout_weights *weights)
{
	unsigned divisor = gcd(weights->of_new, weights->of_old), max;

	if (weights->of_new <= APP_WEIGHT_MAX && weights->of_old <= APP_WEIGHT_MAX)
		return;
	weights->of_new /= divisor;
	weights->of_old /= divisor;
	max = weights->of_new > weights->of_old ? weights->of_new : weights->of_old;
	if (max <= APP_WEIGHT_MAX)
		return;
	weights->of_new = scale(weights->of_new, max);
	weights->of_old = scale(weights->of_old, max);
}

/*
 * The canaries' percentage is theirs together, however many there are: weights of w x old for each
 * of them and of (100 - w) x new for each of the others sum up to w : 100 - w.  They have it from their
 * launch on, so that none is changed in the moment in which they are up.
 */
bool rollout_weights(const struct entry *entry, struct rollout_weights *ret)
{
	const struct app *target = entry->target;
	const struct instance *instance;
	unsigned n_old = 0, n_new = 0, percent;

	if (!target || !deployment_has_canary(entry))
		return false;
	if (entry->deployment->canary_weight < 0 && target->canary_weight < 0)
		return false;
	percent = (unsigned)(entry->deployment->canary_weight >= 0 ? entry->deployment->canary_weight
								   : target->canary_weight);
	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (instance_is_current(instance, target))
			n_new += instance_is_alive(instance);
		else
			n_old += instance_is_good(instance);
	}
	if (n_old == 0 || n_new == 0)
		return false;
	*ret = (struct rollout_weights){ percent * n_old, (100 - percent) * n_new };
	bound(ret);
	return true;
}
