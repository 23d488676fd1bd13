#include "master_stub/maintenance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/inverse_offer.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"

static const char KIND[] = "maintenance", KEY[] = "schedule";

typedef Mesos__V1__MachineID MachineID;
typedef Mesos__V1__Maintenance__Schedule Schedule;
typedef Mesos__V1__Maintenance__Window Window;

/* ---- which machine is it? ---- */

static const struct machine *machine_of(const struct agent *agent)
{
	return machines_find_place(&agent->master->maintenance, agent->info->hostname, agent->endpoint);
}

static bool is_same(const struct unavailability *a, const struct unavailability *b)
{
	return a->is_planned == b->is_planned && a->start_ns == b->start_ns &&
	       a->duration_ns == b->duration_ns;
}

static void set_unavailability(struct agent *agent, const struct unavailability *now)
{
	struct master *master = agent->master;

	if (agent->unavailability.is_planned)
		TAILQ_REMOVE(&master->scheduled, agent, in_scheduled);
	agent->unavailability = *now;
	if (now->is_planned)
		TAILQ_INSERT_TAIL(&master->scheduled, agent, in_scheduled);
}

static const struct unavailability nothing;

void maintenance_place(struct agent *agent)
{
	const struct machine *machine = agent->state == AGENT_GONE ? NULL : machine_of(agent);
	const struct unavailability *now = machine ? &machine->unavailability : &nothing;

	if (is_same(now, &agent->unavailability))
		return;
	set_unavailability(agent, now);
	/* They told something else, or nothing. */
	offers_rescind_of_agent(agent);
	inverse_offers_rescind_of_agent(agent);
}

void maintenance_forget(struct agent *agent)
{
	inverse_offers_free_of_agent(agent);
	set_unavailability(agent, &nothing);
}

int maintenance_check_up(const struct master *master, const char *hostname, const char *endpoint,
			 struct err *e)
{
	const struct machine *machine = machines_find_place(&master->maintenance, hostname, endpoint);
	char name[MACHINE_KEY_SIZE];

	if (!machine || !machine->is_down)
		return 0;
	machine_describe(machine->id, name, sizeof(name));
	return err_set(e, EAGAIN, "Machine '%.200s' is down for maintenance", name);
}

int maintenance_check_unscheduled(const struct agent *agent, struct err *e)
{
	const struct machine *machine = machine_of(agent);
	char name[MACHINE_KEY_SIZE];

	if (!machine)
		return 0;
	machine_describe(machine->id, name, sizeof(name));
	return err_set(e, EINVAL, "Agent %s is part of a maintenance schedule under Machine %.200s",
		       agent->id, name);
}

/* ---- records ---- */

static int put(struct master *master, const struct machines *plan, struct err *e)
{
	Tepui__MaintenanceRecord record = TEPUI__MAINTENANCE_RECORD__INIT;
	AUTO_FREE MachineID **down = calloc(HASH_COUNT(plan->by_id) + 1, sizeof(*down));
	struct machine *machine, *next;

	if (!down)
		return err_set(e, ENOMEM, "record maintenance");
	record.schedule = plan->schedule;
	record.down = down;
	HASH_ITER(hh, plan->by_id, machine, next) {
		/* Packing only reads it. */
		if (machine->is_down)
			down[record.n_down++] = (MachineID *)(uintptr_t)machine->id;
	}
	return master_put(master, KIND, KEY, &record.base, e);
}

/* On disk, or not at all; PLAN is taken over in both cases. */
static int adopt(struct master *master, struct machines *plan_take, struct err *e)
{
	struct agent *agent, *next;
	int r = put(master, plan_take, e);

	if (r < 0) {
		machines_done(plan_take);
		return r;
	}
	machines_done(&master->maintenance);
	master->maintenance = *plan_take;
	HASH_ITER(hh, master->agents, agent, next)
		maintenance_place(agent);
	return 0;
}

static int load(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct master *master = arg;
	Tepui__MaintenanceRecord *record = tepui__maintenance_record__unpack(NULL, size, data);
	struct err why = { 0 };
	int r = 0;

	(void)key;
	(void)e;
	if (record && record->schedule)
		r = machines_make(record->schedule, &master->maintenance, &why);
	if (!record || r < 0) {
		machines_done(&master->maintenance);
		master_explain(master, "the maintenance schedule cannot be read and is ignored: %s",
			       record ? why.msg : "not a record");
	}
	for (size_t i = 0; record && i < record->n_down; i++) {
		struct machine *machine = machines_find(&master->maintenance, record->down[i]);

		if (machine)
			machine->is_down = true;
	}
	if (record)
		tepui__maintenance_record__free_unpacked(record, NULL);
	return 0;
}

