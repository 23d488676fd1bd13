/* OCI runtime-spec documents (config.json, 1.x) to struct spec. */
#ifndef CONTAINERIZER_SPEC_JSON_H
#define CONTAINERIZER_SPEC_JSON_H

#include <jansson.h>

struct err;
struct spec;

enum { SPEC_MAX_DOCUMENT = 1 << 20 };

/*
 * Read DOC into *RET, which the caller frees with spec_done(); id is left NULL, because a document
 * does not name its container.  What the document asks for and struct spec cannot hold is
 * -EINVAL with its path, never passed over.
 * On failure *RET is untouched.
 */
int spec_from_json(const json_t *doc, struct spec *ret, struct err *e);

/* Relative root.path and sources of binds are taken from the bundle's directory DIR, absolute. */
int spec_make_paths_absolute(const char *dir, struct spec *spec, struct err *e);

/* spec_from_json() of FILE below the directory DIR_FD. */
int spec_load(int dir_fd, const char *file, struct spec *ret, struct err *e);

#endif
