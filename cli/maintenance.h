/* Machines that shall be down, or are. */
#ifndef CLI_MAINTENANCE_H
#define CLI_MAINTENANCE_H

#include <stddef.h>

struct cli;
struct err;

/* The schedule of maintenance, and each machine's way: planned, down, up. */
int node_maintenance(struct cli *cli, char **args, size_t n, struct err *e);
int node_plan(struct cli *cli, char **args, size_t n, struct err *e);
int node_unplan(struct cli *cli, char **args, size_t n, struct err *e);
int node_down(struct cli *cli, char **args, size_t n, struct err *e);
int node_up(struct cli *cli, char **args, size_t n, struct err *e);

#endif