int maintenance_load(struct master *master, struct err *e)
{
	struct agent *agent, *next;
	int r = store_each(master->store, KIND, load, master, e);

	HASH_ITER(hh, master->agents, agent, next)
		maintenance_place(agent);
	return r;
}

void maintenance_free(struct master *master)
{
	machines_done(&master->maintenance);
}

/* ---- what operators ask for ---- */

static int carry_down_over(const struct machines *before, struct machines *after,
			   struct err *e)
{
	const struct machine *machine;
	char name[MACHINE_KEY_SIZE];

	for (machine = before->by_id; machine; machine = machine->hh.next) {
		struct machine *same = machines_find(after, machine->id);

		if (same) {
			same->is_down = machine->is_down;
		} else if (machine->is_down) {
			machine_describe(machine->id, name, sizeof(name));
			return err_set(e, EINVAL, "Machine '%.200s' is deactivated and cannot be"
				       " removed from the schedule", name);
		}
	}
	return 0;
}

int maintenance_update_schedule(struct master *master, const Schedule *schedule, struct err *e)
{
	struct machines plan;
	int r = machines_make(schedule, &plan, e);

	if (r == 0)
		r = carry_down_over(&master->maintenance, &plan, e);
	if (r < 0) {
		machines_done(&plan);
		return r;
	}
	r = adopt(master, &plan, e);
	if (r == 0)
		master_explain(master, "the maintenance schedule has %u machines now",
			       HASH_COUNT(master->maintenance.by_id));
	return r;
}

/* All of them, each once, are on the schedule and down as WANTED. */
static int check_machines(struct master *master, MachineID *const *ids, size_t n, bool wanted,
			  struct err *e)
{
	char name[MACHINE_KEY_SIZE];

	if (n == 0)
		return err_set(e, EINVAL, "List of machines is empty");
	for (size_t i = 0; i < n; i++) {
		struct machine *machine;
		int r = machine_check_id(ids[i], e);

		if (r < 0)
			return r;
		machine_describe(ids[i], name, sizeof(name));
		machine = machines_find(&master->maintenance, ids[i]);
		if (!machine)
			return err_set(e, EINVAL, "Machine '%.200s' is not part of a maintenance"
				       " schedule", name);
		if (machine->is_down != wanted)
			return err_set(e, EINVAL, "Machine '%.200s' is not in %s mode and cannot be"
				       " brought %s", name, wanted ? "DOWN" : "DRAINING",
				       wanted ? "up" : "down");
	}
	return 0;
}

static void set_down(struct master *master, MachineID *const *ids, size_t n, bool is_down)
{
	for (size_t i = 0; i < n; i++)
		machines_find(&master->maintenance, ids[i])->is_down = is_down;
}

/* Those too that nobody can reach: should they come back, they must leave. */
static void dismiss_agents(struct master *master)
{
	struct agent *agent, *next;

	HASH_ITER(hh, master->agents, agent, next) {
		const struct machine *machine = machine_of(agent);
		struct err e = { 0 };

		if (machine && machine->is_down && agent->state != AGENT_GONE &&
		    registry_mark_gone(agent, "its machine is down for maintenance", &e) < 0)
			master_explain(master, "%s", e.msg);
	}
}

int maintenance_start(struct master *master, MachineID *const *ids, size_t n, struct err *e)
{
	int r = check_machines(master, ids, n, false, e);

	if (r < 0)
		return r;
	set_down(master, ids, n, true);
	r = put(master, &master->maintenance, e);
	if (r < 0) {
		set_down(master, ids, n, false);
		return r;
	}
	dismiss_agents(master);
	return 0;
}

/* Windows that have no machine any more go with the last one. */
static void remove_leaving(const struct machines *plan, Schedule *schedule)
{
	size_t kept_windows = 0;

	for (size_t w = 0; w < schedule->n_windows; w++) {
		Window *window = schedule->windows[w];
		size_t kept = 0;

		for (size_t i = 0; i < window->n_machine_ids; i++) {
			if (machines_find(plan, window->machine_ids[i])->is_leaving)
				mesos__v1__machine_id__free_unpacked(window->machine_ids[i], NULL);
			else
				window->machine_ids[kept++] = window->machine_ids[i];
		}
		window->n_machine_ids = kept;
		if (kept > 0)
			schedule->windows[kept_windows++] = window;
		else
			mesos__v1__maintenance__window__free_unpacked(window, NULL);
	}
	schedule->n_windows = kept_windows;
}

