/* The ports that a definition names, wherever its networks put them. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_APP_PORTS_H
#define MASTER_STUB_MARATHON_DEFINITION_APP_PORTS_H

#include <jansson.h>

/* The list of ports of the definition APP, which a container's network takes from elsewhere; or NULL. */
const json_t *app_ports(const json_t *app);

/* The index of the port NAME of the definition APP, or with NULL of its first; -ENOENT. */
int app_port_index(const json_t *app, const char *name);

#endif
