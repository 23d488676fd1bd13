/* All knowledge of cgroup v1 (cgroup_v1*.c): the same interface files in v2 terms. */
#ifndef ISOLATORS_CGROUP_V1_H
#define ISOLATORS_CGROUP_V1_H

#include <stdbool.h>
#include <stddef.h>

#include "isolators/cgroup.h"

struct err;

/*
 * FILE is a v2 name of CONTROLLER, which is on v1 in CG; the value is v2 text.  Reading gives v2
 * text.  -ENOTSUP when there is no counterpart.
 */
int cgroup_v1_write(const struct cgroup *cg, enum cgroup_controller controller, const char *file,
		    const char *value, struct err *e);
int cgroup_v1_read(const struct cgroup *cg, enum cgroup_controller controller, const char *file,
		   char *buf, size_t size, struct err *e);

/* Move this process, which must have one thread, into the v1 directory DIR_FD. */
int cgroup_v1_join(int dir_fd, struct err *e);

/* An eventfd that the kernel signals at an out-of-memory kill, and when the cgroup goes; owned. */
int cgroup_v1_open_oom_events(const struct cgroup *cg, struct err *e);

/*
 * Make the directory DIR ready for CONTROLLER: a cpuset must have its parent's cpus and memory nodes
 * before a process can enter.
 */
int cgroup_v1_seed_dir(const char *dir, enum cgroup_controller controller, struct err *e);

/* And for the directories below it, of which the kernel then takes care. */
int cgroup_v1_prepare_dir(const char *dir, enum cgroup_controller controller, struct err *e);

#endif
