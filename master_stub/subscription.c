/* Subscriptions of frameworks: SUBSCRIBE, the queue of events, the end of a connection. */
#include "master_stub/scheduler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_arena.h"
#include "lib/pb_json.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/describe.h"
#include "master_stub/framework.h"
#include "master_stub/framework_validate.h"
#include "master_stub/observe.h"
#include "master_stub/offer.h"
#include "master_stub/offer_constraints.h"

enum { FRAMEWORK_ID_SIZE = ID_UUID_SIZE + 24 };

const char *scheduler_framework_id(const struct scheduler *scheduler)
{
	return scheduler->framework->id;
}

const char *scheduler_principal(const struct scheduler *scheduler)
{
	return scheduler->framework->info->principal;
}

int scheduler_find(const struct master *master, const char *framework_id, struct scheduler **ret,
		   struct err *e)
{
	const struct framework *framework = framework_find(master, framework_id);

	if (!framework || framework->is_removed)
		return err_set(e, EINVAL, "Framework cannot be found");
	if (!framework->scheduler)
		return err_set(e, EPERM, "Framework is not subscribed");
	*ret = framework->scheduler;
	return 0;
}

/* ---- the queue ---- */

static struct queued_event *take_event(struct scheduler *scheduler)
{
	struct queued_event *queued = STAILQ_FIRST(&scheduler->events);

	if (queued) {
		STAILQ_REMOVE_HEAD(&scheduler->events, next);
		scheduler->n_events--;
	}
	return queued;
}

static void drop_events(struct scheduler *scheduler)
{
	struct queued_event *queued;

	while ((queued = take_event(scheduler)))
		free(queued);
}

static void set_pending(struct scheduler *scheduler)
{
	if (!scheduler->is_pending)
		TAILQ_INSERT_TAIL(&scheduler->master->pending, scheduler, in_pending);
	scheduler->is_pending = true;
}

int scheduler_queue(struct scheduler *scheduler, const Mesos__V1__Scheduler__Event *event)
{
	struct queued_event *queued;
	size_t size;

	if (scheduler->n_events >= SCHEDULER_MAX_EVENTS) {
		scheduler->master->counters.dropped_messages++;
		return -ENOBUFS;
	}
	size = mesos__v1__scheduler__event__get_packed_size(event);
	queued = malloc(sizeof(*queued) + size);
	if (!queued) {
		scheduler->master->counters.dropped_messages++;
		return -ENOMEM;
	}
	queued->size = size;
	(void)mesos__v1__scheduler__event__pack(event, queued->data);
	if ((unsigned)event->type < N_SCHEDULER_EVENTS)
		scheduler->framework->counters.events[event->type]++;
	STAILQ_INSERT_TAIL(&scheduler->events, queued, next);
	scheduler->n_events++;
	set_pending(scheduler);
	return 0;
}

static void scheduler_free(struct scheduler *scheduler)
{
	struct master *master = scheduler->master;

	drop_events(scheduler);
	if (scheduler->is_pending)
		TAILQ_REMOVE(&master->pending, scheduler, in_pending);
	TAILQ_REMOVE(&master->schedulers, scheduler, all);
	scheduler->framework->n_schedulers--;
	free(scheduler);
}

void schedulers_free(struct master *master)
{
	while (!TAILQ_EMPTY(&master->schedulers))
		scheduler_free(TAILQ_FIRST(&master->schedulers));
}

/* QUEUED is given up; what there is no memory for is dropped, as it is when it is to be queued. */
static void tell(struct scheduler *scheduler, struct queued_event *queued, struct pb_arena *arena)
{
	const Mesos__V1__Scheduler__Event *event = mesos__v1__scheduler__event__unpack(
		&arena->allocator, queued->size, queued->data);

	free(queued);
	if (event)
		scheduler->event(scheduler->arg, event);
	else
		scheduler->master->counters.dropped_messages++;
	pb_arena_done(arena);
}

