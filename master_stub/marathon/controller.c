/* The glue: subscription, events, and the order in which a turn does what is due. */
#include "master_stub/marathon/controller.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/store.h"
#include "master_stub/marathon/autoscale/autoscaler.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/event/subscriptions.h"
#include "master_stub/marathon/framework.h"
#include "master_stub/marathon/instance/readiness.h"
#include "master_stub/marathon/instance/reconciler.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/instance/updates.h"
#include "master_stub/marathon/instance/weight.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/job/jobs.h"
#include "master_stub/marathon/placement/launcher.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/roles.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

enum {
	RETRY_MS = 1000,
	MAX_STEPS = 16,		/* in one turn: what each costs grows with its plan */
};

const struct controller_options controller_default_options = {
	.local_port_min = 10000,
	.local_port_max = 20000,
	.scale_check_ms = 300000,
	.task_launch_timeout_ms = 300000,
	.task_launch_confirm_timeout_ms = 300000,
	.task_reservation_timeout_ms = 20000,
	.kill_retry_ms = 30000,
	.reconcile_ms = 600000,
	.max_running_deployments = 100,
	.placement = PLACEMENT_SPREAD,
	.mesos_role = "*",
	.env_vars_prefix = "",
	.service_node_ports = "30000-30999",
	.mesos_bridge_name = "mesos-bridge",
	.hostname = "localhost",
	.port = 8080,
};

/* ---- Small services ---- */

int64_t controller_wall_ms(const struct controller *c)
{
	return c->io.wall_ms(c->io.arg);
}

void controller_wake_at(struct controller *c, int64_t ms)
{
	int64_t *next_ms = c->wake_ms ? c->wake_ms : &c->next_ms;

	if (ms < *next_ms)
		*next_ms = ms;
}

void controller_explain(struct controller *c, const char *fmt, ...)
{
	char sentence[1024];
	va_list ap;

	if (!c->io.explain)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	c->io.explain(c->io.arg, sentence);
}

void controller_new_version(struct controller *c, char ret_version[CLOCK_TEXT_SIZE])
{
	int64_t wall_ms = controller_wall_ms(c);

	/* Versions are identifiers: unique and rising, whatever the clock does. */
	if (wall_ms <= c->last_version_wall_ms)
		wall_ms = c->last_version_wall_ms + 1;
	c->last_version_wall_ms = wall_ms;
	clock_format(wall_ms, ret_version);
}

/* Also of the last process: its clock may have been ahead of ours. */
static void find_last_version(struct controller *c)
{
	const struct past *last = TAILQ_FIRST(&c->pasts);
	struct entry *entry, *next;
	const struct version *version;

	if (last)
		(void)clock_parse(last->version, &c->last_version_wall_ms);
	HASH_ITER(by_id, c->entries, entry, next) {
		TAILQ_FOREACH(version, &entry->versions, of_app) {
			int64_t wall_ms;

			if (clock_parse(version->app->version, &wall_ms) == 0 &&
			    wall_ms > c->last_version_wall_ms)
				c->last_version_wall_ms = wall_ms;
		}
	}
}

/* ---- Events ---- */

static void handle_subscribed(struct controller *c,
			      const Mesos__V1__Scheduler__Event__Subscribed *subscribed)
{
	char master[300];

	c->is_subscribed = true;
	roles_subscribed(c);
	(void)snprintf(master, sizeof(master), "%s:%u", c->options.hostname, c->options.port);
	if (subscribed->master_info && subscribed->master_info->hostname)
		(void)snprintf(master, sizeof(master), "%s:%u",
			       subscribed->master_info->hostname, subscribed->master_info->port);
	if (c->is_known)
		event_reregistered(c, master);
	else
		event_registered(c, master);
	entries_touch(c);
	reconcile_start(c);
}

/*
 * The rest needs nothing done: offers are answered at once, so that none is left to be rescinded;
 * what FAILURE says of tasks comes more reliably as updates.
 */
static void handle_event(struct controller *c, const Mesos__V1__Scheduler__Event *event)
{
	if (event->subscribed)
		handle_subscribed(c, event->subscribed);
	else if (event->offers)
		launch_offers(c, event->offers->offers, event->offers->n_offers);
	else if (event->update)
		updates_handle(c, event->update->status);
	else if (event->message)
		event_framework_message(c, event->message);
	else if (event->failure && event->failure->agent_id && !event->failure->executor_id)
		reconcile_residences(c, event->failure->agent_id->value);
	else if (event->error)
		framework_lost(c, event->error->message);
}

static void handle_events(struct controller *c)
{
	struct incoming *incoming;

	while ((incoming = STAILQ_FIRST(&c->incoming))) {
		Mesos__V1__Scheduler__Event *event = mesos__v1__scheduler__event__unpack(
			NULL, incoming->size, incoming->data);

		STAILQ_REMOVE_HEAD(&c->incoming, all);
		free(incoming);
		if (event)
			handle_event(c, event);
		else
			c->is_out_of_memory = true;
		mesos__v1__scheduler__event__free_unpacked(event, NULL);
	}
}

