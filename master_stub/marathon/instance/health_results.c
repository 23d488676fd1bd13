#include "master_stub/marathon/instance/health_results.h"

#include <errno.h>
#include <stdlib.h>

#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/state.h"

int health_results_new(struct instance_task *task)
{
	size_t n = json_array_size(instance_task_spec(task)->health_checks);

	if (task->results || n == 0)
		return 0;
	if (n > UINT8_MAX)
		n = UINT8_MAX;
	task->results = calloc(n, sizeof(*task->results));
	if (!task->results)
		return -ENOMEM;
	task->n_results = (uint8_t)n;
	return 0;
}

void health_results_free(struct instance_task *task)
{
	for (unsigned i = 0; i < task->n_results; i++)
		free(task->results[i].failure_cause);
	free(task->results);
	task->results = NULL;
	task->n_results = 0;
}

/* One that fails is enough to tell; that the task is healthy, all have to tell. */
void health_results_sum_up(struct instance_task *task)
{
	unsigned n_failing = 0, n_passing = 0;

	for (unsigned i = 0; i < task->n_results; i++) {
		if (task->results[i].is_known)
			*(task->results[i].is_healthy ? &n_passing : &n_failing) += 1;
	}
	task->is_healthy = n_passing > 0 && n_passing == task->n_results;
	task->has_health = task->is_healthy || n_failing > 0;
}

static void note_success(struct health_result *result, int64_t wall_ms)
{
	result->failures = 0;
	result->last_success_wall_ms = wall_ms;
	if (result->first_success_wall_ms == 0)
		result->first_success_wall_ms = wall_ms;
}

static void note_failure(struct controller *c, struct instance_task *task, unsigned index,
			 unsigned failures, const char *cause)
{
	struct health_result *result = &task->results[index];

	result->failures = failures;
	result->last_failure_wall_ms = controller_wall_ms(c);
	if (instance_set_text(&result->failure_cause, cause) < 0)
		c->is_out_of_memory = true;
	event_failed_health_check(c, task, index);
}

/* FAILURES in a row there are now. */
static bool take_one(struct controller *c, struct instance_task *task, unsigned index,
		     bool is_healthy, unsigned failures, const char *message)
{
	struct health_result *result = &task->results[index];
	bool changed = !result->is_known || result->is_healthy != is_healthy;

	result->is_known = true;
	result->is_healthy = is_healthy;
	if (is_healthy)
		note_success(result, controller_wall_ms(c));
	else
		note_failure(c, task, index, failures, message);
	return changed;
}

/* Every update tells how it stands with each; what is new is what was not told before. */
static bool take_each(struct controller *c, struct instance_task *task,
		      const Mesos__V1__TaskStatus *status)
{
	bool changed = false;

	for (unsigned i = 0; i < task->n_results && i < status->n_health_checks; i++) {
		const Mesos__V1__HealthCheckStatus *told = status->health_checks[i];
		const struct health_result *known = &task->results[i];

		if (!told->has_healthy ||
		    (known->is_known && known->is_healthy == (bool)told->healthy &&
		     known->failures == told->consecutive_failures))
			continue;
		changed |= take_one(c, task, i, told->healthy, told->consecutive_failures,
				    status->message);
	}
	return changed;
}

/* The master tells again how it stands, when it is asked or an agent is back: no check was made for that. */
static bool is_repeated(const struct instance_task *task, const Mesos__V1__TaskStatus *status)
{
	const struct health_result *known = &task->results[0];

	return !status->has_uuid && known->is_known && known->is_healthy == (bool)status->healthy;
}

/* Nodes tell of the only check, and of the first one those that know of no further ones. */
static bool take_first(struct controller *c, struct instance_task *task,
		       const Mesos__V1__TaskStatus *status)
{
	if (is_repeated(task, status))
		return false;
	return take_one(c, task, 0, status->healthy, task->results[0].failures + 1, status->message);
}

bool health_results_take(struct controller *c, struct instance_task *task,
			 const Mesos__V1__TaskStatus *status)
{
	bool had_health = task->has_health, was_healthy = task->is_healthy, changed;

	if (!status->has_healthy && status->n_health_checks == 0)
		return false;
	if (health_results_new(task) < 0)
		c->is_out_of_memory = true;
	if (task->n_results == 0)
		return false;
	changed = status->n_health_checks > 0 ? take_each(c, task, status)
					      : take_first(c, task, status);
	instance_sum_up(task->instance);
	if (had_health != task->has_health || was_healthy != task->is_healthy)
		event_health_changed(c, task);
	return changed;
}

const struct health_result *health_results_failing(const struct instance *instance)
{
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		const struct instance_task *task = &instance->tasks[i];

		for (unsigned k = 0; k < task->n_results; k++) {
			if (task->results[k].is_known && !task->results[k].is_healthy)
				return &task->results[k];
		}
	}
	return NULL;
}
