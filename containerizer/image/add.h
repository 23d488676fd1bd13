/* Bringing images into the store; needs root, for the maps of the unpack helper and its mounts. */
#ifndef CONTAINERIZER_IMAGE_ADD_H
#define CONTAINERIZER_IMAGE_ADD_H

#include "containerizer/image/image.h"
#include "containerizer/image/manifest.h"
#include "containerizer/image/reference.h"
#include "containerizer/unpack/unpack.h"

struct image_add {
	const struct reference *source;		/* on disk */
	const struct reference *name;		/* NULL: its own, or its file's */
	const struct platform *platform;	/* for indexes */
	const struct unpack_limits *limits;	/* for each layer */
};

struct image_added {
	char name[REFERENCE_TEXT_SIZE];
	char manifest[DIGEST_SIZE];
	unsigned n_layers, n_unpacked;		/* the others were there already */
	uint64_t skipped_devices;		/* of those unpacked now */
};

/*
 * Add an image, with every digest verified and every layer unpacked that is not there yet.  On
 * failure the store has nothing of it but whole layers, which the next prune removes.  The caller
 * ignores SIGPIPE.
 */
int image_add(struct image_store *store, const struct image_add *add, struct image_added *ret,
	      struct err *e);

#endif
