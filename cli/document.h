/* JSON documents that people keep in files. */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include <jansson.h>

struct err;

/* The document in the file PATH, "-" for standard input, of at most 1 MiB; a new reference. */
int document_read(const char *path, json_t **ret, struct err *e);

#endif
