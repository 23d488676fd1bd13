#include "master_stub/marathon/deployment/forecast.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/deployment/change_set.h"
#include "master_stub/marathon/deployment/plan.h"
#include "master_stub/marathon/deployment/rolling.h"
#include "master_stub/marathon/instance/kill_selection.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/placement/explanation.h"
#include "master_stub/marathon/placement/fit.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/preference.h"
#include "master_stub/marathon/state.h"

/* Each is placed among those before it: that takes its time. */
enum { MAX_PLACED = 2000 };

/* Later than every version there is, and shown to nobody. */
static const char after_all[] = "9999-12-31T23:59:59.999Z";

struct saved {
	struct node *node;
	struct resources left;
};

/* An app of the plan with copies of its instances, those that are to go in the order in which they do. */
struct paper_app {
	struct entry entry;
	struct instance *instances;
	unsigned n_room;
	struct node **homes;		/* where a resident one was stopped, or waits for its node */
	unsigned n_homes;
	json_t *placed;
};

struct paper {
	struct controller *c;
	const struct plan *plan;
	unsigned n_placed;
	json_t *placements;
};

/* ---- The nodes, before and after ---- */

static int save_nodes(struct controller *c, struct saved **ret, unsigned *ret_n)
{
	struct node *node, *next;
	int r = 0;

	*ret_n = 0;
	*ret = calloc(HASH_CNT(by_id, c->nodes) + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	HASH_ITER(by_id, c->nodes, node, next) {
		struct saved *saved = &(*ret)[*ret_n];

		if (r == 0)
			r = resources_copy(&node->left, &saved->left);
		if (r == 0) {
			saved->node = node;
			(*ret_n)++;
		}
	}
	return r;
}

static void restore_nodes(struct saved *saved, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		resources_done(&saved[i].node->left);
		saved[i].node->left = saved[i].left;
	}
	free(saved);
}

/* ---- Apps on paper ---- */

static void paper_app_done(struct paper_app *app)
{
	free(app->instances);
	free(app->homes);
	json_decref(app->placed);
}

static struct instance *add_instance(struct paper_app *app, const struct instance *like)
{
	struct instance *instance = &app->instances[app->entry.n_instances++];

	*instance = *like;
	instance->n_tasks = 0;
	instance->entry = &app->entry;
	TAILQ_INSERT_TAIL(&app->entry.instances, instance, of_app);
	return instance;
}

/* Instances that already run what is wanted are as new as it is, where they are to be kept. */
static void copy_instances(struct paper_app *app, const struct entry *real, bool keeps_same)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &real->instances, of_app) {
		struct instance *copy;

		if (!instance_is_alive(instance))
			continue;
		copy = add_instance(app, instance);
		if (keeps_same && !app_needs_restart(instance->spec, app->entry.target))
			copy->spec = app->entry.target;
	}
}

static void add_homes(const struct paper *p, struct paper_app *app, const struct entry *real,
		      bool is_detached)
{
	const struct residence *residence;

	TAILQ_FOREACH(residence, &real->residences, of_app) {
		if (!residence->instance && residence->is_detached == is_detached)
			app->homes[app->n_homes++] = node_find(p->c, residence->agent_id);
	}
}

/* A residence is where an instance is, or where one is waited for, or may be again. */
static int copy_homes(const struct paper *p, struct paper_app *app, const struct entry *real)
{
	const struct residence *residence;
	unsigned n = 0;

	TAILQ_FOREACH(residence, &real->residences, of_app)
		n++;
	app->homes = calloc(n + 1, sizeof(struct node *));
	if (!app->homes)
		return -ENOMEM;
	/* From the end they are taken. */
	add_homes(p, app, real, true);
	add_homes(p, app, real, false);
	return 0;
}

static int paper_app_new(const struct paper *p, const char *id, const struct change *change,
			 struct paper_app *ret)
{
	const struct entry *real = entry_find(p->c, id);
	struct app *target = change->app;
	bool keeps_same = change->keeps_same || target->is_in_place;

