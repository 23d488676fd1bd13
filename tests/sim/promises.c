#include "tests/sim/promises.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "tests/sim/agent.h"
#include "tests/sim/agent_tasks.h"
#include "tests/sim/autoscaled.h"
#include "tests/sim/directories.h"
#include "tests/sim/executors.h"
#include "tests/sim/framework.h"
#include "tests/sim/groups.h"
#include "tests/sim/host.h"
#include "tests/sim/operations.h"
#include "tests/sim/sim.h"

enum { MAX_UPDATES = 8 };

/* An update as it was made. */
struct made {
	uint8_t uuid[16];
	uint64_t hash;
	bool is_acknowledged;
};

/* The truth about a task, whoever says what. */
struct fate {
	UT_hash_handle hh;
	unsigned n_starts;
	bool is_wished, is_live;
	Mesos__V1__TaskState end;	/* of its terminal update; 0 (STAGING is 6): none */
	bool has_end;
	struct made updates[MAX_UPDATES];
	unsigned n_updates, n_told;	/* how many of them a framework has seen */
	bool is_said_over;		/* by the master, to a framework that takes its word */
	Mesos__V1__TaskState said;
	struct standing standing;
	char key[];
};

struct name {
	UT_hash_handle hh;
	unsigned n;			/* how often it happened and nothing has come of it yet */
	char text[];
};

struct ledger {
	struct fate *fates;
	struct name *names;		/* every id that was given */
	struct name *torn_down;		/* frameworks of which TEARDOWN was answered */
	struct name *gone;		/* agents that were answered to be gone */
	struct name *changes;		/* that were asked for */
	struct name *endings;		/* of executors */
	uint64_t n_told_again;
	uint64_t epoch;
	char master_id[ID_UUID_SIZE];
};

/* ---- the ledger ---- */

struct ledger *ledger_new(void)
{
	return sim_alloc(sizeof(struct ledger));
}

static void free_names(struct name **names)
{
	struct name *name, *next;

	HASH_ITER(hh, *names, name, next) {
		HASH_DEL(*names, name);
		free(name);
	}
}

void ledger_free(struct ledger *ledger)
{
	struct fate *fate, *next;

	HASH_ITER(hh, ledger->fates, fate, next) {
		HASH_DEL(ledger->fates, fate);
		free(fate);
	}
	free_names(&ledger->names);
	free_names(&ledger->torn_down);
	free_names(&ledger->gone);
	free_names(&ledger->changes);
	free_names(&ledger->endings);
	free(ledger);
}

static bool has_name(const struct name *names, const char *text)
{
	const struct name *name = NULL;

	HASH_FIND_STR(names, text, name);
	return name;
}

/* False: it is there already. */
static bool add_name(struct name **names, const char *text)
{
	struct name *name;

	if (has_name(*names, text))
		return false;
	name = sim_alloc(sizeof(*name) + strlen(text) + 1);
	strcpy(name->text, text);
	HASH_ADD_KEYPTR(hh, *names, name->text, strlen(name->text), name);
	return true;
}

static void happened(struct name **names, const char *text)
{
	struct name *name = NULL;

	(void)add_name(names, text);
	HASH_FIND_STR(*names, text, name);
	name->n++;
}

/* False: nothing of the kind has happened that this could come of. */
static bool comes_of(struct name *names, const char *text)
{
	struct name *name = NULL;

	HASH_FIND_STR(names, text, name);
	return name && name->n > 0 && name->n--;
}

struct fate *promises_fate(struct sim *sim, const char *framework_id, const char *task_id)
{
	struct fate *fate = NULL;
	char key[300];

	(void)snprintf(key, sizeof(key), "%s/%s", framework_id, task_id);
	HASH_FIND_STR(sim->ledger->fates, key, fate);
	if (fate)
		return fate;
	fate = sim_alloc(sizeof(*fate) + strlen(key) + 1);
	strcpy(fate->key, key);
	HASH_ADD_KEYPTR(hh, sim->ledger->fates, fate->key, strlen(fate->key), fate);
	return fate;
}

const char *fate_key(const struct fate *fate)
{
	return fate->key;
}

bool promises_has_started(const struct fate *fate)
{
	return fate->n_starts > 0;
}

