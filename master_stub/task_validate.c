#include "master_stub/task_validate.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/err.h"
#include "lib/id.h"
#include "lib/resources.h"
#include "master_stub/framework.h"
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

	if (!id_is_valid(id))
		return err_set(e, EINVAL,
			       "Task id '%.255s' must have 1 to %d bytes, without control"
			       " characters and slashes",
			       id, ID_MAX);
	if (master_task_find(candidate->framework, id))
		return err_set(e, EINVAL, "Task has duplicate ID: %s", id);
	return 0;
}

static int rule_agent(struct candidate *candidate, struct err *e)
{
	if (strcmp(candidate->task->agent_id->value, candidate->agent->id) != 0)
		return err_set(e, EINVAL, "Task uses agent '%.255s', the offer is of agent '%s'",
			       candidate->task->agent_id->value, candidate->agent->id);
	return 0;
}

static int rule_command(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__TaskInfo *task = candidate->task;

	if (!!task->executor == !!task->command)
		return err_set(e, EINVAL, "Task should have exactly one of command and executor");
	if (task->executor)
		return 0;
	if (task->check)
		return err_set(e, EINVAL, "Task has a check: not supported by this version, use"
			       " health_check");
	return 0;
}

static int rule_environment(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__CommandInfo *command = candidate->task->executor ?
		candidate->task->executor->command : candidate->task->command;
	const Mesos__V1__Environment *environment = command ? command->environment : NULL;

	for (size_t i = 0; environment && i < environment->n_variables; i++) {
		const Mesos__V1__Environment__Variable *variable = environment->variables[i];

		if (!*variable->name || strchr(variable->name, '='))
			return err_set(e, EINVAL, "Environment variable '%.255s' has no valid name",
				       variable->name);
		if (variable->secret)
			return err_set(e, EINVAL, "Environment variable '%.255s' is a secret: not"
				       " supported by this version", variable->name);
		if (!variable->value)
			return err_set(e, EINVAL, "Environment variable '%.255s' must have a value",
				       variable->name);
	}
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
				err_set(e, EINVAL, "Persistence ID '%.255s' is not unique",
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

static int rule_limits(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__TaskInfo *task = candidate->task;

	for (size_t i = 0; i < task->n_limits; i++) {
		const char *name = task->limits[i]->key ? task->limits[i]->key : "";
		bool is_cpus = strcmp(name, "cpus") == 0;
		double limit, request;

		if (!is_cpus && strcmp(name, "mem") != 0)
			return err_set(e, EINVAL, "Limit '%.255s' is neither of cpus nor of mem",
				       name);
		if (!task->limits[i]->value)
			return err_set(e, EINVAL, "Limit '%s' has no value", name);
		limit = task->limits[i]->value->value;
		request = resources_scalar_to_double(
			resources_quantity(&candidate->resources,
					   is_cpus ? RESOURCE_CPUS : RESOURCE_MEM));
		if (isnan(limit) || limit < request)
			return err_set(e, EINVAL, "Limit '%s' of %g is less than the %g requested",
				       name, limit, request);
	}
	return 0;
}

static bool is_duration(double seconds)
{
	return isfinite(seconds) && seconds >= 0;
}

static int check_http(const Mesos__V1__HealthCheck__HTTPCheckInfo *http, struct err *e)
{
	if (http->port < 1 || http->port > UINT16_MAX)
		return err_set(e, EINVAL, "Health check: %u is not a port", http->port);
	if (http->path && *http->path != '/')
		return err_set(e, EINVAL, "Health check: path '%.255s' must start with '/'",
			       http->path);
	if (http->scheme && strcmp(http->scheme, "http") != 0 && strcmp(http->scheme, "https") != 0)
		return err_set(e, EINVAL, "Health check: unsupported scheme '%.32s'", http->scheme);
	return 0;
}

static int rule_health_check(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__HealthCheck *check = candidate->task->health_check;

	if (!check)
		return 0;
	if (!!check->http + !!check->command + !!check->tcp != 1)
		return err_set(e, EINVAL,
			       "Health check: exactly one of command, http and tcp must be"
			       " set");
	if (!is_duration(check->delay_seconds) || !is_duration(check->interval_seconds) ||
	    !is_duration(check->timeout_seconds) || !is_duration(check->grace_period_seconds))
		return err_set(e, EINVAL, "Health check: durations must not be negative");
	if (check->tcp && (check->tcp->port < 1 || check->tcp->port > UINT16_MAX))
		return err_set(e, EINVAL, "Health check: %u is not a port", check->tcp->port);
	return check->http ? check_http(check->http, e) : 0;
}

static int rule_durations(struct candidate *candidate, struct err *e)
{
	const Mesos__V1__TaskInfo *task = candidate->task;

	if (task->kill_policy && task->kill_policy->grace_period &&
	    task->kill_policy->grace_period->nanoseconds < 0)
		return err_set(e, EINVAL, "Task's kill_policy.grace_period must not be negative");
	if (task->max_completion_time && task->max_completion_time->nanoseconds < 0)
		return err_set(e, EINVAL, "Task's max_completion_time must not be negative");
	return 0;
}

int master_task_validate(const struct framework *framework, const struct agent *agent,
			 const char *role, const Mesos__V1__TaskInfo *task,
			 struct resources *ret_resources, struct err *e)
{
	static rule_fn *const rules[] = {
		rule_id, rule_agent, rule_command, rule_environment, rule_resources, rule_limits,
		rule_health_check, rule_durations,
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
