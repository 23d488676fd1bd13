#include "master_stub/task_validate.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/err.h"
#include "lib/id.h"
#include "lib/resources.h"
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
	const Mesos__V1__HealthCheck *check = candidate->task->health_check;

	return check && health_check_validate(check, e) < 0 ?
		err_wrap(e, "Task uses invalid health check") : 0;
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

static bool texts_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *role_of(const Mesos__V1__Resource *resource)
{
	if (resource->n_reservations > 0)
		return resource->reservations[0]->role;
	return resource->role && strcmp(resource->role, "*") != 0 ? resource->role : NULL;
}

static const char *volume_of(const Mesos__V1__Resource *resource)
{
	return resource->disk && resource->disk->persistence ? resource->disk->persistence->id :
							       NULL;
}

static bool is_same(const Mesos__V1__Resource *a, const Mesos__V1__Resource *b)
{
	return strcmp(a->name, b->name) == 0 && texts_equal(role_of(a), role_of(b)) &&
	       texts_equal(volume_of(a), volume_of(b));
}

static int rule_resources(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__TaskInfo *task = candidate->task;
	int r;

	for (size_t i = 0; i < task->n_resources; i++) {
		const Mesos__V1__Resource *resource = task->resources[i];

		for (size_t j = 0; j < i; j++) {
			if (!is_same(resource, task->resources[j]))
				continue;
			return volume_of(resource) ?
				err_set(e, EINVAL, "Task uses duplicate persistence ID:"
					" Persistence ID '%.150s' is not unique",
					volume_of(resource)) :
				err_set(e, EINVAL, "Task names resource '%.255s' twice",
					resource->name);
		}
		if (resource->allocation_info && resource->allocation_info->role &&
		    strcmp(resource->allocation_info->role, candidate->role) != 0)
			return err_set(e, EINVAL,
				       "Task uses resources allocated to role '%.255s', the"
				       " offer is to role '%s'",
				       resource->allocation_info->role, candidate->role);
	}
	r = resources_from_messages(task->resources, task->n_resources, &candidate->resources, e);
	if (r < 0)
		return err_wrap(e, "Task uses invalid resources");
	if (resources_is_empty(&candidate->resources))
		return err_set(e, EINVAL, "Task uses no resources");
	return 0;
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
