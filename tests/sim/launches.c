#include "tests/sim/launches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/resources.h"
#include "tests/sim/changes.h"
#include "tests/sim/groups.h"
#include "tests/sim/operations.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum { MAX_LAUNCHES = 4 };

/* ---- wishes ---- */

struct wish *wish_find(struct sim_framework *framework, const char *id)
{
	struct wish *wish;

	TAILQ_FOREACH(wish, &framework->wishes, next) {
		if (strcmp(wish->id, id) == 0)
			return wish;
	}
	return NULL;
}

unsigned wishes_count_open(const struct sim_framework *framework)
{
	const struct wish *wish;
	unsigned n = 0;

	TAILQ_FOREACH(wish, &framework->wishes, next)
		n += !wish->is_over;
	return n;
}

struct wish *wish_by_chance(struct sim_framework *framework)
{
	unsigned n = wishes_count_open(framework);
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
static struct wish *new_wish(struct sim_framework *framework,
			     const struct framework_accept *accept, const char *executor)
{
	const char *agent_id = accept->offer->agent_id->value;
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

void wishes_drop(struct sim_framework *framework)
{
	struct wish *wish;

	while ((wish = TAILQ_FIRST(&framework->wishes))) {
		TAILQ_REMOVE(&framework->wishes, wish, next);
		free(wish);
	}
}

/* ---- offers ---- */

/* What is left of an offer. */
struct pot {
	const char *role;
	struct resources left;
	bool is_empty;			/* what was to be launched next did not fit */
};

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
			    struct pot *pot, char kind, char ret[EXECUTOR_ID_SIZE])
{
	(void)snprintf(ret, EXECUTOR_ID_SIZE, "%c%d-%s", kind, (int)sim_between(sim, 0, 2),
		       pot->role);
	for (char *c = ret; *c; c++)
		*c = *c == '/' ? '.' : *c;
	if (is_there(accept, ret))
		return;
	if (resources_contain(&pot->left, &framework_executor_resources))
		(void)resources_subtract(&pot->left, &framework_executor_resources);
	else
		ret[0] = '\0';
}

/* Of the size that chance has; false: it does not fit. */
static bool choose_resources(struct sim *sim, struct pot *pot, struct resources *ret)
{
	*ret = (struct resources){
		.scalar = { [RESOURCE_CPUS] = sim_between(sim, 1, 15) * 100,
			    [RESOURCE_MEM] = sim_between(sim, 1, 8) * 32000 },
	};
	if (sim_chance(sim, 400) && ranges_count(&pot->left.ports) > 0) {
		uint32_t port = ranges_at(&pot->left.ports, 0);

		(void)ranges_add(&ret->ports, port, port);
	}
	if (pot->left.parts.n > 0 && sim_chance(sim, 400))
		change_use(sim, pot->role, &pot->left, ret);
	if (!resources_contain(&pot->left, ret)) {
		resources_done(ret);
		return false;
	}
	(void)resources_subtract(&pot->left, ret);
	return true;
}

static void choose_task(struct sim_framework *framework, struct framework_accept *accept,
			struct pot *pot)
{
	struct sim *sim = framework->sim;
	char executor[EXECUTOR_ID_SIZE] = "";
	struct resources resources;

	if (sim_chance(sim, 300))
		choose_executor(sim, accept, pot, 'x', executor);
	if (choose_resources(sim, pot, &resources))
		framework_accept_add(accept, new_wish(framework, accept, executor), &resources);
	else
		pot->is_empty = true;
}

/* More than there is: told as TASK_ERROR. */
static const struct resources too_much = { .scalar = { [RESOURCE_CPUS] = 1000000 } };

/* Two or three at once, if they fit. */
static void choose_group(struct sim_framework *framework, struct framework_accept *accept,
			 struct pot *pot)
{
	struct sim *sim = framework->sim;
	struct resources resources[GROUP_MAX_TASKS];
	size_t n = 0, size = (size_t)sim_between(sim, 2, GROUP_MAX_TASKS);
	char executor[EXECUTOR_ID_SIZE];
	struct group *group;

	choose_executor(sim, accept, pot, 'g', executor);
	while (n < size && executor[0] && choose_resources(sim, pot, &resources[n]))
		n++;
	if (n == size && sim_chance(sim, 50)) {
		sim_fault(sim, FAULT_INVALID_LAUNCH);
		resources_done(&resources[0]);
		resources[0] = too_much;
	}
	group = n == size ? group_new(sim) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct wish *wish;

		if (!group) {
			resources_done(&resources[i]);
			continue;
		}
		wish = new_wish(framework, accept, executor);
		wish->group = group;
		group_add(group, wish->fate);
		framework_accept_add(accept, wish, &resources[i]);
	}
}

void launches_choose(struct sim_framework *framework, struct framework_accept *accept)
{
	const Mesos__V1__Offer *offer = accept->offer;
	struct sim *sim = framework->sim;
	struct pot pot = { .role = offer->allocation_info ? offer->allocation_info->role : "*" };
	struct err e = { 0 };
	unsigned most = (unsigned)sim_between(sim, 0, MAX_LAUNCHES);

	if (resources_from_messages(offer->resources, offer->n_resources, &pot.left, &e) < 0)
		sim_fail(sim, "offers", "%s", e.msg);
	if (offer->allocation_info && sim_chance(sim, 300))
		accept->change = change_ask(sim, offer->agent_id->value, pot.role, &pot.left);
	if (accept->change && sim_chance(sim, 500))
		ask_new(framework, offer->agent_id->value, accept->change);
	if (sim_chance(sim, 350) &&
	    wishes_count_open(framework) + GROUP_MAX_TASKS <= framework->most_tasks)
		choose_group(framework, accept, &pot);
	while (!pot.is_empty && accept->n_tasks < most &&
	       wishes_count_open(framework) < framework->most_tasks)
		choose_task(framework, accept, &pot);
	if (!sim->is_calm && sim_chance(sim, 20)) {
		sim_fault(sim, FAULT_INVALID_LAUNCH);
		framework_accept_add(accept, new_wish(framework, accept, ""), &too_much);
	}
	resources_done(&pot.left);
}