static void deliver(struct scheduler *scheduler)
{
	struct master *master = scheduler->master;
	struct queued_event *queued;
	struct pb_arena arena;
	size_t left = scheduler->n_events;

	TAILQ_REMOVE(&master->pending, scheduler, in_pending);
	scheduler->is_pending = false;
	master->delivering = scheduler;
	/* What the callbacks cause waits for the next round: nobody can hold the others up. */
	pb_arena_init(&arena);
	for (; left > 0 && !scheduler->is_closed && (queued = take_event(scheduler)); left--)
		tell(scheduler, queued, &arena);
	master->delivering = NULL;
	if (scheduler->is_closed || (scheduler->is_over && scheduler->n_events == 0))
		scheduler_free(scheduler);
	else if (scheduler->n_events > 0)
		set_pending(scheduler);
}

bool schedulers_deliver(struct master *master)
{
	struct scheduler *scheduler;
	size_t n = 0;
	bool is_any;

	TAILQ_FOREACH(scheduler, &master->pending, in_pending)
		n++;
	is_any = n > 0;
	for (; n > 0 && (scheduler = TAILQ_FIRST(&master->pending)); n--)
		deliver(scheduler);
	return is_any;
}

static void queue_simple(struct scheduler *scheduler, Mesos__V1__Scheduler__Event__Type type)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;

	event.has_type = true;
	event.type = type;
	(void)scheduler_queue(scheduler, &event);
}

static void heartbeat(struct scheduler *scheduler, int64_t now_ms)
{
	queue_simple(scheduler, MESOS__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT);
	scheduler->next_heartbeat_ms = now_ms + SCHEDULER_HEARTBEAT_MS;
}

void schedulers_turn(struct master *master, int64_t now_ms)
{
	struct scheduler *scheduler;

	TAILQ_FOREACH(scheduler, &master->schedulers, all) {
		if (!scheduler->is_over && scheduler->next_heartbeat_ms <= now_ms)
			heartbeat(scheduler, now_ms);
	}
}

int64_t schedulers_next_ms(const struct master *master)
{
	const struct scheduler *scheduler;
	int64_t next = TAILQ_EMPTY(&master->pending) ? INT64_MAX : INT64_MIN;

	TAILQ_FOREACH(scheduler, &master->schedulers, all) {
		if (!scheduler->is_over && scheduler->next_heartbeat_ms < next)
			next = scheduler->next_heartbeat_ms;
	}
	return next;
}

void scheduler_end(struct scheduler *scheduler, const char *message)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;

	drop_events(scheduler);
	scheduler->is_over = true;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR;
	event.error = &error;
	error.message = (char *)(uintptr_t)message;
	(void)scheduler_queue(scheduler, &event);
	/* Even without memory for the ERROR it is delivered nothing and freed. */
	set_pending(scheduler);
}

/* ---- SUBSCRIBE ---- */

static int queue_subscribed(struct scheduler *scheduler)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Subscribed subscribed =
		MESOS__V1__SCHEDULER__EVENT__SUBSCRIBED__INIT;
	struct master_info_message info;

	(void)master_describe(scheduler->master, &info);
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED;
	event.subscribed = &subscribed;
	subscribed.framework_id = scheduler->framework->info->id;
	subscribed.has_heartbeat_interval_seconds = true;
	subscribed.heartbeat_interval_seconds = SCHEDULER_HEARTBEAT_MS / 1000;
	subscribed.master_info = &info.info;
	return scheduler_queue(scheduler, &event);
}

static int new_framework(struct master *master, const Mesos__V1__FrameworkInfo *info,
			 struct framework **ret, struct err *e)
{
	char id[FRAMEWORK_ID_SIZE];
	int r;

	/* An id that this master does not know was given before its state was lost: it stays. */
	if (info->id)
		return framework_new(master, info->id->value, info, ret, e);
	snprintf(id, sizeof(id), "%s-%04llu", master->id,
		 (unsigned long long)master->next_framework);
	r = framework_new(master, id, info, ret, e);
	if (r == 0) {
		master->next_framework++;
		master_put_self(master);
	}
	return r;
}

static int find_or_make(struct master *master, const Mesos__V1__FrameworkInfo *info,
			struct framework **ret, struct err *e)
{
	struct framework *framework = info->id ? framework_find(master, info->id->value) : NULL;
	int r;