bool promises_has_failed(const struct fate *fate)
{
	return fate->has_end && fate->end != MESOS__V1__TASK_STATE__TASK_FINISHED;
}

bool promises_is_live(const struct fate *fate)
{
	return fate->is_live;
}

struct standing *promises_standing(struct fate *fate)
{
	return &fate->standing;
}

bool promises_is_terminal(Mesos__V1__TaskState state)
{
	return master_task_is_ended(state);
}

void promises_wished(struct sim *sim, struct fate *fate)
{
	fate->is_wished = true;
	sim->n_tasks++;
}

/* ---- P1: what was given stays given ---- */

void promises_named(struct sim *sim, const char *id)
{
	if (!add_name(&sim->ledger->names, id))
		sim_fail(sim, "P1 ids", "'%s' is given twice", id);
}

void promises_master_speaks(struct sim *sim, const struct master *master)
{
	struct ledger *ledger = sim->ledger;

	if (ledger->epoch && strcmp(ledger->master_id, master_id(master)) != 0)
		sim_fail(sim, "P1 master id", "'%s' has become '%s'", ledger->master_id,
			 master_id(master));
	if (master_epoch(master) <= ledger->epoch)
		sim_fail(sim, "P1 epoch", "%llu follows %llu",
			 (unsigned long long)master_epoch(master),
			 (unsigned long long)ledger->epoch);
	ledger->epoch = master_epoch(master);
	(void)snprintf(ledger->master_id, sizeof(ledger->master_id), "%s", master_id(master));
}

/* Whether it may be is looked at when it is (promises_roles.c). */
void promises_removed(struct sim *sim, const struct sim_framework *framework, const char *why)
{
	if (strcmp(why, "Framework has been removed") != 0)
		sim_fail(sim, "P1 frameworks", "%s is told: %s", framework->name, why);
}

void promises_torn_down(struct sim *sim, const char *framework_id)
{
	(void)add_name(&sim->ledger->torn_down, framework_id);
}

void promises_gone(struct sim *sim, const char *agent_id)
{
	(void)add_name(&sim->ledger->gone, agent_id);
}

/* What was answered is so, whatever has crashed since. */
static void check_answered(struct sim *sim, const struct master *master)
{
	const struct name *name;

	for (name = sim->ledger->gone; name; name = name->hh.next) {
		const struct agent *agent = registry_find(master, name->text);

		if (!agent || agent->state != AGENT_GONE)
			sim_fail(sim, "P1 gone", "agent '%s' was gone and is %s", name->text,
				 agent ? registry_state_name(agent->state) : "unknown");
	}
	for (name = sim->ledger->torn_down; name; name = name->hh.next) {
		const struct framework *framework = framework_find(master, name->text);

		if (!framework || !framework->is_removed)
			sim_fail(sim, "P1 teardown", "framework '%s' was torn down and is %s",
				 name->text, framework ? "back" : "unknown");
	}
}

/* ---- P3, P4: one life a task ---- */

static bool is_of(const struct fate *fate, const char *framework_id)
{
	size_t size = strlen(framework_id);

	return size > 0 && strncmp(fate->key, framework_id, size) == 0 && fate->key[size] == '/';
}

/* Not of the controller, which asks for its tasks by itself. */
static bool is_of_named(const struct ledger *ledger, const struct fate *fate)
{
	char id[128];

	(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(fate->key, "/"), fate->key);
	return has_name(ledger->names, id);
}

void promises_process_started(struct sim *sim, struct fate *fate)
{
	if (!fate->is_wished && is_of_named(sim->ledger, fate))
		sim_fail(sim, "P3 asked", "nobody has asked for task '%s'", fate->key);
	if (fate->is_live)
		sim_fail(sim, "P3 two lives", "task '%s' runs twice", fate->key);
	if (fate->n_starts > 0)
		sim_fail(sim, "P4 restart", "task '%s' is started again", fate->key);
	/* What was on its way when an operator declared the agent gone is the operator's to answer for. */
	if (fate->is_said_over && fate->said != MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR)
		sim_fail(sim, "P2 truth", "task '%s' starts after the master said that it is %s",
			 fate->key, master_task_state_name(fate->said));
	fate->n_starts++;
	fate->is_live = true;
	promises_job_process(sim, fate, true);
}

