#include "tests/sim/framework.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/sim/executors.h"
#include "tests/sim/framework_calls.h"
#include "tests/sim/launches.h"
#include "tests/sim/operations.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

const char *const framework_roles[N_ROLES] = { "red", "blue", "blue/deep" };

enum { SILENCE_MS = 5 * 15 * 1000, DIAL_TIMEOUT_MS = 15 * 1000 };

static void dial(struct sim_framework *framework);

/* ---- offers ---- */

static void answer_offer(struct sim_framework *framework, const Mesos__V1__Offer *offer)
{
	struct sim *sim = framework->sim;
	struct framework_accept accept = { .offer = offer };
	bool is_wanting = !sim->is_calm && wishes_count_open(framework) < framework->most_tasks;

	promises_offered(sim, offer);
	framework->is_offered = true;
	if (is_wanting && sim_chance(sim, 30))
		return;		/* it times out */
	if (is_wanting && sim_chance(sim, 800))
		launches_choose(framework, &accept);
	if (accept.n_tasks > 0 || accept.change || (is_wanting && sim_chance(sim, 50)))
		framework_accept(framework, &accept);
	else
		framework_decline(framework, offer->id->value,
				  sim->is_calm ? 3600 : (double)sim_between(sim, 0, 60));
	framework_accept_done(&accept);
}

static void answer_inverse_offer(struct sim_framework *framework,
				 const Mesos__V1__InverseOffer *offer)
{
	struct sim *sim = framework->sim;

	sim_trace(sim, "%s <- inverse offer %s", framework->name, offer->id->value);
	if (sim_chance(sim, 200))
		return;
	framework_answer_inverse(framework, offer->id, sim_chance(sim, 600));
}

/* ---- updates ---- */

static void ack_later(struct sim_framework *framework, const Mesos__V1__TaskStatus *status);

static void on_late_ack(void *arg, uint64_t run)
{
	struct sim_framework *framework = arg;
	struct late_ack *ack = STAILQ_FIRST(&framework->late_acks);

	if (framework->run != run || !framework->is_subscribed || !ack)
		return;
	STAILQ_REMOVE_HEAD(&framework->late_acks, next);
	framework_acknowledge(framework, ack->agent_id, ack->task_id, ack->uuid);
	free(ack);
}

static void ack_later(struct sim_framework *framework, const Mesos__V1__TaskStatus *status)
{
	struct late_ack *ack = sim_alloc(sizeof(*ack));

	(void)snprintf(ack->task_id, sizeof(ack->task_id), "%s", status->task_id->value);
	(void)snprintf(ack->agent_id, sizeof(ack->agent_id), "%s", status->agent_id->value);
	memcpy(ack->uuid, status->uuid.data, sizeof(ack->uuid));
	STAILQ_INSERT_TAIL(&framework->late_acks, ack, next);
	sim_in(framework->sim, sim_between(framework->sim, 100, 20000), on_late_ack, framework,
	       framework->run);
}

static void drop_late_acks(struct sim_framework *framework)
{
	struct late_ack *ack;

	while ((ack = STAILQ_FIRST(&framework->late_acks))) {
		STAILQ_REMOVE_HEAD(&framework->late_acks, next);
		free(ack);
	}
}

static void acknowledge(struct sim_framework *framework, const Mesos__V1__TaskStatus *status)
{
	struct sim *sim = framework->sim;
	unsigned n = 1;

	if (!sim->is_calm && sim_chance(sim, 30)) {
		sim_fault(sim, FAULT_LOST_ACKNOWLEDGEMENT);
		return;
	}
	if (!sim->is_calm && sim_chance(sim, 50)) {
		sim_fault(sim, FAULT_LATE_ACKNOWLEDGEMENT);
		ack_later(framework, status);
		return;
	}
	if (!sim->is_calm && sim_chance(sim, 30)) {
		sim_fault(sim, FAULT_DOUBLE_ACKNOWLEDGEMENT);
		n = 2;
	}
	while (n-- > 0)
		framework_acknowledge(framework, status->agent_id->value, status->task_id->value,
				      status->uuid.data);
}

/* LOST and UNKNOWN may be taken back by whoever said them. */
static bool is_final(const struct sim_framework *framework, Mesos__V1__TaskState state)
{
	return promises_is_terminal(state) &&
	       (framework->is_partition_aware || state != MESOS__V1__TASK_STATE__TASK_LOST);
}

static void take_status(struct sim_framework *framework, const Mesos__V1__TaskStatus *status)
{
	struct wish *wish = wish_find(framework, status->task_id->value);

	sim_trace(framework->sim, "%s <- task %s is %d%s", framework->name,
		  status->task_id->value, (int)status->state, status->has_uuid ? "" : " (master)");
	if (!wish) {
		sim_fail(framework->sim, "P2 unknown", "%s is told of task '%s', which it never"
			 " asked for", framework->name, status->task_id->value);
		return;
	}
	promises_told(framework->sim, wish->fate, framework, status);
	/* An update may be older than what a reconciliation said. */
	if (!is_final(framework, wish->state))
		wish->state = status->state;
	wish->is_over = is_final(framework, wish->state);
	if (status->has_uuid)
		acknowledge(framework, status);
}

