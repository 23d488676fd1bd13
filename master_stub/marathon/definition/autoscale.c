#include "master_stub/marathon/definition/autoscale.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/definition/zone.h"

enum {
	MAX_INSTANCES = 100000,
	MAX_HOUR = 3600,
	MINUTES_OF_DAY = 24 * 60,
	DAYS = 7,
	THURSDAY = 3,			/* of 1970-01-01 */
};

static const char *const metric_names[] = {
	[METRIC_CPU] = "cpu", [METRIC_MEM] = "mem", [METRIC_PROMETHEUS] = "prometheus",
	[METRIC_REQUESTS] = "requestsPerSecond", NULL,
};

static const char *const day_names[] = {
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", NULL,
};

const char *autoscale_metric_name(enum autoscale_metric metric)
{
	return metric_names[metric];
}

bool autoscale_is_exposed(const struct autoscale_target *target)
{
	return target->metric == METRIC_PROMETHEUS || target->metric == METRIC_REQUESTS;
}

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -ENOENT;
}

/* ---- Shape ---- */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

static const char *check_metric(const char *text)
{
	if (strspn(text, LETTERS ":0123456789") != strlen(text) || strchr("0123456789", *text))
		return "must be the name of a Prometheus metric";
	return NULL;
}

static const char *check_path(const char *text)
{
	if (*text != '/' || strpbrk(text, " \t\r\n#"))
		return "must start with '/', without white space";
	return NULL;
}

/* "08:30" as minutes; -EINVAL. */
static int minutes_of(const char *text)
{
	unsigned hour, minute;
	char end;

	if (strlen(text) != strlen("00:00") || strspn(text, "0123456789:") != strlen(text) ||
	    sscanf(text, "%2u:%2u%c", &hour, &minute, &end) != 2 || minute >= 60 || hour > 24 ||
	    (hour == 24 && minute > 0))
		return -EINVAL;
	return (int)(hour * 60 + minute);
}

static const char *check_time(const char *text)
{
	return minutes_of(text) < 0 ? "must be a time from 00:00 to 24:00" : NULL;
}

static const struct shape label_value = { .kind = SHAPE_STRING, .max = 1024 };
static const char *const aggregates[] = { "sum", "mean", NULL };

static const struct shape target_fields[] = {
	{ "metric", SHAPE_ENUM, .names = metric_names, .is_required = true },
	{ "value", SHAPE_NUMBER, .is_required = true, .min = 1e-6, .max = 1e12 },
	{ "name", SHAPE_STRING, .min = 1, .max = 256, .check = check_metric },
	{ "labels", SHAPE_MAP, .max = EXPOSITION_MAX_LABELS, .of = &label_value,
	  .omit_empty = true },
	{ "aggregate", SHAPE_ENUM, .names = aggregates },
	{ "rate", SHAPE_BOOL, .fallback = NULL },
	{ "portName", SHAPE_STRING, .min = 1, .max = 256 },
	{ "path", SHAPE_STRING, .min = 1, .max = 2048, .check = check_path },
	{ 0 },
};
static const struct shape target_shape = {
	.kind = SHAPE_OBJECT, .is_strict = true, .of = target_fields,
};

