/* From an archive to files below a directory. */
#ifndef CONTAINERIZER_UNPACK_EXTRACT_H
#define CONTAINERIZER_UNPACK_EXTRACT_H

#include "containerizer/unpack/report.h"

struct archive;
struct feed;

/* Of the tar archive FEED (borrowed), uncompressed; free with archive_read_free(). */
int extract_open(struct feed *feed, struct archive **ret, struct err *e);

/*
 * Unpack ARCHIVE, whatever is in it, below ROOT_FD (borrowed).  MODE is UNPACK_LAYER or
 * UNPACK_FILES. What was done until an error stays.
 */
int extract_all(struct archive *archive, int root_fd, enum unpack_mode mode,
		const struct unpack_limits *limits, struct report *report,
		struct unpack_result *result, struct err *e);

#endif
