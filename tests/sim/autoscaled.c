/*
 * P10, of an autoscaled app, whatever has crashed in between and forgotten what it had seen:
 *
 * - Instances are changed only as people ask, or as a decision says that is told with its reason; and
 *   then to no fewer than min and no more than max.
 * - None are taken away while more were wanted, or people had asked for more, within the window for
 *   that; likewise upward.  No more are changed within a period than its pace allows.
 * - When the load stays as it is, the app comes to have what it needs, as far as there is room.
 */
#include "tests/sim/autoscaled.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master_stub/marathon/autoscale/autoscaler.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/state.h"
#include "tests/sim/host.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum { MIN = 1, MAX = 6, TARGET = 10, MAX_CHANGES = 512 };

static const char app_id[] = "/auto";

/* In one direction, as autoscale.h has it. */
struct pace {
	int window_s, period_s, max_instances, max_percent;
};

struct scaling {
	int64_t ms;
	unsigned from, to;
	bool is_by_hand;
};

struct scalings {
	unsigned instances;		/* 0: there is no such app */
	unsigned n;
	struct scaling list[MAX_CHANGES];
};

struct autoscaled {
	struct pace up, down;
	double load;			/* of all instances together */
	bool is_by_hand;		/* what is changed until the next look */
	int heard;			/* the last decision since the last look; -1: none */
	struct scalings now, recorded;
};

/* ---- people ---- */

static json_t *pace_json(const struct pace *pace)
{
	return json_pack("{s:i, s:i, s:i, s:i}", "stabilizationSeconds", pace->window_s,
			 "periodSeconds", pace->period_s, "maxInstances", pace->max_instances,
			 "maxPercent", pace->max_percent);
}

static json_t *definition_of(const struct autoscaled *app)
{
	return json_pack(
		"{s:s, s:s, s:i, s:f, s:i, s:i, s:{s:i, s:i, s:i, s:i, s:[{s:s, s:i, s:s}], s:o, s:o}}",
		"id", app_id, "cmd", "sleep 1000", "instances", MIN, "cpus", 0.1, "mem", 32,
		"maxLaunchDelaySeconds", 20, "autoscale", "min", MIN, "max", MAX, "intervalSeconds",
		10, "warmUpSeconds", 5, "targets", "metric", "prometheus", "value", TARGET, "name",
		"busy", "up", pace_json(&app->up), "down", pace_json(&app->down));
}

static const struct entry *find(const struct sim *sim)
{
	return entry_find_live(sim->host->controller, app_id);
}

/* DEFINITION (taken); NULL: it is deleted. */
static void apply(struct sim *sim, json_t *definition)
{
	struct change_set set = { .force = true };
	struct change *change = change_set_app(&set, app_id);
	const struct entry *entry = find(sim);
	struct change_result result;
	struct refusal refusal = { 0 };
	int r = 0;

	if (definition)
		r = entry ? app_parse_update(entry->target, definition, NULL, &change->app, &refusal)
			  : app_parse(definition, NULL, NULL, &change->app, &refusal);
	if (r == 0)
		r = changes_apply(sim->host->controller, &set, sim->now_ms, &result, &refusal);
	if (r == 0)
		sim->autoscaled->is_by_hand = true;
	refusal_done(&refusal);
	json_decref(definition);
	change_set_done(&set);
	host_acted(sim->host, NULL);
}

static void act(struct sim *sim)
{
	struct autoscaled *app = sim->autoscaled;

	if (sim_chance(sim, 800)) {
		app->load = (double)sim_between(sim, 0, (MAX + 2) * TARGET);
		sim_trace(sim, "people: %s has a load of %g", app_id, app->load);
	}
	if (!sim->host->master || sim->host->is_full)
		return;
	if (!find(sim))
		apply(sim, definition_of(app));
	else if (sim_chance(sim, 100))
		apply(sim, json_pack("{s:i}", "instances", (int)sim_between(sim, MIN, MAX)));
}

static void act_again(void *arg, uint64_t pace_ms)
{
	struct sim *sim = arg;

	if (sim->is_calm)
		return;
	act(sim);
	sim_in(sim, sim_between(sim, 1, (int64_t)pace_ms), act_again, sim, pace_ms);
}

static void choose_pace(struct sim *sim, struct pace *pace, int longest_window_s)
{
	*pace = (struct pace){
		.window_s = sim_chance(sim, 500) ? 0 : (int)sim_between(sim, 1, longest_window_s),
		.period_s = (int)sim_between(sim, 1, 60),
		.max_instances = (int)sim_between(sim, 1, 3),
		.max_percent = sim_chance(sim, 500) ? 0 : 100,
	};
}

struct autoscaled *autoscaled_new(struct sim *sim)
{
	struct autoscaled *app = sim_alloc(sizeof(*app));

	choose_pace(sim, &app->up, 60);
	choose_pace(sim, &app->down, 300);
	app->heard = -1;
	sim_in(sim, sim_between(sim, 1, 10000), act_again, sim,
	       (uint64_t)sim_between(sim, 10000, 120000));
	return app;
}

void autoscaled_delete(struct sim *sim)
{
	if (sim->autoscaled && sim->host->master && find(sim))
		apply(sim, NULL);
}

/* All of them have the same share. */
void autoscaled_expose(const struct sim *sim, char *text, size_t size)
{
	const struct entry *entry = find(sim);
	const struct instance *instance;
	unsigned n = 0;

	if (entry) {
		TAILQ_FOREACH(instance, &entry->instances, of_app)
			n += instance_is_running(instance);
	}
	(void)snprintf(text, size, "busy %.17g\n", sim->autoscaled->load / (n ? n : 1));
}

