/* What programs that print figures share: how they fail, the cpu that they took, times in order. */
#ifndef TESTS_BENCH_FIGURES_H
#define TESTS_BENCH_FIGURES_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline _Noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(EXIT_FAILURE);
}

static inline void *must(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

/* Seconds of cpu of this process. */
static inline double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int compare_times(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline void sort_times(double *times, size_t n)
{
	qsort(times, n, sizeof(*times), compare_times);
}

/* ---- of a master that hears nobody but its agents ---- */

static inline void on_agent_close(void *arg, void *stream)
{
	(void)arg;
	(void)stream;
	die("an agent was closed");
}

static inline void on_explain(void *arg, const char *sentence)
{
	(void)arg;
	(void)sentence;
}

#endif
