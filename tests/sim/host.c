#include "tests/sim/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "master_stub/marathon/controller.h"
#include "master_stub/master.h"
#include "master_stub/scheduler.h"
#include "proto/tepui.pb-c.h"
#include "tests/sim/autoscaled.h"
#include "tests/sim/directories.h"
#include "tests/sim/framework.h"
#include "tests/sim/job_people.h"
#include "tests/sim/operator.h"
#include "tests/sim/people.h"
#include "tests/sim/promises.h"
#include "tests/sim/servers.h"
#include "tests/sim/sim.h"

enum { MAX_TURNS = 100, RETRY_MS = 1000 };

/* ---- outboxes ---- */

static void post(struct link *link, struct parcel *parcel)
{
	struct host *host = link->sim->host;

	STAILQ_INSERT_TAIL(&link->outbox, parcel, next);
	if (!link->is_waiting)
		STAILQ_INSERT_TAIL(&host->waiting, link, in_waiting);
	link->is_waiting = true;
}

static void empty(struct link *link, bool is_sent)
{
	struct parcel *parcel;

	while ((parcel = STAILQ_FIRST(&link->outbox))) {
		STAILQ_REMOVE_HEAD(&link->outbox, next);
		if (is_sent)
			link_send(link, parcel);
		else
			free(parcel);
	}
	link->is_waiting = false;
}

static void hang_up(struct link *link)
{
	link_send(link, parcel_new(LANE_EVENTS, PARCEL_END, NULL, 0));
	link->host_run = 0;
}

static void flush(struct host *host)
{
	struct link *link;

	if (!host->has_spoken)
		promises_master_speaks(host->sim, host->master);
	host->has_spoken = true;
	if (host->acted[0])
		promises_gone(host->sim, host->acted);
	host->acted[0] = '\0';
	people_are_answered(host->sim);
	job_people_are_answered(host->sim);
	operator_is_answered(host->sim);
	while ((link = STAILQ_FIRST(&host->waiting))) {
		STAILQ_REMOVE_HEAD(&host->waiting, in_waiting);
		empty(link, true);
		if (link->is_closing)
			hang_up(link);
	}
}

/* ---- what the core asks for ---- */

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	struct link *link = stream;
	struct host *host = arg;

	directories_sent(host->sim, event);
	if (!link->is_closing)
		post(link, parcel_new(LANE_EVENTS, PARCEL_DATA, &event->base, 0));
}

static void on_agent_close(void *arg, void *stream)
{
	struct link *link = stream;

	(void)arg;
	link->is_closing = true;
	if (!link->is_waiting)
		STAILQ_INSERT_TAIL(&link->sim->host->waiting, link, in_waiting);
	link->is_waiting = true;
}

static void on_explain(void *arg, const char *sentence)
{
	const struct host *host = arg;

	sim_trace(host->sim, "master: %s", sentence);
}

static int64_t on_wall_ms(void *arg)
{
	const struct host *host = arg;

	return sim_wall_ms(host->sim);
}

static void on_scheduler_event(void *arg, const Mesos__V1__Scheduler__Event *event)
{
	struct link *link = arg;

	post(link, parcel_new(LANE_EVENTS, PARCEL_DATA, &event->base, 0));
	if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR) {
		link->scheduler = NULL;
		link->is_closing = true;
	}
}

/* ---- turns ---- */

static void on_turn(void *arg, uint64_t tag);

static void plan_turn(struct host *host, int64_t at)
{
	sim_at(host->sim, at > host->sim->now_ms ? at : host->sim->now_ms, on_turn, host,
	       ++host->turn_tag);
}

static bool commit(struct host *host)
{
	struct sim *sim = host->sim;
	struct err e = { 0 };

	if (store_is_dirty(host->store)) {
		if (host->disk_full_until_ms > sim->now_ms) {
			if (!host->is_full)
				sim_trace(sim, "host: the commit fails");
			host->is_full = true;
			return false;
		}
		if (store_commit(host->store, &e) < 0)
			sim_fail(sim, "store", "%s", e.msg);
	}
	host->is_full = false;
	return true;
}

