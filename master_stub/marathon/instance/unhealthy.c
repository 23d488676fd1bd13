#include "master_stub/marathon/instance/unhealthy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/deployment/scale.h"
#include "master_stub/marathon/event/events.h"
#include "master_stub/marathon/state.h"

/*
 * Marathon's own checks (HTTP, HTTPS, TCP) end a task on the failure after the last that is
 * allowed, and never with 0; those of Mesos on the last, and with 0 on the first.
 */
uint32_t unhealthy_limit(const json_t *check)
{
	const char *protocol = json_string_value(json_object_get(check, "protocol"));
	json_int_t max = json_integer_value(json_object_get(check, "maxConsecutiveFailures"));

	if (strncmp(protocol, "MESOS_", strlen("MESOS_")) == 0 || strcmp(protocol, "COMMAND") == 0)
		return max > 0 ? (uint32_t)max : 1;
	return max > 0 ? (uint32_t)max + 1 : UINT32_MAX;
}

/* Of the check that TASK failed too often; NULL: none. */
static const struct health_result *condemning(const struct instance_task *task)
{
	const json_t *checks = instance_task_spec(task)->health_checks;

	for (unsigned i = 0; i < task->n_results; i++) {
		const struct health_result *result = &task->results[i];

		if (result->is_known && !result->is_healthy &&
		    result->failures >= unhealthy_limit(json_array_get(checks, i)))
			return result;
	}
	return NULL;
}

/* An app's instance is its one task; pods have no unhealthyStrategy. */
static bool is_condemned(const struct instance *instance)
{
	return instance->spec->has_unhealthy_strategy && instance_is_alive(instance) &&
	       instance_is_running(instance) && condemning(&instance->tasks[0]);
}

static unsigned count_condemned(const struct entry *entry)
{
	const struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &entry->instances, of_app)
		n += is_condemned(instance);
	return n;
}

/* Those, too, that may yet recover, and those that are being killed. */
static unsigned count_ill(const struct entry *entry)
{
	const struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &entry->instances, of_app)
		n += instance->has_health && !instance->is_healthy;
	return n;
}

static unsigned count_good(const struct entry *entry)
{
	const struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &entry->instances, of_app)
		n += instance_is_good(instance) && instance_is_alive(instance);
	return n;
}

static void kill_one(struct controller *c, struct instance *instance)
{
	const struct instance_task *task = &instance->tasks[0];

	event_unhealthy_kill(c, task, condemning(task)->failure_cause);
	if (instance_doom(c, instance, "its health check failed too often") < 0)
		c->is_out_of_memory = true;
}

static void kill_some(struct controller *c, struct entry *entry, unsigned n)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (n == 0 || !is_condemned(instance))
			continue;
		kill_one(c, instance);
		n--;
	}
}

/* One may always go: a share of few would be none. */
static unsigned most_at_once(const struct app *app)
{
	unsigned most = (unsigned)(app->instances * (uint64_t)app->max_kill_percent / 100);

	return most > 0 ? most : 1;
}

char *unhealthy_why_stopped(const struct entry *entry)
{
	char *why = NULL;

	if (!entry->has_stopped_kills ||
	    asprintf(&why, "%u of %u instances of '%s' are unhealthy at once, more than %u %%: "
		     "none is killed until fewer are", count_ill(entry),
		     entry->target->instances, entry->id, entry->target->max_kill_percent) < 0)
		return NULL;
	return why;
}

static void note_stop(struct controller *c, struct entry *entry, bool is_stopped)
{
	AUTO_FREE char *why = NULL;

	if (entry->has_stopped_kills == is_stopped)
		return;
	entry->has_stopped_kills = is_stopped;
	why = unhealthy_why_stopped(entry);
	if (is_stopped && why)
		controller_explain(c, "%s", why);
	event_unhealthy_kills(c, entry, why);
}

void unhealthy_kill_new(struct controller *c, struct entry *entry)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (instance_is_current(instance, entry->target) && is_condemned(instance))
			kill_one(c, instance);
	}
}

unsigned unhealthy_balance(struct controller *c, struct entry *entry, unsigned n)
{
	const struct app *app = entry->target;
	unsigned condemned = app->has_unhealthy_strategy ? count_condemned(entry) : 0;
	unsigned good, room, waiting;

	note_stop(c, entry, condemned > 0 && count_ill(entry) > most_at_once(app));
	if (condemned == 0 || entry->has_stopped_kills)
		return 0;
	good = count_good(entry);
	room = (unsigned)floor(n * app->max_over);
	/* Each waits for a good one in its place, unless there is no room for that. */
	waiting = !app->replaces_first || room == 0 || good >= n ? 0 : n - good;
	if (condemned > waiting)
		kill_some(c, entry, condemned - waiting);
	else
		waiting = condemned;
	return waiting < room ? waiting : room;
}
