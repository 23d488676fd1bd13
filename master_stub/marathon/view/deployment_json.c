/* Deployments as JSON: as /v2 shows them, and as they are stored. */
#include "master_stub/marathon/deployment/deployment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/instance/readiness.h"
#include "master_stub/marathon/state.h"

/* Of an app, of a pod. */
static const char *const action_names[N_ACTION_KINDS][2] = {
	[ACTION_START] = { "StartApplication", "StartPod" },
	[ACTION_STOP] = { "StopApplication", "StopPod" },
	[ACTION_SCALE] = { "ScaleApplication", "ScalePod" },
	[ACTION_RESTART] = { "RestartApplication", "RestartPod" },
};
static const char *const id_keys[2] = { "app", "pod" };

/* ---- Views ---- */

static json_t *action_view(const struct action *action)
{
	return json_pack("{s:s, s:s}", "action", action_names[action->kind][action->is_pod],
			 id_keys[action->is_pod], action->app_id);
}

json_t *deployment_steps_view(const struct deployment *d)
{
	json_t *steps = json_array();
	unsigned i = 0;

	for (unsigned step = 0; step < d->n_steps; step++) {
		json_t *actions = json_array();

		/* They stand in the order of their steps. */
		for (; i < d->n_actions && d->actions[i].step == step; i++)
			(void)json_array_append_new(actions, action_view(&d->actions[i]));
		(void)json_array_append_new(steps, json_pack("{s:o}", "actions", actions));
	}
	return steps;
}

json_t *deployment_rollback_view(const struct deployment *d)
{
	if (!d->rollback_of)
		return NULL;
	return json_pack("{s:s, s:s}", "id", d->rollback_of, "reason", d->rollback_reason);
}

static json_t *readiness_of(const struct controller *c, const struct action *action)
{
	const struct entry *entry = entry_find_live(c, action->app_id);

	return entry ? readiness_view(entry) : json_array();
}

/* Apps whose restarts begin with canaries, but not what became of them; NULL: none. */
static json_t *canaries_view(const struct deployment *d)
{
	json_t *list = NULL;

	for (unsigned i = 0; i < d->n_actions; i++) {
		if (!d->actions[i].is_canary)
			continue;
		list = list ? list : json_array();
		(void)json_array_append_new(list, json_string(d->actions[i].app_id));
	}
	return list;
}

/* NULL: nobody has decided another one than their apps ask for. */
static json_t *weight_view(const struct deployment *d)
{
	return d->canary_weight >= 0 ? json_integer(d->canary_weight) : NULL;
}

static json_t *true_or_null(bool value)
{
	return value ? json_true() : NULL;
}

json_t *deployment_view(const struct controller *c, const struct deployment *d)
{
	json_t *apps = json_array(), *pods = json_array(), *current = json_array();

	for (unsigned i = 0; i < d->n_originals; i++)
		(void)json_array_append_new(d->originals[i].is_pod ? pods : apps,
					    json_string(d->originals[i].app_id));
	for (unsigned i = 0; i < d->n_actions; i++) {
		json_t *action;

		if (d->actions[i].step != d->current)
			continue;
		action = action_view(&d->actions[i]);
		(void)json_object_set_new(action, "readinessCheckResults",
					  readiness_of(c, &d->actions[i]));
		(void)json_array_append_new(current, action);
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:i, s:i, s:o, s:o, s:o*, s:o*, s:o*, s:o*, s:o*}", "id",
			 d->id, "version", d->version, "affectedApps", apps, "affectedPods",
			 pods, "currentStep", (int)d->current + 1, "totalSteps", (int)d->n_steps, "steps",
			 deployment_steps_view(d), "currentActions", current, "rollbackOf",
			 deployment_rollback_view(d), "canaries",
			 d->is_promoted ? NULL : canaries_view(d), "canaryWeight",
			 d->is_promoted ? NULL : weight_view(d), "awaitsPromotion",
			 true_or_null(d->is_awaiting), "paused", true_or_null(d->is_paused));
}