void promises_process_ended(struct sim *sim, struct fate *fate)
{
	fate->is_live = false;
	promises_job_process(sim, fate, false);
}

/* ---- P2: what is told of a task ---- */

static uint64_t hash_status(const Mesos__V1__TaskStatus *status)
{
	uint8_t data[1024];
	size_t size = protobuf_c_message_get_packed_size(&status->base);
	uint64_t hash = 14695981039346656037u;

	if (size > sizeof(data))
		return 0;
	(void)protobuf_c_message_pack(&status->base, data);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 1099511628211u;
	return hash;
}

void promises_update_made(struct sim *sim, struct fate *fate, const Mesos__V1__TaskStatus *status)
{
	struct made *made = &fate->updates[fate->n_updates];

	if (fate->n_updates >= MAX_UPDATES || fate->has_end) {
		sim_fail(sim, "setup", "task '%s' has too many updates", fate->key);
		return;
	}
	memcpy(made->uuid, status->uuid.data, sizeof(made->uuid));
	made->hash = hash_status(status);
	fate->n_updates++;
	fate->has_end = promises_is_terminal(status->state);
	if (fate->has_end)
		fate->end = status->state;
	if (status->state == MESOS__V1__TASK_STATE__TASK_FINISHED)
		promises_job_finished(sim, fate);
}

static int find_made(const struct fate *fate, const uint8_t uuid[16])
{
	for (unsigned i = 0; i < fate->n_updates; i++) {
		if (memcmp(fate->updates[i].uuid, uuid, 16) == 0)
			return (int)i;
	}
	return -1;
}

void promises_acknowledged(struct sim *sim, struct fate *fate, const uint8_t uuid[16])
{
	int i = find_made(fate, uuid);

	(void)sim;
	if (i >= 0)
		fate->updates[i].is_acknowledged = true;
}

static void told_by_agent(struct sim *sim, struct fate *fate, const Mesos__V1__TaskStatus *status)
{
	int i = find_made(fate, status->uuid.data);

	if (i < 0) {
		sim_fail(sim, "P2 invented", "no agent has made this update of task '%s'",
			 fate->key);
		return;
	}
	if (hash_status(status) != fate->updates[i].hash)
		sim_fail(sim, "P2 identical", "update %d of task '%s' has changed on its way", i,
			 fate->key);
	if ((unsigned)i + 1 < fate->n_told)
		sim_fail(sim, "P2 order", "update %d of task '%s' comes after update %u", i,
			 fate->key, fate->n_told - 1);
	if (i > 0 && !fate->updates[i - 1].is_acknowledged)
		sim_fail(sim, "P2 order", "update %d of task '%s' comes before the one before it"
			 " is acknowledged", i, fate->key);
	if (fate->is_said_over && promises_is_terminal(status->state) &&
	    fate->said != status->state)
		sim_fail(sim, "P2 one end", "task '%s' was said to be %s and is %s", fate->key,
			 master_task_state_name(fate->said),
			 master_task_state_name(status->state));
	if ((unsigned)i + 1 > fate->n_told)
		fate->n_told = (unsigned)i + 1;
}

static bool is_alive_state(Mesos__V1__TaskState state)
{
	return state == MESOS__V1__TASK_STATE__TASK_STAGING ||
	       state == MESOS__V1__TASK_STATE__TASK_STARTING ||
	       state == MESOS__V1__TASK_STATE__TASK_RUNNING ||
	       state == MESOS__V1__TASK_STATE__TASK_KILLING;
}

/*
 * By the word of the master alone.  TASK_LOST is what a framework that does not know of partitions
 * is told of all that is not there at the moment: only the others may take it as the end.
 */
