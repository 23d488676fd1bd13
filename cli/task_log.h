/* tepui task log: what a task has written, from the first file that is kept of it. */
#ifndef CLI_TASK_LOG_H
#define CLI_TASK_LOG_H

#include <stddef.h>

struct cli;
struct err;

int task_log(struct cli *cli, char **args, size_t n, struct err *e);

#endif
