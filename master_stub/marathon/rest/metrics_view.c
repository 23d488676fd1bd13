/* /metrics as Marathon has it: a table of what is known here, by the names that exporters look for. */
#include <stddef.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/rest/api.h"
#include "master_stub/marathon/state.h"

struct figures {
	double apps, groups, running, staged, killing, unreachable, deployments, readers;
	double launched, deployed, uptime_seconds, uptime_ms;
};

/* NAME NULL: only of old; OLD_NAME NULL: only of late. */
static const struct metric {
	const char *name, *old_name;
	size_t off;
	bool is_counter;
} metrics[] = {
#define METRIC(name_, old_, member_, is_counter_) \
	{ (name_), (old_), offsetof(struct figures, member_), (is_counter_) }
	METRIC("marathon.apps.active.gauge", "service.mesosphere.marathon.app.count", apps, false),
	METRIC("marathon.groups.active.gauge", "service.mesosphere.marathon.group.count", groups,
	       false),
	METRIC("marathon.instances.running.gauge", "service.mesosphere.marathon.task.running.count",
	       running, false),
	METRIC("marathon.instances.staged.gauge", "service.mesosphere.marathon.task.staged.count",
	       staged, false),
	METRIC("marathon.instances.inflight-kills.gauge", NULL, killing, false),
	METRIC("marathon.instances.unreachable.gauge", NULL, unreachable, false),
	METRIC("marathon.deployments.active.gauge", NULL, deployments, false),
	METRIC("marathon.deployments.counter", NULL, deployed, true),
	METRIC("marathon.tasks.launched.counter", NULL, launched, true),
	METRIC("marathon.http.event-streams.active.gauge", NULL, readers, false),
	METRIC("marathon.uptime.gauge.seconds", NULL, uptime_seconds, false),
	METRIC("marathon.leadership.duration.gauge.seconds", NULL, uptime_seconds, false),
	METRIC(NULL, "service.mesosphere.marathon.uptime", uptime_ms, false),
	METRIC(NULL, "service.mesosphere.marathon.leaderDuration", uptime_ms, false),
#undef METRIC
};

static double value_of(const struct metric *metric, const struct figures *figures)
{
	double value;

	memcpy(&value, (const char *)figures + metric->off, sizeof(value));
	return value;
}

/* Groups are what ids have before their last part; those of one group stand together in their order. */
static unsigned count_new_groups(const char *id, const char *last)
{
	unsigned n = 0;

	for (const char *slash = strchr(id + 1, '/'); slash; slash = strchr(slash + 1, '/'))
		n += strncmp(id, last, (size_t)(slash - id) + 1) != 0;
	return n;
}

static void count_instances(const struct entry *entry, struct figures *figures)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		if (instance->unreachable_wall_ms != 0)
			figures->unreachable++;
		else if (instance->is_doomed && instance->kill_sent_ms != 0)
			figures->killing++;
		else if (instance_is_running(instance))
			figures->running++;
		else
			figures->staged++;
	}
}

static struct figures read_figures(const struct marathon_api *api)
{
	const struct controller *c = api->controller;
	int64_t uptime_ms = clock_boot_ms() - api->started_ms;
	const struct entry *entry, *next;
	struct figures figures = {
		.groups = 1, .deployments = c->n_deployments, .launched = (double)c->n_launched,
		.deployed = (double)c->n_deployed, .uptime_ms = (double)uptime_ms,
		.uptime_seconds = (double)uptime_ms / 1000,
		.readers = (double)event_streams_count(api->streams),
	};
	const char *last = "";

	HASH_ITER(by_id, c->entries, entry, next) {
		count_instances(entry, &figures);
		if (entry->is_deleting)
			continue;
		figures.apps += !entry_is_pod(entry);
		figures.groups += count_new_groups(entry->id, last);
		last = entry->id;
	}
	return figures;
}

void marathon_api_metrics(const struct marathon_api *api, marathon_metric_fn *fn, void *arg)
{
	struct figures figures = read_figures(api);

	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		if (metrics[i].name)
			fn(arg, metrics[i].name, value_of(&metrics[i], &figures));
	}
}

/* What was sampled once is its own mean; exporters read one or the other. */
static void add_metric(json_t *counters, json_t *gauges, const struct metric *metric,
		       const char *name, double value)
{
	if (!name)
		return;
	if (metric->is_counter)
		(void)json_object_set_new(counters, name,
					  json_pack("{s:I}", "count", (json_int_t)value));
	else
		(void)json_object_set_new(gauges, name,
					  json_pack("{s:f, s:f, s:f, s:f}", "value", value, "mean",
						    value, "max", value, "min", value));
}

json_t *marathon_api_metrics_json(const struct marathon_api *api)
{
	struct figures figures = read_figures(api);
	json_t *counters = json_object(), *gauges = json_object();
	char start[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		double value = value_of(&metrics[i], &figures);

		add_metric(counters, gauges, &metrics[i], metrics[i].name, value);
		add_metric(counters, gauges, &metrics[i], metrics[i].old_name, value);
	}
	clock_format(api->started_wall_ms, start);
	clock_format(controller_wall_ms(api->controller), end);
	return json_pack("{s:s, s:s, s:o, s:o, s:{}, s:{}, s:{}}", "start", start, "end", end,
			 "counters", counters, "gauges", gauges, "histograms", "meters", "timers");
}
