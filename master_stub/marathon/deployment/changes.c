#include "master_stub/marathon/deployment/changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/forecast.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/group_role.h"
#include "master_stub/marathon/deployment/history.h"
#include "master_stub/marathon/deployment/plan.h"
#include "master_stub/marathon/deployment/rollout.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

static const char cancelled[] = "The upgrade has been cancelled";

/* ---- Applying ---- */

/* What they had reached stays as it is; the new plan starts from there. */
static void cancel_others(struct controller *c, const struct plan *plan)
{
	struct deployment *d = TAILQ_FIRST(&c->deployments), *next;

	for (; d; d = next) {
		next = TAILQ_NEXT(d, all);
		if (plan_touches(plan, d))
			deployment_cancel(c, d, d->failure ? d->failure : cancelled);
	}
}

/* That are told of: those of pods are their nodes' own in Marathon. */
static bool has_checks(const struct app *app)
{
	return !app->pod && json_array_size(app->health_checks) > 0;
}

/* Does the app have checks that it will not have? */
static bool loses_checks(const struct entry *entry, const struct app *app)
{
	return entry && !entry->is_deleting && has_checks(entry->target) &&
	       !(app && json_equal(entry->target->health_checks, app->health_checks));
}

/* Into memory and the store.  -ENOMEM leaves the change half done in memory, not on the disk. */
static int take_change(struct controller *c, const struct change *change,
		       enum deployment_work work)
{
	struct entry *entry = entry_find(c, change->app_id);
	int r = 0;

	if (work == WORK_NOTHING)
		return 0;
	if (loses_checks(entry, change->app))
		event_health_check_removed(c, change->app_id);
	if (!entry)
		r = entry_new(c, &app_kind, change->app_id, &entry);
	if (r < 0)
		return r;
	if (work == WORK_STOP) {
		entry->is_deleting = true;
		return records_put_app(c, entry);
	}
	if (entry->target && app_needs_restart(entry->target, change->app))
		entry_reset_backoff(entry);
	if (work == WORK_RESTART)
		entry_reset_backoff(entry);
	r = entry_add_version(entry, change->app);
	if (r < 0) {
		if (!entry->target)
			entry_free(c, entry);
		return r;
	}
	app_unref(entry->target);
	entry->target = app_ref(change->app);
	entry->is_deleting = false;
	r = records_put_version(c, change->app);
	if (r == 0 && (change->keeps_same || change->app->is_in_place))
		r = entry_adopt(c, entry);
	return r < 0 ? r : records_put_app(c, entry);
}

static int take_group(struct controller *c, const struct group_change *change)
{
	int r;

	if (!change->settings) {
		group_records_delete(c, change->id);
		group_free(c, group_find(c, change->id));
		return 0;
	}
	r = group_set(c, change->id, change->settings);
	return r < 0 ? r : group_records_put(c, group_find(c, change->id));
}

static int take_all(struct controller *c, const struct plan *plan)
{
	struct deployment *d = plan->deployment;
	int r = history_note(c, plan->set, d->version);

	plan_stamp(c, plan, d->version);
	for (unsigned i = 0; r == 0 && i < plan->set->n_apps; i++)
		r = take_change(c, &plan->set->apps[i], plan->parts[i].work);
	for (unsigned i = 0; r == 0 && i < plan->set->n_groups; i++)
		r = take_group(c, &plan->set->groups[i]);
	rollout_choose_canaries(c, d);
	return r < 0 ? r : records_put_deployment(c, d);
}

/*
 * Apps, versions, groups and plan go to the disk in one commit.  When memory is out in between, what
 * is in memory already is taken up by the next turn like a forced deployment's left-overs.
 */
static int start_deployment(struct controller *c, struct plan *plan, struct change_result *ret,
			    struct refusal *refusal)
{
	struct deployment *d = plan->deployment;

	controller_new_version(c, ret->version);
	id_uuid(c->rng, ret->deployment_id);
	(void)snprintf(d->id, sizeof(d->id), "%s", ret->deployment_id);
	(void)snprintf(d->version, sizeof(d->version), "%s", ret->version);
	d->started_wall_ms = controller_wall_ms(c);
	if (take_all(c, plan) < 0)
		return refuse_memory(refusal);
	plan->deployment = NULL;
	deployment_attach(c, d);
	c->n_deployed++;
	controller_explain(c, "deployment %s of %u apps starts, '%s' among them", d->id,
			   d->n_originals, d->n_originals > 0 ? d->originals[0].app_id : "none");
	return 0;
}

static const char *where_of(const struct change_set *set)
{
	return set->where ? set->where : "/";
}

static void tell(struct controller *c, const struct plan *plan, const struct change_result *result)
{
	for (unsigned i = 0; i < plan->set->n_apps; i++) {
		const struct app *app = plan->set->apps[i].app;

		if (app && plan->parts[i].work != WORK_NOTHING && has_checks(app))
			event_health_checks_added(c, app);
	}
	event_group_changed(c, where_of(plan->set), result->version);
}