static void told_by_master(struct sim *sim, struct fate *fate,
			   const struct sim_framework *framework,
			   const Mesos__V1__TaskStatus *status)
{
	/* Who asks for a task that has ended, and is forgotten, is told that it is not there. */
	bool is_answer = status->has_reason &&
			 status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION;
	bool is_end_told = fate->has_end && fate->n_told == fate->n_updates;

	if (status->state == MESOS__V1__TASK_STATE__TASK_LOST && !framework->is_partition_aware)
		return;
	if (!promises_is_terminal(status->state)) {
		if (is_end_told && is_alive_state(status->state))
			sim_fail(sim, "P2 one end", "task '%s' is said to be %s after its end",
				 fate->key, master_task_state_name(status->state));
		return;
	}
	if (is_end_told && !is_answer && status->state != fate->end &&
	    status->state != MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR)
		sim_fail(sim, "P2 one end", "task '%s' has ended as %s and is said to be %s",
			 fate->key, master_task_state_name(fate->end),
			 master_task_state_name(status->state));
	/* An operator has vouched for that; the agent will kill it when it hears of it. */
	if (fate->is_live && status->state != MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR)
		sim_fail(sim, "P2 truth", "task '%s' is said to be %s and lives", fate->key,
			 master_task_state_name(status->state));
	/* Whoever knows the end may hear it from the agent once more. */
	if (is_end_told && is_answer)
		return;
	if (!fate->is_said_over)
		fate->said = status->state;
	fate->is_said_over = true;
}

void promises_told(struct sim *sim, struct fate *fate, const struct sim_framework *framework,
		   const Mesos__V1__TaskStatus *status)
{
	if (status->has_uuid)
		told_by_agent(sim, fate, status);
	else
		told_by_master(sim, fate, framework, status);
}

void promises_offered(struct sim *sim, const Mesos__V1__Offer *offer)
{
	if (!add_name(&sim->ledger->names, offer->id->value))
		sim_fail(sim, "P1 ids", "offer '%s' is made twice", offer->id->value);
}

/* ---- nothing is divided in another way, and no volume goes, unless somebody wants it ---- */

void promises_change_asked(struct sim *sim, const char *change)
{
	happened(&sim->ledger->changes, change);
}

void promises_change_made(struct sim *sim, const char *change)
{
	sim->n_changes++;
	if (!comes_of(sim->ledger->changes, change))
		sim_fail(sim, "P6 asked", "nobody has asked for what is changed %s", change);
}

/* ---- P2: no executor is said to end more often than it does ---- */

void promises_executor_ended(struct sim *sim, const char *executor)
{
	happened(&sim->ledger->endings, executor);
}

void promises_executor_told(struct sim *sim, const char *executor)
{
	if (comes_of(sim->ledger->endings, executor))
		return;
	/* Where another of the same id began in between, a call that comes twice is told twice. */
	if (!has_name(sim->ledger->endings, executor) ||
	    sim->ledger->n_told_again++ >= sim->faults[FAULT_DUPLICATE])
		sim_fail(sim, "P2 executor", "executor '%s' is said to have ended and has not",
			 executor);
}

void promises_check(struct sim *sim)
{
	const struct master *master = sim->host->master;

	check_answered(sim, master);
	promises_check_apps(sim);
	promises_check_jobs(sim);
	autoscaled_check(sim);
	promises_check_roles(sim);
	executors_check(sim);
	promises_check_charges(sim);
}

/* ---- P2, P5: everybody knows what is ---- */

static bool agent_is_healed(struct sim *sim, const struct sim_agent *node, char *text, size_t size)
{
	const struct agent *agent = registry_find(sim->host->master, node->id);
	const struct agent_task *task;
	size_t n = 0, n_known = 0;
	const struct task *known;

	UNLESS(agent && node->state == LINK_UP && agent->state == AGENT_CONNECTED,
	       "%s is not connected", node->hostname);
	UNLESS(resources_equal(allocator_node_total(agent->node), &node->total),
	       "%s is not divided as the master has it", node->hostname);
	TAILQ_FOREACH(task, &node->tasks, next) {
		UNLESS(STAILQ_EMPTY(&task->updates), "an update of task '%s' is not acknowledged",
		       fate_key(task->fate));
		n++;
	}
	TAILQ_FOREACH(known, &agent->tasks, on_agent)
		n_known++;
	UNLESS(n == n_known, "%s has %zu tasks, the master knows of %zu", node->hostname, n,
	       n_known);
	return executors_are_healed(node, agent, text, size);
}

