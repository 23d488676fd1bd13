#include <errno.h>
#include <sched.h>

#include "isolators/attributes.h"
#include "lib/err.h"
#include "lib/ranges.h"

static int set(const struct ranges *cpus)
{
	size_t n = (size_t)cpus->items[cpus->n - 1].last + 1, size = CPU_ALLOC_SIZE(n);
	cpu_set_t *mask = CPU_ALLOC(n);
	int r;

	if (!mask)
		return -ENOMEM;
	CPU_ZERO_S(size, mask);
	for (size_t i = 0; i < cpus->n; i++) {
		for (size_t cpu = cpus->items[i].first; cpu <= cpus->items[i].last; cpu++)
			CPU_SET_S(cpu, size, mask);
	}
	r = sched_setaffinity(0, size, mask) < 0 ? -errno : 0;
	CPU_FREE(mask);
	return r;
}

int affinity_set(const char *list, struct err *e)
{
	enum { MAX_CPU = 1 << 16 };	/* more than any kernel is built for */
	struct ranges cpus = { 0 };
	int r = list ? ranges_parse(list, &cpus) : 0;

	if (r == 0 && list && (cpus.n == 0 || cpus.items[cpus.n - 1].last >= MAX_CPU))
		r = -EINVAL;
	if (r == 0 && list)
		r = set(&cpus);
	ranges_done(&cpus);
	return r < 0 ? err_set(e, -r, "process.execCPUAffinity: run on processors '%.64s'", list)
		: 0;
}
