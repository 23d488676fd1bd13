/* Apps as /v2 shows them: the definition with counts, deployments, tasks and failures. */
#include "master_stub/marathon/view/views.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_compat.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/readiness.h"
#include "master_stub/marathon/instance/unhealthy.h"
#include "master_stub/marathon/state.h"

struct counts {
	unsigned staged, running, healthy, unhealthy;
};

/* What is being stopped serves no longer, and what is unreachable cannot be told. */
static void count_instance(const struct instance *instance, struct counts *counts)
{
	bool is_leaving = instance->is_doomed && instance->kill_sent_ms != 0;

	if (instance->unreachable_wall_ms != 0 || is_leaving)
		return;
	if (!instance_is_running(instance)) {
		counts->staged++;
		return;
	}
	counts->running++;
	if (instance->has_health && instance->is_healthy)
		counts->healthy++;
	else if (instance->has_health)
		counts->unhealthy++;
}

static void set_counts(json_t *app, const struct entry *entry)
{
	struct counts counts = { 0 };
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app)
		count_instance(instance, &counts);
	(void)json_object_set_new(app, "tasksStaged", json_integer(counts.staged));
	(void)json_object_set_new(app, "tasksRunning", json_integer(counts.running));
	(void)json_object_set_new(app, "tasksHealthy", json_integer(counts.healthy));
	(void)json_object_set_new(app, "tasksUnhealthy", json_integer(counts.unhealthy));
}

json_t *app_deployments_view(const struct entry *entry)
{
	json_t *list = json_array();

	if (entry->deployment)
		(void)json_array_append_new(list, json_pack("{s:s}", "id", entry->deployment->id));
	return list;
}

json_t *app_port_conflicts_view(const struct controller *c, const struct app *app)
{
	const struct entry *entry, *next;
	json_t *list = NULL;

	HASH_ITER(by_id, c->entries, entry, next) {
		if (entry->is_deleting || strcmp(entry->id, app->id) == 0 || app->require_ports)
			continue;
		for (unsigned i = 0; i < app_n_ports(app); i++) {
			uint16_t port = app_service_port(app, i);

			if (!app_has_service_port(entry->target, port))
				continue;
			if (!list)
				list = json_array();
			(void)json_array_append_new(
				list, json_pack("{s:i, s:s}", "port", (int)port, "app", entry->id));
		}
	}
	return list;
}

/* ---- Statistics ---- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static json_t *life_time(double *seconds, unsigned n)
{
	double sum = 0, median;

	qsort(seconds, n, sizeof(*seconds), compare_doubles);
	for (unsigned i = 0; i < n; i++)
		sum += seconds[i];
	median = n % 2 ? seconds[n / 2] : (seconds[n / 2 - 1] + seconds[n / 2]) / 2;
	return json_pack("{s:f, s:f}", "averageSeconds", sum / n, "medianSeconds", median);
}

typedef bool choose_fn(const struct instance *instance, const struct app *target);

static bool is_any(const struct instance *instance, const struct app *target)
{
	(void)instance;
	(void)target;
	return true;
}

static bool is_outdated(const struct instance *instance, const struct app *target)
{
	return !instance_is_current(instance, target);
}

static bool is_since_scaling(const struct instance *instance, const struct app *target)
{
	int64_t scaled_wall_ms;

	return clock_parse(target->last_scaling_at, &scaled_wall_ms) == 0 &&
	       instance->staged_wall_ms >= scaled_wall_ms;
}

static void add_stats(const struct controller *c, const struct entry *entry, const char *key,
		      choose_fn *choose, json_t *stats)
{
	AUTO_FREE double *seconds = calloc(entry->n_instances + 1, sizeof(*seconds));
	struct counts counts = { 0 };
	const struct instance *instance;
	unsigned n = 0, n_seconds = 0;
	json_t *item;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (!seconds || !choose(instance, entry->target))
			continue;
		n++;
		count_instance(instance, &counts);
		if (instance->started_wall_ms != 0)
			seconds[n_seconds++] =
				(double)(controller_wall_ms(c) - instance->started_wall_ms) / 1000;
	}
	if (n == 0)
		return;
	item = json_pack("{s:{s:i, s:i, s:i, s:i}}", "counts", "staged", (int)counts.staged,
			 "running", (int)counts.running, "healthy", (int)counts.healthy,
			 "unhealthy", (int)counts.unhealthy);
	if (n_seconds > 0)
		(void)json_object_set_new(item, "lifeTime", life_time(seconds, n_seconds));
	(void)json_object_set_new(stats, key, json_pack("{s:o}", "stats", item));
}

/* Two spellings are in use: the older clients' and that of the last schema. */
static void set_stats(const struct controller *c, json_t *app, const struct entry *entry)
{
	json_t *stats = json_object();

	add_stats(c, entry, "startedAfterLastScaling", is_since_scaling, stats);
	add_stats(c, entry, "withLatestConfig", instance_is_current, stats);
	add_stats(c, entry, "withOutdatedConfig", is_outdated, stats);
	add_stats(c, entry, "totalSummary", is_any, stats);
	(void)json_object_set(app, "tasksStats", stats);
	(void)json_object_set_new(app, "taskStats", stats);
}

/* Only of apps that ask for an unhealthyStrategy. */
static json_t *stopped_view(const struct entry *entry)
{
	AUTO_FREE char *why = unhealthy_why_stopped(entry);

	return json_string(why ? why : "");
}

json_t *app_view(const struct controller *c, const struct entry *entry, unsigned embeds)
{
	json_t *app = app_to_json(entry->target);

	if (!app)
		return NULL;
	if (embeds & EMBED_COUNTS)
		set_counts(app, entry);
	if (embeds & EMBED_DEPLOYMENTS)
		(void)json_object_set_new(app, "deployments", app_deployments_view(entry));
	if (embeds & EMBED_READINESS)
		(void)json_object_set_new(app, "readinessCheckResults", readiness_view(entry));
	if (embeds & EMBED_TASKS)
		(void)json_object_set_new(app, "tasks", tasks_view(c, entry));
	if ((embeds & EMBED_FAILURE) && entry->last_failure)
		(void)json_object_set(app, "lastTaskFailure", entry->last_failure);
	if (embeds & EMBED_STATS)
		set_stats(c, app, entry);
	if (entry->has_stopped_kills)
		(void)json_object_set_new(app, "unhealthyKillsStopped",
					  stopped_view(entry));
	if (embeds & EMBED_LEGACY)
		app_add_compat(app);
	return app;
}
