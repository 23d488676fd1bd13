/* A layer's bytes from its source through the helpers, and every digest on the way. */
#ifndef CONTAINERIZER_IMAGE_PIPELINE_H
#define CONTAINERIZER_IMAGE_PIPELINE_H

#include "containerizer/image/digest.h"
#include "lib/cleanup.h"

struct err;
struct helper;
struct layer_source;
struct pipeline;
struct unpack_limits;
struct unpack_result;

/*
 *	source ─▶ this process ─▶ helper that expands ─▶ this process ─▶ helper that unpacks
 *	          blob digest                           diff id
 *
 * Both digests are computed here, over what passes, and not where hostile bytes are interpreted: a
 * helper that was taken over by a layer can do harm to that layer alone.  An archive that is not
 * compressed goes straight to the helper that unpacks; for a directory the first helper packs it.
 */
int pipeline_new(const struct layer_source *source, const struct unpack_limits *limits,
		 int tree_fd, struct pipeline **ret, struct err *e);

/* Until it is done, or has failed, or time is up. */
int pipeline_run(struct pipeline *pipeline, char ret_diff_id[DIGEST_SIZE],
		 struct unpack_result *ret, struct err *e);

/* The helper that unpacks, for the notes of its report; borrowed. */
const struct helper *pipeline_unpacker(const struct pipeline *pipeline);
void pipeline_free(struct pipeline *pipeline);

DEFINE_AUTO(struct pipeline *, pipeline_free);

#endif
