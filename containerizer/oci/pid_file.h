/* Files that name a process for whoever started us. */
#ifndef CONTAINERIZER_OCI_PID_FILE_H
#define CONTAINERIZER_OCI_PID_FILE_H

#include <sys/types.h>

struct err;

/* In one step: who waits for PATH to appear never reads half a number. */
int pid_file_write(const char *path, pid_t pid, struct err *e);

#endif
