/* Small whole files, replaced so that a crash leaves the old one or the new one. */
#ifndef LIB_FILE_OUT_H
#define LIB_FILE_OUT_H

#include <stddef.h>

struct err;

/*
 * Make or replace FILE (one component, at most 240 bytes) below the directory DIR_FD, 0600: it is
 * on the disk when this returns.
 */
int file_out_replace(int dir_fd, const char *file, const void *data, size_t size, struct err *e);

/* All of DATA to FD, or -errno. */
int file_out_write(int fd, const void *data, size_t size);

/* The directory's own entries to the disk, without which a rename may be undone by a crash. */
int file_out_sync_dir(int dir_fd);

#endif
