/* What a document asks for and nobody can give. */
#ifndef CONTAINERIZER_OCI_GRANTABLE_H
#define CONTAINERIZER_OCI_GRANTABLE_H

#include <jansson.h>

struct err;

/*
 * Takes the capabilities out of DOC's process that the kernel does not know, or that the caller
 * could not give away, with a warning for each: they SHOULD NOT make a container fail (OCI
 * config.md, capabilities).
 */
int grantable_filter(json_t *doc, struct err *e);

#endif