/* One table for both directions but for the defaults, which are those of Kubernetes. */
#define PACE_FIELDS(stabilization, instances)                                                     \
	{                                                                                         \
		{ "stabilizationSeconds", SHAPE_INTEGER, .max = MAX_HOUR,                         \
		  .fallback = stabilization },                                                    \
		{ "periodSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_HOUR, .fallback = "15" },  \
		{ "maxInstances", SHAPE_INTEGER, .max = MAX_INSTANCES, .fallback = instances },   \
		{ "maxPercent", SHAPE_NUMBER, .max = 10000, .fallback = "100" },                  \
		{ 0 },                                                                            \
	}
static const struct shape up_fields[] = PACE_FIELDS("0", "4");
static const struct shape down_fields[] = PACE_FIELDS("300", "0");

static const struct shape day = { .kind = SHAPE_ENUM, .names = day_names };
static const struct shape window_fields[] = {
	{ "days", SHAPE_LIST, .min = 1, .max = DAYS, .of = &day,
	  .fallback = "[\"monday\",\"tuesday\",\"wednesday\",\"thursday\",\"friday\","
		      "\"saturday\",\"sunday\"]" },
	{ "from", SHAPE_STRING, .check = check_time, .fallback = "\"00:00\"" },
	{ "to", SHAPE_STRING, .check = check_time, .fallback = "\"24:00\"" },
	{ "min", SHAPE_INTEGER, .is_required = true, .min = 1, .max = MAX_INSTANCES },
	{ "max", SHAPE_INTEGER, .is_required = true, .min = 1, .max = MAX_INSTANCES },
	{ 0 },
};
static const struct shape window_shape = {
	.kind = SHAPE_OBJECT, .is_strict = true, .of = window_fields,
};

static const struct shape autoscale_fields[] = {
	{ "min", SHAPE_INTEGER, .min = 1, .max = MAX_INSTANCES, .fallback = "1" },
	{ "max", SHAPE_INTEGER, .is_required = true, .min = 1, .max = MAX_INSTANCES },
	{ "targets", SHAPE_LIST, .is_required = true, .min = 1, .max = AUTOSCALE_MAX_TARGETS,
	  .of = &target_shape },
	{ "tolerance", SHAPE_NUMBER, .max = 0.9, .fallback = "0.1" },
	{ "intervalSeconds", SHAPE_INTEGER, .min = 1, .max = MAX_HOUR, .fallback = "15" },
	{ "warmUpSeconds", SHAPE_INTEGER, .max = MAX_HOUR, .fallback = "30" },
	{ "up", SHAPE_OBJECT, .is_strict = true, .of = up_fields,
	  .fallback = "{\"stabilizationSeconds\":0,\"periodSeconds\":15,\"maxInstances\":4,"
		      "\"maxPercent\":100}" },
	{ "down", SHAPE_OBJECT, .is_strict = true, .of = down_fields,
	  .fallback = "{\"stabilizationSeconds\":300,\"periodSeconds\":15,\"maxInstances\":0,"
		      "\"maxPercent\":100}" },
	{ "schedule", SHAPE_LIST, .max = AUTOSCALE_MAX_WINDOWS, .of = &window_shape,
	  .omit_empty = true },
	{ "timeZone", SHAPE_STRING, .min = 1, .max = 64, .fallback = "\"UTC\"" },
	{ 0 },
};
static const struct shape autoscale_shape = {
	.kind = SHAPE_OBJECT, .is_strict = true, .of = autoscale_fields,
};

/* An empty one is none: null means "as it is" to Marathon. */
json_t *autoscale_read(const json_t *value, const char *path, struct problems *problems)
{
	if (json_is_object(value) && json_object_size(value) == 0)
		return json_object();
	return shape_read(&autoscale_shape, value, path, problems);
}

/* ---- Rules of more than one field ---- */

static void __attribute__((format(printf, 4, 5)))
complain(struct problems *problems, const char *path, const char *key, const char *fmt, ...)
{
	char below[SHAPE_PATH_SIZE], sentence[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	(void)snprintf(below, sizeof(below), "%s/%s", path, key);
	problems_add(problems, below, "%s", sentence);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void validate_bounds(const json_t *object, const char *path, struct problems *problems)
{
	if (json_integer_value(json_object_get(object, "min")) >
	    json_integer_value(json_object_get(object, "max")))
		complain(problems, path, "max", "must be at least min");
}

static void validate_exposed(const json_t *app, const json_t *target, const char *path,
			     bool is_requests, struct problems *problems)
{
	const char *port = text_of(target, "portName");

	if (!json_object_get(target, "name") && is_requests)
		complain(problems, path, "metric",
			 "requestsPerSecond of a service address is not supported by this version: "
			 "name a Prometheus counter of the app");
	else if (!json_object_get(target, "name"))
		complain(problems, path, "name", "error.path.missing");
	if (port && app_port_index(app, port) < 0)
		complain(problems, path, "portName", "No port definition reference for portName %s",
			 port);
	else if (app_port_index(app, port) < 0)
		complain(problems, path, "metric", "needs an app with a port");
	if (is_requests && json_is_false(json_object_get(target, "rate")))
		complain(problems, path, "rate", "must be true for requestsPerSecond");
}

static void validate_measured(const json_t *app, const json_t *target, const char *path,
			      const char *resource, struct problems *problems)
{
	static const char *const exposed[] = { "name", "labels", "aggregate", "rate", "portName",
					       "path" };

	for (size_t i = 0; i < ARRAY_SIZE(exposed); i++) {
		if (json_object_get(target, exposed[i]))
			complain(problems, path, exposed[i], "only for a Prometheus metric");
	}
	if (json_number_value(json_object_get(target, "value")) > 100)
		complain(problems, path, "value",
			 "is a share of the requested %s: 0.8 are 80 %%", resource);
	if (json_number_value(json_object_get(app, resource)) <= 0)
		complain(problems, path, "metric", "needs an app that requests %s", resource);
}

static void validate_target(const json_t *app, const json_t *targets, size_t i,
			    struct problems *problems)
{
	const json_t *target = json_array_get(targets, i);
	const char *metric = text_of(target, "metric");
	enum autoscale_metric kind = (enum autoscale_metric)index_of(metric_names, metric);
	bool is_measured = kind == METRIC_CPU || kind == METRIC_MEM;
	char path[64];

	(void)snprintf(path, sizeof(path), "/autoscale/targets(%zu)", i);
	if (is_measured)
		validate_measured(app, target, path, kind == METRIC_CPU ? "cpus" : "mem", problems);
	else
		validate_exposed(app, target, path, kind == METRIC_REQUESTS, problems);
	for (size_t j = 0; j < i; j++) {
		const json_t *other = json_array_get(targets, j);

		if (json_equal(other, target) ||
		    (is_measured && strcmp(text_of(other, "metric"), metric) == 0))
			complain(problems, path, "metric", "is given twice");
	}
}

static void validate_window(const json_t *window, size_t i, struct problems *problems)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/autoscale/schedule(%zu)", i);
	validate_bounds(window, path, problems);
	if (strcmp(text_of(window, "from"), text_of(window, "to")) == 0)
		complain(problems, path, "to", "must differ from from");
}

static void validate_zone(const json_t *autoscale, struct problems *problems)
{
	struct time_zone *zone = NULL;
	struct err e = { 0 };

	if (zone_open(text_of(autoscale, "timeZone"), &zone, &e) < 0)
		problems_add(problems, "/autoscale/timeZone", "%s", e.msg);
	zone_close(zone);
}

void autoscale_validate(const json_t *app, struct problems *problems)
{
	const json_t *autoscale = json_object_get(app, "autoscale");
	const json_t *targets = json_object_get(autoscale, "targets");
	const json_t *schedule = json_object_get(autoscale, "schedule");
	const char *single = text_of(json_object_get(app, "labels"),
				     "MARATHON_SINGLE_INSTANCE_APP");

	if (!autoscale)
		return;
	validate_bounds(autoscale, "/autoscale", problems);
	for (size_t i = 0; i < json_array_size(targets); i++)
		validate_target(app, targets, i, problems);
	validate_zone(autoscale, problems);
	for (size_t i = 0; i < json_array_size(schedule); i++)
		validate_window(json_array_get(schedule, i), i, problems);
	if (single && strcmp(single, "true") == 0)
		problems_add(problems, "/autoscale",
			     "Single instance app may only have one instance");
}

/* ---- Typed values ---- */

static int64_t millis_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key)) * 1000;
}