	*ret = (struct paper_app){ .entry.kind = &app_kind, .placed = json_array() };
	ret->n_room = (real ? real->n_instances : 0) + target->instances;
	ret->instances = calloc(ret->n_room + 1, sizeof(*ret->instances));
	if (!ret->instances || !ret->placed)
		return -ENOMEM;
	(void)snprintf(ret->entry.id, sizeof(ret->entry.id), "%s", id);
	TAILQ_INIT(&ret->entry.instances);
	ret->entry.target = ret->entry.launch_spec = target;
	if (!real)
		return 0;
	ret->entry.faults = real->faults;
	copy_instances(ret, real, keeps_same);
	return copy_homes(p, ret, real);
}

/* ---- Stopping and starting ---- */

/* What has data comes back to it, unless it is to be less. */
static void stop(struct paper *p, struct paper_app *app, struct instance *instance, bool returns)
{
	if (returns && instance->residence)
		app->homes[app->n_homes++] = node_find(p->c, instance->agent_id);
	node_give_back(p->c, instance);
	TAILQ_REMOVE(&app->entry.instances, instance, of_app);
}

static bool is_avoided(const struct paper *p, const struct paper_app *app, const struct node *node)
{
	return p->c->now_ms < node_faults_avoided_until(&app->entry.faults, node->id,
							app->entry.target->max_delay_ms);
}

/* As the launcher chooses, but the first of equals, and among all nodes at once. */
static struct node *choose(const struct paper *p, const struct paper_app *app)
{
	struct node *node, *next, *best = NULL;
	struct rank best_rank = { 0 };
	struct fit fit;

	if (fit_prepare(p->c, &app->entry, &fit) < 0)
		return NULL;
	preference_prepare(p->c, &app->entry);
	HASH_ITER(by_id, p->c->nodes, node, next) {
		struct spot spot = node_spot(node);
		struct rank rank;

		if (!node->has_offered || fit_why_not(&fit, &spot) != N_REASONS)
			continue;
		spot.is_avoided = is_avoided(p, app, node);
		rank = preference_rank(p->c, &app->entry, node, &spot);
		if (best && rank_compare(&rank, &best_rank) >= 0)
			continue;
		best = node;
		best_rank = rank;
	}
	fit_done(&fit);
	return best;
}

static bool start(struct paper *p, struct paper_app *app)
{
	struct node *node;

	if (p->n_placed >= MAX_PLACED || app->entry.n_instances >= app->n_room)
		return false;
	if (app->n_homes > 0) {
		node = app->homes[--app->n_homes];
	} else {
		node = choose(p, app);
		if (node && node_take(p->c, node, app->entry.target) < 0)
			return false;
	}
	if (!node)
		return false;
	(void)add_instance(app, &(struct instance){
		.spec = app->entry.target, .agent_id = node->id, .host = node->info->hostname,
		.state = MESOS__V1__TASK_STATE__TASK_RUNNING,
	});
	(void)json_array_append_new(app->placed,
				    json_pack("{s:s, s:s}", "hostname", node->info->hostname,
					      "agentId", node->id));
	p->n_placed++;
	return true;
}

static void tell(struct paper *p, struct paper_app *app, unsigned n_waiting)
{
	json_t *view = json_pack("{s:s, s:O}", entry_is_pod(&app->entry) ? "pod" : "app", app->entry.id, "placed", app->placed);
	char why[EXPLANATION_SIZE] = "";

	if (n_waiting > 0 && p->n_placed >= MAX_PLACED) {
		(void)json_object_set_new(view, "unexamined", json_integer(n_waiting));
	} else if (n_waiting > 0) {
		explanation_format(p->c, &app->entry, why);
		(void)json_object_set_new(view, "waiting",
					  json_pack("{s:i, s:s, s:o}", "count", (int)n_waiting,
						    "why", why, "nodes",
						    explanation_nodes(p->c, &app->entry)));
	}
	if (n_waiting > 0 || json_array_size(app->placed) > 0)
		(void)json_array_append(p->placements, view);
	json_decref(view);
}

/* ---- Playing ---- */

