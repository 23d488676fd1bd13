/* Health checks of tasks, without anything to check: executor/health.c. */
#ifndef TESTS_SIM_AGENT_HEALTH_H
#define TESTS_SIM_AGENT_HEALTH_H

struct agent_task;

/* It runs: if it has a check, its health is told from now on, as often as it changes. */
void agent_health_start(struct agent_task *task);

#endif
