#include "master_stub/launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/feedback.h"
#include "master_stub/framework.h"
#include "master_stub/history.h"
#include "master_stub/launch_tasks.h"
#include "master_stub/offer.h"
#include "master_stub/operation.h"
#include "master_stub/reconcile.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "master_stub/task_validate.h"

/* They are compared with one another. */
enum { MAX_OFFERS = 1000 };

typedef Mesos__V1__Offer__Operation Operation;

/* ---- answers for what is not done ---- */

static size_t tasks_of(const Operation *operation, Mesos__V1__TaskInfo ***ret)
{
	if (operation->launch) {
		*ret = operation->launch->task_infos;
		return operation->launch->n_task_infos;
	}
	if (operation->launch_group) {
		*ret = operation->launch_group->task_group->tasks;
		return operation->launch_group->task_group->n_tasks;
	}
	*ret = NULL;
	return 0;
}

static bool is_launch(const Operation *operation)
{
	return operation->launch || operation->launch_group;
}

/*
 * The call may have come before, by a proxy that asks twice: what it launched then is not dropped, also if it
 * has ended since.
 */
static void drop_task(struct framework *framework, const Mesos__V1__TaskInfo *task, const char *why)
{
	const char *id = task->task_id->value;

	if (master_task_find(framework, id) || history_has_task(framework, id))
		reconcile_task(framework, id, task->agent_id->value);
	else
		launch_tell_not(framework, task, MESOS__V1__TASK_STATE__TASK_DROPPED,
				  MESOS__V1__TASK_STATUS__REASON__REASON_INVALID_OFFERS, why);
}

static void drop_change(struct framework *framework, const Operation *operation, const char *why)
{
	if (operation->id && !feedback_tell_latest(framework, operation->id->value))
		feedback_refuse(framework, NULL, operation, why);
}

static void drop_all(struct framework *framework,
		     const Mesos__V1__Scheduler__Call__Accept *accept, const char *why)
{
	for (size_t i = 0; i < accept->n_operations; i++) {
		Mesos__V1__TaskInfo **tasks;
		size_t n = tasks_of(accept->operations[i], &tasks);

		for (size_t j = 0; j < n; j++)
			drop_task(framework, tasks[j], why);
		if (!is_launch(accept->operations[i]))
			drop_change(framework, accept->operations[i], why);
	}
}

/* ---- offers ---- */

static struct offer *find_own(struct framework *framework, const char *id)
{
	struct offer *offer = offer_find(framework->master, id);

	return offer && offer->framework == framework ? offer : NULL;
}

static int check_offers(struct framework *framework, Mesos__V1__OfferID *const *ids, size_t n,
			struct err *e)
{
	const struct offer *first = NULL;

	if (n == 0)
		return err_set(e, EINVAL, "No offers specified");
	for (size_t i = 0; i < n; i++) {
		const struct offer *offer = find_own(framework, ids[i]->value);

		if (!offer)
			return err_set(e, EINVAL, "Offer %.255s is no longer valid", ids[i]->value);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(ids[i]->value, ids[j]->value) == 0)
				return err_set(e, EINVAL, "Duplicate offer %s in offer list",
					       offer->id);
		}
		if (first && offer->agent != first->agent)
			return err_set(e, EINVAL, "Offers %s and %s are of different agents",
				       first->id, offer->id);
		if (first && offer->role != first->role)
			return err_set(e, EINVAL, "Offers %s and %s are to different roles",
				       first->id, offer->id);
		first = first ? first : offer;
	}
	return 0;
}

/* Those that still are the framework's end; the others are nobody's business any more. */
static void free_offers(struct framework *framework, Mesos__V1__OfferID *const *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct offer *offer = find_own(framework, ids[i]->value);

		if (offer)
			offer_free(offer);
	}
}