static void set_leaving(struct master *master, MachineID *const *ids, size_t n, bool is_leaving)
{
	for (size_t i = 0; i < n; i++)
		machines_find(&master->maintenance, ids[i])->is_leaving = is_leaving;
}

int maintenance_stop(struct master *master, MachineID *const *ids, size_t n, struct err *e)
{
	Schedule *left;
	struct machines plan;
	int r = check_machines(master, ids, n, true, e);

	if (r < 0)
		return r;
	left = (Schedule *)pb_copy(&master->maintenance.schedule->base);
	if (!left)
		return err_set(e, ENOMEM, "stop maintenance");
	set_leaving(master, ids, n, true);
	remove_leaving(&master->maintenance, left);
	set_leaving(master, ids, n, false);
	r = machines_make(left, &plan, e);
	mesos__v1__maintenance__schedule__free_unpacked(left, NULL);
	if (r < 0) {
		machines_done(&plan);
		return r;
	}
	/* What is left of those that are down stays so; those that are asked for are not in it. */
	for (struct machine *machine = plan.by_id; machine; machine = machine->hh.next)
		machine->is_down = machines_find(&master->maintenance, machine->id)->is_down;
	return adopt(master, &plan, e);
}

/* ---- what operators are told ---- */

const Schedule *maintenance_schedule(const struct master *master)
{
	static const Schedule empty = MESOS__V1__MAINTENANCE__SCHEDULE__INIT;

	return master->maintenance.schedule ? master->maintenance.schedule : &empty;
}

typedef Mesos__V1__Maintenance__ClusterStatus Status;
typedef Mesos__V1__Maintenance__ClusterStatus__DrainingMachine Draining;
typedef Mesos__V1__Allocator__InverseOfferStatus Answer;

static int add_machine_row(Status *status, struct machine *machine)
{
	Draining view = MESOS__V1__MAINTENANCE__CLUSTER_STATUS__DRAINING_MACHINE__INIT;
	/* Copying only reads it. */
	MachineID *id = (MachineID *)(uintptr_t)machine->id;

	view.id = id;
	if (machine->is_down) {
		id = (MachineID *)pb_copy(&id->base);
		if (!id)
			return -ENOMEM;
		status->down_machines[status->n_down_machines++] = id;
		return 0;
	}
	machine->row = (Draining *)pb_copy(&view.base);
	if (!machine->row)
		return -ENOMEM;
	status->draining_machines[status->n_draining_machines++] = machine->row;
	return 0;
}

static int add_answer(Draining *row, const struct inverse_offer *offer)
{
	Answer view = MESOS__V1__ALLOCATOR__INVERSE_OFFER_STATUS__INIT;
	Mesos__V1__TimeInfo time = MESOS__V1__TIME_INFO__INIT;
	Answer **grown = reallocarray(row->statuses, row->n_statuses + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	row->statuses = grown;
	view.status = offer->answer;
	view.framework_id = offer->framework->info->id;
	time.nanoseconds = offer->answered_wall_ms * 1000000;
	view.timestamp = &time;
	grown[row->n_statuses] = (Answer *)pb_copy(&view.base);
	if (!grown[row->n_statuses])
		return -ENOMEM;
	row->n_statuses++;
	return 0;
}

static int fill_status(const struct master *master, Status *status)
{
	const struct machines *plan = &master->maintenance;
	const struct inverse_offer *offer;
	struct machine *machine;
	const struct agent *agent;
	unsigned n = HASH_COUNT(plan->by_id) + 1;

	status->draining_machines = calloc(n, sizeof(*status->draining_machines));
	status->down_machines = calloc(n, sizeof(*status->down_machines));
	if (!status->draining_machines || !status->down_machines)
		return -ENOMEM;
	for (machine = plan->by_id; machine; machine = machine->hh.next) {
		if (add_machine_row(status, machine) < 0)
			return -ENOMEM;
	}
	TAILQ_FOREACH(agent, &master->scheduled, in_scheduled) {
		const struct machine *place = machine_of(agent);

		LIST_FOREACH(offer, &agent->inverse_offers, on_agent) {
			if (!place->is_down && offer->answered_wall_ms &&
			    add_answer(place->row, offer) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

Status *maintenance_status(const struct master *master)
{
	Status *status = malloc(sizeof(*status));

	if (!status)
		return NULL;
	mesos__v1__maintenance__cluster_status__init(status);
	if (fill_status(master, status) == 0)
		return status;
	mesos__v1__maintenance__cluster_status__free_unpacked(status, NULL);
	return NULL;
}
