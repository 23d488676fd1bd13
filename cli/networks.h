/* What a node's containers have of its networks, as its /networks tells. */
#ifndef CLI_NETWORKS_H
#define CLI_NETWORKS_H

#include <jansson.h>

struct cli;

/* The bridge and a row for each container; nothing where nothing has a network of its own. */
void networks_print(const struct cli *cli, const json_t *networks);

#endif
