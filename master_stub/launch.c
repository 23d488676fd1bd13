#include "master_stub/launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/offer.h"
#include "master_stub/operation.h"
#include "master_stub/reconcile.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "master_stub/task_validate.h"

/* They are compared with one another. */
enum { MAX_OFFERS = 1000 };

/* What an ACCEPT has to spend, and on whom. */
struct budget {
	struct framework *framework;
	struct agent *agent;
	struct framework_role *role;
	struct resources left;
	struct resources converted;	/* by operations: of another form than in the offer */
};

typedef Mesos__V1__Offer__Operation Operation;

/* ---- answers for tasks that are not launched ---- */

static void tell_not_launched(struct framework *framework, const Mesos__V1__TaskInfo *task,
			      Mesos__V1__TaskState state, Mesos__V1__TaskStatus__Reason reason,
			      const char *message)
{
	struct status_from_master status = {
		.task_id = task->task_id->value,
		.agent_id = task->agent_id->value,
		.message = message,
		.state = state,
		.reason = reason,
	};

	framework->master->counters.tasks_ended[state]++;
	master_explain(framework->master, "task '%.255s' of framework '%s' is not launched: %s",
		       task->task_id->value, framework->id, message);
	master_task_tell(framework, &status);
}

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

/* The call may have come before, by a proxy that asks twice: what it launched then is not dropped. */
static void drop(struct framework *framework, const Mesos__V1__TaskInfo *task, const char *why)
{
	if (master_task_find(framework, task->task_id->value))
		reconcile_task(framework, task->task_id->value, task->agent_id->value);
	else
		tell_not_launched(framework, task, MESOS__V1__TASK_STATE__TASK_DROPPED,
				  MESOS__V1__TASK_STATUS__REASON__REASON_INVALID_OFFERS, why);
}

