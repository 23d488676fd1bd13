#include "master_stub/marathon/changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/rng.h"
#include "master_stub/marathon/dependencies.h"
#include "master_stub/marathon/deployment.h"
#include "master_stub/marathon/events.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/refusal.h"
#include "master_stub/marathon/rollout.h"
#include "master_stub/marathon/scale.h"
#include "master_stub/marathon/state.h"

static const char cancelled[] = "The upgrade has been cancelled";

void changes_free(struct change *changes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		app_unref(changes[i].app);
	free(changes);
}

/* ---- Who else holds the apps ---- */

static bool is_touched(const struct deployment *d, const struct change *changes, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (deployment_affects(d, changes[i].app_id))
			return true;
	}
	return false;
}

static int refuse_locked(const struct controller *c, const struct change *changes, unsigned n,
			 struct refusal *refusal)
{
	const struct deployment *d;
	json_t *ids = json_array();
	int r;

	TAILQ_FOREACH(d, &c->deployments, all) {
		if (is_touched(d, changes, n))
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

/* What they had reached stays as it is; the new plan starts from there. */
static void cancel_others(struct controller *c, const struct change *changes, unsigned n)
{
	struct deployment *d = TAILQ_FIRST(&c->deployments), *next;

	for (; d; d = next) {
		next = TAILQ_NEXT(d, all);
		if (is_touched(d, changes, n))
			deployment_cancel(c, d, d->failure ? d->failure : cancelled);
	}
}

/* ---- Dependencies ---- */

static const struct change *find_change(const struct change *changes, unsigned n,
					const char *app_id)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(changes[i].app_id, app_id) == 0)
			return &changes[i];
	}
	return NULL;
}

/*
 * The apps as they will be: those of CHANGES first, in their order (deleted ones left out), then
 * the others.  Owned; the first *RET_N are filled.
 */
static struct dependency *graph_after(const struct controller *c, const struct change *changes,
				      unsigned n, unsigned *ret_n)
{
	unsigned n_all = n + HASH_CNT(by_id, c->entries);
	struct dependency *graph = calloc(n_all + 1, sizeof(*graph));
	const struct entry *entry, *next;

	*ret_n = 0;
	if (!graph)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		if (changes[i].app)
			graph[(*ret_n)++] = (struct dependency){ .id = changes[i].app_id,
								 .app = changes[i].app };
	}
	HASH_ITER(by_id, c->entries, entry, next) {
		if (!entry->is_deleting && !find_change(changes, n, entry->id))
			graph[(*ret_n)++] = (struct dependency){ .id = entry->id,
								 .app = entry->target };
	}
	return graph;
}

/* Fills the layers of PARTS, which stand for CHANGES. */
static int order_parts(const struct controller *c, const struct change *changes, unsigned n,
		       struct deployment_part *parts, struct refusal *refusal)
{
	AUTO_FREE struct dependency *graph = NULL;
	struct problems problems = { 0 };
	unsigned n_graph, at = 0;
	int r;

	graph = graph_after(c, changes, n, &n_graph);
	if (!graph)
		return refuse_memory(refusal);
	if (dependencies_layer(graph, n_graph) < 0) {
		problems_add(&problems, "/dependencies",
			     "Dependency graph has cyclic dependencies.");
		r = refuse_problems(refusal, "Object is not valid", &problems);
		problems_done(&problems);
		return r;
	}
	for (unsigned i = 0; i < n; i++) {
		if (changes[i].app)
			parts[i].layer = graph[at++].layer;
	}
	return 0;
}

/* ---- Service ports ---- */

struct port_search {
	const struct controller *c;
	const struct change *changes;
	unsigned n;
	const char *app_id;
};

static bool has_port(const struct app *app, uint16_t port)
{
	for (unsigned i = 0; i < app_n_ports(app); i++) {
		if (app_service_port(app, i) == port)
			return true;
	}
	return false;
}

static bool is_port_taken(void *arg, uint16_t port)
{
	const struct port_search *search = arg;
	const struct entry *entry, *next;

	for (unsigned i = 0; i < search->n; i++) {
		if (search->changes[i].app && has_port(search->changes[i].app, port))
			return true;
	}
	HASH_ITER(by_id, search->c->entries, entry, next) {
		if (strcmp(entry->id, search->app_id) != 0 && has_port(entry->target, port))
			return true;
	}
	return false;
}