static void take_operation(struct sim_framework *framework, const Mesos__V1__OperationStatus *status)
{
	struct sim *sim = framework->sim;

	if (!ask_told(framework, status))
		return;
	if (!sim->is_calm && sim_chance(sim, 100))
		sim_fault(sim, FAULT_LOST_ACKNOWLEDGEMENT);
	else
		framework_acknowledge_operation(framework, status);
}

/* ---- events ---- */

static void subscribed(struct sim_framework *framework,
		       const Mesos__V1__Scheduler__Event__Subscribed *event)
{
	if (framework->id[0] && strcmp(framework->id, event->framework_id->value) != 0)
		sim_fail(framework->sim, "P1 framework id", "'%s' is taken for '%s'", framework->id,
			 event->framework_id->value);
	if (!framework->id[0])
		promises_named(framework->sim, event->framework_id->value);
	(void)snprintf(framework->id, sizeof(framework->id), "%s", event->framework_id->value);
	framework->is_subscribed = true;
	framework->attempts = 0;
	sim_framework_reconcile(framework);
}

/* The master has removed it, which ends its tasks; it begins anew. */
static void removed(struct sim_framework *framework, const char *why)
{
	promises_removed(framework->sim, framework, why);
	if (framework->is_tearing_down) {
		framework->is_torn_down = true;
		return;
	}
	framework->id[0] = '\0';
	wishes_drop(framework);
	asks_drop(framework);
}

static void come_back(struct sim_framework *framework, bool is_polite);

/* An old SUBSCRIBE of its own may be late and take the stream away: then it comes back, too. */
static void ended(struct sim_framework *framework, const char *why)
{
	sim_trace(framework->sim, "%s <- ERROR %s", framework->name, why);
	if (strcmp(why, "Framework failed over") != 0)
		removed(framework, why);
	come_back(framework, true);
}

static void handle(struct sim_framework *framework, const Mesos__V1__Scheduler__Event *event)
{
	if (event->subscribed)
		subscribed(framework, event->subscribed);
	else if (event->offers)
		for (size_t i = 0; i < event->offers->n_offers; i++)
			answer_offer(framework, event->offers->offers[i]);
	else if (event->inverse_offers)
		for (size_t i = 0; i < event->inverse_offers->n_inverse_offers; i++)
			answer_inverse_offer(framework, event->inverse_offers->inverse_offers[i]);
	else if (event->update)
		take_status(framework, event->update->status);
	else if (event->update_operation_status)
		take_operation(framework, event->update_operation_status->status);
	else if (event->failure)
		ending_told(framework->sim, framework->id, event->failure);
	else if (event->error)
		ended(framework, event->error->message);
}

static void on_event(void *arg, struct link *link, const struct parcel *parcel)
{
	struct sim_framework *framework = arg;
	Mesos__V1__Scheduler__Event *event;

	if (framework->link != link)
		return;
	if (parcel->kind == PARCEL_ANSWER) {
		framework_answered(framework, parcel);
		return;
	}
	event = mesos__v1__scheduler__event__unpack(NULL, parcel->size, parcel->data);
	framework->silence_at_ms = framework->sim->now_ms + SILENCE_MS;
	handle(framework, event);
	mesos__v1__scheduler__event__free_unpacked(event, NULL);
}

static void on_refused(void *arg, struct link *link, const struct parcel *parcel)
{
	(void)arg;
	(void)link;
	(void)parcel;
}

static void on_closed(void *arg, struct link *link)
{
	struct sim_framework *framework = arg;

	if (framework->link == link)
		come_back(framework, true);
}

static const struct link_client client = {
	.event = on_event, .refused = on_refused, .closed = on_closed,
};

/* ---- the stream ---- */

static void on_attempt(void *arg, uint64_t run)
{
	struct sim_framework *framework = arg;

	if (framework->is_running && framework->run == run && !framework->link)
		dial(framework);
}

static void hang_up(struct sim_framework *framework, bool is_polite)
{
	if (framework->link)
		link_leave(framework->link, is_polite);
	framework->link = NULL;
	framework->is_subscribed = false;
	framework->run++;
	drop_late_acks(framework);
}

static void come_back(struct sim_framework *framework, bool is_polite)
{
	struct sim *sim = framework->sim;
	int64_t wait = 200 << (framework->attempts < 6 ? framework->attempts : 6);

	hang_up(framework, is_polite);
	if (framework->is_torn_down)
		return;
	framework->attempts++;
	sim_in(sim, sim_between(sim, wait / 2, wait), on_attempt, framework, framework->run);
}

static void on_silence(void *arg, uint64_t run)
{
	struct sim_framework *framework = arg;

	if (framework->run != run || !framework->link)
		return;
	if (framework->silence_at_ms <= framework->sim->now_ms)
		come_back(framework, true);
	else
		sim_at(framework->sim, framework->silence_at_ms, on_silence, framework, run);
}

