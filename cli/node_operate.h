/* What is done to nodes: emptied, given up. */
#ifndef CLI_NODE_OPERATE_H
#define CLI_NODE_OPERATE_H

#include <jansson.h>
#include <stddef.h>

struct cli;
struct err;

/*
 * POST /api/v1 of the master: a call of TYPE with BODY, which is given up and may be NULL, as its
 * MEMBER; what the answer has under that is a new reference in *RET, unless that is NULL.
 */
int node_call(struct cli *cli, const char *type, const char *member, json_t *body_take, json_t **ret,
	      struct err *e);

int node_drain(struct cli *cli, char **args, size_t n, struct err *e);
int node_deactivate(struct cli *cli, char **args, size_t n, struct err *e);
int node_reactivate(struct cli *cli, char **args, size_t n, struct err *e);
int node_gone(struct cli *cli, char **args, size_t n, struct err *e);
/* Of its image store: what nothing runs on and ARGS behind the node do not name. */
int node_prune(struct cli *cli, char **args, size_t n, struct err *e);

#endif
