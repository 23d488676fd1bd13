/* Reading small files that somebody else wrote: a regular file, whole, within a bound. */
#ifndef LIB_FILE_IN_H
#define LIB_FILE_IN_H

#include <jansson.h>
#include <stddef.h>

struct err;

/*
 * The text of FILE below the directory DIR_FD (AT_FDCWD: a path), at most MAX bytes; a link is not
 * followed, a fifo or device is not waited for (rules R1, R13).  *ret is owned and ends with a NUL
 * beyond *ret_size.  -EFBIG when it is larger, -EINVAL when it is not a regular file, -EBUSY when
 * it changes its size meanwhile.
 */
int file_in_read(int dir_fd, const char *file, size_t max, char **ret, size_t *ret_size,
		 struct err *e);

/* The same of the open FD (borrowed), which FILE names in messages. */
int file_in_read_fd(int fd, const char *file, size_t max, char **ret, size_t *ret_size,
		    struct err *e);

/* The same as JSON, by json_in_parse(): an owned value. */
int file_in_read_json(int dir_fd, const char *file, size_t max, json_t **ret, struct err *e);

#endif