static bool framework_is_healed(const struct sim_framework *framework, char *text, size_t size)
{
	const struct wish *wish;

	UNLESS(framework->is_subscribed, "%s is not subscribed", framework->name);
	UNLESS(framework->is_offered || !promises_have_room(framework->sim, 1, 128, 0),
	       "%s is not offered what is free", framework->name);
	TAILQ_FOREACH(wish, &framework->wishes, next) {
		const struct fate *fate = wish->fate;

		UNLESS(fate->is_live || promises_is_terminal(wish->state),
		       "%s does not know the end of '%s'", framework->name, wish->id);
		UNLESS(!fate->is_live || !promises_is_terminal(wish->state),
		       "%s takes '%s' for ended", framework->name, wish->id);
		UNLESS(!fate->is_live || wish->state == MESOS__V1__TASK_STATE__TASK_RUNNING,
		       "%s takes '%s', which runs, for %s", framework->name, wish->id,
		       master_task_state_name(wish->state));
	}
	return true;
}

static bool has_owner(const struct sim *sim, const struct fate *fate)
{
	for (size_t i = 0; i < sim->n_frameworks; i++) {
		if (is_of(fate, sim->frameworks[i]->id))
			return true;
	}
	return is_of(fate, promises_controller_id(sim));
}

bool promises_are_healed(struct sim *sim, char *text, size_t size)
{
	const struct fate *fate;

	UNLESS(sim->host->master, "the master is down");
	for (size_t i = 0; i < sim->n_agents; i++) {
		if (!agent_is_healed(sim, sim->agents[i], text, size))
			return false;
	}
	for (size_t i = 0; i < sim->n_frameworks; i++) {
		if (!framework_is_healed(sim->frameworks[i], text, size))
			return false;
	}
	if (!promises_apps_are_healed(sim, text, size) ||
	    !promises_jobs_are_healed(sim, text, size) ||
	    !autoscaled_is_healed(sim, text, size) || !deeds_are_healed(sim, text, size) ||
	    !groups_are_healed(sim, text, size) || !directories_are_healed(sim, text, size))
		return false;
	for (fate = sim->ledger->fates; fate; fate = fate->hh.next)
		UNLESS(!fate->is_live || has_owner(sim, fate),
		       "task '%s' lives longer than its framework", fate->key);
	return true;
}

/* ---- P6, P7: at the end nothing is left ---- */

bool promises_are_settled(struct sim *sim, char *text, size_t size)
{
	const struct master *master = sim->host->master;
	const struct fate *fate;
	const struct agent *agent;
	const struct framework *framework;

	UNLESS(master, "the master is down");
	for (fate = sim->ledger->fates; fate; fate = fate->hh.next)
		UNLESS(!fate->is_live, "task '%s' still lives", fate->key);
	for (size_t i = 0; i < sim->n_agents; i++)
		UNLESS(TAILQ_EMPTY(&sim->agents[i]->tasks), "%s still has tasks",
		       sim->agents[i]->hostname);
	for (framework = master->frameworks; framework; framework = framework->hh.next) {
		bool is_own = strcmp(framework->id, promises_controller_id(sim)) == 0;

		UNLESS(is_own || framework->is_removed ||
		       !has_name(sim->ledger->names, framework->id),
		       "framework '%s' is not removed", framework->id);
		UNLESS(!framework->tasks, "framework '%s' has tasks", framework->id);
		UNLESS(!framework->early_kills, "framework '%s' has kills to come", framework->id);
		UNLESS(framework->n_schedulers == (is_own ? 1 : 0),
		       "framework '%s' has %u subscriptions", framework->id,
		       framework->n_schedulers);
	}
	for (agent = master->agents; agent; agent = agent->hh.next)
		UNLESS(TAILQ_EMPTY(&agent->tasks) &&
		       (!agent->node || resources_is_empty(allocator_node_used(agent->node))),
		       "agent '%s' has tasks or is charged", agent->id);
	UNLESS(!master->offers && !master->inverse_offers, "there are offers");
	return executors_are_settled(sim, text, size) && deeds_are_settled(sim, text, size) &&
	       promises_apps_are_settled(sim, text, size) &&
	       promises_jobs_are_settled(sim, text, size);
}
