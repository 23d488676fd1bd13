/* tepui task exec and attach: rows of task.c's table. */
#ifndef CLI_EXEC_H
#define CLI_EXEC_H

#include <stddef.h>

struct cli;
struct err;

int task_exec(struct cli *cli, char **args, size_t n, struct err *e);
int task_attach(struct cli *cli, char **args, size_t n, struct err *e);

#endif
