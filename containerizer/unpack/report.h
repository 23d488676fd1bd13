/* What the helper tells: notes, buffered, into a pipe whose other end reads all the time. */
#ifndef CONTAINERIZER_UNPACK_REPORT_H
#define CONTAINERIZER_UNPACK_REPORT_H

#include <stddef.h>

#include "containerizer/unpack/unpack.h"

struct report {
	int fd;			/* borrowed */
	size_t used;
	char buf[4096];
};

int report_path(struct report *report, enum unpack_note note, const char *path, struct err *e);

/* The last note; what fails here, nobody can be told. */
void report_result(struct report *report, const struct unpack_result *result);

#endif