static void on_mood(void *arg, uint64_t run);

static void dial(struct sim_framework *framework)
{
	struct sim *sim = framework->sim;

	sim_trace(sim, "%s: dials as '%s'", framework->name, framework->id);
	if (sim->is_calm)
		framework->suppressed = 0;
	framework->link = framework_subscribe(framework, &client);
	framework->silence_at_ms = sim->now_ms + DIAL_TIMEOUT_MS;
	sim_at(sim, framework->silence_at_ms, on_silence, framework, framework->run);
	sim_in(sim, sim_between(sim, 1000, 20000), on_mood, framework, framework->run);
}

/* ---- what it does by itself ---- */

static void change_roles(struct sim_framework *framework)
{
	struct rng *rng = &framework->sim->rng;

	if (!framework->roles)
		return;
	framework->roles = 1 + (unsigned)rng_below(rng, (1 << N_ROLES) - 1);
	framework->suppressed = framework->roles & (unsigned)rng_below(rng, 1 << N_ROLES);
	if (sim_chance(framework->sim, 500))
		framework->suppressed = 0;
	framework_say_roles(framework);
}

/* Of all of its roles, or of some; also of one that it has not. */
static unsigned any_roles(struct sim_framework *framework)
{
	return framework->roles ? (unsigned)rng_below(&framework->sim->rng, 1 << N_ROLES) : 0;
}

static void do_something(struct sim_framework *framework)
{
	struct wish *wish = wish_by_chance(framework);

	switch (rng_below(&framework->sim->rng, 10)) {
	case 0:
	case 1:
	case 2:
		if (wish)
			framework_kill(framework, wish);
		break;
	case 3:
		framework_suppress(framework, any_roles(framework));
		break;
	case 4:
	case 5:
		framework_revive(framework, any_roles(framework));
		break;
	case 6:
		sim_framework_reconcile(framework);
		break;
	case 7:
		framework_reconcile_all(framework);
		break;
	case 8:
		change_roles(framework);
		break;
	default:
		if (wish && wish->executor[0])
			framework_shut_down(framework, wish);
		break;
	}
}

static void on_mood(void *arg, uint64_t run)
{
	struct sim_framework *framework = arg;
	struct sim *sim = framework->sim;

	if (framework->run != run || sim->is_calm)
		return;
	if (framework->is_subscribed)
		do_something(framework);
	sim_in(sim, sim_between(sim, 1000, 20000), on_mood, framework, run);
}

void sim_framework_reconcile(struct sim_framework *framework)
{
	if (framework->is_subscribed && wishes_count_open(framework) > 0)
		framework_reconcile(framework);
	if (framework->is_subscribed)
		framework_reconcile_operations(framework);
}

void sim_framework_tear_down(struct sim_framework *framework)
{
	framework->is_tearing_down = true;
	if (framework->is_subscribed)
		framework_teardown(framework);
}

/* ---- life ---- */

static void start(void *arg, uint64_t run)
{
	struct sim_framework *framework = arg;

	if (framework->is_running || framework->run != run)
		return;
	framework->is_running = true;
	framework->attempts = 0;
	dial(framework);
}

void sim_framework_crash(struct sim_framework *framework, int64_t down_ms)
{
	if (!framework->is_running)
		return;
	sim_trace(framework->sim, "%s: is killed", framework->name);
	hang_up(framework, sim_chance(framework->sim, 800));
	framework->is_running = false;
	sim_in(framework->sim, down_ms, start, framework, framework->run);
}

void sim_framework_disconnect(struct sim_framework *framework)
{
	if (framework->link)
		come_back(framework, true);
}

void sim_framework_fail_over(struct sim_framework *framework)
{
	if (!framework->is_subscribed)
		return;
	sim_trace(framework->sim, "%s: fails over", framework->name);
	/* The first process does not know, and its stream stays open until the master ends it. */
	framework->link = NULL;
	hang_up(framework, false);
	dial(framework);
}

struct sim_framework *sim_framework_new(struct sim *sim, unsigned number)
{
	static const double timeouts[] = { 0, 5, 60, 604800, 604800, 604800, 604800, 604800 };
	struct sim_framework *framework = sim_alloc(sizeof(*framework));

	framework->sim = sim;
	TAILQ_INIT(&framework->wishes);
	TAILQ_INIT(&framework->asks);
	STAILQ_INIT(&framework->late_acks);
	(void)snprintf(framework->name, sizeof(framework->name), "framework%u", number);
	framework->is_partition_aware = sim_chance(sim, 600);
	framework->roles = sim_chance(sim, 500) ? 3 : 0;
	framework->failover_timeout = timeouts[rng_below(&sim->rng, ARRAY_SIZE(timeouts))];
	framework->most_tasks = (unsigned)sim_between(sim, 1, 12);
	sim_in(sim, sim_between(sim, 0, 5000), start, framework, 0);
	return framework;
}

void sim_framework_free(struct sim_framework *framework)
{
	wishes_drop(framework);
	asks_drop(framework);
	drop_late_acks(framework);
	free(framework);
}
