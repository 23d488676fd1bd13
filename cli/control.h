/* tepui task pause, resume, signal and resize: rows of task.c's table. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include <stddef.h>

struct cli;
struct err;

int task_pause(struct cli *cli, char **args, size_t n, struct err *e);
int task_resume(struct cli *cli, char **args, size_t n, struct err *e);
int task_signal(struct cli *cli, char **args, size_t n, struct err *e);
int task_resize(struct cli *cli, char **args, size_t n, struct err *e);

#endif
