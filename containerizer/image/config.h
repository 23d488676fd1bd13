/* The image configuration document, of OCI and of Docker: the same for all that we read. */
#ifndef CONTAINERIZER_IMAGE_CONFIG_H
#define CONTAINERIZER_IMAGE_CONFIG_H

#include <jansson.h>

#include "containerizer/image/image.h"

enum { IMAGE_MAX_LAYERS = 128 };

/*
 * *RET ends with config_done(); what the document's standard has and we do not need is passed over.
 */
int config_read(const json_t *doc, struct image_config *ret, struct err *e);
void config_done(struct image_config *config);

/* rootfs.diff_ids, each a digest: owned and NULL-terminated. */
int config_read_diff_ids(const json_t *doc, char ***ret, struct err *e);

/* Free a NULL-terminated list of owned strings; NULL is one, too. */
void config_free_list(char **list);

#endif
