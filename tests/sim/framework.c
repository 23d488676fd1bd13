#include "tests/sim/framework.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "tests/sim/changes.h"
#include "tests/sim/executors.h"
#include "tests/sim/framework_calls.h"
#include "tests/sim/operations.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

const char *const framework_roles[N_ROLES] = { "red", "blue", "blue/deep" };

enum { SILENCE_MS = 5 * 15 * 1000, DIAL_TIMEOUT_MS = 15 * 1000, MAX_LAUNCHES = 4 };

static void dial(struct sim_framework *framework);

/* ---- wishes ---- */

static struct wish *find_wish(struct sim_framework *framework, const char *id)
{
	struct wish *wish;

	TAILQ_FOREACH(wish, &framework->wishes, next) {
		if (strcmp(wish->id, id) == 0)
			return wish;
	}
	return NULL;
}

static unsigned count_open(const struct sim_framework *framework)
{
	const struct wish *wish;
	unsigned n = 0;

	TAILQ_FOREACH(wish, &framework->wishes, next)
		n += !wish->is_over;
	return n;
}

static struct wish *random_wish(struct sim_framework *framework)
{
	unsigned n = count_open(framework);
	struct wish *wish;

	if (n == 0)
		return NULL;
	n = (unsigned)rng_below(&framework->sim->rng, n);
	TAILQ_FOREACH(wish, &framework->wishes, next) {
		if (!wish->is_over && n-- == 0)
			return wish;
	}
	return NULL;
}

/* EXECUTOR: "" for none. */
static struct wish *new_wish(struct sim_framework *framework, const char *agent_id,
			     const char *executor)
{
	struct wish *wish = sim_alloc(sizeof(*wish));

	(void)snprintf(wish->id, sizeof(wish->id), "t%u", framework->n_named++);
	(void)snprintf(wish->agent_id, sizeof(wish->agent_id), "%s", agent_id);
	(void)snprintf(wish->executor, sizeof(wish->executor), "%s", executor);
	wish->state = MESOS__V1__TASK_STATE__TASK_STAGING;
	wish->fate = promises_fate(framework->sim, framework->id, wish->id);
	promises_wished(framework->sim, wish->fate);
	TAILQ_INSERT_TAIL(&framework->wishes, wish, next);
	return wish;
}

static void drop_wishes(struct sim_framework *framework)
{
	struct wish *wish;

	while ((wish = TAILQ_FIRST(&framework->wishes))) {
		TAILQ_REMOVE(&framework->wishes, wish, next);
		free(wish);
	}
}

/* ---- offers ---- */

static bool is_there(const struct framework_accept *accept, const char *executor)
{
	for (size_t i = 0; i < accept->offer->n_executor_ids; i++) {
		if (strcmp(accept->offer->executor_ids[i]->value, executor) == 0)
			return true;
	}
	for (size_t i = 0; i < accept->n_tasks; i++) {
		if (strcmp(accept->tasks[i].wish->executor, executor) == 0)
			return true;
	}
	return false;
}

/* One of a few for ROLE, which is part of what it is, if LEFT has room for it; or none: "". */
static void choose_executor(struct sim *sim, const struct framework_accept *accept,
			    const char *role, struct resources *left, char ret[EXECUTOR_ID_SIZE])
{
	ret[0] = '\0';
	if (!sim_chance(sim, 300))
		return;
	(void)snprintf(ret, EXECUTOR_ID_SIZE, "x%d-%s", (int)sim_between(sim, 0, 2), role);
	for (char *c = ret; *c; c++)
		*c = *c == '/' ? '.' : *c;
	if (is_there(accept, ret))
		return;
	if (resources_contain(left, &framework_executor_resources))
		(void)resources_subtract(left, &framework_executor_resources);
	else
		ret[0] = '\0';
}

/* As many as fit, out of LEFT, of the sizes that chance has. */
static void choose_tasks(struct sim_framework *framework, const Mesos__V1__Offer *offer,
			 struct framework_accept *accept)
{
	struct sim *sim = framework->sim;
	const char *role = offer->allocation_info ? offer->allocation_info->role : "*";
	struct resources left = { 0 };
	struct err e = { 0 };
	unsigned most = (unsigned)sim_between(sim, 0, MAX_LAUNCHES);

	if (resources_from_messages(offer->resources, offer->n_resources, &left, &e) < 0)
		sim_fail(sim, "offers", "%s", e.msg);
	if (offer->allocation_info && sim_chance(sim, 300))
		accept->change = change_ask(sim, offer->agent_id->value, role, &left);
	if (accept->change && sim_chance(sim, 500))
		ask_new(framework, offer->agent_id->value, accept->change);
	while (accept->n_tasks < most && count_open(framework) < framework->most_tasks) {
		struct resources wanted = { 0 };
		char executor[EXECUTOR_ID_SIZE];

		choose_executor(sim, accept, role, &left, executor);
		wanted.scalar[RESOURCE_CPUS] = sim_between(sim, 1, 15) * 100;
		wanted.scalar[RESOURCE_MEM] = sim_between(sim, 1, 8) * 32000;
		if (sim_chance(sim, 400) && ranges_count(&left.ports) > 0) {
			uint32_t port = ranges_at(&left.ports, 0);

			(void)ranges_add(&wanted.ports, port, port);
		}
		if (left.parts.n > 0 && sim_chance(sim, 400))
			change_use(sim, role, &left, &wanted);
		if (!resources_contain(&left, &wanted)) {
			resources_done(&wanted);
			break;
		}
		(void)resources_subtract(&left, &wanted);
		framework_accept_add(accept, new_wish(framework, offer->agent_id->value, executor),
				     &wanted);
	}
	if (!sim->is_calm && sim_chance(sim, 20)) {
		/* More than there is: told as TASK_ERROR. */
		struct resources wanted = { .scalar = { [RESOURCE_CPUS] = 1000000 } };

		sim_fault(sim, FAULT_INVALID_LAUNCH);
		framework_accept_add(accept, new_wish(framework, offer->agent_id->value, ""),
				     &wanted);
	}
	resources_done(&left);
}

static void answer_offer(struct sim_framework *framework, const Mesos__V1__Offer *offer)
{
	struct sim *sim = framework->sim;
	struct framework_accept accept = { .offer = offer };
	bool is_wanting = !sim->is_calm && count_open(framework) < framework->most_tasks;

	promises_offered(sim, offer);
	framework->is_offered = true;
	if (is_wanting && sim_chance(sim, 30))
		return;		/* it times out */
	if (is_wanting && sim_chance(sim, 800))
		choose_tasks(framework, offer, &accept);
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
	struct wish *wish = find_wish(framework, status->task_id->value);

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
	framework->n_lives++;
	drop_wishes(framework);
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
	struct wish *wish = random_wish(framework);

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
	if (framework->is_subscribed && count_open(framework) > 0)
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
	drop_wishes(framework);
	asks_drop(framework);
	drop_late_acks(framework);
	free(framework);
}
