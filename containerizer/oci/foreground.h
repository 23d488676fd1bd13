/* Waiting for a process of a container as if it were our own program: signals, exit status. */
#ifndef CONTAINERIZER_OCI_FOREGROUND_H
#define CONTAINERIZER_OCI_FOREGROUND_H

#include "containerizer/oci/proxy.h"

struct err;
struct spec;

struct foreground {
	int signal_fd;
	struct proxy proxy;
};
#define FOREGROUND_INIT { .signal_fd = -EBADF, .proxy = PROXY_INIT }

/* From now on signals are kept for foreground_wait(); before the process is made. */
int foreground_open(struct foreground *fg, struct err *e);

/*
 * Pass every signal on to our child PIDFD until it ends, and serve its terminal (as SPEC wants it),
 * whose master is MASTER_FD or -EBADF.  *RET_STATUS as a shell tells it: 128 and the signal's
 * number, if it was killed.
 */
int foreground_wait(struct foreground *fg, int pidfd, const struct spec *spec, int master_fd_take,
		    int *ret_status, struct err *e);
void foreground_close(struct foreground *fg);

#endif