static unsigned count_of(const json_t *object, const char *key)
{
	return (unsigned)json_integer_value(json_object_get(object, key));
}

static struct autoscale_pace pace_of(const json_t *json)
{
	return (struct autoscale_pace){
		.stabilization_ms = millis_of(json, "stabilizationSeconds"),
		.period_ms = millis_of(json, "periodSeconds"),
		.max_instances = count_of(json, "maxInstances"),
		.max_percent = json_number_value(json_object_get(json, "maxPercent")),
	};
}

static void take_target(const json_t *json, struct autoscale_target *target)
{
	const char *path = text_of(json, "path"), *aggregate = text_of(json, "aggregate");
	json_t *labels = json_object_get(json, "labels"), *value;
	const char *name;

	target->metric = (enum autoscale_metric)index_of(metric_names, text_of(json, "metric"));
	target->value = json_number_value(json_object_get(json, "value"));
	target->path = path ? path : "/metrics";
	target->port_name = text_of(json, "portName");
	target->is_rate = target->metric == METRIC_REQUESTS ||
			  json_is_true(json_object_get(json, "rate"));
	target->is_mean = aggregate && strcmp(aggregate, "mean") == 0;
	target->query.name = text_of(json, "name");
	json_object_foreach(labels, name, value)
		target->query.labels[target->query.n_labels++] = (struct exposition_label){
			.name = name, .value = json_string_value(value),
		};
}

