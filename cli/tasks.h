/* What runs: the tasks of apps, and those of the containers of pods. */
#ifndef CLI_TASKS_H
#define CLI_TASKS_H

#include <jansson.h>

struct cli;
struct err;

/*
 * /v2/tasks, and behind the tasks of apps a row of the same shape for each container of a pod that has
 * not ended, with "podId" in place of "appId" and "container", its name.  A new reference.
 */
int tasks_get(struct cli *cli, json_t **ret, struct err *e);

/* The app or pod that a row is of. */
const char *tasks_owner(const json_t *task);

#endif
