/* An image that lies on disk, in any of its forms, as parts that can be opened. */
#ifndef CONTAINERIZER_IMAGE_SOURCE_H
#define CONTAINERIZER_IMAGE_SOURCE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "containerizer/image/digest.h"
#include "containerizer/image/manifest.h"
#include "containerizer/image/reference.h"

/* One layer: where its archive lies below the source's directory, and what is known of it. */
struct source_layer {
	char *path;
	char *digest;		/* of the archive, or NULL */
	uint64_t size;		/* or 0 */
	char *diff_id;		/* or NULL: a plain archive's is learned when it is unpacked */
};

struct source {
	int dir_fd;		/* owned */
	char *manifest;		/* the document as it came, or as it is written for this form */
	size_t manifest_size;
	char manifest_digest[DIGEST_SIZE];
	char *config;
	size_t config_size;
	char config_digest[DIGEST_SIZE];
	struct source_layer *layers;
	size_t n_layers;
	char name[REFERENCE_TEXT_SIZE];	/* that it has by itself, or "" */
};

/*
 * The OCI layout or docker archive in the directory DIR_FD (taken); *RET ends with source_done().
 */
int source_open_layout(int dir_fd_take, const struct reference *ref,
		       const struct platform *platform, struct source *ret, struct err *e);
int source_open_docker(int dir_fd_take, const struct reference *ref, struct source *ret,
		       struct err *e);

/*
 * A plain archive, or a directory, is an image of one layer: its documents are written once that is
 * unpacked and has the digest DIFF_ID.
 */
int source_write_plain(const char *diff_id, uint64_t size, const struct platform *platform,
		       struct source *ret, struct err *e);

/*
 * Forms without a manifest of their own have one written, from the configuration and the layers, so
 * that every image in the store has a digest that stands for all of it.
 */
int source_write_manifest(struct source *source, struct err *e);

void source_done(struct source *source);

/* The regular file PATH below the source's directory; links stay in it.  Owned. */
int source_open_file(const struct source *source, const char *path, struct err *e);

/* A document: at most STORE_MAX_DOCUMENT bytes, owned; DIGEST is verified unless it is NULL. */
int source_read(const struct source *source, const char *path, const char *digest, char **ret,
		size_t *ret_size, struct err *e);
/* One that no digest is known of, as JSON: an owned value. */
int source_read_json(const struct source *source, const char *path, json_t **ret, struct err *e);

#endif