	if (!framework) {
		r = new_framework(master, info, ret, e);
		if (r == 0)
			(*ret)->registered_wall_ms = master_wall_ms(master);
		return r;
	}
	r = framework_info_validate_principal(framework->info, info, e);
	if (r == 0)
		r = framework_set_info(framework, info, e);
	if (r < 0)
		return r;
	framework->reregistered_wall_ms = master_wall_ms(master);
	if (!framework->registered_wall_ms)
		framework->registered_wall_ms = framework->reregistered_wall_ms;
	*ret = framework;
	return 0;
}

static int check_removed(const struct master *master, const Mesos__V1__FrameworkInfo *info,
			 struct err *e)
{
	const struct framework *framework =
		info->id ? framework_find(master, info->id->value) : NULL;

	return framework && framework->is_removed ?
		err_set(e, EPERM, "Framework has been removed") : 0;
}

static struct scheduler *scheduler_new(struct framework *framework, scheduler_event_fn *event,
				       void *arg)
{
	struct scheduler *scheduler = calloc(1, sizeof(*scheduler));

	if (!scheduler)
		return NULL;
	scheduler->master = framework->master;
	scheduler->framework = framework;
	scheduler->event = event;
	scheduler->arg = arg;
	framework->n_schedulers++;
	STAILQ_INIT(&scheduler->events);
	TAILQ_INSERT_TAIL(&framework->master->schedulers, scheduler, all);
	return scheduler;
}

/* Of a framework whose record is on its way to the disk. */
static int begin(struct framework *framework, scheduler_event_fn *event, void *arg, int64_t now_ms,
		 struct scheduler **ret, struct err *e)
{
	struct scheduler *scheduler = scheduler_new(framework, event, arg);
	int r;

	if (!scheduler)
		return err_set(e, ENOMEM, "subscribe framework '%s'", framework->id);
	r = queue_subscribed(scheduler);
	if (r < 0) {
		scheduler_free(scheduler);
		return err_set(e, -r, "subscribe framework '%s'", framework->id);
	}
	heartbeat(scheduler, now_ms);
	/* Offers of the old subscription are not the new one's: it never saw them. */
	offers_free_of_framework(framework);
	if (framework->scheduler)
		scheduler_end(framework->scheduler, "Framework failed over");
	framework->scheduler = scheduler;
	framework->counters.calls[MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE]++;
	framework->is_recovered = false;
	*ret = scheduler;
	return 0;
}

int scheduler_subscribe(struct master *master,
			const Mesos__V1__Scheduler__Call__Subscribe *subscribe,
			scheduler_event_fn *event, void *arg, int64_t now_ms,
			struct scheduler **ret, struct err *e)
{
	struct framework_terms terms = FRAMEWORK_TERMS(subscribe);
	struct offer_constraints *constraints = NULL;
	struct framework *framework = NULL;
	int r = framework_info_validate(terms.info, master->options.roles, e);

	if (r == 0)
		r = check_removed(master, terms.info, e);
	if (r == 0)
		r = framework_terms_validate(&terms, &constraints, e);
	if (r == 0)
		r = find_or_make(master, terms.info, &framework, e);
	if (r == 0) {
		framework_stop_failover(framework);
		r = framework_put(framework, e);
	}
	if (r == 0)
		r = begin(framework, event, arg, now_ms, ret, e);
	if (r == 0) {
		framework_take_terms(framework, &terms, &constraints, true);
		if (framework->reregistered_wall_ms)
			observe_framework_updated(framework);
		else
			observe_framework_added(framework);
		master_explain(master, "framework '%s' ('%.100s') is subscribed", framework->id,
			       terms.info->name);
	}
	offer_constraints_free(constraints);
	return r;
}

void scheduler_disconnect(struct scheduler *scheduler, int64_t now_ms)
{
	struct framework *framework = scheduler->framework;
	struct master *master = scheduler->master;

	if (framework->scheduler == scheduler) {
		framework->scheduler = NULL;
		framework_start_failover(framework, now_ms);
		offers_free_of_framework(framework);
		framework_update_clients(framework);
		master_explain(master,
			       "framework '%s' is disconnected; its failover timeout is %g s",
			       framework->id, framework->info->failover_timeout);
	}
	/* From inside its own event function: the queue is still being walked. */
	if (master->delivering == scheduler)
		scheduler->is_closed = true;
	else
		scheduler_free(scheduler);
}