static void die(struct host *host);

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void turn(struct host *host)
{
	int64_t now = host->sim->now_ms, next = now;

	for (int i = 0; i < MAX_TURNS && next <= now; i++) {
		master_turn(host->master, now);
		next = master_next_ms(host->master);
		if (!host->controller)
			continue;
		controller_turn(host->controller, now);
		next = earlier(master_next_ms(host->master), controller_next_ms(host->controller));
	}
	if (next <= now)
		sim_fail(host->sim, "turns", "the core is not done after %d turns", MAX_TURNS);
	promises_check(host->sim);
	if (host->doom == DOOM_BEFORE_COMMIT) {
		die(host);
		return;
	}
	if (commit(host)) {
		job_people_are_recorded(host->sim);
		autoscaled_is_recorded(host->sim);
		if (host->doom == DOOM_BEFORE_FLUSH) {
			die(host);
			return;
		}
		flush(host);
	}
	if (host->is_full && next > now + RETRY_MS)
		next = now + RETRY_MS;
	if (next != INT64_MAX)
		plan_turn(host, next);
}

static void on_turn(void *arg, uint64_t tag)
{
	struct host *host = arg;

	if (tag == host->turn_tag && host->master)
		turn(host);
}

/* ---- what comes in ---- */

static void refuse(struct link *link, enum lane lane, const struct err *e)
{
	sim_trace(link->sim, "host: %s is refused: %s", link->name, e->msg);
	post(link, parcel_new(lane, PARCEL_REFUSAL, NULL, e->code));
}

static void agent_data(struct host *host, struct link *link, const struct parcel *parcel)
{
	Tepui__AgentCall *call = tepui__agent_call__unpack(NULL, parcel->size, parcel->data);
	struct err e = { 0 };
	int r;

	if (parcel->lane == LANE_SUBSCRIBE) {
		r = master_agent_subscribe(host->master, call, link, host->sim->now_ms, &e);
		if (r < 0) {
			refuse(link, LANE_EVENTS, &e);
			link->is_closing = true;
		}
	} else {
		r = link->is_closing ? err_set(&e, EINVAL, "stream is not open") :
		    master_agent_call(host->master, call, host->sim->now_ms, &e);
		if (r < 0)
			refuse(link, LANE_ANSWERS, &e);
	}
	tepui__agent_call__free_unpacked(call, NULL);
}

static void refuse_framework(struct link *link, const struct err *why)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;
	char text[sizeof(why->msg)];

	memcpy(text, why->msg, sizeof(text));
	error.message = text;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR;
	event.error = &error;
	post(link, parcel_new(LANE_EVENTS, PARCEL_DATA, &event.base, 0));
	link->is_closing = true;
}

static void framework_data(struct host *host, struct link *link, const struct parcel *parcel)
{
	Mesos__V1__Scheduler__Call *call =
		mesos__v1__scheduler__call__unpack(NULL, parcel->size, parcel->data);
	struct sim_framework *framework = link->arg;
	struct err e = { 0 };
	int r;

	if (parcel->lane == LANE_SUBSCRIBE) {
		r = scheduler_subscribe(host->master, call->subscribe,
					on_scheduler_event, link, host->sim->now_ms,
					&link->scheduler, &e);
		if (r < 0)
			refuse_framework(link, &e);
		else
			framework->left_ms = INT64_MAX;
	} else {
		r = link->scheduler ?
		    scheduler_call(link->scheduler, call, host->sim->now_ms, &e) :
		    err_set(&e, EINVAL, "stream is not open");
		if (r < 0)
			refuse(link, LANE_ANSWERS, &e);
		else if (call->type == MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN)
			post(link, parcel_new(LANE_ANSWERS, PARCEL_ANSWER, &call->base, 0));
	}
	mesos__v1__scheduler__call__free_unpacked(call, NULL);
}

static void leave(struct link *link)
{
	struct sim_framework *framework = link->arg;

	link->scheduler = NULL;
	framework->left_ms = link->sim->now_ms;
}

static void closed(struct host *host, struct link *link)
{
	sim_trace(host->sim, "host: the stream of %s ends", link->name);
	if (link->is_agent && !link->is_closing)
		master_agent_lost(host->master, link, host->sim->now_ms);
	if (link->scheduler) {
		scheduler_disconnect(link->scheduler, host->sim->now_ms);
		leave(link);
	}
	if (link->is_waiting)
		STAILQ_REMOVE(&host->waiting, link, link, in_waiting);
	empty(link, false);
	link->host_run = 0;
}