/* ---- what was decided ---- */

void autoscaled_hear(struct sim *sim, const json_t *event)
{
	const char *reason = json_string_value(json_object_get(event, "reason"));
	const char *message = json_string_value(json_object_get(event, "message"));

	if (!sim->autoscaled)
		return;
	sim->autoscaled->heard = (int)json_integer_value(json_object_get(event, "to"));
	if (!reason || !*reason || !message || !*message)
		sim_fail(sim, "P10 reason", "a decision is told without a reason");
}

/* In the other direction, and lately: what it was then forbids TO. */
static void check_window(struct sim *sim, bool is_up, const struct pace *pace, unsigned to)
{
	const struct scalings *all = &sim->autoscaled->now;

	for (unsigned i = 0; i < all->n; i++) {
		const struct scaling *old = &all->list[i];
		bool was_up = old->to > old->from;

		if (old->ms <= sim->now_ms - pace->window_s * 1000 ||
		    (was_up == is_up && !old->is_by_hand))
			continue;
		if (is_up ? to > old->to : to < old->to)
			sim_fail(sim, "P10 window", "%u instances %.3f s after there were to be %u, and"
				 " the window is %d s", to, (double)(sim->now_ms - old->ms) / 1000,
				 old->to, pace->window_s);
	}
}

/* In one direction, whatever was done in the other; people who scale begin the period anew. */
static void check_pace(struct sim *sim, bool is_up, const struct pace *pace, unsigned from,
		       unsigned to)
{
	const struct scalings *all = &sim->autoscaled->now;
	int done = 0, change = is_up ? (int)(to - from) : (int)(from - to), start;
	double most;

	for (unsigned i = all->n; i-- > 0 && !all->list[i].is_by_hand;) {
		const struct scaling *old = &all->list[i];

		if (old->ms > sim->now_ms - pace->period_s * 1000 && (old->to > old->from) == is_up)
			done += abs((int)old->to - (int)old->from);
	}
	start = is_up ? (int)from - done : (int)from + done;
	most = fmax(pace->max_instances, ceil(start * pace->max_percent / 100.0));
	if (done + change > most)
		sim_fail(sim, "P10 pace", "%d instances %s within %d s, of at most %g",
			 done + change, is_up ? "more" : "fewer", pace->period_s, most);
}

static void check_decision(struct sim *sim, unsigned from, unsigned to)
{
	const struct autoscaled *app = sim->autoscaled;
	const struct pace *pace = to > from ? &app->up : &app->down;

	if (app->heard != (int)to)
		sim_fail(sim, "P10 told", "%u instances instead of %u, and nobody has said why", to,
			 from);
	if (to < MIN || to > MAX)
		sim_fail(sim, "P10 bounds", "%u instances", to);
	check_window(sim, to > from, pace, to);
	check_pace(sim, to > from, pace, from, to);
	sim->n_scalings++;
}

static void note(struct sim *sim, unsigned to, bool is_by_hand)
{
	struct scalings *all = &sim->autoscaled->now;

	if (all->n == MAX_CHANGES)
		memmove(&all->list[0], &all->list[1], --all->n * sizeof(all->list[0]));
	all->list[all->n++] = (struct scaling){
		.ms = sim->now_ms, .from = all->instances, .to = to, .is_by_hand = is_by_hand,
	};
	all->instances = to;
}

void autoscaled_check(struct sim *sim)
{
	struct autoscaled *app = sim->autoscaled;
	const struct entry *entry;
	unsigned to;

	if (!app)
		return;
	entry = find(sim);
	to = entry ? entry->target->instances : 0;
	if (to != app->now.instances) {
		if (!app->is_by_hand)
			check_decision(sim, app->now.instances, to);
		note(sim, to, app->is_by_hand);
	}
	app->is_by_hand = false;
	app->heard = -1;
}

void autoscaled_is_recorded(struct sim *sim)
{
	if (sim->autoscaled)
		sim->autoscaled->recorded = sim->autoscaled->now;
}

void autoscaled_is_lost(struct sim *sim)
{
	if (sim->autoscaled)
		sim->autoscaled->now = sim->autoscaled->recorded;
}

/* ---- the end ---- */

bool autoscaled_is_healed(const struct sim *sim, char *text, size_t size)
{
	const struct autoscaled *app = sim->autoscaled;
	const struct entry *entry = app ? find(sim) : NULL;
	double needed, ratio;
	json_t *view;
	unsigned n;

	if (!entry)
		return true;
	n = entry->target->instances;
	/* There is no room for all of them (promises_apps.c): nobody knows what they would be loaded with. */
	if (entry->n_instances < n)
		return true;
	needed = fmin(fmax(ceil(app->load / TARGET), MIN), MAX);
	ratio = app->load / TARGET / n;
	if (n == (unsigned)needed || fabs(ratio - 1) < 0.101 ||
	    (n < needed && !promises_have_room(sim, entry->target->cpus, entry->target->mem_mb, 0)))
		return true;
	view = autoscaler_view(sim->host->controller, entry);
	(void)snprintf(text, size, "%s has %u instances and needs %g: %s", app_id, n, needed,
		       json_string_value(json_object_get(json_object_get(view, "last"), "message")));
	json_decref(view);
	return false;
}