/* ---- Turns ---- */

/* One record each and turn, however much happened to it. */
static void write_dirty(struct controller *c)
{
	for (struct entry *entry = entries_first(c); entry; entry = entries_next(c, entry)) {
		if (entry->is_due)
			entry_trim_versions(c, entry);
		if (!entry->is_dirty)
			continue;
		if (entry->kind->put(c, entry) < 0)
			c->is_out_of_memory = true;
		else
			entry->is_dirty = false;
	}
}

static void begin_looks(struct controller *c)
{
	/* Drift, should there ever be some, is found by this. */
	if (c->now_ms >= c->scale_check_ms) {
		entries_touch(c);
		c->scale_check_ms = c->now_ms + c->options.scale_check_ms;
	}
	for (struct entry *entry = entries_first(c); entry; entry = entries_next(c, entry)) {
		if (c->now_ms >= entry->look_ms || entry->is_dirty)
			entry_touch(entry);
		if (entry->is_due)
			entry->look_ms = INT64_MAX;
	}
}

static void end_looks(struct controller *c)
{
	const struct deployment *deployment;

	for (struct entry *entry = entries_first(c); entry; entry = entries_next(c, entry)) {
		entry->is_due = c->is_out_of_memory;
		controller_wake_at(c, entry->look_ms);
	}
	TAILQ_FOREACH(deployment, &c->deployments, all)
		controller_wake_at(c, deployment->is_due ? c->now_ms : deployment->look_ms);
	controller_wake_at(c, c->scale_check_ms);
}

/*
 * What happened, then what follows from it: news first, so that timers see them; then the plan;
 * then the calls that carry it out.  Records go last, but all in the same commit.
 */
void controller_turn(struct controller *c, int64_t now_ms)
{
	unsigned steps;

	c->now_ms = now_ms;
	c->next_ms = INT64_MAX;
	c->is_out_of_memory = false;
	begin_looks(c);
	handle_events(c);
	framework_turn(c);
	updates_turn(c);
	autoscalers_turn(c);
	jobs_turn(c);
	readiness_turn(c);
	entries_balance(c);
	for (steps = 0; steps < MAX_STEPS && deployments_turn(c); steps++) {
		readiness_turn(c);
		entries_balance(c);
	}
	weights_turn(c);
	kills_turn(c);
	launch_turn(c);
	reconcile_turn(c);
	subscriptions_turn(c);
	write_dirty(c);
	end_looks(c);
	/* Not in this moment: whoever else is to be served comes first. */
	if (steps == MAX_STEPS)
		c->next_ms = now_ms + 1;
	if (c->is_out_of_memory)
		controller_wake_at(c, now_ms + RETRY_MS);
	if (!STAILQ_EMPTY(&c->incoming))
		c->next_ms = now_ms;
}

int64_t controller_next_ms(const struct controller *controller)
{
	return controller->next_ms;
}

/* ---- Life ---- */

int controller_new(const struct controller_options *options, const struct controller_io *io,
		   struct store *store, struct rng *rng, struct master *master, int64_t now_ms,
		   struct controller **ret, struct err *e)
{
	struct controller *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, ENOMEM, "start controller");
	c->options = *options;
	c->io = *io;
	c->store = store;
	c->rng = rng;
	c->master = master;
	c->now_ms = now_ms;
	c->subscribe_ms = now_ms;
	TAILQ_INIT(&c->deployments);
	TAILQ_INIT(&c->pasts);
	TAILQ_INIT(&c->orphans);
	TAILQ_INIT(&c->readinesses);
	c->ended = json_array();
	STAILQ_INIT(&c->incoming);
	r = records_load(c, now_ms, e);
	if (r < 0) {
		controller_free(c);
		return r;
	}
	find_last_version(c);
	*ret = c;
	return 0;
}

void controller_free(struct controller *controller)
{
	struct deployment *deployment;
	struct incoming *incoming;
	struct entry *entry;
	struct job *job, *next;

	if (!controller)
		return;
	while ((deployment = TAILQ_FIRST(&controller->deployments))) {
		TAILQ_REMOVE(&controller->deployments, deployment, all);
		deployment_free(deployment);
	}
	json_decref(controller->ended);
	HASH_ITER(by_id, controller->jobs, job, next)
		job_free(controller, job);
	orphans_free(controller);
	while ((entry = entries_first(controller)))
		entry_free(controller, entry);
	while ((incoming = STAILQ_FIRST(&controller->incoming))) {
		STAILQ_REMOVE_HEAD(&controller->incoming, all);
		free(incoming);
	}
	residences_free(controller);
	roles_free(controller);
	nodes_free(controller);
	subscriptions_free(controller);
	history_free(controller);
	while (controller->groups)
		group_free(controller, controller->groups);
	free(controller->framework_id);
	free(controller);
}
