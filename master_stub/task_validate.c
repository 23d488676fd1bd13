#include "master_stub/task_validate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/resources.h"
#include "lib/texts.h"
#include "master_stub/framework.h"
#include "master_stub/info_validate.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

struct candidate {
	const struct framework *framework;
	const struct agent *agent;
	const char *role;
	const Mesos__V1__TaskInfo *task;
	struct resources resources;
};

typedef int rule_fn(struct candidate *candidate, struct err *e);

static int rule_id(struct candidate *candidate, struct err *e)
{
	const char *id = candidate->task->task_id->value;
	const struct task *task;

	if (!id_is_valid(id))
		return err_set(e, EINVAL,
			       "Task id '%.255s' must have 1 to %d bytes, without control"
			       " characters and slashes",
			       id, ID_MAX);
	task = master_task_find(candidate->framework, id);
	if (task)
		return err_set(e, EINVAL, task->is_unreachable ?
			       "Task reuses the ID of an unreachable task: %s" :
			       "Task has duplicate ID: %s", id);
	return 0;
}

static int rule_agent(struct candidate *candidate, struct err *e)
{
	if (strcmp(candidate->task->agent_id->value, candidate->agent->id) != 0)
		return err_set(e, EINVAL, "Task uses invalid agent %.150s while agent %s is"
			       " expected", candidate->task->agent_id->value, candidate->agent->id);
	return 0;
}

static int rule_durations(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__TaskInfo *task = candidate->task;

	if (task->kill_policy && task->kill_policy->grace_period &&
	    task->kill_policy->grace_period->nanoseconds < 0)
		return err_set(e, EINVAL, "Task's 'kill_policy.grace_period' must be non-negative");
	if (task->max_completion_time && task->max_completion_time->nanoseconds < 0)
		return err_set(e, EINVAL, "Task's `max_completion_time` must be non-negative");
	return 0;
}

static int rule_check(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__CheckInfo *check = candidate->task->check;

	return check && check_info_validate(check, e) < 0 ?
		err_wrap(e, "Task uses invalid check") : 0;
}

static int rule_health_check(struct candidate *candidate, struct err *e)
{
	enum { MAX_MORE = 15 };
	const Mesos__V1__TaskInfo *task = candidate->task;
	int r = task->health_check ? health_check_validate(task->health_check, e) : 0;

	if (task->n_more_health_checks > (task->health_check ? MAX_MORE : 0))
		return err_set(e, EINVAL, "Task's 'more_health_checks' are at most %d, besides"
			       " 'health_check'", MAX_MORE);
	for (size_t i = 0; i < task->n_more_health_checks && r == 0; i++)
		r = health_check_validate(task->more_health_checks[i], e);
	return r < 0 ? err_wrap(e, "Task uses invalid health check") : 0;
}

static int rule_command(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__CommandInfo *command = candidate->task->command;

	return command && command_info_validate(command, e) < 0 ?
		err_wrap(e, "Task's `CommandInfo` is invalid") : 0;
}

static int rule_container(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__ContainerInfo *container = candidate->task->container;

	return container && container_info_validate(container, e) < 0 ?
		err_wrap(e, "Task's `ContainerInfo` is invalid") : 0;
}

static int rule_command_xor_executor(struct candidate *candidate, struct err *e)
{
	if (!!candidate->task->executor == !!candidate->task->command)
		return err_set(e, EINVAL, "Task should have at least one (but not both) of"
			       " CommandInfo or ExecutorInfo present");
	return 0;
}

static int rule_executor(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__ExecutorInfo *executor = candidate->task->executor;

	if (!executor)
		return 0;
	if (executor->shutdown_grace_period && executor->shutdown_grace_period->nanoseconds < 0)
		return err_set(e, EINVAL, "ExecutorInfo's 'shutdown_grace_period' must be"
			       " non-negative");
	if (executor->command && command_info_validate(executor->command, e) < 0)
		return err_wrap(e, "Executor's `CommandInfo` is invalid");
	if (executor->container && container_info_validate(executor->container, e) < 0)
		return err_wrap(e, "Executor's `ContainerInfo` is invalid");
	return 0;
}

/* ---- resources ---- */

/* What makes one of them another than the rest; borrowed, but for the reservations. */
struct identity {
	const char *name, *role, *volume;
	struct reservations *reservations;
};

static const char *volume_of(const Mesos__V1__Resource *resource)
{
	return resource->disk && resource->disk->persistence ? resource->disk->persistence->id :
							       NULL;
}

static int compare_identities(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = texts_compare(x->role, y->role);
	if (order == 0)
		order = reservations_compare(x->reservations, y->reservations);
	return order ? order : texts_compare(x->volume, y->volume);
}

