/* What a user calls an image: in the store by name or digest, or on disk by kind and path. */
#ifndef CONTAINERIZER_IMAGE_REFERENCE_H
#define CONTAINERIZER_IMAGE_REFERENCE_H

#include "containerizer/image/digest.h"

struct err;

enum reference_kind {
	REFERENCE_STORED,
	REFERENCE_OCI,			/* oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG] */
	REFERENCE_OCI_ARCHIVE,
	REFERENCE_DOCKER_ARCHIVE,	/* docker-archive:FILE[:NAME[:TAG]] */
	REFERENCE_TAR,
	REFERENCE_DIRECTORY,
};

enum { REFERENCE_MAX_NAME = 200, REFERENCE_MAX_TAG = 128 };

struct reference {
	enum reference_kind kind;
	char path[4096];		/* of one on disk */
	char name[REFERENCE_MAX_NAME + 1];	/* "" when only a digest is given, or none */
	char tag[REFERENCE_MAX_TAG + 1];
	char digest[DIGEST_SIZE];
};

/*
 * "docker.io/library/web" is "web", and a name without a tag has the tag "latest", as everywhere.
 * -EINVAL tells what is wrong with TEXT.
 */
int reference_parse(const char *text, struct reference *ret, struct err *e);

/* A name with or without a tag, no kind, no digest. */
int reference_parse_name(const char *text, struct reference *ret, struct err *e);

/* "NAME:TAG". */
enum { REFERENCE_TEXT_SIZE = REFERENCE_MAX_NAME + REFERENCE_MAX_TAG + 2 };
const char *reference_text(const struct reference *ref, char buf[REFERENCE_TEXT_SIZE]);

#endif
