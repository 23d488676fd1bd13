/* Which processors and memory nodes may be used. */
#include <errno.h>

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

static int prepare(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	int r = spec->cpuset_cpus ? cgroup_write(&box->cgroup, "cpuset.cpus", spec->cpuset_cpus, e)
		: 0;

	if (r < 0 || !spec->cpuset_mems)
		return r;
	return cgroup_write(&box->cgroup, "cpuset.mems", spec->cpuset_mems, e);
}

const struct isolator isolator_cpuset = {
	.name = "cpuset",
	.validate = validate,
	.prepare = prepare,
};
