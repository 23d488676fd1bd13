/* Fields that clients of Marathon up to 1.4 read, beside those that took their places: ?compat=1.4. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_APP_COMPAT_H
#define MASTER_STUB_MARATHON_DEFINITION_APP_COMPAT_H

#include <jansson.h>

/* APP, as it is shown, is given ports, uris, container.docker.network and portMappings, and ipAddress. */
void app_add_compat(json_t *app);

#endif
