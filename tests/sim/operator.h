/* What operators do: agents are drained, deactivated and declared gone; quotas and weights change. */
#ifndef TESTS_SIM_OPERATOR_H
#define TESTS_SIM_OPERATOR_H

#include <stdbool.h>

struct sim;

/* Something, by chance. */
void operator_act(struct sim *sim);
/* The faults are over: what was taken out of service is put back; false while that is not done. */
bool operator_put_back(struct sim *sim);
/* What was done was answered; or the master was killed, and nobody knows. */
void operator_is_answered(struct sim *sim);
void operator_is_not_answered(struct sim *sim);

#endif
