/* Opening what somebody else has laid out: every step of a path by openat2(2), in one call. */
#ifndef LIB_OPEN_RESOLVED_H
#define LIB_OPEN_RESOLVED_H

#include <linux/openat2.h>
#include <stdint.h>

/*
 * PATH (relative; "" is the directory itself) from DIR_FD (borrowed), with the FLAGS of open(2) and the
 * RESOLVE_* of openat2(2): an owned descriptor, never by a magic link, close-on-exec; or -errno.
 */
int open_resolved(int dir_fd, const char *path, uint64_t flags, uint64_t resolve);

#endif
