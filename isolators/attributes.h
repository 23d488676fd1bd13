/* What a process is given while it still has the host's rights; its children inherit it. */
#ifndef ISOLATORS_ATTRIBUTES_H
#define ISOLATORS_ATTRIBUTES_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct spec;

/* Scheduler and io priority of process PID, or 0: this one. */
int scheduler_set(const struct spec *spec, pid_t pid, struct err *e);

/* Is it not inherited, so that it has to be set in the very process? */
bool scheduler_ends_with_fork(const struct spec *spec);

/* Let this process run on the processors of LIST ("0-3,7") alone; NULL: as it is. */
int affinity_set(const char *list, struct err *e);

/*
 * The AppArmor profile of what this process, which is in the pid namespace of the procfs PROC_FD,
 * executes next: before anything of that procfs is masked.
 */
int apparmor_enter(const struct spec *spec, int proc_fd, struct err *e);

#endif