/* One a day that it is on. */
static void take_window(const json_t *json, struct autoscale *autoscale)
{
	const json_t *days = json_object_get(json, "days");
	unsigned from = (unsigned)minutes_of(text_of(json, "from"));
	unsigned to = (unsigned)minutes_of(text_of(json, "to"));

	if (to < from)
		to += MINUTES_OF_DAY;
	for (size_t i = 0; i < json_array_size(days); i++) {
		unsigned start = MINUTES_OF_DAY * (unsigned)index_of(day_names,
					json_string_value(json_array_get(days, i)));

		autoscale->windows[autoscale->n_windows++] = (struct autoscale_window){
			.from = start + from, .to = start + to,
			.min = count_of(json, "min"), .max = count_of(json, "max"),
		};
	}
}

int autoscale_compile(const json_t *json, struct autoscale **ret)
{
	const json_t *targets = json_object_get(json, "targets");
	const json_t *schedule = json_object_get(json, "schedule");
	struct autoscale *autoscale;
	struct err e = { 0 };

	*ret = NULL;
	if (!json)
		return 0;
	autoscale = calloc(1, sizeof(*autoscale));
	if (autoscale)
		autoscale->windows = calloc(json_array_size(schedule) * DAYS + 1,
					    sizeof(*autoscale->windows));
	if (!autoscale || !autoscale->windows ||
	    zone_open(text_of(json, "timeZone"), &autoscale->zone, &e) < 0) {
		autoscale_free(autoscale);
		return -ENOMEM;
	}
	autoscale->json = json;
	autoscale->min = count_of(json, "min");
	autoscale->max = count_of(json, "max");
	autoscale->tolerance = json_number_value(json_object_get(json, "tolerance"));
	autoscale->interval_ms = millis_of(json, "intervalSeconds");
	autoscale->warm_up_ms = millis_of(json, "warmUpSeconds");
	autoscale->up = pace_of(json_object_get(json, "up"));
	autoscale->down = pace_of(json_object_get(json, "down"));
	for (size_t i = 0; i < json_array_size(targets); i++)
		take_target(json_array_get(targets, i), &autoscale->targets[autoscale->n_targets++]);
	for (size_t i = 0; i < json_array_size(schedule); i++)
		take_window(json_array_get(schedule, i), autoscale);
	*ret = autoscale;
	return 0;
}

void autoscale_free(struct autoscale *autoscale)
{
	if (!autoscale)
		return;
	zone_close(autoscale->zone);
	free(autoscale->windows);
	free(autoscale);
}

void autoscale_bounds(const struct autoscale *autoscale, int64_t utc_s, unsigned *ret_min,
		      unsigned *ret_max)
{
	int64_t local_s = zone_local(autoscale->zone, utc_s);
	unsigned now = (unsigned)((local_s / 60 + THURSDAY * MINUTES_OF_DAY) % MINUTES_OF_WEEK);

	*ret_min = autoscale->min;
	*ret_max = autoscale->max;
	for (unsigned i = 0; i < autoscale->n_windows; i++) {
		const struct autoscale_window *window = &autoscale->windows[i];

		/* Sunday's may go on into Monday. */
		if ((now >= window->from && now < window->to) ||
		    now + MINUTES_OF_WEEK < window->to) {
			*ret_min = window->min;
			*ret_max = window->max;
			return;
		}
	}
}
