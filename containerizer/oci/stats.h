/* What a container uses, in the names that runc gives it. */
#ifndef CONTAINERIZER_OCI_STATS_H
#define CONTAINERIZER_OCI_STATS_H

#include <jansson.h>

struct usage;

/* Owned; what is unknown is left out.  NULL without memory. */
json_t *stats_to_json(const struct usage *usage);

#endif
