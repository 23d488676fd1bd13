/* How many tasks a second the core places: ACCEPT, RUN_TASK, RUNNING, ACKNOWLEDGE, and the end. */
#ifndef TESTS_SIM_PLACEMENTS_H
#define TESTS_SIM_PLACEMENTS_H

#include <stdint.h>

/* Prints the figure; 0, or 1 when the core did not do what it was asked for. */
int placements_run(uint64_t n);

#endif