/* Before anything is changed: an app without its ports would have to be taken back. */
static int assign_ports(struct controller *c, struct change *changes, unsigned n,
			struct refusal *refusal)
{
	uint16_t min = c->options.local_port_min, max = c->options.local_port_max;

	for (unsigned i = 0; i < n; i++) {
		struct port_search search = { c, changes, n, changes[i].app_id };
		const struct entry *entry = entry_find_live(c, changes[i].app_id);
		int r;

		if (!changes[i].app || max <= min)
			continue;
		r = app_assign_service_ports(changes[i].app, entry ? entry->target : NULL, min,
					     max, is_port_taken, &search,
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

/* ---- Applying ---- */

/* What a change comes to for its app; the versions of the new definition are set. */
static enum deployment_work work_of(struct change *change, const struct entry *entry,
				    const char *version)
{
	struct app *app = change->app;
	const struct app *old = entry && !entry->is_deleting ? entry->target : NULL;
	bool is_new = !old, is_upgrade, is_scaled;

	if (!app)
		return WORK_STOP;
	is_upgrade = is_new || change->is_restart || app_needs_restart(old, app);
	if (!is_upgrade && json_equal(old->json, app->json))
		return WORK_NOTHING;
	is_scaled = is_new || old->instances != app->instances ||
		    (is_upgrade && !change->is_restart);
	(void)snprintf(app->version, sizeof(app->version), "%s", version);
	(void)snprintf(app->last_scaling_at, sizeof(app->last_scaling_at), "%s",
		       is_scaled ? version : old->last_scaling_at);
	(void)snprintf(app->last_config_change_at, sizeof(app->last_config_change_at), "%s",
		       is_upgrade ? version : old->last_config_change_at);
	/* One that is gone but still has instances is taken up again by replacing them. */
	if (is_new)
		return entry && entry->n_instances > 0 ? WORK_RESTART : WORK_START;
	if (!is_upgrade || app->instances == 0)
		return WORK_SCALE;
	return WORK_RESTART;
}

/* "As it is" becomes a definition of its own, with a new version. */
static int fill_restarts(struct controller *c, struct change *changes, unsigned n,
			 struct refusal *refusal)
{
	for (unsigned i = 0; i < n; i++) {
		const struct entry *entry = entry_find_live(c, changes[i].app_id);

		if (changes[i].app || (!changes[i].is_restart && entry))
			continue;
		if (!entry)
			return refuse(refusal, 404, "App '%s' does not exist", changes[i].app_id);
		changes[i].app = app_with_instances(entry->target, entry->target->instances);
		if (!changes[i].app)
			return refuse_memory(refusal);
	}
	return 0;
}

/* Does the app have checks that it will not have? */
static bool loses_checks(const struct entry *entry, const struct app *app)
{
	return entry && !entry->is_deleting && json_array_size(entry->target->health_checks) > 0 &&
	       !(app && json_equal(entry->target->health_checks, app->health_checks));
}

/* Into memory and the store.  -ENOMEM leaves the change half done in memory, not on the disk. */
static int take_change(struct controller *c, struct change *change, enum deployment_work work)
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

static void tell(struct controller *c, const struct change *changes, unsigned n,
		 const struct change_result *result)
{
	for (unsigned i = 0; i < n; i++) {
		if (changes[i].app && json_array_size(changes[i].app->health_checks) > 0)
			event_health_check_added(c, changes[i].app);
	}
	event_group_changed(c, "/", result->version);
}

/*
 * Apps, versions and plan go to the disk in one commit.  When memory is out in between, what is
 * in memory already is taken up by the next turn like a forced deployment's left-overs.
 */
static int start_deployment(struct controller *c, struct change *changes, unsigned n,
			    const struct deployment_part *parts, struct change_result *ret,
			    struct refusal *refusal)
{
	struct deployment *deployment;

	if (deployment_new(parts, n, &deployment) < 0)
		return refuse_memory(refusal);
	(void)snprintf(deployment->id, sizeof(deployment->id), "%s", ret->deployment_id);
	(void)snprintf(deployment->version, sizeof(deployment->version), "%s", ret->version);
	deployment->started_wall_ms = controller_wall_ms(c);
	for (unsigned i = 0; i < n; i++) {
		if (take_change(c, &changes[i], parts[i].work) < 0) {
			deployment_free(deployment);
			return refuse_memory(refusal);
		}
	}
	rollout_choose_canaries(c, deployment);
	if (records_put_deployment(c, deployment) < 0) {
		deployment_free(deployment);
		return refuse_memory(refusal);
	}
	deployment_attach(c, deployment);
	c->n_deployed++;
	controller_explain(c, "deployment %s of %u apps starts, '%s' among them", deployment->id, n,
			   n > 0 ? changes[0].app_id : "none");
	return 0;
}

/* Deployments that this one would leave running. */
static unsigned count_others(const struct controller *c, const struct change *changes, unsigned n)
{
	const struct deployment *d;
	unsigned count = 0;

	TAILQ_FOREACH(d, &c->deployments, all)
		count += !is_touched(d, changes, n);
	return count;
}

static int check_room(const struct controller *c, const struct change *changes, unsigned n,
		      bool force, struct refusal *refusal)
{
	if (!force && refuse_locked(c, changes, n, refusal) < 0)
		return -EBUSY;
	if (count_others(c, changes, n) < c->options.max_running_deployments)
		return 0;
	return refuse(refusal, 403,
		      "Max number (%u) of running deployments is achieved. Wait for existing "
		      "deployments to complete or cancel one using force=true parameter. You can "
		      "increase max deployment number by using --max_running_deployments "
		      "parameter.", c->options.max_running_deployments);
}

static void describe_parts(struct controller *c, struct change *changes, unsigned n,
			   struct deployment_part *parts, char (*originals)[CLOCK_TEXT_SIZE],
			   const char *version)
{
	for (unsigned i = 0; i < n; i++) {
		const struct entry *entry = entry_find(c, changes[i].app_id);
		bool is_old = entry && !entry->is_deleting;

		if (is_old)
			memcpy(originals[i], entry->target->version, CLOCK_TEXT_SIZE);
		parts[i].app_id = changes[i].app_id;
		parts[i].original = is_old ? originals[i] : NULL;
		parts[i].work = work_of(&changes[i], entry, version);
	}
}

static void tell_refused(struct controller *c, const struct refusal *refusal)
{
	const char *reason = json_string_value(json_object_get(refusal->body, "message"));
	char version[CLOCK_TEXT_SIZE];

	controller_new_version(c, version);
	event_group_failed(c, "/", version, reason ? reason : "out of memory");
}

int changes_apply(struct controller *c, struct change *changes, unsigned n, bool force,
		  int64_t now_ms, struct change_result *ret, struct refusal *refusal)
{
	AUTO_FREE struct deployment_part *parts = calloc(n + 1, sizeof(*parts));
	AUTO_FREE char(*originals)[CLOCK_TEXT_SIZE] = calloc(n + 1, sizeof(*originals));
	int r;

	if (!parts || !originals)
		return refuse_memory(refusal);
	c->now_ms = now_ms;
	r = fill_restarts(c, changes, n, refusal);
	if (r == 0)
		r = order_parts(c, changes, n, parts, refusal);
	if (r == 0)
		r = check_room(c, changes, n, force, refusal);
	if (r == 0)
		r = assign_ports(c, changes, n, refusal);
	if (r < 0) {
		tell_refused(c, refusal);
		return r;
	}
	cancel_others(c, changes, n);
	controller_new_version(c, ret->version);
	id_uuid(c->rng, ret->deployment_id);
	describe_parts(c, changes, n, parts, originals, ret->version);
	r = start_deployment(c, changes, n, parts, ret, refusal);
	if (r == 0)
		tell(c, changes, n, ret);
	return r;
}

/* ---- Cancelling ---- */

/* As a new version: history only grows. */
static int restore(struct controller *c, const struct original *original, struct change *change,
		   struct refusal *refusal)
{
	const struct entry *entry = entry_find(c, original->app_id);
	const struct app *old = entry ? entry_version(entry, original->version) : NULL;

	(void)snprintf(change->app_id, sizeof(change->app_id), "%s", original->app_id);
	if (!original->version[0])
		return 0;
	if (!old)
		return refuse(refusal, 404, "App '%s' does not exist in version %s",
			      original->app_id, original->version);
	change->app = app_with_instances(old, old->instances);
	change->keeps_same = true;
	return change->app ? 0 : refuse_memory(refusal);
}

/* Every app that D changed as it was; what D created is deleted, or with !DELETES left alone. */
static int restore_all(struct controller *c, const struct deployment *d, bool deletes,
		       struct change **ret, unsigned *ret_n, struct refusal *refusal)
{
	int r = 0;

	*ret = calloc(d->n_originals + 1, sizeof(**ret));
	if (!*ret)
		return refuse_memory(refusal);
	for (unsigned i = 0; i < d->n_originals && r == 0; i++) {
		bool was_new = !d->originals[i].version[0];

		/* What was new and is gone again needs nothing. */
		if (was_new && (!deletes || !entry_find_live(c, d->originals[i].app_id)))
			continue;
		r = restore(c, &d->originals[i], &(*ret)[(*ret_n)++], refusal);
	}
	return r;
}

int changes_cancel(struct controller *c, const char *deployment_id, bool force, int64_t now_ms,
		   struct change_result *ret, struct refusal *refusal)
{
	struct deployment *d = deployment_find(c, deployment_id);
	struct change *changes = NULL;
	unsigned n = 0;
	int r;

	c->now_ms = now_ms;
	if (!d)
		return refuse(refusal, 404, "DeploymentPlan %s does not exist", deployment_id);
	if (force) {
		deployment_cancel(c, d, cancelled);
		return 0;
	}
	r = restore_all(c, d, true, &changes, &n, refusal);
	if (r == 0)
		r = changes_apply(c, changes, n, true, now_ms, ret, refusal);
	changes_free(changes, n);
	return r;
}

/* The new one knows what it goes back behind, so that it does not fail in the same way. */
static int start_rollback(struct controller *c, struct deployment *d, struct change_result *ret,
			  struct refusal *refusal)
{
	struct change *changes = NULL;
	char id[ID_UUID_SIZE];
	struct deployment *rollback;
	AUTO_FREE char *reason = strdup(d->failure);
	unsigned n = 0;
	int r = reason ? restore_all(c, d, false, &changes, &n, refusal) : refuse_memory(refusal);

	memcpy(id, d->id, sizeof(id));
	if (r == 0 && n == 0)
		r = refuse(refusal, 409, "Deployment %s changed no app that was there before", id);
	if (r == 0)
		r = changes_apply(c, changes, n, true, c->now_ms, ret, refusal);
	changes_free(changes, n);
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

static int scale_down(struct controller *c, struct instance **instances, unsigned n, bool force,
		      int64_t now_ms, struct change_result *ret, struct refusal *refusal)
{
	struct change *changes = calloc(n + 1, sizeof(*changes));
	struct entry *entry, *next;
	unsigned n_changes = 0;
	int r = 0;

	if (!changes)
		return refuse_memory(refusal);
	HASH_ITER(by_id, c->entries, entry, next) {
		unsigned killed = count_of(instances, n, entry), had = entry->target->instances;
		struct change *change;

		if (killed == 0 || entry->is_deleting)
			continue;
		change = &changes[n_changes++];
		(void)snprintf(change->app_id, sizeof(change->app_id), "%s", entry->id);
		change->app = app_with_instances(entry->target, had > killed ? had - killed : 0);
		if (!change->app)
			r = refuse_memory(refusal);
	}
	if (r == 0)
		r = changes_apply(c, changes, n_changes, force, now_ms, ret, refusal);
	changes_free(changes, n_changes);
	return r;
}

int changes_kill(struct controller *c, struct instance **instances, unsigned n, bool scale,
		 bool force, int64_t now_ms, struct change_result *ret, struct refusal *refusal)
{
	int r = 0;

	c->now_ms = now_ms;
	if (scale)
		r = scale_down(c, instances, n, force, now_ms, ret, refusal);
	for (unsigned i = 0; i < n && r == 0; i++) {
		if (instance_doom(c, instances[i], "killed by request") < 0)
			r = refuse_memory(refusal);
	}
	return r;
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
