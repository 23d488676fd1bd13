/* Numbers for operators, in the two forms in which they are read. */
#ifndef MASTER_STUB_METRICS_H
#define MASTER_STUB_METRICS_H

#include <jansson.h>
#include <stddef.h>

struct timings;

/* Of a name; with a LABEL it tells whose number it is: "role" of "eng/web". */
struct metric_part {
	const char *label, *text;
};

/* The name as Mesos has it is the texts of all PARTS (borrowed), with '/' between them. */
typedef void metric_fn(void *arg, const struct metric_part *parts, size_t n, double value);
struct metrics {
	metric_fn *put;
	void *arg;
};

void metrics_put(const struct metrics *metrics, const char *name, double value);
#define METRICS_PUT_OF(metrics_, value_, ...) \
	((metrics_)->put((metrics_)->arg, (const struct metric_part[]){ __VA_ARGS__ }, \
			 sizeof((const struct metric_part[]){ __VA_ARGS__ }) / \
			 sizeof(struct metric_part), (value_)))
/* Of how many there are numbers: roles of frameworks, and roles.  The rest is counted. */
enum { MAX_MEASURED_ROLES = 1000 };
/* As NAME, how many of N are beyond MAX. */
void metrics_put_rest(const struct metrics *metrics, const char *name, size_t n, size_t max);

/* The last one as NAME, and "NAME/count", "NAME/p50"... of those that are remembered. */
void metrics_put_timings(const struct metrics *metrics, const char *name,
			 const struct timings *timings);

/* "TASK_FAILED" as "task_failed". */
void metrics_lower(const char *text, char *ret, size_t size);

/* Collects: an object of numbers by name. */
struct metrics metrics_as_json(json_t *object);

/* Collects: the text format of Prometheus.  The text is owned by the caller; NULL: memory was out. */
struct prometheus;
struct prometheus *prometheus_new(void);
struct metrics metrics_as_prometheus(struct prometheus *prometheus);
char *prometheus_finish(struct prometheus *prometheus_take, size_t *ret_size);

#endif