static void tell_refused(struct controller *c, const struct change_set *set,
			 const struct refusal *refusal)
{
	const char *reason = json_string_value(json_object_get(refusal->body, "message"));
	char version[CLOCK_TEXT_SIZE];

	controller_new_version(c, version);
	event_group_failed(c, where_of(set), version, reason ? reason : "out of memory");
}

static int make_plan(struct controller *c, struct change_set *set, struct plan *ret,
		     struct refusal *refusal)
{
	*ret = (struct plan){ 0 };
	if (group_role_found(c, set) < 0)
		return refuse_memory(refusal);
	return plan_make(c, set, ret, refusal);
}

int changes_apply(struct controller *c, struct change_set *set, int64_t now_ms,
		      struct change_result *ret, struct refusal *refusal)
{
	struct plan plan;
	int r;

	c->now_ms = now_ms;
	r = make_plan(c, set, &plan, refusal);
	if (r < 0) {
		tell_refused(c, set, refusal);
	} else {
		cancel_others(c, &plan);
		r = start_deployment(c, &plan, ret, refusal);
	}
	if (r == 0)
		tell(c, &plan, ret);
	plan_done(&plan);
	return r;
}

int changes_dry_run(struct controller *c, struct change_set *set, int64_t now_ms, json_t **ret,
		    struct refusal *refusal)
{
	struct plan plan;
	int r;

	c->now_ms = now_ms;
	r = make_plan(c, set, &plan, refusal);
	if (r == 0)
		*ret = forecast_view(c, &plan);
	if (r == 0 && !*ret)
		r = refuse_memory(refusal);
	plan_done(&plan);
	return r;
}

/* ---- Cancelling ---- */

/* As a new version: history only grows. */
static int restore(struct controller *c, const struct original *original, struct change_set *set,
		   struct refusal *refusal)
{
	const struct entry *entry = entry_find(c, original->app_id);
	const struct app *old = entry ? entry_version(entry, original->version) : NULL;
	struct change *change = change_set_app(set, original->app_id);

	if (!change)
		return refuse_memory(refusal);
	if (!original->version[0])
		return 0;
	if (!old)
		old = history_find(c, original->app_id, original->version);
	if (!old)
		return refuse(refusal, 404, "App '%s' does not exist in version %s",
			      original->app_id, original->version);
	change->app = app_with_instances(old, old->instances);
	change->keeps_same = true;
	return change->app ? 0 : refuse_memory(refusal);
}

/* Every app that D changed as it was; what D created is deleted, or with !DELETES left alone. */
static int restore_all(struct controller *c, const struct deployment *d, bool deletes,
		       struct change_set *set, struct refusal *refusal)
{
	int r = 0;

	set->force = true;
	for (unsigned i = 0; i < d->n_originals && r == 0; i++) {
		bool was_new = !d->originals[i].version[0];

		/* What was new and is gone again needs nothing. */
		if (was_new && (!deletes || !entry_find_live(c, d->originals[i].app_id)))
			continue;
		r = restore(c, &d->originals[i], set, refusal);
	}
	return r;
}

/* What its change said of groups; of a change that is forgotten nothing is known. */
static int restore_groups(const struct controller *c, const struct deployment *d,
			  struct change_set *set, struct refusal *refusal)
{
	const struct past *past = history_at(c, d->version);

	for (unsigned i = 0; past && i < past->n_groups; i++) {
		if (!change_set_group(set, past->groups[i].id, past->groups[i].before))
			return refuse_memory(refusal);
	}
	return 0;
}

int changes_undo(struct controller *c, const char *deployment_id, struct change_set *set,
		 struct refusal *refusal)
{
	const struct deployment *d = deployment_find(c, deployment_id);
	int r;

	if (!d)
		return refuse(refusal, 404, "DeploymentPlan %s does not exist", deployment_id);
	r = restore_all(c, d, true, set, refusal);
	return r < 0 ? r : restore_groups(c, d, set, refusal);
}

int changes_cancel(struct controller *c, const char *deployment_id, bool force, int64_t now_ms,
		   struct change_result *ret, struct refusal *refusal)
{
	struct deployment *d = deployment_find(c, deployment_id);
	struct change_set set = { 0 };
	int r = 0;

	c->now_ms = now_ms;
	if (!d)
		return refuse(refusal, 404, "DeploymentPlan %s does not exist", deployment_id);
	if (!force) {
		r = changes_undo(c, deployment_id, &set, refusal);
		if (r == 0)
			r = changes_apply(c, &set, now_ms, ret, refusal);
		change_set_done(&set);
	}
	/* What is the same before and after, like a restart, has not been cancelled by that. */
	d = deployment_find(c, deployment_id);
	if (r == 0 && d)
		deployment_cancel(c, d, cancelled);
	return r;
}

