/* Descriptors that the caller hands through to the container. */
#ifndef CONTAINERIZER_OCI_PRESERVED_H
#define CONTAINERIZER_OCI_PRESERVED_H

#include <stdint.h>

struct err;

/* N from 3 on and as many as LISTEN_FDS says after them: all of them must have been inherited. */
int preserved_count(uint64_t n, unsigned *ret, struct err *e);

/* LISTEN_FDS and LISTEN_PID for a first process, added to the NULL-terminated *ENV. */
int preserved_add_env(char ***env, struct err *e);

#endif
