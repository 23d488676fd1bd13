/* The commands of 'tepui app' that have files of their own. */
#ifndef CLI_APP_H
#define CLI_APP_H

#include <stddef.h>

struct cli;
struct err;

int app_show(struct cli *cli, char **args, size_t n, struct err *e);
int app_autoscale(struct cli *cli, char **args, size_t n, struct err *e);
int app_add(struct cli *cli, char **args, size_t n, struct err *e);
int app_update(struct cli *cli, char **args, size_t n, struct err *e);
int app_set(struct cli *cli, char **args, size_t n, struct err *e);
int app_rollback(struct cli *cli, char **args, size_t n, struct err *e);
int app_scale(struct cli *cli, char **args, size_t n, struct err *e);
int app_restart(struct cli *cli, char **args, size_t n, struct err *e);
int app_remove(struct cli *cli, char **args, size_t n, struct err *e);

#endif
