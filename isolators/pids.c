/* How many processes and threads, and how many groups below the container's own. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

static int validate(const struct spec *spec, struct err *e)
{
	if (spec->pids_limit < -1)
		return err_set(e, ERANGE, "limit of %" PRId64 " processes", spec->pids_limit);
	return 0;
}

static int prepare(struct box *box, struct err *e)
{
	char text[32];
	int r;

	/* Whoever may write to the group's directory could otherwise eat kernel memory with it. */
	r = cgroup_write(&box->cgroup, "cgroup.max.descendants", "64", e);
	if (r < 0 || box->spec->pids_limit == 0)
		return r;
	(void)snprintf(text, sizeof(text), "%" PRId64, box->spec->pids_limit);
	return cgroup_write(&box->cgroup, "pids.max", box->spec->pids_limit < 0 ? "max" : text, e);
}

const struct isolator isolator_pids = {
	.name = "pids",
	.validate = validate,
	.prepare = prepare,
};
