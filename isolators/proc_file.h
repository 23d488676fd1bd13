/* Whole files of /proc. */
#ifndef ISOLATORS_PROC_FILE_H
#define ISOLATORS_PROC_FILE_H

struct err;

/* The text of PATH, NUL-terminated and owned; at most 4 MiB (-E2BIG). */
int proc_file_read(const char *path, char **ret, struct err *e);

#endif
