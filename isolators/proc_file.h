/* Whole files of /proc. */
#ifndef ISOLATORS_PROC_FILE_H
#define ISOLATORS_PROC_FILE_H

struct err;

/* The text of PATH, NUL-terminated and owned; at most 4 MiB (-E2BIG). */
int proc_file_read(const char *path, char **ret, struct err *e);

/*
 * Write VALUE to FILE below PROC_FD, the root of a procfs that is our own: without links and
 * without what somebody may have mounted there (rule R3).
 */
int proc_file_write(int proc_fd, const char *file, const char *value, struct err *e);

#endif
