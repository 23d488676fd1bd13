/* A process by its number and start: an identity that survives in a file. */
#ifndef LIB_PROCESS_H
#define LIB_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct err;

/* Field 22 of /proc/PID/stat: when it started, in clock ticks since boot. */
int process_start_ticks(pid_t pid, uint64_t *ret, struct err *e);

/* An owned pidfd of PID if it is the process that started at START_TICKS; -ESRCH otherwise. */
int process_open(pid_t pid, uint64_t start_ticks, struct err *e);

#endif
