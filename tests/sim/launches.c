#include "tests/sim/launches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/resources.h"
#include "tests/sim/changes.h"
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

void wishes_drop(struct sim_framework *framework)
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
void launches_choose(struct sim_framework *framework, struct framework_accept *accept)
{
	const Mesos__V1__Offer *offer = accept->offer;
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
	while (accept->n_tasks < most && wishes_count_open(framework) < framework->most_tasks) {
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
