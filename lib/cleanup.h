/* Ownership of local resources: freed at the end of the scope unless taken. */
#ifndef LIB_CLEANUP_H
#define LIB_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(fn)   __attribute__((cleanup(fn)))
#define AUTO_FREE  AUTO(freep)		/* AUTO_FREE char *p = NULL; */
#define AUTO_CLOSE AUTO(fd_close)	/* AUTO_CLOSE int fd = -EBADF; */

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Closes, keeps errno, leaves -EBADF.  close(2) is not retried: on Linux the descriptor is gone. */
static inline void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -EBADF;
	errno = saved;
}

/* Hand the value over to the caller; the variable no longer owns it. */
#define TAKE_VAL(v, empty) \
	({ __typeof__(v) *take_p = &(v); __typeof__(v) take_v = *take_p; *take_p = (empty); take_v; })
#define TAKE_PTR(p) TAKE_VAL(p, NULL)
#define TAKE_FD(fd) TAKE_VAL(fd, -EBADF)

/* DEFINE_AUTO(struct net *, net_free); then AUTO(net_freep) struct net *n = NULL; */
#define DEFINE_AUTO(type, fn) \
	static inline void fn##p(type *p) { if (*p) fn(*p); } struct auto_semicolon

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