json_t *deployment_to_plan(const struct deployment *d)
{
	json_t *originals = json_object();

	for (unsigned i = 0; i < d->n_originals; i++)
		(void)json_object_set_new(originals, d->originals[i].app_id,
					  json_string(d->originals[i].version));
	return json_pack("{s:o, s:o, s:o*, s:o*, s:o*, s:b, s:b}", "steps", deployment_steps_view(d),
			 "originals", originals, "rollbackOf", deployment_rollback_view(d),
			 "canaries", canaries_view(d), "canaryWeight", weight_view(d), "promoted",
			 d->is_promoted, "paused", d->is_paused);
}

/* ---- Reading what was stored ---- */

static int kind_of(const json_t *action, bool is_pod)
{
	const char *name = json_string_value(json_object_get(action, "action"));

	for (int kind = 0; name && kind < N_ACTION_KINDS; kind++) {
		if (strcmp(action_names[kind][is_pod], name) == 0)
			return kind;
	}
	return -EINVAL;
}

static int read_action(struct deployment *d, const json_t *action, unsigned step)
{
	bool is_pod = json_object_get(action, id_keys[true]) != NULL;
	const char *id = json_string_value(json_object_get(action, id_keys[is_pod]));
	int kind = kind_of(action, is_pod);

	if (kind < 0 || !id)
		return -EINVAL;
	deployment_add_action(d, (enum action_kind)kind, step, id, is_pod);
	for (unsigned i = 0; is_pod && i < d->n_originals; i++)
		d->originals[i].is_pod |= strcmp(d->originals[i].app_id, id) == 0;
	return 0;
}

static int read_steps(struct deployment *d, const json_t *steps)
{
	for (size_t step = 0; step < json_array_size(steps); step++) {
		const json_t *actions = json_object_get(json_array_get(steps, step), "actions");

		for (size_t i = 0; i < json_array_size(actions); i++) {
			if (read_action(d, json_array_get(actions, i), (unsigned)step) < 0)
				return -EINVAL;
		}
	}
	d->n_steps = (unsigned)json_array_size(steps);
	return 0;
}

static int read_rollback(struct deployment *d, const json_t *rollback)
{
	const char *id = json_string_value(json_object_get(rollback, "id"));
	const char *reason = json_string_value(json_object_get(rollback, "reason"));

	return id && reason ? deployment_set_rollback(d, id, reason) : -EINVAL;
}

static void read_rollout(struct deployment *d, const json_t *plan)
{
	const json_t *canaries = json_object_get(plan, "canaries");
	const json_t *weight = json_object_get(plan, "canaryWeight");
	size_t k;
	json_t *app;

	d->is_promoted = json_is_true(json_object_get(plan, "promoted"));
	if (json_is_integer(weight))
		d->canary_weight = json_integer_value(weight);
	d->is_paused = json_is_true(json_object_get(plan, "paused"));
	json_array_foreach(canaries, k, app) {
		for (unsigned i = 0; i < d->n_actions; i++) {
			struct action *action = &d->actions[i];

			action->is_canary |= action->kind == ACTION_RESTART && json_is_string(app) &&
					     strcmp(action->app_id, json_string_value(app)) == 0;
		}
	}
}

int deployment_from_plan(const json_t *plan, struct deployment **ret)
{
	const json_t *steps = json_object_get(plan, "steps");
	const json_t *rollback = json_object_get(plan, "rollbackOf");
	json_t *originals = json_object_get(plan, "originals"), *version;
	unsigned n_actions = 0;
	struct deployment *d;
	const char *app;
	int r;

	for (size_t i = 0; i < json_array_size(steps); i++)
		n_actions += (unsigned)json_array_size(
			json_object_get(json_array_get(steps, i), "actions"));
	d = deployment_allocate(n_actions, (unsigned)json_object_size(originals));
	if (!d)
		return -ENOMEM;
	json_object_foreach(originals, app, version) {
		struct original *original = &d->originals[d->n_originals++];

		(void)snprintf(original->app_id, sizeof(original->app_id), "%s", app);
		if (json_is_string(version))
			(void)snprintf(original->version, sizeof(original->version), "%s",
				       json_string_value(version));
	}
	r = read_steps(d, steps);
	if (r == 0)
		read_rollout(d, plan);
	if (r == 0 && rollback)
		r = read_rollback(d, rollback);
	if (r < 0) {
		deployment_free(d);
		return r;
	}
	*ret = d;
	return 0;
}
