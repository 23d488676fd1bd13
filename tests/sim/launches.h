/* What a framework makes of an offer, and the list of all that it has asked for. */
#ifndef TESTS_SIM_LAUNCHES_H
#define TESTS_SIM_LAUNCHES_H

#include "tests/sim/framework.h"
#include "tests/sim/framework_calls.h"

/* NULL: it has not asked for such a task. */
struct wish *wish_find(struct sim_framework *framework, const char *id);
/* One that is not over; NULL: there is none. */
struct wish *wish_by_chance(struct sim_framework *framework);
unsigned wishes_count_open(const struct sim_framework *framework);
void wishes_drop(struct sim_framework *framework);

/* Into ACCEPT, which has its offer. */
void launches_choose(struct sim_framework *framework, struct framework_accept *accept);

#endif