static void play_stop(struct paper *p, const struct entry *real)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &real->instances, of_app)
		node_give_back(p->c, instance);
}

static unsigned count(const struct paper_app *app, bool is_current)
{
	const struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &app->entry.instances, of_app)
		n += instance_is_current(instance, app->entry.target) == is_current;
	return n;
}

/* Too many go in the order in which they really would. */
static void play_scale(struct paper *p, struct paper_app *app)
{
	unsigned have = count(app, true) + count(app, false), want = app->entry.target->instances;
	AUTO_FREE struct instance **going = calloc(have + 1, sizeof(struct instance *));
	unsigned n = 0;

	if (have > want && going &&
	    kill_selection(p->c, &app->entry, ALL_ONES, have - want, going, &n) == 0) {
		for (unsigned i = 0; i < n; i++)
			stop(p, app, going[i], false);
	}
	while (have < want && start(p, app))
		have++;
	tell(p, app, have < want ? want - have : 0);
}

static struct instance *first_old(const struct paper_app *app)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, &app->entry.instances, of_app) {
		if (!instance_is_current(instance, app->entry.target))
			return instance;
	}
	return NULL;
}

/* Round by round, within the bounds of the upgrade strategy: what is stopped makes room for others. */
static void play_restart(struct paper *p, struct paper_app *app)
{
	const struct app *target = app->entry.target;
	struct rolling_state state = {
		.old_healthy = count(app, false), .new_healthy = count(app, true),
	};
	struct rolling_plan plan;
	bool is_moving = true;

	for (rolling_plan(target, &state, &plan); !plan.is_done && is_moving;
	     rolling_plan(target, &state, &plan)) {
		is_moving = plan.stop_old > 0;
		for (unsigned i = 0; i < plan.stop_old && first_old(app); i++) {
			stop(p, app, first_old(app), true);
			state.old_healthy--;
		}
		for (unsigned i = 0; i < plan.start && start(p, app); i++) {
			state.new_healthy++;
			is_moving = true;
		}
	}
	tell(p, app, target->instances > state.new_healthy ? target->instances - state.new_healthy : 0);
}

static int play(struct paper *p, const struct action *action)
{
	const struct change *change = change_set_find(p->plan->set, action->app_id);
	const struct entry *real = entry_find(p->c, action->app_id);
	struct paper_app app;
	int r;

	if (action->kind == ACTION_STOP && real)
		play_stop(p, real);
	if (action->kind == ACTION_STOP || action->kind == ACTION_START)
		return 0;
	r = paper_app_new(p, action->app_id, change, &app);
	if (r == 0 && action->kind == ACTION_SCALE)
		play_scale(p, &app);
	else if (r == 0)
		play_restart(p, &app);
	paper_app_done(&app);
	return r;
}

static json_t *placements_view(struct controller *c, const struct plan *plan)
{
	const struct deployment *d = plan->deployment;
	struct paper p = { .c = c, .plan = plan, .placements = json_array() };
	struct saved *saved;
	unsigned n_saved;
	int r = save_nodes(c, &saved, &n_saved);

	/* Actions are in the order of their steps. */
	for (unsigned i = 0; r == 0 && i < d->n_actions; i++)
		r = play(&p, &d->actions[i]);
	restore_nodes(saved, n_saved);
	if (r == 0)
		return p.placements;
	json_decref(p.placements);
	return NULL;
}

static json_t *cancels_view(const struct controller *c, const struct plan *plan)
{
	const struct deployment *d;
	json_t *ids = json_array();

	TAILQ_FOREACH(d, &c->deployments, all) {
		if (plan_touches(plan, d))
			(void)json_array_append_new(ids, json_string(d->id));
	}
	return ids;
}

json_t *forecast_view(struct controller *c, struct plan *plan)
{
	plan_stamp(c, plan, after_all);
	return json_pack("{s:o, s:o, s:o}", "steps", deployment_steps_view(plan->deployment),
			 "cancels", cancels_view(c, plan), "placements",
			 placements_view(c, plan));
}
