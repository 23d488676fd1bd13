/* Being in the cgroup: v2 by clone3(2), v1 by the first thing that the new process does. */
#include "isolators/table.h"

/* Nothing of the container runs before that: what init has touched so far is its own stack. */
static int enter(struct box *box, struct err *e)
{
	return cgroup_join(&box->cgroup, e);
}

const struct isolator isolator_cgroup = {
	.name = "cgroup",
	.enter = enter,
};
