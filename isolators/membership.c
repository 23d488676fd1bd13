/* Being in the cgroup: v2 by clone3(2), v1 by a write before the process does anything. */
#include "isolators/table.h"

static int attach(struct box *box, struct err *e)
{
	return cgroup_attach(&box->cgroup, box->init_pid, e);
}

const struct isolator isolator_cgroup = {
	.name = "cgroup",
	.attach = attach,
};
