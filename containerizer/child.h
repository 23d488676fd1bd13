/* The process that clone3() made: what it does before it turns into init or the payload. */
#ifndef CONTAINERIZER_CHILD_H
#define CONTAINERIZER_CHILD_H

#include <stddef.h>

#include "containerizer/container.h"

struct box;
struct err;

struct child_args {
	struct box *box;	/* this process's copy */
	struct container_launch launch;
	int sync_fd;
	int null_fd;		/* init mode: the host's /dev/null, and STDIO is above 2 */
	char *arguments;	/* the command line to overwrite, or NULL */
	size_t arguments_size;
};

/*
 * Steps 5 to 7 of the launch, and on into init_run() or direct_run().  Every signal is blocked; the
 * copy of the supervisor's descriptors is closed.
 */
_Noreturn void child_run(struct child_args *args);

/* No reading of this process by another; again after each change of credentials. */
int child_protect(struct err *e);

/* Close every descriptor from FIRST on but the N of KEEP (sorted here; lower ones are skipped). */
int child_close_others(unsigned first, int *keep, size_t n, struct err *e);

/* All of seal but the system call filter. */
int child_seal(struct box *box, struct err *e);

/* Tell the supervisor, then end. */
_Noreturn void child_fail(const struct child_args *args, const struct err *e);

#endif
