/* One layer: from an archive to a directory of the store. */
#ifndef CONTAINERIZER_IMAGE_LAYER_H
#define CONTAINERIZER_IMAGE_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "containerizer/image/digest.h"
#include "containerizer/image/store.h"
#include "containerizer/unpack/unpack.h"

/* What is to be unpacked, and what is known of it; NULL or 0: not known. */
struct layer_source {
	int fd;			/* borrowed: a file, or a pipe, or */
	bool is_directory;	/* a directory, which is packed first */
	const char *digest;	/* of the archive as it lies there */
	uint64_t size;
	const char *diff_id;	/* of the archive expanded */
	enum unpack_mode mode;
	char *const *below;	/* chain ids of the layers below, the lowest first; or NULL */
};

/* A layer in the store's tmp, not yet known by any name. */
struct layer {
	char tmp[STORE_NAME_SIZE];	/* holds STORE_TREE */
	char diff_id[DIGEST_SIZE];
	struct unpack_result result;
};

/*
 * Unpack SOURCE into a new directory of tmp, on the disk when this returns, every digest verified
 * while its bytes passed.  On failure nothing is left.  The caller holds the store's lock.
 */
int layer_unpack(struct image_store *store, const struct layer_source *source,
		 const struct unpack_limits *limits, struct layer *ret, struct err *e);

/*
 * The name of a layer on top of PARENT (NULL: of the lowest): it depends on all those below,
 * because what a layer leaves unsaid it has from them.
 */
int layer_chain_id(const char *parent, const char *diff_id, char ret[DIGEST_SIZE], struct err *e);

/*
 * Wait until nobody else is making the layer CHAIN_ID: an owned descriptor, whose end lets others
 * go. Not for two layers at once.
 */
int layer_lock(struct image_store *store, const char *chain_id, struct err *e);

bool layer_is_there(struct image_store *store, const char *chain_id);

/* Give LAYER its name; one of that name that is there already stays, and this goes. */
int layer_keep(struct image_store *store, const struct layer *layer, const char *chain_id,
	       struct err *e);

/* Forget it; idempotent. */
void layer_discard(struct image_store *store, struct layer *layer);

/* What the layers CHAIN came to when they were unpacked. */
int layers_measure(struct image_store *store, char *const *chain, uint64_t *ret_bytes,
		   struct err *e);

/* "/var/lib/.../layers/sha256/HEX/tree", owned; NULL: no memory. */
char *layer_path(const struct image_store *store, const char *chain_id);

#endif