/* The new one knows what it goes back behind, so that it does not fail in the same way. */
static int start_rollback(struct controller *c, struct deployment *d, struct change_result *ret,
			  struct refusal *refusal)
{
	struct change_set set = { 0 };
	char id[ID_UUID_SIZE];
	struct deployment *rollback;
	AUTO_FREE char *reason = strdup(d->failure);
	int r = reason ? restore_all(c, d, false, &set, refusal) : refuse_memory(refusal);

	memcpy(id, d->id, sizeof(id));
	if (r == 0 && set.n_apps == 0)
		r = refuse(refusal, 409, "Deployment %s changed no app that was there before", id);
	if (r == 0)
		r = changes_apply(c, &set, c->now_ms, ret, refusal);
	change_set_done(&set);
	if (r < 0)
		return r;
	rollback = deployment_find(c, ret->deployment_id);
	if (deployment_set_rollback(rollback, id, reason) < 0 ||
	    records_put_deployment(c, rollback) < 0)
		c->is_out_of_memory = true;
	return 0;
}

int changes_abort(struct controller *c, struct deployment *d, const char *reason,
		  struct change_result *ret, struct refusal *refusal)
{
	int r = instance_set_text(&d->failure, reason);

	if (r < 0)
		return refuse_memory(refusal);
	r = start_rollback(c, d, ret, refusal);
	if (r < 0)
		(void)instance_set_text(&d->failure, NULL);
	return r;
}

void changes_roll_back(struct controller *c, struct deployment *d, const char *reason)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	char id[ID_UUID_SIZE];

	memcpy(id, d->id, sizeof(id));
	if (instance_set_text(&d->failure, reason) < 0) {
		deployment_cancel(c, d, reason);
		return;
	}
	if (start_rollback(c, d, &result, &refusal) == 0)
		controller_explain(c, "deployment %s is rolled back by deployment %s", id,
				   result.deployment_id);
	else
		controller_explain(c, "deployment %s is not rolled back: %s", id,
				   json_string_value(json_object_get(refusal.body, "message")));
	refusal_done(&refusal);
	/* Where it was refused, nobody has ended the failed one yet. */
	d = deployment_find(c, id);
	if (d)
		deployment_cancel(c, d, reason);
}

/* ---- Killing ---- */

static unsigned count_of(struct instance **instances, unsigned n, const struct entry *entry)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += instances[i]->entry == entry && !instances[i]->is_doomed;
	return count;
}

int changes_scale_down(const struct controller *c, struct instance **instances, unsigned n,
		       struct change_set *set, struct refusal *refusal)
{
	const struct entry *entry = NULL;

	while ((entry = group_next_app(c, "/", entry))) {
		unsigned killed = count_of(instances, n, entry), had = entry->target->instances;
		struct change *change;

		if (killed == 0)
			continue;
		change = change_set_app(set, entry->id);
		if (change)
			change->app = app_with_instances(entry->target,
							 had > killed ? had - killed : 0);
		if (!change || !change->app)
			return refuse_memory(refusal);
	}
	return 0;
}

int changes_kill(struct controller *c, struct instance **instances, unsigned n, bool wipe,
		 int64_t now_ms, struct refusal *refusal)
{
	int r = 0;

	c->now_ms = now_ms;
	for (unsigned i = 0; i < n && r == 0; i++) {
		struct residence *residence = instances[i]->residence;

		if (wipe && residence &&
		    residence_give_up(c, residence, "wiped by request") < 0)
			r = refuse_memory(refusal);
		else if (instance_doom(c, instances[i], "killed by request") < 0)
			r = refuse_memory(refusal);
	}
	return r;
}

int changes_wipe_vacant(struct controller *c, const struct entry *entry, const char *host,
			int64_t now_ms, struct refusal *refusal)
{
	struct residence *residence = TAILQ_FIRST(&entry->residences), *next;

	c->now_ms = now_ms;
	for (; residence; residence = next) {
		next = TAILQ_NEXT(residence, of_app);
		if (residence->instance || (host && strcmp(host, residence->host) != 0))
			continue;
		if (residence_give_up(c, residence, "wiped by request") < 0)
			return refuse_memory(refusal);
	}
	return 0;
}

int changes_replace(struct controller *c, struct instance **instances, unsigned n, int64_t now_ms,
		    struct refusal *refusal)
{
	c->now_ms = now_ms;
	for (unsigned i = 0; i < n; i++) {
		if (instances[i]->is_leaving)
			continue;
		instances[i]->is_leaving = true;
		entry_touch(instances[i]->entry);
		if (records_put_instance(c, instances[i]) < 0)
			return refuse_memory(refusal);
	}
	return 0;
}

int changes_reset_delay(struct controller *c, const char *app_id, int64_t now_ms,
			struct refusal *refusal)
{
	struct entry *entry = entry_find_live(c, app_id);

	c->now_ms = now_ms;
	if (!entry || entry->wanted == 0)
		return refuse(refusal, 404, "Application %s not found in tasks queue.", app_id);
	entry_reset_backoff(entry);
	entry->is_dirty = true;
	return 0;
}
