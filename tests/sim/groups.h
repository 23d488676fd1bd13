/* Task groups: the ledger of what was asked for together. */
#ifndef TESTS_SIM_GROUPS_H
#define TESTS_SIM_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/tepui.pb-c.h"

struct fate;
struct group;
struct sim;

enum { GROUP_MAX_TASKS = 3 };

/* Empty; lives as long as the run. */
struct group *group_new(struct sim *sim);
void group_add(struct group *group, struct fate *fate);
void groups_free(struct sim *sim);

/* An agent is given a task by itself, or a group. */
void groups_task_given(struct sim *sim, const struct fate *fate);
void groups_given(struct sim *sim, const Tepui__AgentEvent__RunTaskGroup *run);
/* All of a group was started or nothing, and where one has failed, none goes on. */
bool groups_are_healed(const struct sim *sim, char *text, size_t size);

#endif
