/* One interface file of one cgroup directory, by descriptor. */
#ifndef ISOLATORS_CGROUP_IO_H
#define ISOLATORS_CGROUP_IO_H

#include <stddef.h>

struct err;

/* As exactly one write(2).  A file that does not exist is -ENOTSUP. */
int cgroup_io_write(int dir_fd, const char *file, const char *value, struct err *e);

/* The whole file with a NUL behind it; -E2BIG when BUF is too small, -ENOTSUP as above. */
int cgroup_io_read(int dir_fd, const char *file, char *buf, size_t size, struct err *e);

#endif
