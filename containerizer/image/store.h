/* The directory that an image store is; for the files of this folder only. */
#ifndef CONTAINERIZER_IMAGE_STORE_H
#define CONTAINERIZER_IMAGE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "containerizer/image/digest.h"
#include "containerizer/image/image.h"

/*
 *	blobs/ALGORITHM/HEX	manifests and configurations, as they came
 *	layers/ALGORITHM/HEX/	a layer by its chain id: "tree", and "layer.json" about it
 *	images/NAME.json	a name: which manifest, which layers; its mtime is its last use
 *	uses/CONTAINER.json	the same of an image that a container runs on
 *	tmp/			what is being made: whole or gone, never seen
 *	layers.lock		a byte for each layer that is being made
 *	lock			shared: something is being added; exclusive: something is removed
 *
 * Everything appears by rename(2), after it is on the disk; what refers comes after what it
 * refers to, and goes before it.  So a crash leaves at most something without a reference, which
 * the next prune removes.
 */
#define STORE_BLOBS "blobs"
#define STORE_LAYERS "layers"
#define STORE_IMAGES "images"
#define STORE_USES "uses"
#define STORE_TMP "tmp"
#define STORE_TREE "tree"
#define STORE_LAYER_FILE "layer.json"

enum {
	STORE_MAX_DOCUMENT = 4 << 20,	/* manifests, indexes, configurations, our own records */
	STORE_NAME_SIZE = 256,
};

struct image_store {
	char *path;
	int fd;
	int lock_fd;
};

int store_lock(struct image_store *store, bool is_exclusive, struct err *e);
void store_unlock(struct image_store *store);

/* The document DIGEST, which was verified when it came; owned. */
int store_read_blob(struct image_store *store, const char *digest, json_t **ret, struct err *e);
int store_write_blob(struct image_store *store, const char *digest, const void *data, size_t size,
		     struct err *e);

/* JSON as FILE in the directory DIR of the store. */
int store_write_record(struct image_store *store, const char *dir, const char *file,
		       const json_t *json, struct err *e);

/* A new directory in tmp: its name, and an owned descriptor.  The caller holds the lock. */
int store_make_tmp(struct image_store *store, char ret_name[STORE_NAME_SIZE], struct err *e);

#endif
