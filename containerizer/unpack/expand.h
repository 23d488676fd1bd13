/* From a compressed file to what is in it. */
#ifndef CONTAINERIZER_UNPACK_EXPAND_H
#define CONTAINERIZER_UNPACK_EXPAND_H

#include "containerizer/unpack/unpack.h"

struct archive;
struct feed;

/* Of FEED (borrowed), compressed by gzip, zstd, xz or bzip2; free with archive_read_free(). */
int expand_open(struct feed *feed, struct archive **ret, struct err *e);

/* All of it to OUT_FD. */
int expand_all(struct archive *archive, int out_fd, const struct unpack_limits *limits,
	       struct unpack_result *result, struct err *e);

#endif
