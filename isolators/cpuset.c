/* Which processors and memory nodes may be used. */
#include <errno.h>

#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"
#include "lib/ranges.h"

static int check_list(const char *name, const char *list, struct err *e)
{
	struct ranges set = { 0 };
	int r;

	if (!list)
		return 0;
	r = ranges_parse(list, &set);
	if (r == 0 && ranges_count(&set) == 0)
		r = -EINVAL;
	ranges_done(&set);
	return r < 0 ? err_set(e, -r, "parse %s '%.64s'", name, list) : 0;
}

static int validate(const struct spec *spec, struct err *e)
{
	int r = check_list("cpus", spec->cpuset_cpus, e);

	return r < 0 ? r : check_list("memory nodes", spec->cpuset_mems, e);
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	const struct limit cpus = {
		.path = "linux.resources.cpu.cpus", .file = "cpuset.cpus",
		.value = spec->cpuset_cpus,
	};
	const struct limit mems = {
		.path = "linux.resources.cpu.mems", .file = "cpuset.mems",
		.value = spec->cpuset_mems,
	};
	int r = cpus.value ? limits_add(ret, &cpus, e) : 0;

	return r == 0 && mems.value ? limits_add(ret, &mems, e) : r;
}

const struct isolator isolator_cpuset = {
	.name = "cpuset",
	.validate = validate,
	.limits = list_limits,
};
