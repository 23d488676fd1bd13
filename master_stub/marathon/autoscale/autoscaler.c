#include "master_stub/marathon/autoscale/autoscaler.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/autoscale/autoscale_decision.h"
#include "master_stub/marathon/autoscale/metering.h"
#include "master_stub/marathon/definition/autoscale.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/state.h"

enum { MAX_DECISIONS = 20 };

/* Of one app. */
struct autoscaler {
	struct app *app;		/* a reference: whose policy is followed */
	unsigned instances;		/* of the app, as this has last seen it */
	char deployment_id[ID_UUID_SIZE];	/* of the last change of ours; "": none */
	struct autoscale_history history;
	bool is_asking;			/* a round is under way */
	int64_t round_ms, next_ms;	/* when it began, and when the next one does */
	char trouble[512];		/* why something is not known in this round; "": nothing */
	json_t *last;			/* what the last round has come to, or NULL */
	json_t *decisions;		/* those that changed something or could not, oldest first */
};

void autoscaler_note(struct entry *entry, const char *fmt, ...)
{
	struct autoscaler *scaler = entry->autoscaler;
	va_list ap;

	if (!scaler)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(scaler->trouble, sizeof(scaler->trouble), fmt, ap);
	va_end(ap);
}

const struct autoscale *autoscaler_policy(const struct entry *entry)
{
	return entry->autoscaler->app->autoscale;
}

/* ---- Life ---- */

void autoscaler_free(struct controller *c, struct entry *entry)
{
	struct autoscaler *scaler = TAKE_PTR(entry->autoscaler);
	struct instance *instance;

	if (!scaler)
		return;
	TAILQ_FOREACH(instance, &entry->instances, of_app)
		metering_forget(c, instance);
	app_unref(scaler->app);
	json_decref(scaler->last);
	json_decref(scaler->decisions);
	free(scaler);
}

/*
 * Nothing of before is known, as after a restart: what there is counts as wished, so that nothing
 * is taken back before the windows have passed.
 */
static void begin(struct controller *c, struct entry *entry)
{
	struct autoscaler *scaler = calloc(1, sizeof(*scaler));

	if (!scaler) {
		c->is_out_of_memory = true;
		return;
	}
	scaler->app = app_ref(entry->target);
	scaler->instances = entry->target->instances;
	scaler->decisions = json_array();
	scaler->next_ms = c->now_ms + entry->target->autoscale->interval_ms;
	autoscale_history_begin(&scaler->history, scaler->instances, c->now_ms);
	entry->autoscaler = scaler;
}

/* Other versions with the same policy go on; somebody else's number is a new beginning. */
static void follow(struct controller *c, struct entry *entry)
{
	struct autoscaler *scaler = entry->autoscaler;

	if (scaler && scaler->app != entry->target &&
	    !json_equal(scaler->app->autoscale->json, entry->target->autoscale->json))
		autoscaler_free(c, entry);
	scaler = entry->autoscaler;
	if (!scaler) {
		begin(c, entry);
		return;
	}
	if (scaler->app != entry->target) {
		app_unref(scaler->app);
		scaler->app = app_ref(entry->target);
	}
	if (scaler->instances != entry->target->instances) {
		scaler->instances = entry->target->instances;
		autoscale_history_begin(&scaler->history, scaler->instances, c->now_ms);
	}
}

/* ---- What a round has come to ---- */

static json_t *metrics_view(const struct autoscale *policy, unsigned instances,
			    const struct autoscale_sample *samples)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < policy->n_targets; i++) {
		const struct autoscale_target *target = &policy->targets[i];
		unsigned known;
		double mean;
		bool is_known = autoscale_mean(samples + (size_t)i * instances, instances, &mean,
					       &known);

		(void)json_array_append_new(
			list, json_pack("{s:s, s:s*, s:f, s:o*, s:i, s:i}", "metric",
					autoscale_metric_name(target->metric), "name",
					target->query.name, "target", target->value, "value",
					is_known ? json_real(mean) : NULL, "known", (int)known,
					"unknown", (int)(instances - known)));
	}
	return list;
}

static void describe_target(const struct autoscale *policy, const struct autoscale_decision *decision,
			    unsigned instances, const struct autoscale_sample *samples, char *text,
			    size_t size)
{
	const struct autoscale_target *target;
	unsigned known;
	double mean = 0;

	*text = '\0';
	if (decision->target < 0)
		return;
	target = &policy->targets[decision->target];
	(void)autoscale_mean(samples + (size_t)decision->target * instances, instances, &mean, &known);
	(void)snprintf(text, size, "%s is %.4g, its target %.4g, over %u of %u instances",
		       target->query.name ? target->query.name
					  : autoscale_metric_name(target->metric),
		       mean, target->value, known, instances);
}

