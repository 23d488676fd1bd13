/* Metrics by name, and what is put together of several numbers. */
#include "master_stub/metrics.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/timings.h"

enum { NAME_SIZE = 1024 };

void metrics_put(const struct metrics *metrics, const char *name, double value)
{
	METRICS_PUT_OF(metrics, value, { NULL, name });
}

void metrics_put_rest(const struct metrics *metrics, const char *name, size_t n, size_t max)
{
	metrics_put(metrics, name, n > max ? (double)(n - max) : 0);
}

void metrics_put_timings(const struct metrics *metrics, const char *name,
			 const struct timings *timings)
{
	static const char *const part_names[N_TIMINGS_PARTS] = {
		"p50", "p90", "p95", "p99", "p999", "p9999",
	};
	struct timings_summary summary;

	timings_summarize(timings, &summary);
	metrics_put(metrics, name, summary.last_ms);
	METRICS_PUT_OF(metrics, (double)summary.n, { NULL, name }, { NULL, "count" });
	METRICS_PUT_OF(metrics, summary.min_ms, { NULL, name }, { NULL, "min" });
	METRICS_PUT_OF(metrics, summary.max_ms, { NULL, name }, { NULL, "max" });
	for (size_t i = 0; i < N_TIMINGS_PARTS; i++)
		METRICS_PUT_OF(metrics, summary.part_ms[i], { NULL, name },
			       { NULL, part_names[i] });
}

void metrics_lower(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	for (; text[n] && n + 1 < size; n++)
		ret[n] = (char)tolower((unsigned char)text[n]);
	ret[n] = '\0';
}

/* One whose name is no UTF-8 is left out. */
static void put(void *arg, const struct metric_part *parts, size_t n, double value)
{
	char name[NAME_SIZE];
	size_t length = 0;

	for (size_t i = 0; i < n && length < sizeof(name); i++)
		length += (size_t)snprintf(name + length, sizeof(name) - length, "%s%s",
					   i > 0 ? "/" : "", parts[i].text);
	json_object_set_new(arg, name, json_real(value));
}

struct metrics metrics_as_json(json_t *object)
{
	return (struct metrics){ .put = put, .arg = object };
}
