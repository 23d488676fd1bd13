/* One run of the unpack helper and what it tells; what it tells is believed by nobody. */
#ifndef CONTAINERIZER_IMAGE_HELPER_H
#define CONTAINERIZER_IMAGE_HELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "containerizer/image/sandbox.h"

struct stream_ends;

struct helper {
	struct sandbox sandbox;
	int report_fd;		/* owned; -EBADF: not started, or its report is whole */
	char *report;		/* owned */
	size_t size;
};

#define HELPER_INIT { .sandbox = SANDBOX_INIT, .report_fd = -EBADF }

/* As sandbox_start(), which makes the report's pipe. */
int helper_start(struct helper *helper, enum unpack_mode mode, const struct unpack_limits *limits,
		 int root_fd, const struct stream_ends *in, int out_fd, struct err *e);

/* Take what is there of the report; its end is the helper's. */
int helper_read(struct helper *helper, struct err *e);

/* After the end: the result, or why there is none.  Fails as the helper has failed. */
int helper_result(struct helper *helper, struct unpack_result *ret, struct err *e);

/*
 * The next note of a path from *AT on, 0 at first: its kind and *RET_PATH (borrowed), or 0 at the
 * end.
 */
int helper_note(const struct helper *helper, size_t *at, const char **ret_path);

/* Ends it if need be; idempotent. */
void helper_done(struct helper *helper);

#endif
