/* How long something took, the last times that it was done: for metrics. */
#ifndef LIB_TIMINGS_H
#define LIB_TIMINGS_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_TIMINGS = 1000 };

/* Zero-initialised is empty. */
struct timings {
	int64_t ns[MAX_TIMINGS];	/* a ring */
	uint64_t n;			/* ever added */
};

void timings_add(struct timings *timings, int64_t ns);

/* Those that are remembered, in milliseconds; nothing but zeros when there are none. */
enum { N_TIMINGS_PARTS = 6 };
extern const double timings_parts[N_TIMINGS_PARTS];	/* 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999 */
struct timings_summary {
	size_t n;
	double last_ms, min_ms, max_ms;
	double part_ms[N_TIMINGS_PARTS];	/* that such a part of them did not exceed */
};
void timings_summarize(const struct timings *timings, struct timings_summary *ret);

#endif