bool host_receive(struct host *host, struct link *link, const struct parcel *parcel)
{
	bool is_first = parcel->lane == LANE_SUBSCRIBE && parcel->kind == PARCEL_DATA;

	if (!host->master || (!is_first && link->host_run != host->run))
		return false;
	link->host_run = host->run;
	if (parcel->kind == PARCEL_END)
		closed(host, link);
	else if (link->is_agent)
		agent_data(host, link, parcel);
	else
		framework_data(host, link, parcel);
	turn(host);
	return true;
}

void host_turn(struct host *host)
{
	turn(host);
}

void host_acted(struct host *host, const char *gone)
{
	if (gone)
		(void)snprintf(host->acted, sizeof(host->acted), "%s", gone);
	turn(host);
}

/* ---- life ---- */

static void on_app_event(void *arg, const char *type, const json_t *event)
{
	const struct host *host = arg;

	sim_trace(host->sim, "controller: %s", type);
	promises_hear(host->sim, type, event);
}

static void start_controller(struct host *host)
{
	struct controller_options options = controller_default_options;
	struct controller_io io = {
		.event = on_app_event, .explain = on_explain, .wall_ms = on_wall_ms,
		.fetch = servers_fetch, .fetch_cancel = servers_cancel, .arg = host,
	};
	struct err e = { 0 };

	if (controller_new(&options, &io, host->store, &host->rng, host->master, host->sim->now_ms,
			   &host->controller, &e) < 0)
		sim_fail(host->sim, "start", "%s", e.msg);
}

static void start(void *arg, uint64_t tag)
{
	struct host *host = arg;
	struct sim *sim = host->sim;
	struct master_options options = master_default_options;
	struct master_io io = {
		.agent_event = on_agent_event, .agent_close = on_agent_close,
		.explain = on_explain, .wall_ms = on_wall_ms, .arg = host,
	};
	struct err e = { 0 };

	(void)tag;
	if (host->master)
		return;
	host->run++;
	host->started_ms = sim->now_ms;
	rng_seed(&host->rng, sim->seed * 1000 + host->run);
	if (master_new(&options, &io, host->store, &host->rng, sim->now_ms, &host->master, &e) < 0) {
		sim_fail(sim, "start", "%s", e.msg);
		return;
	}
	if (sim->people)
		start_controller(host);
	host->has_spoken = false;
	sim_trace(sim, "host: the master starts, epoch %llu",
		  (unsigned long long)master_epoch(host->master));
	turn(host);
}

struct host *host_new(struct sim *sim)
{
	struct host *host = sim_alloc(sizeof(*host));
	struct err e = { 0 };

	host->sim = sim;
	STAILQ_INIT(&host->waiting);
	if (store_open_memory(&host->store, &e) < 0)
		sim_fail(sim, "store", "%s", e.msg);
	sim_at(sim, sim->now_ms, start, host, 0);
	return host;
}

static void stop(struct host *host)
{
	struct link *link;

	SLIST_FOREACH(link, &host->sim->links, all) {
		if (link->host_run != host->run)
			continue;
		if (link->is_waiting)
			empty(link, false);
		if (link->scheduler)
			leave(link);
		link->host_run = 0;
		/* The kernel closes what the process had open. */
		link_send(link, parcel_new(LANE_EVENTS, PARCEL_END, NULL, 0));
	}
	STAILQ_INIT(&host->waiting);
	host->acted[0] = '\0';
	people_are_not_answered(host->sim);
	job_people_are_not_answered(host->sim);
	autoscaled_is_lost(host->sim);
	operator_is_not_answered(host->sim);
	controller_free(host->controller);
	host->controller = NULL;
	master_free(host->master);
	host->master = NULL;
	host->is_full = false;
}

static void die(struct host *host)
{
	sim_trace(host->sim, "host: the master is killed %s",
		  host->doom == DOOM_BEFORE_COMMIT ? "before its commit" : "after its commit");
	host->doom = DOOM_NONE;
	stop(host);
	store_rollback(host->store);
	sim_in(host->sim, host->down_ms, start, host, 0);
}

void host_crash(struct host *host, enum doom doom, int64_t down_ms)
{
	host->doom = doom;
	host->down_ms = down_ms;
}

void host_free(struct host *host)
{
	if (!host)
		return;
	if (host->master)
		stop(host);
	store_close(host->store);
	free(host);
}
