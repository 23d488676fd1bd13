/* Removing images, and what nothing refers to. */
#ifndef CONTAINERIZER_IMAGE_PRUNE_H
#define CONTAINERIZER_IMAGE_PRUNE_H

#include <stdbool.h>
#include <stddef.h>

#include "containerizer/image/image.h"

struct image_prune {
	bool all;		/* also every image that no container uses */
	/*
	 * When the file system is fuller than high (percent, 0: never), images that no container
	 * uses go, the least recently used first, until it is no fuller than low.
	 */
	unsigned high_percent, low_percent;
	/* Names and digests of images that stay whatever else is said; borrowed. */
	char *const *kept;
	size_t n_kept;
};

struct image_pruned {
	unsigned n_images, n_layers, n_blobs;
	unsigned used_percent;	/* of the file system, afterwards */
	bool is_still_above;	/* low could not be reached: all that is left is in use */
};

/*
 * -EUCLEAN when a record cannot be read: what it refers to is not known, so nothing is removed;
 * -EINVAL when one that is to be kept has no name that an image could have.
 */
int image_prune(struct image_store *store, const struct image_prune *prune,
		struct image_pruned *ret, struct err *e);

/*
 * Remove the name REF; its layers go with the next prune.  -EBUSY while a container runs on it and
 * it has no other name, unless IS_FORCED: then they stay as long as the container.
 */
int image_remove(struct image_store *store, const char *ref, bool is_forced, struct err *e);

#endif
