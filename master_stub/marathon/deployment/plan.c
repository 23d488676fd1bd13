#include "master_stub/marathon/deployment/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/rng.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/change_set.h"
#include "master_stub/marathon/deployment/dependencies.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/id_index.h"
#include "master_stub/marathon/deployment/service_claims.h"
#include "master_stub/marathon/state.h"

/* ---- The whole as it will be ---- */

struct future {
	struct dependency *apps;	/* those of the set first, in its order, without deleted ones */
	struct group_dependency *groups;
	unsigned n_apps, n_groups;
	struct id_index app_ids, group_ids;	/* items: of the former, the apps */
};

static void add_app(struct future *f, const char *id, const struct app *app)
{
	f->apps[f->n_apps] = (struct dependency){ .id = id, .app = app };
	id_index_add(&f->app_ids, id, &f->apps[f->n_apps++]);
}

static void add_group(struct future *f, const char *id, const json_t *settings)
{
	f->groups[f->n_groups++] = (struct group_dependency){
		.group = id, .on = group_settings_dependencies(settings),
	};
	id_index_add(&f->group_ids, id, NULL);
}

static bool is_group_changed(const struct change_set *set, const char *id)
{
	for (unsigned i = 0; i < set->n_groups; i++) {
		if (strcmp(set->groups[i].id, id) == 0)
			return true;
	}
	return false;
}

static void fill_future(const struct controller *c, const struct change_set *set,
			struct future *f)
{
	const struct group *group, *next;
	const struct entry *entry = NULL;

	for (unsigned i = 0; i < set->n_apps; i++) {
		if (set->apps[i].app)
			add_app(f, set->apps[i].app_id, set->apps[i].app);
	}
	while ((entry = group_next_app(c, "/", entry))) {
		if (!change_set_find(set, entry->id))
			add_app(f, entry->id, entry->target);
	}
	for (unsigned i = 0; i < set->n_groups; i++) {
		if (set->groups[i].settings)
			add_group(f, set->groups[i].id, set->groups[i].settings);
	}
	HASH_ITER(by_id, c->groups, group, next) {
		if (!is_group_changed(set, group->id))
			add_group(f, group->id, group->settings);
	}
}

static int look_ahead(const struct controller *c, const struct change_set *set,
		      struct future *ret)
{
	size_t most_apps = set->n_apps + HASH_CNT(by_id, c->entries);
	size_t most_groups = set->n_groups + HASH_CNT(by_id, c->groups);

	*ret = (struct future){ 0 };
	ret->apps = calloc(most_apps + 1, sizeof(*ret->apps));
	ret->groups = calloc(most_groups + 1, sizeof(*ret->groups));
	if (!ret->apps || !ret->groups || id_index_init(&ret->app_ids, most_apps) < 0 ||
	    id_index_init(&ret->group_ids, most_groups) < 0)
		return -ENOMEM;
	fill_future(c, set, ret);
	id_index_sort(&ret->app_ids);
	id_index_sort(&ret->group_ids);
	return 0;
}

static void future_done(struct future *f)
{
	free(f->apps);
	free(f->groups);
	id_index_done(&f->app_ids);
	id_index_done(&f->group_ids);
}

/* ---- Whether it may be ---- */

/* Is there a group with the id of the new app, or an app with that of a group around it? */
static bool is_clash(const struct future *f, const char *app_id)
{
	size_t first;

	return id_index_within(&f->app_ids, app_id, &first) > 1 ||
	       id_index_find_above(&f->app_ids, app_id) ||
	       id_index_within(&f->group_ids, app_id, &first) > 0;
}

static bool is_pod(const struct id_index_entry *entry)
{
	const struct dependency *future = entry->item;

	return future->app->pod != NULL;
}

