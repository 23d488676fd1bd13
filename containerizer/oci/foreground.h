/* Waiting for a process of a container as if it were our own program: signals, exit status. */
#ifndef CONTAINERIZER_OCI_FOREGROUND_H
#define CONTAINERIZER_OCI_FOREGROUND_H

struct container;
struct err;

struct foreground {
	int signal_fd;
};
#define FOREGROUND_INIT { .signal_fd = -EBADF }

/* From now on signals are kept for foreground_wait(); before the process is made. */
int foreground_open(struct foreground *fg, struct err *e);

/*
 * Pass every signal on to the container's main process until it ends.  *RET_STATUS as a shell tells
 * it: 128 and the signal's number, if it was killed.
 */
int foreground_wait(const struct foreground *fg, struct container *c, int *ret_status,
		    struct err *e);
void foreground_close(struct foreground *fg);

#endif
