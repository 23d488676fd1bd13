/* What is done to nodes: emptied, given up, taken down with their machine. */
#ifndef CLI_NODE_OPERATE_H
#define CLI_NODE_OPERATE_H

#include <stddef.h>

struct cli;
struct err;

int node_drain(struct cli *cli, char **args, size_t n, struct err *e);
int node_deactivate(struct cli *cli, char **args, size_t n, struct err *e);
int node_reactivate(struct cli *cli, char **args, size_t n, struct err *e);
int node_gone(struct cli *cli, char **args, size_t n, struct err *e);
/* Of its image store: what nothing runs on and ARGS behind the node do not name. */
int node_prune(struct cli *cli, char **args, size_t n, struct err *e);

/* The schedule of maintenance, and each machine's way: planned, down, up. */
int node_maintenance(struct cli *cli, char **args, size_t n, struct err *e);
int node_plan(struct cli *cli, char **args, size_t n, struct err *e);
int node_unplan(struct cli *cli, char **args, size_t n, struct err *e);
int node_down(struct cli *cli, char **args, size_t n, struct err *e);
int node_up(struct cli *cli, char **args, size_t n, struct err *e);

#endif