static void drop_all(struct framework *framework,
		     const Mesos__V1__Scheduler__Call__Accept *accept, const char *why)
{
	for (size_t i = 0; i < accept->n_operations; i++) {
		Mesos__V1__TaskInfo **tasks;
		size_t n = tasks_of(accept->operations[i], &tasks);

		for (size_t j = 0; j < n; j++)
			drop(framework, tasks[j], why);
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

/* ---- LAUNCH ---- */

/* The agent is told of the role, whether or not the framework knows of roles. */
static int send_run(struct agent *agent, const struct framework *framework,
		    const Mesos__V1__TaskInfo *task, struct framework_role *role)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__RunTask run = TEPUI__AGENT_EVENT__RUN_TASK__INIT;
	Mesos__V1__Resource__AllocationInfo allocation =
		MESOS__V1__RESOURCE__ALLOCATION_INFO__INIT;
	AUTO_FREE Mesos__V1__Resource *resources = calloc(task->n_resources, sizeof(*resources));
	AUTO_FREE Mesos__V1__Resource **pointers = calloc(task->n_resources, sizeof(*pointers));
	Mesos__V1__TaskInfo copy = *task;

	if (!resources || !pointers)
		return -ENOMEM;
	allocation.role = role->name;
	for (size_t i = 0; i < task->n_resources; i++) {
		resources[i] = *task->resources[i];
		resources[i].allocation_info = &allocation;
		pointers[i] = &resources[i];
	}
	copy.resources = pointers;
	run.framework = framework->info;
	run.task = &copy;
	event.has_type = true;
	event.type = TEPUI__AGENT_EVENT__TYPE__RUN_TASK;
	event.run_task = &run;
	registry_send(agent, &event);
	return 0;
}

/* A task on its way. */
struct launch {
	Mesos__V1__TaskInfo task;		/* as the framework gave it, but for its executor */
	struct resources resources;
	/* Of a task that has an executor. */
	Mesos__V1__ExecutorInfo *info;		/* owned, complete */
	struct executor *executor;		/* that runs there already, or was made for it */
	struct resources executor_resources;	/* of one that is to be made */
};

static void launch_done(struct launch *launch)
{
	resources_done(&launch->resources);
	resources_done(&launch->executor_resources);
	if (launch->info)
		mesos__v1__executor_info__free_unpacked(launch->info, NULL);
}

static int find_executor(const struct budget *budget, struct launch *launch, struct err *e)
{
	int r = master_executor_complete(budget->agent, budget->framework, budget->role->name,
					 launch->task.executor, &launch->info, e);

	if (r < 0)
		return r;
	launch->task.executor = launch->info;
	launch->executor = master_executor_find(budget->agent, budget->framework,
						launch->info->executor_id->value);
	if (launch->executor)
		return 0;
	r = resources_from_messages(launch->info->resources, launch->info->n_resources,
				    &launch->executor_resources, e);
	return r < 0 ? err_wrap(e, "Executor uses invalid resources") : 0;
}

/* Out of what is left of the offers: the task's resources, and those of an executor that is new. */
static int spend(struct budget *budget, const struct launch *launch, struct err *e)
{
	AUTO_FREE char *wanted = NULL, *left = NULL;
	struct resources sum = { 0 };
	int r = 0;

	if (resources_copy(&launch->resources, &sum) < 0 ||
	    resources_add(&sum, &launch->executor_resources) < 0) {
		r = err_set(e, ENOMEM, "launch task");
	} else if (!resources_contain(&budget->left, &sum)) {
		wanted = resources_format(&sum);
		left = resources_format(&budget->left);
		r = err_set(e, EINVAL, "Task uses more resources (%.200s) than are left of the"
			    " offer (%.200s)", wanted ? wanted : "?", left ? left : "?");
	} else if (resources_subtract(&budget->left, &sum) < 0) {
		r = err_set(e, ENOMEM, "launch task");
	}
	resources_done(&sum);
	return r;
}

static int make_executor(const struct budget *budget, struct launch *launch)
{
	int r = master_executor_new(budget->framework, budget->agent, budget->role, launch->info,
				    &launch->executor_resources, &launch->executor);

	return r < 0 || launch->executor->is_charged ? r : -ENOMEM;
}

static int make_task(const struct budget *budget, struct launch *launch, struct task **ret)
{
	int r = master_task_new(budget->framework, budget->agent, budget->role, &launch->task,
				&launch->resources, ret);

	if (r < 0)
		return r;
	(*ret)->executor = launch->executor;
	r = (*ret)->is_charged ? send_run(budget->agent, budget->framework, &launch->task,
					  budget->role) : -ENOMEM;
	if (r < 0)
		master_task_free(*ret);
	return r;
}

static int launch_within(struct budget *budget, struct launch *launch, struct err *e)
{
	bool is_new = launch->info && !launch->executor;
	struct task *task;
	int r = spend(budget, launch, e);

	if (r < 0)
		return r;
	r = is_new ? make_executor(budget, launch) : 0;
	if (r >= 0)
		r = make_task(budget, launch, &task);
	if (r < 0) {
		if (is_new && launch->executor)
			master_executor_free(launch->executor);
		return err_set(e, ENOMEM, "launch task");
	}
	master_explain(budget->framework->master,
		       "task '%s' of framework '%s' goes to %s%s%sagent '%s' on '%s'", task->id,
		       budget->framework->id, launch->executor ? "executor '" : "",
		       launch->executor ? launch->executor->id : "",
		       launch->executor ? "' of " : "", budget->agent->id,
		       budget->agent->info->hostname);
	return 0;
}

static void launch_task(struct budget *budget, const Mesos__V1__TaskInfo *info)
{
	struct launch launch = { .task = *info };
	struct err e = { 0 };
	int r = master_task_validate(budget->framework, budget->agent, budget->role->name, info,
				     &launch.resources, &e);

	if (r == 0 && info->executor)
		r = find_executor(budget, &launch, &e);
	if (r == 0)
		r = launch_within(budget, &launch, &e);
	if (r == -ENOMEM)
		tell_not_launched(budget->framework, info, MESOS__V1__TASK_STATE__TASK_DROPPED,
				  MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN,
				  "The master is out of memory");
	else if (r < 0)
		tell_not_launched(budget->framework, info, MESOS__V1__TASK_STATE__TASK_ERROR,
				  MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID, e.msg);
	launch_done(&launch);
}

static const char *operation_name(const Operation *operation)
{
	const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(
		&mesos__v1__offer__operation__type__descriptor, (int)operation->type);

	return name ? name->name : "of unknown type";
}

/* As Mesos does: who asks for something else in the same call is told of that. */
static void change_volumes(struct budget *budget, const Operation *operation)
{
	struct err e = { 0 };
	int r = operation_apply(budget->agent, budget->role->name, operation, &budget->left,
				&budget->converted, &e);

	master_explain(budget->framework->master, "operation %s of framework '%s' on agent '%s' is"
		       " %s%s", operation_name(operation), budget->framework->id,
		       budget->agent->id, r < 0 ? "dropped: " : "applied", r < 0 ? e.msg : "");
}

static void apply(struct budget *budget, const Operation *operation)
{
	Mesos__V1__TaskInfo **tasks;
	size_t n = tasks_of(operation, &tasks);

	if (operation_is_volume(operation))
		change_volumes(budget, operation);
	for (size_t i = 0; i < n; i++) {
		if (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP)
			tell_not_launched(budget->framework, tasks[i],
					  MESOS__V1__TASK_STATE__TASK_ERROR,
					  MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID,
					  "Task groups are not supported by this version");
		else if (operation->id)
			tell_not_launched(budget->framework, tasks[i],
					  MESOS__V1__TASK_STATE__TASK_ERROR,
					  MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID,
					  "Operation LAUNCH must not have an id");
		else
			launch_task(budget, tasks[i]);
	}
}

static int check_operation(const Operation *operation, struct err *e)
{
	const char *name = operation_name(operation);
	int bodies = !!operation->launch + !!operation->launch_group + !!operation->create +
		     !!operation->destroy;
	const void *body;

	switch ((int)operation->type) {
	case MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH:
		body = operation->launch;
		break;
	case MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP:
		body = operation->launch_group;
		break;
	case MESOS__V1__OFFER__OPERATION__TYPE__CREATE:
		body = operation->create;
		break;
	case MESOS__V1__OFFER__OPERATION__TYPE__DESTROY:
		body = operation->destroy;
		break;
	default:
		return err_set(e, ENOTSUP, "accept offers: operation %s is not supported by this"
			       " version", name);
	}
	if (!body || bodies != 1)
		return err_set(e, EINVAL, "accept offers: operation %s and its body do not fit",
			       name);
	/* Whoever gives one waits for an answer. */
	if (operation->id && operation_is_volume(operation))
		return err_set(e, ENOTSUP, "accept offers: operation %s has an id: feedback is not"
			       " supported by this version", name);
	return 0;
}

static int check_operations(const Mesos__V1__Scheduler__Call__Accept *accept, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < accept->n_operations && r == 0; i++)
		r = check_operation(accept->operations[i], e);
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
	}
	return 0;
}