/* Only what is new is looked at: older ones were let in before there were groups. */
static void check_ids(const struct controller *c, const struct change_set *set,
		      const struct future *f, struct problems *problems)
{
	bool is_bad[2] = { false };	/* apps, pods */

	for (unsigned i = 0; i < set->n_apps; i++) {
		const struct change *change = &set->apps[i];

		if (change->app && !entry_find_live(c, change->app_id))
			is_bad[change->app->pod != NULL] |= is_clash(f, change->app_id);
	}
	for (unsigned i = 0; i < set->n_groups; i++) {
		const char *id = set->groups[i].id;
		const struct id_index_entry *found = id_index_find(&f->app_ids, id);

		if (!found)
			found = id_index_find_above(&f->app_ids, id);
		if (found && set->groups[i].settings)
			is_bad[is_pod(found)] = true;
	}
	for (unsigned kind = 0; kind < 2; kind++) {
		if (is_bad[kind])
			problems_add(problems, "/", "Groups and %s may not have the same identifier.",
				     kind == 0 ? "Applications" : "Pods");
	}
}

/* What is reserved for instances cannot be other than it is. */
static void check_residents(const struct controller *c, const struct change_set *set,
			    struct problems *problems)
{
	for (unsigned i = 0; i < set->n_apps; i++) {
		const struct app *app = set->apps[i].app;
		const struct entry *entry = entry_find_live(c, set->apps[i].app_id);

		if (app && entry)
			app_check_resident_change(entry->target, app, problems);
	}
}

/* Fills the layers of PARTS. */
static int order_parts(const struct controller *c, const struct change_set *set,
		       struct deployment_part *parts, struct refusal *refusal)
{
	struct problems problems = { 0 };
	struct dependency_graph graph;
	struct future f;
	unsigned at = 0;
	int r = look_ahead(c, set, &f);

	graph = (struct dependency_graph){ f.apps, f.n_apps, &f.app_ids, f.groups, f.n_groups };
	if (r == 0)
		r = dependencies_layer(&graph);
	if (r == -ENOMEM) {
		future_done(&f);
		return refuse_memory(refusal);
	}
	if (r == -ELOOP)
		problems_add(&problems, "/dependencies",
			     "Dependency graph has cyclic dependencies.");
	check_ids(c, set, &f, &problems);
	check_residents(c, set, &problems);
	for (unsigned i = 0; i < set->n_apps; i++) {
		if (set->apps[i].app)
			parts[i].layer = f.apps[at++].layer;
	}
	if (service_claims_check(f.apps, at, f.n_apps, c->options.service_node_ports, &problems) < 0)
		problems.out_of_memory = true;
	r = problems_any(&problems) ?
		    refuse_problems(refusal, "Object is not valid", &problems) : 0;
	problems_done(&problems);
	future_done(&f);
	return r;
}

/* ---- Who else holds the apps ---- */

bool plan_touches(const struct plan *plan, const struct deployment *deployment)
{
	for (unsigned i = 0; i < plan->set->n_apps; i++) {
		if (plan->parts[i].work != WORK_NOTHING &&
		    deployment_affects(deployment, plan->set->apps[i].app_id))
			return true;
	}
	return false;
}

static int refuse_locked(const struct controller *c, const struct plan *plan,
			 struct refusal *refusal)
{
	const struct deployment *d;
	json_t *ids = json_array();
	int r;

	TAILQ_FOREACH(d, &c->deployments, all) {
		if (plan_touches(plan, d))
			(void)json_array_append_new(ids, json_pack("{s:s}", "id", d->id));
	}
	if (json_array_size(ids) == 0) {
		json_decref(ids);
		return 0;
	}
	r = refuse(refusal, 409,
		   "App is locked by one or more deployments. Override with the option "
		   "'?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.");
	(void)json_object_set_new(refusal->body, "deployments", ids);
	return r;
}

/* Deployments that this one would leave running. */
static unsigned count_others(const struct controller *c, const struct plan *plan)
{
	const struct deployment *d;
	unsigned count = 0;

	TAILQ_FOREACH(d, &c->deployments, all)
		count += !plan_touches(plan, d);
	return count;
}