/* One sentence; the load is in WHY. */
static void describe(const struct autoscale *policy, const struct autoscale_decision *decision,
		     unsigned min, unsigned instances, const char *why, const char *trouble, char *text,
		     size_t size)
{
	bool is_up = decision->wanted > instances;
	const struct autoscale_pace *pace = is_up ? &policy->up : &policy->down;

	switch (decision->reason) {
	case AUTOSCALE_STEADY:
		(void)snprintf(text, size, "%u instances stay: %s", instances, why);
		break;
	case AUTOSCALE_LOAD:
		(void)snprintf(text, size, "%u instances instead of %u: %s", decision->instances,
			       instances, why);
		break;
	case AUTOSCALE_BOUNDS:
		(void)snprintf(text, size, "%u instances instead of %u: %s there may be now%s%s",
			       decision->instances, instances,
			       decision->instances == min ? "the least" : "the most",
			       *why ? "; " : "", why);
		break;
	case AUTOSCALE_STABILIZING:
		(void)snprintf(text, size, "%u instances stay, %u are wanted: until that has been"
			       " so for %lld s; %s", instances, decision->wanted,
			       (long long)pace->stabilization_ms / 1000, why);
		break;
	case AUTOSCALE_LIMITED:
		(void)snprintf(text, size, "%u instances stay, %u are wanted: enough is changed"
			       " within %lld s; %s", instances, decision->wanted,
			       (long long)pace->period_ms / 1000, why);
		break;
	case AUTOSCALE_UNKNOWN:
		(void)snprintf(text, size, "%u instances stay: not all metrics are known: %s",
			       instances, *trouble ? trouble : "no instance serves long enough");
		break;
	case AUTOSCALE_NO_SAMPLES:
		(void)snprintf(text, size, "%u instances stay: nothing is known of the load: %s",
			       instances, *trouble ? trouble : "no instance serves long enough");
		break;
	}
}

static bool is_same_text(const json_t *a, const json_t *b, const char *key)
{
	return a && b && json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* Is it worth telling?  What only stays as it is is not, nor is the same hindrance again. */
static bool is_news(const struct autoscaler *scaler, const json_t *view,
		    const struct autoscale_decision *decision, const char *hindrance)
{
	if (decision->instances != scaler->instances && !hindrance)
		return true;
	if (is_same_text(scaler->last, view, "reason") && is_same_text(scaler->last, view, "to"))
		return false;
	return hindrance || decision->reason == AUTOSCALE_NO_SAMPLES ||
	       decision->reason == AUTOSCALE_UNKNOWN;
}

static void remember(struct controller *c, struct entry *entry, json_t *view_take,
		     const struct autoscale_decision *decision, const char *hindrance)
{
	struct autoscaler *scaler = entry->autoscaler;

	if (!view_take) {
		c->is_out_of_memory = true;
		return;
	}
	if (is_news(scaler, view_take, decision, hindrance)) {
		controller_explain(c, "autoscale of '%s': %s", entry->id,
				   json_string_value(json_object_get(view_take, "message")));
		event_autoscale_decision(c, entry->id, view_take);
		(void)json_array_append(scaler->decisions, view_take);
		if (json_array_size(scaler->decisions) > MAX_DECISIONS)
			(void)json_array_remove(scaler->decisions, 0);
	}
	json_decref(scaler->last);
	scaler->last = view_take;
}

/* ---- Deciding ---- */

/* As PUT of instances does it.  False: MESSAGE says why not. */
static bool scale(struct controller *c, struct entry *entry, unsigned instances, bool force,
		  struct change_result *result, char *message, size_t size)
{
	struct change_set set = { .force = force };
	struct change *change = change_set_app(&set, entry->id);
	struct refusal refusal = { 0 };
	const char *why;
	int r;

	if (change)
		change->app = app_with_instances(entry->target, instances);
	if (!change || !change->app) {
		change_set_done(&set);
		(void)snprintf(message, size, "out of memory");
		return false;
	}
	r = changes_apply(c, &set, c->now_ms, result, &refusal);
	change_set_done(&set);
	why = json_string_value(json_object_get(refusal.body, "message"));
	if (r < 0)
		(void)snprintf(message, size, "%s", why ? why : "out of memory");
	refusal_done(&refusal);
	return r == 0;
}

/*
 * Carry DECISION out, if it is to be.  NULL: what it says holds; else the name of what is in the way,
 * with the sentence in MESSAGE.
 */
static const char *carry_out(struct controller *c, struct entry *entry,
			     const struct autoscale_decision *decision,
			     struct change_result *result, char *message, size_t size)
{
	struct autoscaler *scaler = entry->autoscaler;
	unsigned before = scaler->instances;
	bool is_ours = entry->deployment &&
		       strcmp(entry->deployment->id, scaler->deployment_id) == 0;
	char why[512];

	if (decision->instances == before)
		return NULL;
	/* More than there is room for is asked for no longer than it is wanted. */
	if (entry->deployment && !(is_ours && decision->instances < before)) {
		(void)snprintf(message, size, "%u instances instead of %u as soon as deployment %s"
			       " is done", decision->instances, before, entry->deployment->id);
		return "deployment";
	}
	if (!scale(c, entry, decision->instances, is_ours, result, why, sizeof(why))) {
		(void)snprintf(message, size, "%u instances instead of %u: refused: %s",
			       decision->instances, before, why);
		return "refused";
	}
	memcpy(scaler->deployment_id, result->deployment_id, sizeof(scaler->deployment_id));
	autoscale_history_step(&scaler->history, before, decision->instances, c->now_ms);
	return NULL;
}

static void bounds_now(const struct controller *c, const struct autoscale *policy, unsigned *min,
		       unsigned *max)
{
	autoscale_bounds(policy, controller_wall_ms(c) / 1000, min, max);
}

static void decide(struct controller *c, struct entry *entry)
{
	const struct autoscale *policy = entry->target->autoscale;
	struct autoscaler *scaler = entry->autoscaler;
	unsigned before = scaler->instances, min, max;
	AUTO_FREE struct autoscale_sample *samples =
		calloc((size_t)policy->n_targets * before + 1, sizeof(*samples));
	struct change_result result = { 0 };
	struct autoscale_decision decision;
	char now[CLOCK_TEXT_SIZE], why[512], message[1200];
	const char *hindrance;
	json_t *metrics;

	scaler->is_asking = false;
	if (!samples) {
		c->is_out_of_memory = true;
		return;
	}
	metering_take(c, entry, before, scaler->round_ms - policy->interval_ms, samples);
	bounds_now(c, policy, &min, &max);
	decision = autoscale_decide(policy, min, max, before, samples, &scaler->history, c->now_ms);
	metrics = metrics_view(policy, before, samples);
	describe_target(policy, &decision, before, samples, why, sizeof(why));
	describe(policy, &decision, min, before, why, scaler->trouble, message, sizeof(message));
	/* Another version may stand in its place then. */
	hindrance = carry_out(c, entry, &decision, &result, message, sizeof(message));
	clock_format(controller_wall_ms(c), now);
	remember(c, entry,
		 json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:o, s:s*, s:s*}", "timestamp", now,
			   "from", (int)before, "to", (int)decision.instances, "wanted",
			   (int)decision.wanted, "reason",
			   hindrance ? hindrance : autoscale_reason_name(decision.reason), "message",
			   message, "metrics", metrics, "deploymentId",
			   *result.deployment_id ? result.deployment_id : NULL, "trouble",
			   *scaler->trouble ? scaler->trouble : NULL),
		 &decision, hindrance);
	scaler->instances = entry->target->instances;
}

