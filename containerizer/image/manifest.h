/* Image manifests and indexes, of OCI and of Docker. */
#ifndef CONTAINERIZER_IMAGE_MANIFEST_H
#define CONTAINERIZER_IMAGE_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum media_class {
	MEDIA_UNKNOWN, MEDIA_MANIFEST, MEDIA_INDEX, MEDIA_CONFIG, MEDIA_LAYER,
};

struct platform {
	char *os, *architecture, *variant;	/* NULL: not said */
};

/* What points to a part: its kind, digest and length, and for a manifest what it is made for. */
struct descriptor {
	char *media_type, *digest;
	uint64_t size;
	json_t *platform_json, *annotations;
	struct platform platform;
};

struct manifest {
	enum media_class class;		/* MEDIA_MANIFEST or MEDIA_INDEX */
	struct descriptor config;	/* of a manifest */
	struct descriptor *items;	/* its layers, or the index's manifests */
	size_t n_items;
};

/*
 * Read DOC, which its descriptor calls MEDIA_TYPE (NULL: nobody does).  -EINVAL: it is both a
 * manifest and an index, or neither, or of a type that it was not said to be.
 */
int manifest_read(const json_t *doc, const char *media_type, struct manifest *ret, struct err *e);
void manifest_done(struct manifest *manifest);

enum media_class media_class(const char *media_type);

/* This machine, in the words of images: "linux", "amd64". */
void platform_here(struct platform *ret);

/* "linux/arm64[/v8]" in BUF, which *RET then borrows. */
int platform_parse(char *buf, struct platform *ret, struct err *e);

/* Which of INDEX's manifests is for PLATFORM, in the document's order, or NULL. */
const struct descriptor *manifest_choose(const struct manifest *index,
					 const struct platform *platform);

/* An annotation's text, or NULL. */
const char *descriptor_annotation(const struct descriptor *descriptor, const char *key);

#endif
