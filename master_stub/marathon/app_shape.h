/* The shape of an app definition: every field of /v2/apps with its type, bounds and default. */
#ifndef MASTER_STUB_MARATHON_APP_SHAPE_H
#define MASTER_STUB_MARATHON_APP_SHAPE_H

#include "master_stub/marathon/shape.h"

extern const struct shape app_shape;

/* Is KEY a field that an update may carry? */
bool app_shape_has(const char *key);

#endif
