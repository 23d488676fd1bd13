#include "lib/timings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double timings_parts[N_TIMINGS_PARTS] = { 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999 };

void timings_add(struct timings *timings, int64_t ns)
{
	timings->ns[timings->n++ % MAX_TIMINGS] = ns;
}

static double to_ms(int64_t ns)
{
	return (double)ns / 1e6;
}

static int by_length(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void timings_summarize(const struct timings *timings, struct timings_summary *ret)
{
	size_t n = timings->n < MAX_TIMINGS ? (size_t)timings->n : MAX_TIMINGS;
	int64_t sorted[MAX_TIMINGS];

	*ret = (struct timings_summary){ .n = n };
	if (n == 0)
		return;
	memcpy(sorted, timings->ns, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_length);
	ret->last_ms = to_ms(timings->ns[(timings->n - 1) % MAX_TIMINGS]);
	ret->min_ms = to_ms(sorted[0]);
	ret->max_ms = to_ms(sorted[n - 1]);
	for (size_t i = 0; i < N_TIMINGS_PARTS; i++)
		ret->part_ms[i] = to_ms(sorted[(size_t)ceil(timings_parts[i] * (double)n) - 1]);
}
