/* Starting the unpack helper: the bytes that it reads are hostile, and it has no rights. */
#ifndef CONTAINERIZER_IMAGE_SANDBOX_H
#define CONTAINERIZER_IMAGE_SANDBOX_H

#include <sys/types.h>

#include "containerizer/unpack/unpack.h"

struct stream_ends;

struct sandbox {
	pid_t pid;
	int pidfd;
};

#define SANDBOX_INIT { .pid = 0, .pidfd = -EBADF }

/*
 * Start the helper on the directory ROOT_FD, with what comes through IN, to OUT_FD, and with
 * REPORT_FD (all borrowed for the call; -EBADF is /dev/null).  It is killed with this process.
 */
int sandbox_start(struct sandbox *sandbox, enum unpack_mode mode,
		  const struct unpack_limits *limits, int root_fd, const struct stream_ends *in,
		  int out_fd, int report_fd, struct err *e);

/* End it, if it has not ended, and reap it: its wait status.  Idempotent: 0 when there is none. */
int sandbox_end(struct sandbox *sandbox);

/* What WAIT_STATUS says of a helper that has reported nothing. */
int sandbox_explain(int wait_status, struct err *e);

#endif