static int check_room(const struct controller *c, const struct plan *plan,
		      struct refusal *refusal)
{
	if (!plan->set->force && refuse_locked(c, plan, refusal) < 0)
		return -EBUSY;
	if (count_others(c, plan) < c->options.max_running_deployments)
		return 0;
	return refuse(refusal, 403,
		      "Max number (%u) of running deployments is achieved. Wait for existing "
		      "deployments to complete or cancel one using force=true parameter. You can "
		      "increase max deployment number by using --max_running_deployments "
		      "parameter.", c->options.max_running_deployments);
}

/* ---- Service ports ---- */

/* Counted once for the whole plan: thousands of apps look for ports among those of thousands. */
static void mark_taken(const struct controller *c, const struct change_set *set,
		       bool taken[N_PORTS])
{
	const struct entry *entry, *next;

	for (unsigned i = 0; i < set->n_apps; i++) {
		if (set->apps[i].app)
			app_mark_service_ports(set->apps[i].app, taken);
	}
	HASH_ITER(by_id, c->entries, entry, next)
		app_mark_service_ports(entry->target, taken);
}

/* Before anything is changed: an app without its ports would have to be taken back. */
static int assign_ports(struct controller *c, const struct change_set *set,
			struct refusal *refusal)
{
	uint16_t min = c->options.local_port_min, max = c->options.local_port_max;
	bool taken[N_PORTS] = { 0 };

	mark_taken(c, set, taken);
	for (unsigned i = 0; i < set->n_apps; i++) {
		const struct change *change = &set->apps[i];
		const struct entry *entry = entry_find_live(c, change->app_id);
		int r;

		if (!change->app || max <= min)
			continue;
		r = app_assign_service_ports(change->app, entry ? entry->target : NULL, min,
					     max, taken,
					     (uint32_t)rng_below(c->rng, (uint64_t)(max - min)));
		if (r == -ENOSPC)
			return refuse(refusal, 422,
				      "no service port is left between %u and %u: raise "
				      "--local_port_max", min, max - 1);
		if (r < 0)
			return refuse_memory(refusal);
	}
	return 0;
}

/* ---- Whose number of instances is the autoscaler's ---- */

/* None at all, and some after that, are for people to say. */
static bool is_autoscaled(const struct app *app)
{
	return app->autoscale && app->instances > 0;
}

/*
 * Who sends the whole definition again, to change its command, means the number in it for the app's
 * beginning: taken at its word it would stop what the load needs.
 */
static int keep_scaled(const struct controller *c, struct change_set *set, struct refusal *refusal)
{
	for (unsigned i = 0; i < set->n_apps; i++) {
		struct app *app = set->apps[i].app, *kept;
		const struct entry *entry = entry_find_live(c, set->apps[i].app_id);

		if (!app || !app->leaves_instances || !is_autoscaled(app) || !entry ||
		    !is_autoscaled(entry->target))
			continue;
		kept = app_with_instances(app, entry->target->instances);
		if (!kept)
			return refuse_memory(refusal);
		kept->is_in_place = app->is_in_place;
		app_unref(app);
		set->apps[i].app = kept;
	}
	return 0;
}

/* ---- What comes to whom ---- */

static enum deployment_work work_of(const struct change *change, const struct entry *entry)
{
	const struct app *app = change->app;
	const struct app *old = entry && !entry->is_deleting ? entry->target : NULL;
	bool is_upgrade;

	if (!app)
		return WORK_STOP;
	/* One that is gone but still has instances is taken up again by replacing them. */
	if (!old)
		return entry && entry->n_instances > 0 ? WORK_RESTART : WORK_START;
	is_upgrade = change->is_restart || app_needs_restart(old, app);
	if (!is_upgrade && json_equal(old->json, app->json))
		return WORK_NOTHING;
	return is_upgrade && app->instances > 0 ? WORK_RESTART : WORK_SCALE;
}

int plan_refuse_taken(const struct entry *entry, struct refusal *refusal)
{
	return refuse(refusal, 409, "%s with id [%s] already exists.",
		      entry_is_pod(entry) ? "A pod" : "An app", entry->id);
}