static int find_same(struct identity *items, size_t n, struct err *e)
{
	qsort(items, n, sizeof(*items), compare_identities);
	for (size_t i = 1; i < n; i++) {
		if (compare_identities(&items[i - 1], &items[i]) != 0)
			continue;
		return items[i].volume ?
			err_set(e, EINVAL, "Task uses duplicate persistence ID: Persistence ID"
				" '%.150s' is not unique", items[i].volume) :
			err_set(e, EINVAL, "Task names resource '%.255s' twice", items[i].name);
	}
	return 0;
}

static int check_unique(const Mesos__V1__TaskInfo *task, struct err *e)
{
	AUTO_FREE struct identity *items = calloc(task->n_resources + 1, sizeof(*items));
	int r = items ? 0 : err_set(e, ENOMEM, "validate task");
	size_t n = 0;

	for (; r == 0 && n < task->n_resources; n++) {
		items[n].name = task->resources[n]->name;
		items[n].volume = volume_of(task->resources[n]);
		r = reservations_read(task->resources[n], &items[n].reservations, &items[n].role,
				      e);
	}
	if (r == 0)
		r = find_same(items, n, e);
	for (size_t i = 0; i < n; i++)
		reservations_unref(items[i].reservations);
	return r;
}

int allocated_resources_validate(const char *whose, Mesos__V1__Resource *const *resources,
				 size_t n, const char *role, struct resources *ret, struct err *e)
{
	int r;

	if (n > RESOURCE_MAX_PARTS)
		return err_set(e, EINVAL, "%s names more than %d resources", whose,
			       RESOURCE_MAX_PARTS);
	for (size_t i = 0; i < n; i++) {
		const Mesos__V1__Resource__AllocationInfo *allocation =
			resources[i]->allocation_info;

		if (allocation && allocation->role && strcmp(allocation->role, role) != 0)
			return err_set(e, EINVAL, "%s uses resources allocated to role '%.255s',"
				       " the offer is to role '%s'", whose, allocation->role,
				       role);
	}
	r = resources_from_messages(resources, n, ret, e);
	return r < 0 ? err_wrap(e, "%s uses invalid resources", whose) : 0;
}

static int rule_resources(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__TaskInfo *task = candidate->task;
	int r = allocated_resources_validate("Task", task->resources, task->n_resources,
					     candidate->role, &candidate->resources, e);

	if (r == 0)
		r = check_unique(task, e);
	if (r == 0 && resources_is_empty(&candidate->resources))
		return err_set(e, EINVAL, "Task uses no resources");
	return r;
}

/* KIND in the words of the sentences. */
static int check_limit(const struct candidate *candidate, enum resource_kind kind,
		       const char *word, const char *name, double limit, struct err *e)
{
	double request = resources_scalar_to_double(
		resources_quantity(&candidate->resources, kind));

	if (request <= 0)
		return err_set(e, EINVAL, "When a %s limit is specified, a %s request must also be"
			       " specified", word, word);
	if (isnan(limit) || limit < request)
		return err_set(e, EINVAL, "The %s limit must be greater than or equal to the %s"
			       " request (%g, %g)", name, name, limit, request);
	return 0;
}

static int rule_limits(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__TaskInfo *task = candidate->task;
	int r = 0;

	for (size_t i = 0; i < task->n_limits && r == 0; i++) {
		const char *name = task->limits[i]->key ? task->limits[i]->key : "";
		double limit = task->limits[i]->value ? task->limits[i]->value->value : NAN;

		if (strcmp(name, "cpus") == 0)
			r = check_limit(candidate, RESOURCE_CPUS, "CPU", "cpu", limit, e);
		else if (strcmp(name, "mem") == 0)
			r = check_limit(candidate, RESOURCE_MEM, "memory", "memory", limit, e);
		else
			r = err_set(e, EINVAL, "Only cpus and mem may be included in a task's"
				    " resource limits, not '%.100s'", name);
	}
	return r;
}

int master_task_validate(const struct framework *framework, const struct agent *agent,
			 const char *role, const Mesos__V1__TaskInfo *task,
			 struct resources *ret_resources, struct err *e)
{
	/* In the order in which Mesos asks them. */
	static rule_fn *const rules[] = {
		rule_id, rule_agent, rule_durations, rule_check, rule_health_check, rule_resources,
		rule_command, rule_container, rule_limits, rule_command_xor_executor,
		rule_executor,
	};
	struct candidate candidate = {
		.framework = framework, .agent = agent, .role = role, .task = task,
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && r == 0; i++)
		r = rules[i](&candidate, e);
	if (r < 0) {
		resources_done(&candidate.resources);
		return r;
	}
	*ret_resources = candidate.resources;
	return 0;
}