static int open_budget(struct framework *framework, Mesos__V1__OfferID *const *ids, size_t n,
		       struct budget *budget)
{
	for (size_t i = 0; i < n; i++) {
		const struct offer *offer = find_own(framework, ids[i]->value);

		budget->agent = offer->agent;
		budget->role = offer->role;
		if (resources_add(&budget->left, &offer->resources) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What was not used is declined; what is new is offered again at once. */
static void close_budget(struct budget *budget, const Mesos__V1__Filters *filters, int64_t now_ms)
{
	resources_take_away(&budget->left, &budget->converted);
	resources_done(&budget->converted);
	if (budget->agent && !resources_is_empty(&budget->left))
		(void)allocator_refuse(budget->agent->node, budget->role->client, &budget->left,
				       offer_refusal_ms(filters), now_ms);
	resources_done(&budget->left);
}

/* ---- operations ---- */

static void change(struct budget *budget, const Operation *operation)
{
	const struct operation_asker asker = {
		.framework = budget->framework, .role = budget->role->name,
		.principal = budget->framework->info->principal,
	};
	struct err e = { 0 };
	int r = operation_apply(budget->agent, &asker, operation, &budget->left,
				&budget->converted, &e);

	master_explain(budget->framework->master, "operation %s of framework '%s' on agent '%s' is"
		       " %s%s", operation_name(operation), budget->framework->id,
		       budget->agent->id, r < 0 ? "dropped: " : "applied", r < 0 ? e.msg : "");
	if (r < 0)
		feedback_refuse(budget->framework, budget->agent, operation, e.msg);
}

static void apply(struct budget *budget, const Operation *operation)
{
	Mesos__V1__TaskInfo **tasks;
	size_t n = tasks_of(operation, &tasks);
	bool is_group = operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP;

	budget->framework->counters.operations[operation->type]++;
	if (!is_launch(operation))
		change(budget, operation);
	if (is_group && !operation->id)
		launch_group(budget, operation->launch_group);
	for (size_t i = 0; i < n; i++) {
		if (operation->id)
			launch_tell_not(budget->framework, tasks[i],
				MESOS__V1__TASK_STATE__TASK_ERROR, is_group ?
				MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID :
				MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID,
				is_group ? "Operation LAUNCH_GROUP must not have an id" :
				"Operation LAUNCH must not have an id");
		else if (!is_group)
			launch_task(budget, tasks[i]);
	}
}

static int check_operations(const Mesos__V1__Scheduler__Call__Accept *accept, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < accept->n_operations && r == 0; i++)
		r = operation_check(accept->operations[i], e);
	return r;
}

int launch_accept(struct framework *framework, const Mesos__V1__Scheduler__Call__Accept *accept,
		  int64_t now_ms, struct err *e)
{
	struct budget budget = { .framework = framework };
	struct err why = { 0 };
	int r = check_operations(accept, e);

	if (r < 0)
		return r;
	if (accept->n_offer_ids > MAX_OFFERS)
		return err_set(e, EINVAL, "accept offers: more than %d at once", MAX_OFFERS);
	r = check_offers(framework, accept->offer_ids, accept->n_offer_ids, &why);
	if (r == 0 && open_budget(framework, accept->offer_ids, accept->n_offer_ids, &budget) < 0)
		r = err_set(&why, ENOMEM, "The master is out of memory");
	/* Nothing runs between here and the charges of the tasks: nobody else is offered this. */
	free_offers(framework, accept->offer_ids, accept->n_offer_ids);
	if (r < 0) {
		resources_done(&budget.left);
		drop_all(framework, accept, why.msg);
		return 0;
	}
	framework->master->counters.offers_accepted += accept->n_offer_ids;
	framework->counters.offers_accepted += accept->n_offer_ids;
	for (size_t i = 0; i < accept->n_operations; i++)
		apply(&budget, accept->operations[i]);
	close_budget(&budget, accept->filters, now_ms);
	return 0;
}

int launch_decline(struct framework *framework, const Mesos__V1__Scheduler__Call__Decline *decline,
		   int64_t now_ms, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < decline->n_offer_ids; i++) {
		struct offer *offer = find_own(framework, decline->offer_ids[i]->value);

		/* Rescinded in the meantime: the framework will know by now. */
		if (!offer)
			continue;
		(void)allocator_refuse(offer->agent->node, offer->role->client, &offer->resources,
				       offer_refusal_ms(decline->filters), now_ms);
		offer_free(offer);
		framework->master->counters.offers_declined++;
		framework->counters.offers_declined++;
	}
	return 0;
}
