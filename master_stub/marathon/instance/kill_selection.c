#include "master_stub/marathon/instance/kill_selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/constraints.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/state.h"

struct candidate {
	struct instance *instance;
	int rank;		/* lower goes first */
	int64_t since_ms;
	bool is_taken;
	char group[CONSTRAINT_VALUE_SIZE];
};

enum { RANK_UNJUDGED = 4, RANK_GOOD };

static int rank_of(const struct instance *instance)
{
	if (instance->unreachable_wall_ms != 0 || instance->is_leaving)
		return 0;
	if (instance->is_provisioned || instance->state == MESOS__V1__TASK_STATE__TASK_STAGING)
		return 1;
	if (instance->state == MESOS__V1__TASK_STATE__TASK_STARTING)
		return 2;
	if (instance_is_good(instance))
		return RANK_GOOD;
	return instance_is_unjudged(instance) ? RANK_UNJUDGED : RANK_UNJUDGED - 1;
}

static bool is_eligible(const struct instance *instance, const struct app *target,
			enum generation which)
{
	bool is_new = instance_is_current(instance, target);

	if (!instance_is_alive(instance) || !(which & (is_new ? NEW_ONES : OLD_ONES)))
		return false;
	/* A rolling restart leaves alone what it has not heard of. */
	return which != OLD_ONES || instance->is_confirmed;
}

static unsigned collect(const struct controller *c, const struct entry *entry,
			enum generation which, struct candidate *list)
{
	const struct app *target = entry->target;
	struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		const struct node *node = node_find(c, instance->agent_id);

		if (!is_eligible(instance, target, which))
			continue;
		list[n].instance = instance;
		list[n].rank = rank_of(instance);
		list[n].since_ms = instance->started_wall_ms ? instance->started_wall_ms
							     : instance->staged_wall_ms;
		if (node) {
			struct place place = node_place(node);

			constraints_group(target->constraints, target->n_constraints, &place,
					  list[n].group);
		}
		n++;
	}
	return n;
}

/* How many of those not taken are in the same group. */
static unsigned crowd_of(const struct candidate *candidate, const struct candidate *list,
			 unsigned n)
{
	unsigned crowd = 0;

	for (unsigned i = 0; i < n; i++)
		crowd += !list[i].is_taken && strcmp(list[i].group, candidate->group) == 0;
	return crowd;
}

static bool goes_before(const struct candidate *a, const struct candidate *b, bool oldest_first)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return oldest_first ? a->since_ms < b->since_ms : a->since_ms > b->since_ms;
}

/* Of those that may not serve at all any is as good to stop as another. */
static unsigned uselessness(int rank)
{
	return rank == RANK_GOOD ? 0 : rank == RANK_UNJUDGED ? 1 : 2;
}

/*
 * One at a time: with every one that goes its group becomes less full.  In a rolling restart, which
 * counts on the good ones to stay, those that are not go before any of them.
 */
static struct candidate *next_of(struct candidate *list, unsigned n, bool has_groups,
				 bool oldest_first, bool good_last)
{
	struct candidate *best = NULL;
	unsigned best_crowd = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned crowd;

		if (list[i].is_taken)
			continue;
		crowd = has_groups ? crowd_of(&list[i], list, n) : 1;
		if (good_last)
			crowd += n * uselessness(list[i].rank);
		if (!best || crowd > best_crowd ||
		    (crowd == best_crowd && goes_before(&list[i], best, oldest_first))) {
			best = &list[i];
			best_crowd = crowd;
		}
	}
	return best;
}

int kill_selection(const struct controller *c, const struct entry *entry, enum generation which,
		   unsigned n, struct instance **list, unsigned *ret_n)
{
	const struct app *target = entry->target;
	bool has_groups = constraints_have_groups(target->constraints, target->n_constraints);
	AUTO_FREE struct candidate *all = calloc(entry->n_instances + 1, sizeof(*all));
	unsigned n_all, taken = 0;
	struct candidate *next;

	if (!all)
		return -ENOMEM;
	n_all = collect(c, entry, which, all);
	/* When all go anyway their order does not matter. */
	if (n >= n_all) {
		for (; taken < n_all; taken++)
			list[taken] = all[taken].instance;
		*ret_n = taken;
		return 0;
	}
	while (taken < n) {
		next = next_of(all, n_all, has_groups, target->kill_oldest_first,
			       which == OLD_ONES);
		next->is_taken = true;
		list[taken++] = next->instance;
	}
	*ret_n = taken;
	return 0;
}
