/*
 * An app's "autoscale" object: how many instances it is to have by what load.  Ours, not
 * Marathon's: apps without it are shown and treated as ever.
 */
#ifndef MASTER_STUB_MARATHON_DEFINITION_AUTOSCALE_H
#define MASTER_STUB_MARATHON_DEFINITION_AUTOSCALE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/exposition.h"
#include "master_stub/marathon/definition/shape.h"

struct problems;
struct time_zone;

enum { AUTOSCALE_MAX_TARGETS = 8, AUTOSCALE_MAX_WINDOWS = 32, MINUTES_OF_WEEK = 7 * 24 * 60 };

enum autoscale_metric {
	METRIC_CPU,		/* of the cpus that an instance has asked for */
	METRIC_MEM,		/* likewise */
	METRIC_PROMETHEUS,
	METRIC_REQUESTS,	/* a counter of METRIC_PROMETHEUS, a second */
};

/* What one instance is to have of a metric. */
struct autoscale_target {
	enum autoscale_metric metric;
	double value;
	/* Of a metric that the instance exposes; borrowed from the JSON. */
	const char *path, *port_name;	/* PORT_NAME NULL: its first port */
	struct exposition_query query;
	bool is_rate;			/* the metric counts: by how much a second is meant */
	bool is_mean;			/* of its series, not their sum */
};

/* How fast, in one direction. */
struct autoscale_pace {
	int64_t stabilization_ms;	/* the most cautious wish of so long counts */
	int64_t period_ms;		/* in which at most the larger of these two is changed: */
	unsigned max_instances;
	double max_percent;
};

/* Bounds for a part of every week: minutes since Monday, 0:00; TO before FROM is in the next week. */
struct autoscale_window {
	unsigned from, to;
	unsigned min, max;
};

struct autoscale {
	const json_t *json;		/* borrowed */
	unsigned min, max;
	struct autoscale_target targets[AUTOSCALE_MAX_TARGETS];
	unsigned n_targets;
	double tolerance;
	int64_t interval_ms, warm_up_ms;
	struct autoscale_pace up, down;
	struct autoscale_window *windows;
	unsigned n_windows;
	struct time_zone *zone;		/* by whose clocks they are */
};

/* The field of an app's shape. */
json_t *autoscale_read(const json_t *value, const char *path, struct problems *problems);

/* What it and the rest of the definition APP say together. */
void autoscale_validate(const json_t *app, struct problems *problems);

/* From what was read and found valid; JSON NULL: NULL.  -ENOMEM. */
int autoscale_compile(const json_t *json, struct autoscale **ret);
void autoscale_free(struct autoscale *autoscale);

/* The bounds at UTC_S: those of the first window that it is in. */
void autoscale_bounds(const struct autoscale *autoscale, int64_t utc_s, unsigned *ret_min,
		      unsigned *ret_max);

const char *autoscale_metric_name(enum autoscale_metric metric);
/* Is it read from the instance itself, and not from its agent? */
bool autoscale_is_exposed(const struct autoscale_target *target);

#endif