/* What is an app stays one, and a pod a pod, for as long as it is there. */
static int check_kinds(const struct controller *c, const struct change_set *set, struct refusal *refusal)
{
	for (unsigned i = 0; i < set->n_apps; i++) {
		const struct change *change = &set->apps[i];
		const struct entry *entry = entry_find_live(c, change->app_id);

		if (entry && change->app && entry_is_pod(entry) != (change->app->pod != NULL))
			return plan_refuse_taken(entry, refusal);
	}
	return 0;
}

/* "As it is" becomes a definition of its own. */
static int fill_restarts(const struct controller *c, struct change_set *set,
			 struct refusal *refusal)
{
	for (unsigned i = 0; i < set->n_apps; i++) {
		struct change *change = &set->apps[i];
		const struct entry *entry = entry_find_live(c, change->app_id);

		if (change->app || (!change->is_restart && entry))
			continue;
		if (!entry)
			return refuse(refusal, 404, "App '%s' does not exist", change->app_id);
		change->app = app_with_instances(entry->target, entry->target->instances);
		if (!change->app)
			return refuse_memory(refusal);
	}
	return 0;
}

static void describe_parts(const struct controller *c, struct plan *plan)
{
	for (unsigned i = 0; i < plan->set->n_apps; i++) {
		const struct change *change = &plan->set->apps[i];
		const struct entry *entry = entry_find(c, change->app_id);
		bool is_old = entry && !entry->is_deleting;

		plan->parts[i].app_id = change->app_id;
		plan->parts[i].original = is_old ? entry->target->version : NULL;
		plan->parts[i].work = work_of(change, entry);
		plan->parts[i].is_pod = change->app ? change->app->pod != NULL : entry_is_pod(entry);
	}
}

int plan_make(struct controller *c, struct change_set *set, struct plan *ret,
	      struct refusal *refusal)
{
	int r;

	*ret = (struct plan){ .set = set };
	ret->parts = calloc(set->n_apps + 1, sizeof(*ret->parts));
	if (!ret->parts)
		return refuse_memory(refusal);
	r = fill_restarts(c, set, refusal);
	if (r == 0)
		r = keep_scaled(c, set, refusal);
	if (r == 0)
		r = check_kinds(c, set, refusal);
	if (r == 0)
		r = order_parts(c, set, ret->parts, refusal);
	if (r == 0)
		r = assign_ports(c, set, refusal);
	if (r < 0)
		return r;
	describe_parts(c, ret);
	r = check_room(c, ret, refusal);
	if (r == 0 && deployment_new(ret->parts, set->n_apps, &ret->deployment) < 0)
		r = refuse_memory(refusal);
	return r;
}

/* The version, and what of OLD it changed (reference/marathon.md 1.2); OLD NULL: it is new. */
static void stamp(const struct change *change, const struct app *old, const char *version)
{
	struct app *app = change->app;
	bool is_upgrade = !old || change->is_restart || app_needs_restart(old, app);
	bool is_scaled = !old || old->instances != app->instances ||
			 (is_upgrade && !change->is_restart);

	(void)snprintf(app->version, sizeof(app->version), "%s", version);
	(void)snprintf(app->last_scaling_at, sizeof(app->last_scaling_at), "%s",
		       is_scaled ? version : old->last_scaling_at);
	(void)snprintf(app->last_config_change_at, sizeof(app->last_config_change_at), "%s",
		       is_upgrade ? version : old->last_config_change_at);
}

void plan_stamp(const struct controller *c, const struct plan *plan, const char *version)
{
	for (unsigned i = 0; i < plan->set->n_apps; i++) {
		const struct change *change = &plan->set->apps[i];
		const struct entry *entry = entry_find_live(c, change->app_id);

		if (change->app && plan->parts[i].work != WORK_NOTHING)
			stamp(change, entry ? entry->target : NULL, version);
	}
}

void plan_done(struct plan *plan)
{
	free(plan->parts);
	deployment_free(plan->deployment);
	*plan = (struct plan){ 0 };
}
