/* Giving up everything but what reading one archive takes. */
#ifndef CONTAINERIZER_UNPACK_CONFINE_H
#define CONTAINERIZER_UNPACK_CONFINE_H

#include "containerizer/unpack/unpack.h"

/*
 * The root becomes the mount UNPACK_ROOT_FD; then limits, capabilities, no_new_privs, Landlock
 * where the kernel has it, and last the system call filter.  Nothing can be regained; whatever is
 * still to be loaded (libraries, locales) was loaded before.
 */
int confine(enum unpack_mode mode, const struct unpack_limits *limits, struct err *e);

#endif
