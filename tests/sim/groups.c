#include "tests/sim/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

struct group {
	SLIST_ENTRY(group) next;
	size_t n;
	struct fate *tasks[GROUP_MAX_TASKS];
};

struct group *group_new(struct sim *sim)
{
	struct group *group = sim_alloc(sizeof(*group));

	SLIST_INSERT_HEAD(&sim->groups, group, next);
	sim->n_groups++;
	return group;
}

void group_add(struct group *group, struct fate *fate)
{
	group->tasks[group->n++] = fate;
}

void groups_free(struct sim *sim)
{
	struct group *group;

	while ((group = SLIST_FIRST(&sim->groups))) {
		SLIST_REMOVE_HEAD(&sim->groups, next);
		free(group);
	}
}

static bool is_in(const struct group *group, const struct fate *fate)
{
	for (size_t i = 0; i < group->n; i++) {
		if (group->tasks[i] == fate)
			return true;
	}
	return false;
}

static const struct group *group_of(const struct sim *sim, const struct fate *fate)
{
	const struct group *group;

	SLIST_FOREACH(group, &sim->groups, next) {
		if (is_in(group, fate))
			return group;
	}
	return NULL;
}

/* ---- what agents are given ---- */

void groups_task_given(struct sim *sim, const struct fate *fate)
{
	if (group_of(sim, fate))
		sim_fail(sim, "P3 group", "task '%s' is launched without its group", fate_key(fate));
}

void groups_given(struct sim *sim, const Tepui__AgentEvent__RunTaskGroup *run)
{
	const struct group *group = NULL;

	for (size_t i = 0; i < run->n_tasks; i++) {
		const struct fate *fate = promises_fate(sim, run->framework->id->value,
							run->tasks[i]->task_id->value);

		group = i == 0 ? group_of(sim, fate) : group;
		if (!group || group->n != run->n_tasks || !is_in(group, fate))
			sim_fail(sim, "P3 group", "the group of task '%s' is launched in part",
				 fate_key(fate));
	}
}

/* ---- when all is calm ---- */

static bool is_healed(const struct group *group, char *text, size_t size)
{
	size_t n_started = 0, n_live = 0, n_failed = 0;

	for (size_t i = 0; i < group->n; i++) {
		n_started += promises_has_started(group->tasks[i]);
		n_live += promises_is_live(group->tasks[i]);
		n_failed += promises_has_failed(group->tasks[i]);
	}
	UNLESS(n_started == 0 || n_started == group->n,
	       "of the group of task '%s', which has %zu, %zu were started",
	       fate_key(group->tasks[0]), group->n, n_started);
	UNLESS(n_failed == 0 || n_live == 0, "the group of task '%s' goes on without one",
	       fate_key(group->tasks[0]));
	return true;
}

bool groups_are_healed(const struct sim *sim, char *text, size_t size)
{
	const struct group *group;

	SLIST_FOREACH(group, &sim->groups, next) {
		if (!is_healed(group, text, size))
			return false;
	}
	return true;
}
