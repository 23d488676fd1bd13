/* From a directory to a tar archive: the other way round, under the same rules. */
#ifndef CONTAINERIZER_UNPACK_PACK_H
#define CONTAINERIZER_UNPACK_PACK_H

#include "containerizer/unpack/unpack.h"

/*
 * Write what is below ROOT_FD to OUT_FD, sorted by name, so that a directory that is the same is
 * the same archive.  Devices and sockets are skipped and counted.
 */
int pack_all(int root_fd, int out_fd, const struct unpack_limits *limits,
	     struct unpack_result *result, struct err *e);

#endif