/* ---- Rounds ---- */

/* Nobody is asked of an app that is stopped: that is how autoscaling is paused. */
static bool is_autoscaled(const struct entry *entry)
{
	return entry->target && entry->target->autoscale && !entry->is_deleting &&
	       entry->target->instances > 0;
}

static void entry_turn(struct controller *c, struct entry *entry)
{
	struct autoscaler *scaler;

	follow(c, entry);
	scaler = entry->autoscaler;
	if (!scaler)
		return;
	if (!scaler->is_asking && c->now_ms >= scaler->next_ms) {
		scaler->is_asking = true;
		scaler->round_ms = c->now_ms;
		scaler->next_ms = c->now_ms + entry->target->autoscale->interval_ms;
		scaler->trouble[0] = '\0';
		metering_ask(c, entry);
	}
	/* Every question has an end within the interval. */
	if (scaler->is_asking && !metering_is_waiting(c, entry))
		decide(c, entry);
	if (!scaler->is_asking)
		controller_wake_at(c, scaler->next_ms);
}

void autoscalers_turn(struct controller *c)
{
	struct entry *entry, *next;

	HASH_ITER(by_id, c->entries, entry, next) {
		if (is_autoscaled(entry))
			entry_turn(c, entry);
		else
			autoscaler_free(c, entry);
	}
}

/* ---- What is shown ---- */

static json_t *next_view(const struct controller *c, const struct autoscaler *scaler)
{
	int64_t left_ms = scaler->next_ms - c->now_ms;
	char text[CLOCK_TEXT_SIZE];

	clock_format(controller_wall_ms(c) + (left_ms > 0 ? left_ms : 0), text);
	return json_string(text);
}

json_t *autoscaler_view(const struct controller *c, const struct entry *entry)
{
	const struct autoscale *policy = entry->target->autoscale;
	const struct autoscaler *scaler = entry->autoscaler;
	unsigned min, max;
	json_t *view;

	bounds_now(c, policy, &min, &max);
	view = json_pack("{s:s, s:i, s:i, s:i, s:b, s:O}", "appId", entry->id, "instances",
			 (int)entry->target->instances, "min", (int)min, "max", (int)max, "isPaused",
			 entry->target->instances == 0, "autoscale", policy->json);
	if (!view || !scaler) {
		if (view)
			(void)json_object_set_new(view, "decisions", json_array());
		return view;
	}
	(void)json_object_set_new(view, "nextEvaluation", next_view(c, scaler));
	if (scaler->last)
		(void)json_object_set(view, "last", scaler->last);
	(void)json_object_set(view, "decisions", scaler->decisions);
	return view;
}
